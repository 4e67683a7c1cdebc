"""The picture unit as the CPU sees it: registers, scrolling, sprite-0 hit, and its moments in a frame.

Nothing is drawn here. The PPU is event-driven: between two events (`PHASE_...` in layout) nothing
that the program could observe changes, so the CPU runs on without asking. The scroll position of
each scanline is fetched late, when a register changes or the frame ends, and written to ``lines``
for `render`.

References: NESdev Wiki, "PPU registers", "PPU scrolling" (whose names v, t, x, w are used),
"PPU rendering", "PPU OAM" (sprite-0 hits), "Standard controller".
"""

# pyright: reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false, reportOperatorIssue=false
# pyright: reportReturnType=false, reportGeneralTypeIssues=false
# (kernels are compiled by Warp; its stubs do not describe arithmetic and indexing inside them)

from __future__ import annotations

import warp as wp

from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.module import MODULE

RENDERING = 0x18  # bits of $2001: background and sprites shown
HORIZONTAL = 0x041F  # bits of v and t: coarse x and the horizontal nametable
VBLANK, SPRITE_0_HIT = 0x80, 0x40


@wp.func(module=MODULE, inline=False)
def fault(regs: wp.array[wp.int32], env: int, kind: int, where: int):
    """Count something unsupported, and remember the first."""
    reg = env * at.N_REGS
    if regs[reg + at.FAULTS] == 0:
        regs[reg + at.FIRST_FAULT] = (kind << 16) | where
    regs[reg + at.FAULTS] = regs[reg + at.FAULTS] + 1


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


@wp.func(module=MODULE, inline=False)
def fetch_lines(regs: wp.array[wp.int32], lines: wp.array[wp.int32], env: int, until: int, log: int):
    """Let the PPU fetch scanlines up to (not including) ``until``, writing each to ``lines`` if ``log``.

    A line's word: v (15 bits), fine x (3), bit 18: background tiles at $1000, 19: 8x8 sprite tiles
    at $1000, 20: sprites are 8x16, 21-25: $2001 bits 0-4.
    """
    reg = env * at.N_REGS
    line = regs[reg + at.LINE]
    if line < until:
        mask = regs[reg + at.MASK]
        v = regs[reg + at.V]
        t = regs[reg + at.T]
        if log != 0:
            ctrl = regs[reg + at.CTRL]
            extra = (regs[reg + at.FINE_X] << 15) | ((ctrl & 0x10) << 14) | ((ctrl & 0x08) << 16)
            extra = extra | ((ctrl & 0x20) << 15) | ((mask & 0x1F) << 21)
            while line < until:
                if (mask & RENDERING) != 0 and line > 0:
                    v = (down(v, 1) & 0x7BE0) | (t & HORIZONTAL)
                if line < at.SCREEN_H:
                    lines[env * at.SCREEN_H + line] = v | extra
                line += 1
        elif (mask & RENDERING) != 0:
            steps = until - line
            if line == 0:
                steps = steps - 1
            if steps > 0:
                v = (down(v, steps) & 0x7BE0) | (t & HORIZONTAL)
        regs[reg + at.V] = v
        regs[reg + at.LINE] = until


