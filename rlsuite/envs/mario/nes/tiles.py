"""Tiles, palettes and the background, drawn 8 pixels to a 64-bit word.

A pixel's two bits come from two bit planes; `spread_tiles` turns each plane's 8 bits into 8 bytes
of 0x00 or 0xFF, so that a row of a tile is coloured with a few bit operations.

References: NESdev Wiki, "PPU nametables", "PPU attribute tables", "PPU pattern tables", "PPU palettes".
"""

# pyright: reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false, reportOperatorIssue=false
# pyright: reportReturnType=false, reportGeneralTypeIssues=false
# (kernels are compiled by Warp; its stubs do not describe arithmetic and indexing inside them)

from __future__ import annotations

import numpy as np
import warp as wp

from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.module import MODULE
from rlsuite.envs.mario.nes.ppu import nametable_index

BYTES = wp.constant(wp.uint64(0x0101010101010101))
COLOUR_WORDS = 64
"""Words of one environment's colour table: for each of the 8 palettes, the words that give colour 0,
and what bit plane 0, bit plane 1 and both of them change; then the same for $2001's gray mode."""

# Bits of $2001, which a scanline's word holds from bit 21 on.
MASK_GRAY, MASK_LEFT_BACKGROUND, MASK_LEFT_SPRITES, MASK_BACKGROUND, MASK_SPRITES = 1, 2, 4, 8, 16


def spread_tiles(chr: np.ndarray) -> np.ndarray:
    """Spread tile sets for drawing.

    Args:
        chr: (n_skins, 8192) uint8.

    Returns:
        (n_skins * 512 * 8 * 2,) uint64: for each skin, tile and row the two planes, leftmost pixel
        in the lowest byte.
    """
    planes = chr.reshape(-1, 512, 2, 8).swapaxes(2, 3)
    bits = np.unpackbits(planes[..., None], axis=-1) * np.uint8(255)
    return np.ascontiguousarray(bits).view("<u8").reshape(-1)


@wp.kernel(module=MODULE)
def mix_colours(
    rows: wp.array[wp.int32],
    palette: wp.array[wp.uint8],
    tints: wp.array[wp.uint8],
    colours: wp.array[wp.uint64],
):
    """Fill the colour tables of the environments in ``rows``: a thread for each of 16 palettes.

    Args:
        rows: (k,) environments.
        palette: Palette memory.
        tints: (64,) what each of the NES's colours becomes: itself, or its luma.
        colours: (n, COLOUR_WORDS), out.
    """
    thread = wp.tid()
    env = rows[thread >> 4] & 0xFFFFF
    which = thread & 15
    keep = 0x3F
    if which >= 8:
        keep = 0x30
    first = env * at.PALETTE_SIZE + (which & 7) * 4
    backdrop = wp.uint64(tints[wp.int32(palette[env * at.PALETTE_SIZE]) & keep]) * BYTES
    one = wp.uint64(tints[wp.int32(palette[first + 1]) & keep]) * BYTES
    two = wp.uint64(tints[wp.int32(palette[first + 2]) & keep]) * BYTES
    three = wp.uint64(tints[wp.int32(palette[first + 3]) & keep]) * BYTES
    out = env * COLOUR_WORDS + which * 4
    colours[out] = backdrop
    colours[out + 1] = backdrop ^ one
    colours[out + 2] = backdrop ^ two
    colours[out + 3] = backdrop ^ one ^ two ^ three


@wp.func(module=MODULE)
def colour(colours: wp.array[wp.uint64], at_palette: int, plane_0: wp.uint64, plane_1: wp.uint64) -> wp.uint64:
    """Eight pixels' colours from their bit planes."""
    word = colours[at_palette] ^ (plane_0 & colours[at_palette + 1])
    return word ^ (plane_1 & colours[at_palette + 2]) ^ (plane_0 & plane_1 & colours[at_palette + 3])


@wp.func(module=MODULE)
def background_palette(vram: wp.array[wp.uint8], env: int, v: int, vertical_mirroring: int) -> int:
    """Which palette the attribute table gives the tile at v."""
    where = 0x23C0 | (v & 0x0C00) | ((v >> 4) & 0x38) | ((v >> 2) & 7)
    attribute = wp.int32(vram[env * at.VRAM_SIZE + nametable_index(where, vertical_mirroring)])
    return (attribute >> (((v >> 4) & 4) | (v & 2))) & 3


@wp.func(module=MODULE)
def next_tile(v: int) -> int:
    """Move v one tile to the right."""
    if (v & 31) == 31:
        return (v & 0x7FE0) ^ 0x0400
    return v + 1


@wp.func(module=MODULE)
def draw_background(
    vram: wp.array[wp.uint8],
    tiles: wp.array[wp.uint64],
    colours: wp.array[wp.uint64],
    pixels: wp.array[wp.uint64],
    env: int,
    skin: int,
    vertical_mirroring: int,
    word: int,
    out: int,
    n_lines: int,
):
    """Draw ``n_lines`` scanlines of one row of tiles, 33 tiles wide, to ``pixels[out...]``."""
    palettes = env * COLOUR_WORDS + ((word >> 21) & MASK_GRAY) * 32
    if ((word >> 21) & MASK_BACKGROUND) == 0:
        i = wp.int32(0)
        while i < n_lines * at.WORDS_PER_LINE:
            pixels[out + i] = colours[palettes]
            i += 1
        return
    v = word & 0x7FFF
    column = wp.int32(0)
    table = (skin << 13) | ((word >> 6) & 0x1000) | ((v >> 12) << 1)
    while column < 33:
        where = nametable_index(0x2000 | (v & 0x0FFF), vertical_mirroring)
        tile = table + (wp.int32(vram[env * at.VRAM_SIZE + where]) << 4)
        p = palettes + background_palette(vram, env, v, vertical_mirroring) * 4
        base = colours[p]
        one = colours[p + 1]
        two = colours[p + 2]
        both = colours[p + 3]
        to = out + column
        last = tile + 2 * n_lines
        while tile < last:
            plane_0 = tiles[tile]
            plane_1 = tiles[tile + 1]
            pixels[to] = base ^ (plane_0 & one) ^ (plane_1 & two) ^ (plane_0 & plane_1 & both)
            tile += 2
            to += at.WORDS_PER_LINE
        v = next_tile(v)
        column += 1
    if ((word >> 21) & MASK_LEFT_BACKGROUND) == 0:
        shift = wp.uint64(((word >> 15) & 7) * 8)
        keep_0 = ~((~wp.uint64(0)) << shift)
        line = wp.int32(0)
        while line < n_lines:
            to = out + line * at.WORDS_PER_LINE
            pixels[to] = colours[palettes]
            pixels[to + 1] = (pixels[to + 1] & ~keep_0) | (colours[palettes] & keep_0)
            line += 1
