"""The picture unit as the CPU sees it: registers, scrolling, sprite-0 hit, and its moments in a frame.

Nothing is drawn here. The PPU is event-driven: between two events (`PHASE_...` in layout) nothing
that the program could observe changes, so the CPU runs on without asking. The scroll position of
each scanline is fetched late, when a register changes or the frame ends, and written to ``lines``
for `render`.

References: NESdev Wiki, "PPU registers", "PPU scrolling" (whose names v, t, x, w are used),
"PPU rendering", "PPU OAM" (sprite-0 hits), "Standard controller".
"""

from __future__ import annotations

import warp as wp

from rlsuite.envs.mario.nes.layout import (
    BUTTONS,
    CLOCK,
    CTRL,
    DOT_END,
    DOT_LINE_1,
    DOT_PRERENDER,
    DOT_RELOAD,
    DOT_SCREEN,
    DOTS_PER_LINE,
    FAULT_READ,
    FAULT_VRAM,
    FAULT_WRITE,
    FAULTS,
    FINE_X,
    FIRST_FAULT,
    HIT,
    LINE,
    MASK,
    NEVER,
    NEXT,
    NMI,
    OAM_ADDR,
    ODD,
    PAD,
    PHASE,
    PHASE_BLANK,
    PHASE_PRERENDER,
    PHASE_VISIBLE,
    READ_BUFFER,
    SCREEN_H,
    STATUS,
    STROBE,
    T,
    V,
    W,
)
from rlsuite.envs.mario.nes.module import MODULE

RENDERING = 0x18  # bits of $2001: background and sprites shown
HORIZONTAL = 0x041F  # bits of v and t: coarse x and the horizontal nametable
VBLANK, SPRITE_0_HIT = 0x80, 0x40


@wp.func(module=MODULE)
def fault(regs: wp.array2d[wp.int32], env: int, kind: int, where: int):
    """Count something unsupported, and remember the first."""
    if regs[env, FAULTS] == 0:
        regs[env, FIRST_FAULT] = (kind << 16) | where
    regs[env, FAULTS] = regs[env, FAULTS] + 1


@wp.func(module=MODULE)
def nametable_index(address: int, vertical_mirroring: int) -> int:
    """Index into the 2 KB of video memory of a $2000-$2FFF address."""
    if vertical_mirroring != 0:
        return address & 0x7FF
    return ((address >> 1) & 0x400) | (address & 0x3FF)


@wp.func(module=MODULE)
def palette_index(address: int) -> int:
    """Index of a $3F00-$3FFF address; $3F10, 14, 18 and 1C are mirrors of $3F00, 04, 08 and 0C."""
    if (address & 0x13) == 0x10:
        return address & 0x0F
    return address & 0x1F


@wp.func(module=MODULE)
def down(v: int, n: int) -> int:
    """The scroll position v, n scanlines further down (0 <= n <= 240).

    Coarse y wraps from 29 to 0 into the other vertical nametable, and from 31 to 0 without.
    """
    y = ((v >> 2) & 0xF8) | (v >> 12)
    nametable = v & 0x0800
    if y >= 240:
        moved = y + n
        if moved >= 256:
            y = moved - 256
        else:
            y = moved
    else:
        y = y + n
        if y >= 240:
            y = y - 240
            nametable = nametable ^ 0x0800
    return (v & 0x041F) | nametable | ((y & 0xF8) << 2) | ((y & 7) << 12)


@wp.func(module=MODULE)
def fetch_lines(regs: wp.array2d[wp.int32], lines: wp.array2d[wp.int32], env: int, until: int, log: int):
    """Let the PPU fetch scanlines up to (not including) ``until``, writing each to ``lines`` if ``log``.

    A line's word: v (15 bits), fine x (3), bit 18: background tiles at $1000, 19: 8x8 sprite tiles
    at $1000, 20: sprites are 8x16, 21-25: $2001 bits 0-4.
    """
    line = regs[env, LINE]
    if line < until:
        mask = regs[env, MASK]
        v = regs[env, V]
        t = regs[env, T]
        if log != 0:
            ctrl = regs[env, CTRL]
            extra = (regs[env, FINE_X] << 15) | ((ctrl & 0x10) << 14) | ((ctrl & 0x08) << 16)
            extra = extra | ((ctrl & 0x20) << 15) | ((mask & 0x1F) << 21)
            while line < until:
                if (mask & RENDERING) != 0 and line > 0:
                    v = (down(v, 1) & 0x7BE0) | (t & HORIZONTAL)
                if line < SCREEN_H:
                    lines[env, line] = v | extra
                line += 1
        elif (mask & RENDERING) != 0:
            steps = until - line
            if line == 0:
                steps = steps - 1
            if steps > 0:
                v = (down(v, steps) & 0x7BE0) | (t & HORIZONTAL)
        regs[env, V] = v
        regs[env, LINE] = until


