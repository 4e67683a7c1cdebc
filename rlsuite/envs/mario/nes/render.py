"""Draw the frame that was just shown, from video memory, and hand it out.

A step ends when vertical blank begins, so video memory still is what the picture was made of, and
`ppu.fetch_lines` has kept each scanline's scroll position. `draw` makes strips of 8 scanlines, a
thread each, in rows that begin at a tile's edge: pixel x of a scanline lies at byte x + fine x.
`straighten` shifts them into place; `shrink` averages areas and needs no shifting.
"""

# pyright: reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false, reportOperatorIssue=false
# pyright: reportReturnType=false, reportGeneralTypeIssues=false
# (kernels are compiled by Warp; its stubs do not describe arithmetic and indexing inside them)

from __future__ import annotations

import warp as wp

from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.module import MODULE
from rlsuite.envs.mario.nes.sprites import draw_sprites
from rlsuite.envs.mario.nes.tiles import draw_background

EVEN = wp.constant(wp.uint64(0x00FF00FF00FF00FF))
HALF = wp.constant(wp.uint64(0x0080008000800080))
ABOVE = wp.constant(wp.uint64(0x0100010001000100))
STRIPS = at.SCREEN_H // 8


@wp.kernel(module=MODULE)
def draw(
    rows: wp.array[wp.int32],
    skins: wp.array[wp.int32],
    vram: wp.array[wp.uint8],
    oam: wp.array[wp.int32],
    lines: wp.array[wp.int32],
    tiles: wp.array[wp.uint64],
    colours: wp.array[wp.uint64],
    pixels: wp.array[wp.uint64],
    vertical_mirroring: int,
    first_strip: int,
    n_strips: int,
):
    """Draw ``n_strips`` strips of each environment in ``rows``, a thread each.

    Args:
        rows: (k,) environments; the i-th is drawn to the i-th place of ``pixels``.
        skins: (n,) which tile set each environment shows.
        vram: Nametables.
        oam: Sprites.
        lines: (n, 240) scanlines' words, see `ppu.fetch_lines`.
        tiles: Spread tile sets, see `tiles.spread_tiles`.
        colours: (n, COLOUR_WORDS), see `tiles.mix_colours`.
        pixels: (k, 240, WORDS_PER_LINE), out.
        vertical_mirroring: How the nametables lie.
        first_strip: First strip to draw.
        n_strips: How many.
    """
    thread = wp.tid() & 0x7FFFFFFF  # masks tell compilers that no index is negative
    place = thread // n_strips
    env = rows[place] & 0xFFFFF
    skin = skins[env] & 0xFFFF
    first = (first_strip + thread - place * n_strips) * 8
    out = (place * at.SCREEN_H + first) * at.WORDS_PER_LINE
    line = wp.int32(0)
    while line < 8:
        # scanlines that follow each other within a row of tiles differ by one in fine y, bits 12-14
        word = lines[env * at.SCREEN_H + first + line]
        n = wp.int32(1)
        while lines[env * at.SCREEN_H + first + wp.min(line + n, 7)] == word + (n << 12):
            n += 1
        to = out + line * at.WORDS_PER_LINE
        draw_background(vram, tiles, colours, pixels, env, skin, vertical_mirroring, word, to, n)
        line += n
    draw_sprites(vram, oam, lines, tiles, colours, pixels, env, skin, vertical_mirroring, first, out)


@wp.func(module=MODULE)
def straight_word(pixels: wp.array[wp.uint64], index: int, fine_x: int) -> wp.uint64:
    """Eight pixels from ``fine_x`` pixels right of a word's start."""
    shift = wp.uint64(8 * fine_x)
    return (pixels[index] >> shift) | ((pixels[index + 1] << wp.uint64(8)) << (wp.uint64(56) - shift))


