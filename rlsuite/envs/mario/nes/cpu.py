"""The 6502 of the NES (2A03) as one Warp kernel: a thread plays one environment for some frames.

The interpreter's registers live in a local struct, which compilers keep in machine registers.
Warp passes structs to functions by value, so whatever changes them stands in the kernel itself.

References: MOS Technology, "MCS6500 Microcomputer Family Programming Manual" (1976); NESdev Wiki,
"CPU interrupts", "PPU OAM" (sprite DMA timing).
"""

# pyright: reportArgumentType=false, reportIndexIssue=false, reportOperatorIssue=false, reportCallIssue=false
# (Warp compiles kernels; its stubs do not describe what happens inside them)
from __future__ import annotations

import warp as wp

from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes import predecode as d
from rlsuite.envs.mario.nes.core import (
    add,
    branches,
    copy_sprites,
    flags_byte,
    indirect_target,
    load_registers,
    pull,
    pull_word,
    push,
    push_word,
    rom_word,
    store_registers,
    zero_page_word,
)
from rlsuite.envs.mario.nes.module import MODULE
from rlsuite.envs.mario.nes.ports import read_port, write_port
from rlsuite.envs.mario.nes.ppu import advance_phase, begin_frame, fault, fetch_lines


@wp.kernel(module=MODULE)
def play(
    rows: wp.array[wp.int32],
    orders: wp.array[wp.int32],
    code: wp.array[wp.int32],
    prg: wp.array[wp.uint8],
    chr: wp.array[wp.uint8],
    ram: wp.array[wp.uint8],
    vram: wp.array[wp.uint8],
    oam: wp.array[wp.int32],
    palette: wp.array[wp.uint8],
    regs: wp.array[wp.int32],
    lines: wp.array[wp.int32],
    vertical_mirroring: int,
    scenes: wp.array[wp.int32],
):
    """Play each environment in ``rows`` for its ordered frames, and on through scenes.

    Args:
        rows: (k,) environments to play, one a thread.
        orders: (n, N_ORDERS): buttons to hold, number of frames, how many of these frames still hold
            the buttons of the step before (sticky actions), and, for comparisons with emulators that
            stop elsewhere, the dot of the first frame at which to pause in its midst (0: do not).
        code: (32768,) the predecoded program.
        prg: (32768,) the program ROM.
        chr: (8192,) the game's own tiles.
        ram: Work memory; this and the next four are the state, see `layout`.
        vram: Nametables.
        oam: Sprites.
        palette: Palette memory.
        regs: Registers.
        lines: (n, 240) scroll position of each scanline of the last frame, for `render`.
        vertical_mirroring: How the nametables lie.
        scenes: Frames in which the player has no control, to be played on without buttons: at most
            how many, then twice a RAM address and the values that tell such a frame (bit i: i).
    """
    env = rows[wp.tid()] & 0xFFFFF  # lets compilers see that no index is negative
    base = env * at.RAM_SIZE
    reg = env * at.N_REGS
    frames = orders[env * at.N_ORDERS + at.ORDER_FRAMES]
    cpu = load_registers(regs, reg)
    pause = orders[env * at.N_ORDERS + at.ORDER_PAUSE]
    limit = wp.where(pause == 0, at.DOT_END, pause)

    frame = wp.int32(0)
    last_frame = frames
    while frame < last_frame:
        if frame == frames:
            regs[reg + at.BUTTONS] = 0
        elif frame == orders[env * at.N_ORDERS + at.ORDER_DELAY]:
            regs[reg + at.BUTTONS] = orders[env * at.N_ORDERS + at.ORDER_BUTTONS]
        log = wp.int32(0)
        if frame + 1 >= frames:  # somebody may look at this frame
            log = 1
        while cpu.dot < limit:
            cpu.dot = advance_phase(regs, vram, oam, chr, env, vertical_mirroring, cpu.dot)
            cpu.next = wp.min(regs[reg + at.NEXT], limit)
            if regs[reg + at.NMI] != 0:
                regs[reg + at.NMI] = 0
                push_word(ram, base, cpu.s, cpu.pc)
                push(ram, base, cpu.s - 2, flags_byte(cpu))
                cpu.s = (cpu.s - 3) & 0xFF
                cpu.p = cpu.p | 4
                cpu.pc = rom_word(prg, 0x7FFA)
                cpu.dot += 21
            while cpu.dot < cpu.next:
                word = code[cpu.pc & 0x7FFF]
                op = word & 63
                mode = (word >> 6) & 15
                operand = (word >> 16) & 0xFFFF
                start = cpu.dot
                cpu.dot += ((word >> 10) & 7) * 3
                cpu.pc += (word >> 14) & 3

                # where the operand is, and what it is
                address = operand
                value = operand
                if mode != d.MODE_VALUE:
                    # branch-free, because the mode is hard to foresee for CPUs and diverges on GPUs
                    index = (cpu.x & (0 - (mode & 1))) + (cpu.y & (0 - ((mode >> 1) & 1)))
                    address = (operand + index) & (0xFFFF >> ((mode & d.MODE_WRAP) << 1))
                    if mode == d.MODE_INDY:
                        operand = zero_page_word(ram, base, operand)
                        address = (operand + cpu.y) & 0xFFFF
                    elif mode == d.MODE_INDX:
                        address = zero_page_word(ram, base, address & 0xFF)
                    # a page was crossed, where it matters
                    cpu.dot += 3 * (((operand ^ address) >> 8) & (word >> 13) & 1)
                    if address < 0x2000:
                        address = address & 0x7FF
                        value = wp.int32(ram[base | address])
                    elif op > d.LAST_STORE:
                        if address >= 0x8000:
                            value = wp.int32(prg[address & 0x7FFF])
                        else:
                            value = read_port(regs, vram, oam, palette, chr, env, vertical_mirroring, address, start)

                outside = wp.bool(False)
                if op == d.OP_LDA:
                    cpu.a = value
                    cpu.nz = value
                elif op == d.OP_BRANCH:
                    cpu.dot = start + 6
                    if branches(cpu, (word >> 10) & 7):
                        cpu.pc = operand
                        cpu.dot += 3 + 3 * ((word >> 13) & 1)
                elif op == d.OP_STA:
                    value = cpu.a
                elif op == d.OP_LDY:
                    cpu.y = value
                    cpu.nz = value
                elif op == d.OP_LDX:
                    cpu.x = value
                    cpu.nz = value
                elif op == d.OP_CMP:
                    cpu.nz = (cpu.a - value) & 0xFF
                    cpu.carry = wp.int32(cpu.a - value >= 0)
                elif op == d.OP_CPX:
                    cpu.nz = (cpu.x - value) & 0xFF
                    cpu.carry = wp.int32(cpu.x - value >= 0)
                elif op == d.OP_CPY:
                    cpu.nz = (cpu.y - value) & 0xFF
                    cpu.carry = wp.int32(cpu.y - value >= 0)
                elif op == d.OP_INY:
                    n = wp.min(operand, (cpu.next + 5 - start) // 6)  # as many as begin before the next event
                    cpu.y = (cpu.y + n) & 0xFF
                    cpu.nz = cpu.y
                    cpu.pc += n - 1
                    cpu.dot += 6 * (n - 1)
                elif op == d.OP_INX:
                    n = wp.min(operand, (cpu.next + 5 - start) // 6)  # as many as begin before the next event
                    cpu.x = (cpu.x + n) & 0xFF
                    cpu.nz = cpu.x
                    cpu.pc += n - 1
                    cpu.dot += 6 * (n - 1)
                elif op == d.OP_DEX:
                    cpu.x = (cpu.x - 1) & 0xFF
                    cpu.nz = cpu.x
                elif op == d.OP_DEY:
                    cpu.y = (cpu.y - 1) & 0xFF
                    cpu.nz = cpu.y
                elif op == d.OP_TAX:
                    cpu.x = cpu.a
                    cpu.nz = cpu.x
                elif op == d.OP_TAY:
                    cpu.y = cpu.a
                    cpu.nz = cpu.y
                elif op == d.OP_TXA:
                    cpu.a = cpu.x
                    cpu.nz = cpu.a
                elif op == d.OP_TYA:
                    cpu.a = cpu.y
                    cpu.nz = cpu.a
                elif op == d.OP_TSX:
                    cpu.x = cpu.s
                    cpu.nz = cpu.x
                elif op == d.OP_AND:
                    cpu.a = cpu.a & value
                    cpu.nz = cpu.a
                elif op == d.OP_ORA:
                    cpu.a = cpu.a | value
                    cpu.nz = cpu.a
                elif op == d.OP_EOR:
                    cpu.a = cpu.a ^ value
                    cpu.nz = cpu.a
                elif op == d.OP_ADC:
                    total = add(cpu.a, value, cpu.carry)
                    cpu.overflow = total >> 9
                    cpu.carry = (total >> 8) & 1
                    cpu.a = total & 0xFF
                    cpu.nz = cpu.a
                elif op == d.OP_SBC:
                    total = add(cpu.a, value ^ 0xFF, cpu.carry)
                    cpu.overflow = total >> 9
                    cpu.carry = (total >> 8) & 1
                    cpu.a = total & 0xFF
                    cpu.nz = cpu.a
                elif op == d.OP_CLC:
                    cpu.carry = 0
                elif op == d.OP_SEC:
                    cpu.carry = 1
                elif op == d.OP_JSR:
                    push_word(ram, base, cpu.s, cpu.pc - 1)
                    cpu.s = (cpu.s - 2) & 0xFF
                    cpu.pc = operand
                elif op == d.OP_RTS:
                    cpu.pc = (pull_word(ram, base, cpu.s) + 1) & 0xFFFF
                    cpu.s = (cpu.s + 2) & 0xFF
                    outside = cpu.pc < 0x8000
                elif op == d.OP_JMP:
                    cpu.pc = operand
                elif op == d.OP_INC:
                    value = (value + 1) & 0xFF
                    cpu.nz = value
                elif op == d.OP_DEC:
                    value = (value - 1) & 0xFF
                    cpu.nz = value
                elif op == d.OP_STX:
                    value = cpu.x
                elif op == d.OP_STY:
                    value = cpu.y
                elif op == d.OP_ASL_A:
                    cpu.a = cpu.a << 1
                    cpu.carry = cpu.a >> 8
                    cpu.a = cpu.a & 0xFF
                    cpu.nz = cpu.a
                elif op == d.OP_ASL:
                    value = value << 1
                    cpu.carry = value >> 8
                    value = value & 0xFF
                    cpu.nz = value
                elif op == d.OP_LSR_A:
                    cpu.a = (cpu.a >> 1) | ((cpu.a & 1) << 8)
                    cpu.carry = cpu.a >> 8
                    cpu.a = cpu.a & 0xFF
                    cpu.nz = cpu.a
                elif op == d.OP_LSR:
                    value = (value >> 1) | ((value & 1) << 8)
                    cpu.carry = value >> 8
                    value = value & 0xFF
                    cpu.nz = value
                elif op == d.OP_ROL_A:
                    cpu.a = (cpu.a << 1) | cpu.carry
                    cpu.carry = cpu.a >> 8
                    cpu.a = cpu.a & 0xFF
                    cpu.nz = cpu.a
                elif op == d.OP_ROL:
                    value = (value << 1) | cpu.carry
                    cpu.carry = value >> 8
                    value = value & 0xFF
                    cpu.nz = value
                elif op == d.OP_ROR_A:
                    cpu.a = (cpu.a >> 1) | (cpu.carry << 7) | ((cpu.a & 1) << 8)
                    cpu.carry = cpu.a >> 8
                    cpu.a = cpu.a & 0xFF
                    cpu.nz = cpu.a
                elif op == d.OP_ROR:
                    value = (value >> 1) | (cpu.carry << 7) | ((value & 1) << 8)
                    cpu.carry = value >> 8
                    value = value & 0xFF
                    cpu.nz = value
                elif op == d.OP_BIT:
                    cpu.nz = ((value & 0x80) << 1) | (cpu.a & value)
                    cpu.overflow = (value >> 6) & 1
                elif op == d.OP_COUNT_X:
                    # DEX and BNE back to it: whole rounds up to the next event, then one DEX
                    rounds = wp.min((cpu.next - 1 - start) // 15, (cpu.x - 1) & 0xFF)
                    cpu.dot += 15 * rounds
                    cpu.x = (cpu.x - rounds - 1) & 0xFF
                    cpu.nz = cpu.x
                elif op == d.OP_COUNT_Y:
                    # DEY and BNE back to it: whole rounds up to the next event, then one DEY
                    rounds = wp.min((cpu.next - 1 - start) // 15, (cpu.y - 1) & 0xFF)
                    cpu.dot += 15 * rounds
                    cpu.y = (cpu.y - rounds - 1) & 0xFF
                    cpu.nz = cpu.y
                elif op == d.OP_SPIN:
                    cpu.dot += 9 * ((cpu.next - 1 - start) // 9)
                    cpu.pc = operand
                elif op == d.OP_POLL:
                    # LDA $2002 in a loop that waits: whole rounds while the answer cannot change, then LDA
                    value = regs[reg + at.STATUS]
                    asked = value & operand & 0xFF
                    until_clear = (operand & d.POLL_UNTIL_CLEAR) != 0
                    if (asked != 0) == until_clear and (value & 0x80) == 0:
                        round_dots = 3 * (operand >> d.POLL_CYCLES_SHIFT)
                        cpu.dot += round_dots * ((cpu.next - 1 - start) // round_dots)
                    value = read_port(regs, vram, oam, palette, chr, env, vertical_mirroring, 0x2002, start)
                    cpu.a = value
                    cpu.nz = value
                elif op == d.OP_PHA:
                    push(ram, base, cpu.s, cpu.a)
                    cpu.s = (cpu.s - 1) & 0xFF
                elif op == d.OP_PLA:
                    cpu.a = pull(ram, base, cpu.s)
                    cpu.s = (cpu.s + 1) & 0xFF
                    cpu.nz = cpu.a
                elif op == d.OP_TXS:
                    cpu.s = cpu.x
                elif op == d.OP_JMP_IND:
                    cpu.pc = indirect_target(ram, prg, base, operand)
                    outside = cpu.pc < 0x8000
                elif op == d.OP_PHP:
                    push(ram, base, cpu.s, flags_byte(cpu) | 0x10)
                    cpu.s = (cpu.s - 1) & 0xFF
                elif op == d.OP_PLP:
                    value = pull(ram, base, cpu.s)
                    cpu.s = (cpu.s + 1) & 0xFF
                    cpu.nz = ((value & 0x80) << 1) | ((value & 2) ^ 2)
                    cpu.carry = value & 1
                    cpu.overflow = (value >> 6) & 1
                    cpu.p = value & 0x0C
                elif op == d.OP_RTI:
                    value = pull(ram, base, cpu.s)
                    cpu.nz = ((value & 0x80) << 1) | ((value & 2) ^ 2)
                    cpu.carry = value & 1
                    cpu.overflow = (value >> 6) & 1
                    cpu.p = value & 0x0C
                    cpu.pc = pull_word(ram, base, cpu.s + 1)
                    cpu.s = (cpu.s + 3) & 0xFF
                    outside = cpu.pc < 0x8000
                elif op == d.OP_SEI:
                    cpu.p = cpu.p | 4
                elif op == d.OP_CLI:
                    cpu.p = cpu.p & 8
                elif op == d.OP_CLD:
                    cpu.p = cpu.p & 4
                elif op == d.OP_SED:
                    cpu.p = cpu.p | 8
                elif op == d.OP_CLV:
                    cpu.overflow = 0
                elif op == d.OP_BRK:
                    push_word(ram, base, cpu.s, cpu.pc)
                    push(ram, base, cpu.s - 2, flags_byte(cpu) | 0x10)
                    cpu.s = (cpu.s - 3) & 0xFF
                    cpu.p = cpu.p | 4
                    cpu.pc = rom_word(prg, 0x7FFE)
                elif op == d.OP_BAD:
                    if operand != 0:
                        fault(regs, env, at.FAULT_OPCODE, (cpu.pc - 1) & 0xFFFF)
                    else:
                        fault(regs, env, at.FAULT_EXEC, (cpu.pc - 3) & 0xFFFF)

                if op <= d.LAST_WRITE:
                    if address < 0x2000:
                        ram[base | address] = wp.uint8(value)
                    elif address == 0x4014:
                        copy_sprites(ram, prg, oam, env, value, regs[reg + at.OAM_ADDR])
                        cpu.dot += 3 * (513 + (((cpu.dot + regs[reg + at.CLOCK]) // 3) & 1))
                    elif address < 0x8000:
                        write_port(
                            regs, vram, oam, palette, chr, lines, env, vertical_mirroring, log, address, value, start
                        )
                        cpu.next = wp.min(regs[reg + at.NEXT], limit)
                elif outside:
                    fault(regs, env, at.FAULT_EXEC, cpu.pc)
                    cpu.pc = cpu.pc | 0x8000

                # most tests are followed by their branch: take it in the same round
                word = code[cpu.pc & 0x7FFF]
                if (word & 63) == d.OP_BRANCH and cpu.dot < cpu.next:
                    cpu.pc += 2
                    cpu.dot += 6
                    if branches(cpu, (word >> 10) & 7):
                        cpu.pc = (word >> 16) & 0xFFFF
                        cpu.dot += 3 + 3 * ((word >> 13) & 1)

        if cpu.dot < at.DOT_END:
            break
        # the frame is over: the next begins with vertical blank
        fetch_lines(regs, lines, env, at.SCREEN_H + 1, log)
        cpu.dot = cpu.dot - at.DOT_END
        regs[reg + at.CLOCK] = (regs[reg + at.CLOCK] + at.DOT_END) % 6
        regs[reg + at.ODD] = 1 - regs[reg + at.ODD]
        begin_frame(regs, env)
        frame += 1
        if frame == last_frame and frame < frames + scenes[0]:
            scene = (scenes[2] >> wp.int32(ram[base | scenes[1]])) | (scenes[4] >> wp.int32(ram[base | scenes[3]]))
            last_frame += scene & 1

    store_registers(regs, reg, cpu)
    regs[reg + at.FRAMES] = regs[reg + at.FRAMES] + frame
    regs[reg + at.STEP_FRAMES] = frame
