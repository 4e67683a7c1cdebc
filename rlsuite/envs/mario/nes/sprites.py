"""Draw sprites over a strip of 8 scanlines.

Sprites are painted from the last to the first, so that the first in sprite memory ends up on top.
Of a scanline's sprites only the first eight are shown. A sprite behind the background repaints the
background where that is opaque: even hidden, it covers sprites after it.

References: NESdev Wiki, "PPU OAM", "PPU sprite evaluation", "PPU sprite priority".
"""

# pyright: reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false, reportOperatorIssue=false
# pyright: reportReturnType=false, reportGeneralTypeIssues=false
# (kernels are compiled by Warp; its stubs do not describe arithmetic and indexing inside them)

from __future__ import annotations

import warp as wp

from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.module import MODULE
from rlsuite.envs.mario.nes.ppu import nametable_index
from rlsuite.envs.mario.nes.tiles import (
    BYTES,
    COLOUR_WORDS,
    MASK_BACKGROUND,
    MASK_GRAY,
    MASK_LEFT_BACKGROUND,
    MASK_LEFT_SPRITES,
    MASK_SPRITES,
    background_palette,
    colour,
)


@wp.func(module=MODULE)
def reverse_bytes(word: wp.uint64) -> wp.uint64:
    """Mirror 8 pixels."""
    word = ((word >> wp.uint64(8)) & wp.uint64(0x00FF00FF00FF00FF)) | (
        (word & wp.uint64(0x00FF00FF00FF00FF)) << wp.uint64(8)
    )
    word = ((word >> wp.uint64(16)) & wp.uint64(0x0000FFFF0000FFFF)) | (
        (word & wp.uint64(0x0000FFFF0000FFFF)) << wp.uint64(16)
    )
    return (word >> wp.uint64(32)) | (word << wp.uint64(32))


@wp.func(module=MODULE)
def lines_covered(top: int, height: int, first: int) -> wp.uint64:
    """The scanlines of a strip that a sprite lies on: byte i is 1 if it lies on scanline first + i."""
    start = wp.max(top - first, 0)
    end = wp.min(top + height - first, 8)
    if start >= end:
        return wp.uint64(0)
    return (BYTES << wp.uint64(8 * start)) & (BYTES >> wp.uint64(8 * (8 - end)))


@wp.func(module=MODULE, inline=False)
def blend(
    vram: wp.array[wp.uint8],
    tiles: wp.array[wp.uint64],
    colours: wp.array[wp.uint64],
    pixels: wp.array[wp.uint64],
    env: int,
    skin: int,
    vertical_mirroring: int,
    line_word: int,
    to: int,
    column: int,
    value: wp.uint64,
    opaque: wp.uint64,
    behind: int,
):
    """Lay 8 aligned pixels of a sprite over those at ``pixels[to + column]``, or under the background."""
    if behind != 0 and ((line_word >> 21) & MASK_BACKGROUND) != 0:
        v = line_word & 0x7FFF
        coarse_x = (v & 31) + column
        v = (v & 0x7BE0) | (coarse_x & 31) | ((v ^ (coarse_x << 5)) & 0x0400)
        where = nametable_index(0x2000 | (v & 0x0FFF), vertical_mirroring)
        tile = (skin << 13) | ((line_word >> 6) & 0x1000) | ((v >> 12) << 1)
        tile = tile + (wp.int32(vram[env * at.VRAM_SIZE + where]) << 4)
        plane_0 = tiles[tile]
        plane_1 = tiles[tile + 1]
        wall = plane_0 | plane_1
        if column < 2 and ((line_word >> 21) & MASK_LEFT_BACKGROUND) == 0:
            wall = wall & ((~wp.uint64(0)) << wp.uint64(((line_word >> 15) & 7) * 8))
            if column == 0:
                wall = wp.uint64(0)
        p = env * COLOUR_WORDS + ((line_word >> 21) & MASK_GRAY) * 32
        p = p + background_palette(vram, env, v, vertical_mirroring) * 4
        value = (value & ~wall) | (colour(colours, p, plane_0, plane_1) & wall)
    pixels[to + column] = (pixels[to + column] & ~opaque) | (value & opaque)