@wp.kernel(module=MODULE)
def straighten(
    rows: wp.array[wp.int32],
    lines: wp.array[wp.int32],
    pixels: wp.array[wp.uint64],
    out: wp.array[wp.uint64],
    env_stride: int,
    offset: int,
    line_stride: int,
    keep_brighter: int,
):
    """Shift what `draw` drew into place, a scanline a thread.

    Args:
        rows: (k,) environments.
        lines: (n, 240) scanlines' words.
        pixels: (k, 240, WORDS_PER_LINE).
        out: Words; scanline y of environment e begins at e * env_stride + offset + y * line_stride.
        env_stride: Words from one environment to the next.
        offset: Words before the image within an environment's.
        line_stride: Words from one scanline to the next.
        keep_brighter: Whether to leave what is already in ``out`` where it is brighter.
    """
    thread = wp.tid() & 0x7FFFFFFF
    env = rows[thread // at.SCREEN_H] & 0xFFFFF
    line = thread % at.SCREEN_H
    fine_x = (lines[env * at.SCREEN_H + line] >> 15) & 7
    word = wp.int32(0)
    while word < at.SCREEN_W // 8:
        value = straight_word(pixels, thread * at.WORDS_PER_LINE + word, fine_x)
        to = env * env_stride + offset + line * line_stride + word
        if keep_brighter != 0:
            old = out[to]
            # bytes in lanes of 16 bits: bit 8 of (256 + a - b) says whether a >= b
            even = ((ABOVE | (value & EVEN)) - (old & EVEN)) & ABOVE
            odd = ((ABOVE | ((value >> wp.uint64(8)) & EVEN)) - ((old >> wp.uint64(8)) & EVEN)) & ABOVE
            wins = (even - (even >> wp.uint64(8))) | ((odd - (odd >> wp.uint64(8))) << wp.uint64(8))
            value = (value & wins) | (old & ~wins)
        out[to] = value
        word += 1


@wp.kernel(module=MODULE)
def shrink(
    rows: wp.array[wp.int32],
    lines: wp.array[wp.int32],
    pixels: wp.array[wp.uint64],
    row_spans: wp.array[wp.int32],
    column_starts: wp.array[wp.int32],
    column_weights: wp.array[wp.uint64],
    out: wp.array[wp.uint8],
    height: int,
    width: int,
    max_span: int,
    env_stride: int,
    offset: int,
    by_env: int,
):
    """Average areas of the drawn picture to (height, width) bytes, one row of them a thread.

    First down, with weights that add up to 256 over a column, in 16-bit lanes; then across, where
    one 64-bit multiplication makes a weighted sum of four bytes (weights reversed; all sums stay
    below 65,536, so no lane spills into the next).

    Args:
        rows: (k,) environments.
        lines: (n, 240) scanlines' words; those of one row of the result usually share a fine x. Zeros
            for pixels that are straight.
        pixels: (k, 240, WORDS_PER_LINE), as `draw` drew them; or (n, ...) if ``by_env``.
        row_spans: (height, 2 + max_span): first scanline, how many, weights.
        column_starts: (width + 1,) first column; one more for the end of the loop.
        column_weights: (width, 2): weights of columns 6, 4, 2, 0 and of 7, 5, 3, 1 after it.
        out: Bytes; row r of environment e begins at e * env_stride + offset + r * width.
        height: Rows of the result.
        width: Columns of the result.
        max_span: Most scanlines that one row takes.
        env_stride: Bytes from one environment's images to the next's in ``out``.
        offset: Bytes before the image within an environment's.
        by_env: Whether ``pixels`` has a place for every environment, not only for those in ``rows``.
    """
    thread = wp.tid() & 0x7FFFFFFF
    place = thread // height
    row = thread - place * height
    env = rows[place] & 0xFFFFF
    if by_env != 0:
        place = env
    span = row * (2 + max_span)
    first = row_spans[span] & 0xFF
    n = row_spans[span + 1] & 0xFF
    fine_x = (lines[env * at.SCREEN_H + first] >> 15) & 7
    i = wp.int32(1)
    while i < n:
        if ((lines[env * at.SCREEN_H + first + i] >> 15) & 7) != fine_x:
            fine_x = -1  # the scroll position changes within: shift each scanline by its own
        i += 1
    top = ((place * at.SCREEN_H + first) * at.WORDS_PER_LINE) & 0x7FFFFFFF
    to = (env * env_stride + offset + row * width) & 0x7FFFFFFF
    column = wp.int32(0)
    shift_all = wp.max(fine_x, 0)
    start = (column_starts[0] & 0xFF) + shift_all
    word = start >> 3
    before = wp.uint64(0)
    # four rows at once, which is what most sizes take; those that are not there weigh nothing
    row_1 = wp.min(1, n - 1) * at.WORDS_PER_LINE
    row_2 = wp.min(2, n - 1) * at.WORDS_PER_LINE
    row_3 = wp.min(3, n - 1) * at.WORDS_PER_LINE
    weight_0 = wp.uint64(row_spans[span + 2])
    weight_1 = wp.uint64(row_spans[span + 3])
    weight_2 = wp.uint64(row_spans[span + 4])
    weight_3 = wp.uint64(row_spans[span + 5])
    while column < width:
        source = top + word
        even = wp.uint64(HALF)
        odd = wp.uint64(HALF)
        i = wp.int32(0)
        if fine_x >= 0:
            pixels_0 = pixels[source]
            pixels_1 = pixels[source + row_1]
            pixels_2 = pixels[source + row_2]
            pixels_3 = pixels[source + row_3]
            even = even + (pixels_0 & EVEN) * weight_0 + (pixels_1 & EVEN) * weight_1
            even = even + (pixels_2 & EVEN) * weight_2 + (pixels_3 & EVEN) * weight_3
            odd = odd + ((pixels_0 >> wp.uint64(8)) & EVEN) * weight_0 + ((pixels_1 >> wp.uint64(8)) & EVEN) * weight_1
            odd = odd + ((pixels_2 >> wp.uint64(8)) & EVEN) * weight_2 + ((pixels_3 >> wp.uint64(8)) & EVEN) * weight_3
            i = wp.int32(4)
        while i < n:
            weight = wp.uint64(row_spans[span + 2 + i])
            index = source + i * at.WORDS_PER_LINE
            value = pixels[index]
            if fine_x < 0:
                value = straight_word(pixels, index, (lines[env * at.SCREEN_H + first + i] >> 15) & 7)
            even = even + (value & EVEN) * weight
            odd = odd + ((value >> wp.uint64(8)) & EVEN) * weight
            i += 1
        here = ((even >> wp.uint64(8)) & EVEN) | (odd & ~EVEN)
        while column < width and (start >> 3) < word:
            shift = wp.uint64((start & 7) * 8)
            window = (before >> shift) | ((here << wp.uint64(8)) << (wp.uint64(56) - shift))
            total = ((window & EVEN) * column_weights[2 * column]) >> wp.uint64(48)
            total = total + ((((window >> wp.uint64(8)) & EVEN) * column_weights[2 * column + 1]) >> wp.uint64(48))
            out[to + column] = wp.uint8((total + wp.uint64(128)) >> wp.uint64(8))
            column += 1
            start = (column_starts[column] & 0xFF) + shift_all
        before = here
        word += 1