@wp.func(module=MODULE)
def lines_begun(dot: int) -> int:
    """How many scanlines the PPU has begun to fetch by that dot."""
    n = wp.int32(0)
    if dot >= DOT_RELOAD:
        n = 1
        if dot >= DOT_LINE_1:
            n = wp.min((dot - DOT_LINE_1) // DOTS_PER_LINE + 2, SCREEN_H + 1)
    return n


@wp.func(module=MODULE)
def tile_row(chr: wp.array2d[wp.uint8], address: int) -> int:
    """Which of a tile row's 8 pixels are not transparent; bit 7 is the leftmost."""
    return wp.int32(chr[0, address]) | wp.int32(chr[0, address + 8])


@wp.func(module=MODULE)
def sprite_0_hit(
    regs: wp.array2d[wp.int32],
    vram: wp.array2d[wp.uint8],
    oam: wp.array2d[wp.int32],
    chr: wp.array2d[wp.uint8],
    env: int,
    vertical_mirroring: int,
    now: int,
) -> int:
    """The dot at which sprite 0 first meets the background after ``now``, or NEVER.

    The game's own tiles decide (bank 0), whatever skin is shown: a skin cannot change the play.
    """
    mask = regs[env, MASK]
    ctrl = regs[env, CTRL]
    sprite = oam[env, 0]
    top = (sprite & 0xFF) + 1
    left = (sprite >> 24) & 0xFF
    tile = (sprite >> 8) & 0xFF
    height = 8 + ((ctrl & 0x20) >> 2)
    fetched = wp.max(regs[env, LINE] - 1, 0)
    v = regs[env, V]
    t = regs[env, T]
    hit = wp.int32(NEVER)
    row = wp.max(fetched - top, 0)
    if (mask & RENDERING) != RENDERING:
        row = height
    while row < height and top + row < SCREEN_H:
        line = top + row
        v_line = v
        if line > fetched:
            v_line = (down(v, line - fetched) & 0x7BE0) | (t & HORIZONTAL)
        y = row
        if (sprite & 0x800000) != 0:
            y = height - 1 - row
        address = ((ctrl & 0x08) << 9) | (tile << 4)
        if height == 16:
            address = ((tile & 1) << 12) | ((tile & 0xFE) << 4)
        pixels = tile_row(chr, address + ((y & 8) << 1) + (y & 7))
        if (sprite & 0x400000) != 0:
            pixels = ((pixels & 0x55) << 1) | ((pixels & 0xAA) >> 1)
            pixels = ((pixels & 0x33) << 2) | ((pixels & 0xCC) >> 2)
            pixels = ((pixels & 0x0F) << 4) | (pixels >> 4)
        # the two background tiles under the sprite
        x = (v_line & 0x1F) * 8 + regs[env, FINE_X] + left
        table = ((v_line & 0x0C00) | 0x2000) ^ ((x & 0x100) << 2)
        where = table | (v_line & 0x03E0)
        fine_y = ((ctrl & 0x10) << 8) | (v_line >> 12)
        first = wp.int32(vram[env, nametable_index(where | ((x >> 3) & 31), vertical_mirroring)])
        x_2 = (x & 0xFF) + 8
        where = where ^ ((x_2 & 0x100) << 2)
        second = wp.int32(vram[env, nametable_index(where | ((x_2 >> 3) & 31), vertical_mirroring)])
        under = (tile_row(chr, (first << 4) | fine_y) << 8) | tile_row(chr, (second << 4) | fine_y)
        pixels = pixels & (under >> (8 - (x & 7)))
        if left < 8 and (mask & 6) != 6:
            pixels = pixels & (0xFF >> (8 - left))
        if left > 247:  # x = 255 never hits
            pixels = pixels & ~(0xFF >> (255 - left))
        x = left
        pixels = pixels & 0xFF
        while pixels != 0:
            dot = DOT_SCREEN + line * DOTS_PER_LINE + x + 2
            if (pixels & 0x80) != 0 and dot > now:
                hit = dot
                pixels = 0
            pixels = (pixels << 1) & 0xFF
            x += 1
        if hit != NEVER:
            row = height
        row += 1
    return hit


@wp.func(module=MODULE)
def begin_frame(regs: wp.array2d[wp.int32], env: int):
    """Vertical blank begins: the dot at which every step ends and the next one begins."""
    regs[env, PHASE] = PHASE_BLANK
    regs[env, NEXT] = DOT_PRERENDER
    regs[env, LINE] = 0
    regs[env, HIT] = NEVER
    regs[env, STATUS] = regs[env, STATUS] | VBLANK
    if (regs[env, CTRL] & 0x80) != 0:
        regs[env, NMI] = 1
        regs[env, NEXT] = 0


@wp.func(module=MODULE)
def advance_phase(
    regs: wp.array2d[wp.int32],
    vram: wp.array2d[wp.uint8],
    oam: wp.array2d[wp.int32],
    chr: wp.array2d[wp.uint8],
    env: int,
    vertical_mirroring: int,
    dot: int,
) -> int:
    """Do what is due by ``dot`` and set NEXT.

    Returns:
        The dot, one later where an odd frame leaves one out.
    """
    phase = regs[env, PHASE]
    if phase == PHASE_BLANK and dot >= DOT_PRERENDER:
        regs[env, STATUS] = 0
        phase = PHASE_PRERENDER
    if phase == PHASE_PRERENDER and dot >= DOT_RELOAD:
        if (regs[env, MASK] & RENDERING) != 0:
            regs[env, V] = regs[env, T]
            if regs[env, ODD] != 0:
                dot += 1
                regs[env, CLOCK] = (regs[env, CLOCK] + 5) % 6
        phase = PHASE_VISIBLE
        regs[env, HIT] = sprite_0_hit(regs, vram, oam, chr, env, vertical_mirroring, dot)
    if dot >= regs[env, HIT]:
        regs[env, STATUS] = regs[env, STATUS] | SPRITE_0_HIT
        regs[env, HIT] = NEVER
    regs[env, PHASE] = phase
    if phase == PHASE_BLANK:
        regs[env, NEXT] = DOT_PRERENDER
    elif phase == PHASE_PRERENDER:
        regs[env, NEXT] = DOT_RELOAD
    else:
        regs[env, NEXT] = wp.min(regs[env, HIT], DOT_END)
    return dot