@wp.func(module=MODULE, inline=False)
def draw_sprite_line(
    vram: wp.array[wp.uint8],
    tiles: wp.array[wp.uint64],
    colours: wp.array[wp.uint64],
    pixels: wp.array[wp.uint64],
    env: int,
    skin: int,
    vertical_mirroring: int,
    line_word: int,
    sprite: int,
    row: int,
    to: int,
):
    """Draw row ``row`` of a sprite to the scanline that begins at ``pixels[to]``."""
    flags = (sprite >> 16) & 0xFF
    left = (sprite >> 24) & 0xFF
    number = (sprite >> 8) & 0xFF
    y = row
    tile = ((line_word >> 7) & 0x1000) | (number << 4)
    if ((line_word >> 20) & 1) != 0:  # 8x16: the tile's lowest bit chooses the table
        if (flags & 0x80) != 0:
            y = 15 - y
        tile = ((number & 1) << 12) | ((number & 0xFE) << 4) | ((y & 8) << 1)
    elif (flags & 0x80) != 0:
        y = 7 - y
    tile = (skin << 13) | tile | ((y & 7) << 1)
    plane_0 = tiles[tile]
    plane_1 = tiles[tile + 1]
    if (flags & 0x40) != 0:
        plane_0 = reverse_bytes(plane_0)
        plane_1 = reverse_bytes(plane_1)
    opaque = plane_0 | plane_1
    if left < 8 and ((line_word >> 21) & MASK_LEFT_SPRITES) == 0:
        opaque = opaque & (((~wp.uint64(0)) << wp.uint64(8 * (7 - left))) << wp.uint64(8))
    p = env * COLOUR_WORDS + ((line_word >> 21) & MASK_GRAY) * 32 + 16 + (flags & 3) * 4
    value = colour(colours, p, plane_0, plane_1)
    x = left + ((line_word >> 15) & 7)
    shift = wp.uint64((x & 7) * 8)
    rest = wp.uint64(56) - shift
    behind = flags & 0x20
    column = x >> 3
    blend(
        vram, tiles, colours, pixels, env, skin, vertical_mirroring, line_word, to, column,
        value << shift, opaque << shift, behind,
    )  # fmt: skip
    if (x & 7) != 0:
        blend(
            vram, tiles, colours, pixels, env, skin, vertical_mirroring, line_word, to, column + 1,
            (value >> wp.uint64(8)) >> rest, (opaque >> wp.uint64(8)) >> rest, behind,
        )  # fmt: skip


@wp.func(module=MODULE)
def draw_sprites(
    vram: wp.array[wp.uint8],
    oam: wp.array[wp.int32],
    lines: wp.array[wp.int32],
    tiles: wp.array[wp.uint64],
    colours: wp.array[wp.uint64],
    pixels: wp.array[wp.uint64],
    env: int,
    skin: int,
    vertical_mirroring: int,
    first: int,
    out: int,
):
    """Draw what sprites there are on the 8 scanlines from ``first`` on, which begin at ``pixels[out]``."""
    height = 8 + ((lines[env * at.SCREEN_H + first] >> 17) & 8)
    counts = wp.uint64(0)
    i = wp.int32(0)
    lowest = wp.int32(64)
    highest = wp.int32(-1)
    while i < at.N_SPRITES:
        covered = lines_covered((oam[env * at.N_SPRITES + i] & 0xFF) + 1, height, first)
        if covered != wp.uint64(0):
            counts = counts + covered
            highest = i
            lowest = wp.min(lowest, i)
        i += 1
    i = highest
    while i >= lowest:
        sprite = oam[env * at.N_SPRITES + i]
        top = (sprite & 0xFF) + 1
        covered = lines_covered(top, height, first)
        counts = counts - covered
        line = wp.int32(0)
        while covered != wp.uint64(0):
            if (covered & wp.uint64(1)) != wp.uint64(0):
                before = (counts >> wp.uint64(8 * line)) & wp.uint64(0xFF)
                line_word = lines[env * at.SCREEN_H + first + line]
                if before < wp.uint64(8) and ((line_word >> 21) & MASK_SPRITES) != 0:
                    draw_sprite_line(
                        vram, tiles, colours, pixels, env, skin, vertical_mirroring, line_word,
                        sprite, first + line - top, out + line * at.WORDS_PER_LINE,
                    )  # fmt: skip
            covered = covered >> wp.uint64(8)
            line += 1
        i -= 1