@wp.func(module=MODULE)
def lines_begun(dot: int) -> int:
    """How many scanlines the PPU has begun to fetch by that dot."""
    n = wp.int32(0)
    if dot >= at.DOT_RELOAD:
        n = 1
        if dot >= at.DOT_LINE_1:
            n = wp.min((dot - at.DOT_LINE_1) // at.DOTS_PER_LINE + 2, at.SCREEN_H + 1)
    return n


@wp.func(module=MODULE)
def tile_row(chr: wp.array[wp.uint8], address: int) -> int:
    """Which of a tile row's 8 pixels are not transparent; bit 7 is the leftmost."""
    return wp.int32(chr[address]) | wp.int32(chr[address + 8])


@wp.func(module=MODULE, inline=False)
def sprite_0_hit(
    regs: wp.array[wp.int32],
    vram: wp.array[wp.uint8],
    oam: wp.array[wp.int32],
    chr: wp.array[wp.uint8],
    env: int,
    vertical_mirroring: int,
    now: int,
) -> int:
    """The dot at which sprite 0 first meets the background after ``now``, or NEVER.

    The game's own tiles decide (bank 0), whatever skin is shown: a skin cannot change the play.
    """
    reg = env * at.N_REGS
    mask = regs[reg + at.MASK]
    ctrl = regs[reg + at.CTRL]
    sprite = oam[env * at.N_SPRITES]
    top = (sprite & 0xFF) + 1
    left = (sprite >> 24) & 0xFF
    tile = (sprite >> 8) & 0xFF
    height = 8 + ((ctrl & 0x20) >> 2)
    fetched = wp.max(regs[reg + at.LINE] - 1, 0)
    v = regs[reg + at.V]
    t = regs[reg + at.T]
    hit = wp.int32(at.NEVER)
    row = wp.max(fetched - top, 0)
    if (mask & RENDERING) != RENDERING:
        row = height
    while row < height and top + row < at.SCREEN_H:
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
        x = (v_line & 0x1F) * 8 + regs[reg + at.FINE_X] + left
        table = ((v_line & 0x0C00) | 0x2000) ^ ((x & 0x100) << 2)
        where = table | (v_line & 0x03E0)
        fine_y = ((ctrl & 0x10) << 8) | (v_line >> 12)
        first = wp.int32(vram[env * at.VRAM_SIZE + nametable_index(where | ((x >> 3) & 31), vertical_mirroring)])
        x_2 = (x & 0xFF) + 8
        where = where ^ ((x_2 & 0x100) << 2)
        second = wp.int32(vram[env * at.VRAM_SIZE + nametable_index(where | ((x_2 >> 3) & 31), vertical_mirroring)])
        under = (tile_row(chr, (first << 4) | fine_y) << 8) | tile_row(chr, (second << 4) | fine_y)
        pixels = pixels & (under >> (8 - (x & 7)))
        if left < 8 and (mask & 6) != 6:
            pixels = pixels & (0xFF >> (8 - left))
        if left > 247:  # x = 255 never hits
            pixels = pixels & ~(0xFF >> (255 - left))
        x = left
        pixels = pixels & 0xFF
        while pixels != 0:
            dot = at.DOT_SCREEN + line * at.DOTS_PER_LINE + x + 2
            if (pixels & 0x80) != 0 and dot > now:
                hit = dot
                pixels = 0
            pixels = (pixels << 1) & 0xFF
            x += 1
        if hit != at.NEVER:
            row = height
        row += 1
    return hit


@wp.func(module=MODULE, inline=False)
def begin_frame(regs: wp.array[wp.int32], env: int):
    """Vertical blank begins: the dot at which every step ends and the next one begins."""
    reg = env * at.N_REGS
    regs[reg + at.PHASE] = at.PHASE_BLANK
    regs[reg + at.NEXT] = at.DOT_PRERENDER
    regs[reg + at.LINE] = 0
    regs[reg + at.HIT] = at.NEVER
    regs[reg + at.STATUS] = regs[reg + at.STATUS] | VBLANK
    if (regs[reg + at.CTRL] & 0x80) != 0:
        regs[reg + at.NMI] = 1
        regs[reg + at.NEXT] = 0


@wp.func(module=MODULE, inline=False)
def advance_phase(
    regs: wp.array[wp.int32],
    vram: wp.array[wp.uint8],
    oam: wp.array[wp.int32],
    chr: wp.array[wp.uint8],
    env: int,
    vertical_mirroring: int,
    dot: int,
) -> int:
    """Do what is due by ``dot`` and set NEXT.

    Returns:
        The dot, one later where an odd frame leaves one out.
    """
    reg = env * at.N_REGS
    phase = regs[reg + at.PHASE]
    if phase == at.PHASE_BLANK and dot >= at.DOT_PRERENDER:
        regs[reg + at.STATUS] = 0
        phase = at.PHASE_PRERENDER
    if phase == at.PHASE_PRERENDER and dot >= at.DOT_RELOAD:
        if (regs[reg + at.MASK] & RENDERING) != 0:
            regs[reg + at.V] = regs[reg + at.T]
            if regs[reg + at.ODD] != 0:
                dot += 1
                regs[reg + at.CLOCK] = (regs[reg + at.CLOCK] + 5) % 6
        phase = at.PHASE_VISIBLE
        regs[reg + at.HIT] = sprite_0_hit(regs, vram, oam, chr, env, vertical_mirroring, dot)
    if dot >= regs[reg + at.HIT]:
        regs[reg + at.STATUS] = regs[reg + at.STATUS] | SPRITE_0_HIT
        regs[reg + at.HIT] = at.NEVER
    regs[reg + at.PHASE] = phase
    if phase == at.PHASE_BLANK:
        regs[reg + at.NEXT] = at.DOT_PRERENDER
    elif phase == at.PHASE_PRERENDER:
        regs[reg + at.NEXT] = at.DOT_RELOAD
    else:
        regs[reg + at.NEXT] = wp.min(regs[reg + at.HIT], at.DOT_END)
    return dot
