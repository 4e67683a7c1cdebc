"""What lies between $2000 and $7FFF: PPU registers, sprite memory, controllers, sound.

Sound is not made: writes to the APU are accepted and forgotten, which no NROM game without sound
interrupts can notice. What else is not supported is counted as a fault and named by the host.

References: NESdev Wiki, "PPU registers", "CPU memory map", "2A03", "Standard controller".
"""

# pyright: reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false, reportOperatorIssue=false
# pyright: reportReturnType=false, reportGeneralTypeIssues=false
# (kernels are compiled by Warp; its stubs do not describe arithmetic and indexing inside them)

from __future__ import annotations

import warp as wp

from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.module import MODULE
from rlsuite.envs.mario.nes.ppu import (
    RENDERING,
    SPRITE_0_HIT,
    VBLANK,
    fault,
    fetch_lines,
    lines_begun,
    nametable_index,
    palette_index,
    sprite_0_hit,
)

_LOW5_OPEN_BUS = 0x40  # what a controller port's upper bits read as after a load from $40xx


@wp.func(module=MODULE, inline=False)
def step_vram_address(regs: wp.array[wp.int32], env: int, dot: int):
    """Move v on after an access through $2007, by 1 or by 32."""
    reg = env * at.N_REGS
    if (regs[reg + at.MASK] & RENDERING) != 0 and dot >= at.DOT_PRERENDER:
        fault(regs, env, at.FAULT_VRAM, 0x2007)
    regs[reg + at.V] = (regs[reg + at.V] + 1 + 31 * ((regs[reg + at.CTRL] >> 2) & 1)) & 0x7FFF


@wp.func(module=MODULE, inline=False)
def read_port(
    regs: wp.array[wp.int32],
    vram: wp.array[wp.uint8],
    oam: wp.array[wp.int32],
    palette: wp.array[wp.uint8],
    chr: wp.array[wp.uint8],
    env: int,
    vertical_mirroring: int,
    address: int,
    dot: int,
) -> int:
    """Read $2000-$7FFF."""
    reg = env * at.N_REGS
    value = wp.int32(0)
    if address < 0x4000:
        port = address & 7
        if port == 2:
            value = regs[reg + at.STATUS]
            regs[reg + at.STATUS] = value & 0x7F
            regs[reg + at.W] = 0
        elif port == 4:
            index = regs[reg + at.OAM_ADDR]
            value = (oam[env * at.N_SPRITES + (index >> 2)] >> ((index & 3) * 8)) & 0xFF
        elif port == 7:
            v = regs[reg + at.V] & 0x3FFF
            value = regs[reg + at.READ_BUFFER]
            if v < 0x2000:
                regs[reg + at.READ_BUFFER] = wp.int32(chr[v])
            else:
                regs[reg + at.READ_BUFFER] = wp.int32(vram[env * at.VRAM_SIZE + nametable_index(v, vertical_mirroring)])
            if v >= 0x3F00:
                value = wp.int32(palette[env * at.PALETTE_SIZE + palette_index(v)])
            step_vram_address(regs, env, dot)
        else:
            fault(regs, env, at.FAULT_READ, address)
    elif address == 0x4016:
        value = 0x40 | (regs[reg + at.PAD] & 1)
        if regs[reg + at.STROBE] == 0:
            regs[reg + at.PAD] = (regs[reg + at.PAD] >> 1) | 0x80
    elif address == 0x4017:
        value = 0x40  # no second controller
    else:
        fault(regs, env, at.FAULT_READ, address)
    return value


@wp.func(module=MODULE, inline=False)
def write_scroll(regs: wp.array[wp.int32], env: int, port: int, value: int):
    """Write $2005 or $2006: two writes make a position (NESdev Wiki, "PPU scrolling")."""
    reg = env * at.N_REGS
    t = regs[reg + at.T]
    if regs[reg + at.W] == 0:
        if port == 5:
            t = (t & 0x7FE0) | (value >> 3)
            regs[reg + at.FINE_X] = value & 7
        else:
            t = (t & 0x00FF) | ((value & 0x3F) << 8)
    elif port == 5:
        t = (t & 0x0C1F) | ((value & 0xF8) << 2) | ((value & 7) << 12)
    else:
        t = (t & 0x7F00) | value
        regs[reg + at.V] = t
    regs[reg + at.T] = t
    regs[reg + at.W] = 1 - regs[reg + at.W]


@wp.func(module=MODULE, inline=False)
def write_port(
    regs: wp.array[wp.int32],
    vram: wp.array[wp.uint8],
    oam: wp.array[wp.int32],
    palette: wp.array[wp.uint8],
    chr: wp.array[wp.uint8],
    lines: wp.array[wp.int32],
    env: int,
    vertical_mirroring: int,
    log: int,
    address: int,
    value: int,
    dot: int,
):
    """Write $2000-$7FFF, sprite DMA excepted."""
    reg = env * at.N_REGS
    if address < 0x4000:
        port = address & 7
        if port == 7:
            v = regs[reg + at.V] & 0x3FFF
            if v >= 0x3F00:
                palette[env * at.PALETTE_SIZE + palette_index(v)] = wp.uint8(value & 0x3F)
            elif v >= 0x2000:
                vram[env * at.VRAM_SIZE + nametable_index(v, vertical_mirroring)] = wp.uint8(value)
            else:
                fault(regs, env, at.FAULT_WRITE, v)
            step_vram_address(regs, env, dot)
        elif port == 3:
            regs[reg + at.OAM_ADDR] = value
        elif port == 4:
            index = regs[reg + at.OAM_ADDR]
            shift = (index & 3) * 8
            oam[env * at.N_SPRITES + (index >> 2)] = (oam[env * at.N_SPRITES + (index >> 2)] & ~(0xFF << shift)) | (
                value << shift
            )
            regs[reg + at.OAM_ADDR] = (index + 1) & 0xFF
        elif port != 2:
            # what changes the picture from here on: let the lines above be fetched as they were
            visible = regs[reg + at.PHASE] == at.PHASE_VISIBLE
            if visible:
                fetch_lines(regs, lines, env, lines_begun(dot), log)
            if port == 0:
                if (value & 0x80) != 0 and (regs[reg + at.CTRL] & 0x80) == 0 and (regs[reg + at.STATUS] & VBLANK) != 0:
                    regs[reg + at.NMI] = 1
                regs[reg + at.CTRL] = value
                regs[reg + at.T] = (regs[reg + at.T] & 0x73FF) | ((value & 3) << 10)
                regs[reg + at.NEXT] = 0
            elif port == 1:
                regs[reg + at.MASK] = value
            else:
                write_scroll(regs, env, port, value)
            if visible and (regs[reg + at.STATUS] & SPRITE_0_HIT) == 0:
                regs[reg + at.HIT] = sprite_0_hit(regs, vram, oam, chr, env, vertical_mirroring, dot)
                regs[reg + at.NEXT] = 0
    elif address == 0x4016:
        if (value & 1) != 0 or regs[reg + at.STROBE] != 0:
            regs[reg + at.PAD] = regs[reg + at.BUTTONS]
        regs[reg + at.STROBE] = value & 1
    elif address > 0x4017:
        fault(regs, env, at.FAULT_WRITE, address)
