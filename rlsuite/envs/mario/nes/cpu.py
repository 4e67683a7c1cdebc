"""The 6502 of the NES (2A03) as one Warp kernel: a thread plays one environment for some frames.

The interpreter's registers live in a local struct, which compilers keep in machine registers.
Warp passes structs to functions by value, so whatever changes them stands in the kernel itself.

References: MOS Technology, "MCS6500 Microcomputer Family Programming Manual" (1976); NESdev Wiki,
"CPU interrupts", "PPU OAM" (sprite DMA timing), "Status flags". The 2A03 has no decimal mode.
"""

from __future__ import annotations

import warp as wp

from rlsuite.envs.mario.nes import predecode as d
from rlsuite.envs.mario.nes.layout import (
    BUTTONS,
    CLOCK,
    DOT_END,
    FAULT_EXEC,
    FAULT_OPCODE,
    FRAMES,
    HIT,
    NEXT,
    NMI,
    OAM_ADDR,
    ODD,
    ORDER_BUTTONS,
    ORDER_DELAY,
    ORDER_FRAMES,
    PC,
    SCREEN_H,
    STATUS,
    STEP_FRAMES,
    A,
    DOT,
    P,
    S,
    X,
    Y,
)
from rlsuite.envs.mario.nes.module import MODULE
from rlsuite.envs.mario.nes.ports import read_port, write_port
from rlsuite.envs.mario.nes.ppu import advance_phase, begin_frame, fault, fetch_lines


@wp.struct
class Cpu:
    """Registers while they are worked with.

    ``sign`` and ``zero`` are the last results: N is bit 7 of the first, Z is whether the second is 0.
    ``p`` holds only the interrupt and decimal flags.
    """

    a: wp.int32
    x: wp.int32
    y: wp.int32
    s: wp.int32
    pc: wp.int32
    sign: wp.int32
    zero: wp.int32
    carry: wp.int32
    overflow: wp.int32
    p: wp.int32
    dot: wp.int32
    next: wp.int32


@wp.func(module=MODULE)
def flags_byte(cpu: Cpu) -> int:
    """The status register as it is pushed by an interrupt (B clear, bit 5 set)."""
    value = cpu.p | 0x20 | (cpu.sign & 0x80) | (cpu.overflow << 6) | cpu.carry
    if cpu.zero == 0:
        value = value | 2
    return value


@wp.func(module=MODULE)
def rom_word(prg: wp.array[wp.uint8], address: int) -> int:
    """A little-endian word of the program ROM; ``address`` counts from $8000."""
    return wp.int32(prg[address]) | (wp.int32(prg[address + 1]) << 8)


@wp.func(module=MODULE)
def push(ram: wp.array2d[wp.uint8], env: int, s: int, value: int):
    """Write to the stack at s; the caller moves s."""
    ram[env, 0x100 | s] = wp.uint8(value)


@wp.func(module=MODULE)
def pull(ram: wp.array2d[wp.uint8], env: int, s: int) -> int:
    """Read the stack above s; the caller moves s."""
    return wp.int32(ram[env, 0x100 | ((s + 1) & 0xFF)])


@wp.func(module=MODULE)
def pull_word(ram: wp.array2d[wp.uint8], env: int, s: int) -> int:
    """Read an address from the stack."""
    return pull(ram, env, s) | (pull(ram, env, s + 1) << 8)


@wp.func(module=MODULE)
def copy_sprites(
    ram: wp.array2d[wp.uint8], prg: wp.array[wp.uint8], oam: wp.array2d[wp.int32], env: int, page: int, start: int
):
    """Sprite DMA: 256 bytes of a page to sprite memory, beginning at its address ``start``."""
    i = wp.int32(0)
    while i < 64:
        word = wp.int32(0)
        shift = wp.int32(0)
        while shift < 32:
            source = (page << 8) | ((4 * i + (shift >> 3) - start) & 0xFF)
            if page < 0x20:
                word = word | (wp.int32(ram[env, source & 0x7FF]) << shift)
            elif page >= 0x80:
                word = word | (wp.int32(prg[source - 0x8000]) << shift)
            shift += 8
        oam[env, i] = word
        i += 1


@wp.kernel(module=MODULE)
def play(
    rows: wp.array[wp.int32],
    orders: wp.array2d[wp.int32],
    code: wp.array[wp.int32],
    prg: wp.array[wp.uint8],
    chr: wp.array2d[wp.uint8],
    ram: wp.array2d[wp.uint8],
    vram: wp.array2d[wp.uint8],
    oam: wp.array2d[wp.int32],
    palette: wp.array2d[wp.uint8],
    regs: wp.array2d[wp.int32],
    lines: wp.array2d[wp.int32],
    vertical_mirroring: int,
    scene_address: int,
    scene_states: int,
    scene_frames: int,
):
    """Play each environment in ``rows`` for its ordered frames, and on through scenes.

    Args:
        rows: (k,) environments to play, one a thread.
        orders: (n, N_ORDERS): buttons to hold, number of frames, and how many of these frames still
            hold the buttons of the step before (sticky actions).
        code: (32768,) the predecoded program.
        prg: (32768,) the program ROM.
        chr: (n_skins, 8192) tile sets; 0 is the game's own.
        ram, vram, oam, palette, regs: the state, see `layout`.
        lines: (n, 240) scroll position of each scanline of the last frame, for `render`.
        vertical_mirroring: How the nametables lie.
        scene_address: RAM address whose value says whether the player has control.
        scene_states: Bit i: value i means a scene without control; its frames are played on without
            buttons. 0 plays exactly the frames ordered.
        scene_frames: At most so many frames of scenes.
    """
    env = rows[wp.tid()]
    frames = orders[env, ORDER_FRAMES]
    cpu = Cpu()
    cpu.a = regs[env, A]
    cpu.x = regs[env, X]
    cpu.y = regs[env, Y]
    cpu.s = regs[env, S]
    cpu.pc = regs[env, PC]
    cpu.dot = regs[env, DOT]
    flags = regs[env, P]
    cpu.sign = flags
    cpu.zero = (flags & 2) ^ 2
    cpu.carry = flags & 1
    cpu.overflow = (flags >> 6) & 1
    cpu.p = flags & 0x0C

    frame = wp.int32(0)
    last_frame = frames
    while frame < last_frame:
        if frame == frames:
            regs[env, BUTTONS] = 0
        elif frame == orders[env, ORDER_DELAY]:
            regs[env, BUTTONS] = orders[env, ORDER_BUTTONS]
        log = wp.int32(0)
        if frame + 1 >= frames:  # somebody may look at this frame
            log = 1
        while cpu.dot < DOT_END:
            cpu.dot = advance_phase(regs, vram, oam, chr, env, vertical_mirroring, cpu.dot)
            cpu.next = regs[env, NEXT]
            if regs[env, NMI] != 0:
                regs[env, NMI] = 0
                push(ram, env, cpu.s, cpu.pc >> 8)
                push(ram, env, (cpu.s - 1) & 0xFF, cpu.pc)
                push(ram, env, (cpu.s - 2) & 0xFF, flags_byte(cpu))
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
                if op <= d.LAST_MEMORY and mode != d.MODE_VALUE:
                    if mode == d.MODE_RAM:
                        address = operand
                    elif mode == d.MODE_ZPX:
                        address = (operand + cpu.x) & 0xFF
                    elif mode == d.MODE_RAMX or mode == d.MODE_ROMX:
                        address = operand + cpu.x
                    elif mode == d.MODE_RAMY or mode == d.MODE_ROMY:
                        address = operand + cpu.y
                    elif mode == d.MODE_INDY:
                        operand = wp.int32(ram[env, operand]) | (wp.int32(ram[env, (operand + 1) & 0xFF]) << 8)
                        address = (operand + cpu.y) & 0xFFFF
                    elif mode == d.MODE_ZPY:
                        address = (operand + cpu.y) & 0xFF
                    elif mode == d.MODE_INDX:
                        operand = (operand + cpu.x) & 0xFF
                        address = wp.int32(ram[env, operand]) | (wp.int32(ram[env, (operand + 1) & 0xFF]) << 8)
                    elif mode == d.MODE_ANYX:
                        address = (operand + cpu.x) & 0xFFFF
                    elif mode == d.MODE_ANYY:
                        address = (operand + cpu.y) & 0xFFFF
                    if ((operand ^ address) & ((word & 0x2000) >> 5)) != 0:  # crossed a page (where it matters)
                        cpu.dot += 3
                    if address < 0x2000:
                        address = address & 0x7FF
                        value = wp.int32(ram[env, address])
                    elif op > d.LAST_STORE:
                        if address >= 0x8000:
                            value = wp.int32(prg[address - 0x8000])
                        else:
                            value = read_port(
                                regs, vram, oam, palette, chr, env, vertical_mirroring, address, start
                            )

                if op == d.OP_LDA:
                    cpu.a = value
                    cpu.sign = value
                    cpu.zero = value
                elif op == d.OP_BRANCH:
                    taken = ((cpu.sign >> 7) & 1) | (cpu.overflow << 1) | (cpu.carry << 2)
                    if cpu.zero == 0:
                        taken = taken | 8
                    if ((taken >> (mode >> 1)) & 1) == (mode & 1):
                        cpu.pc = operand
                        cpu.dot += 3 + 3 * ((word >> 13) & 1)
                elif op == d.OP_STA:
                    value = cpu.a
                elif op == d.OP_CMP:
                    cpu.sign = cpu.a - value
                    cpu.zero = cpu.sign & 0xFF
                    cpu.carry = 1 - ((cpu.sign >> 8) & 1)
                elif op == d.OP_REG:
                    if mode == d.REG_INY:
                        cpu.y = (cpu.y + 1) & 0xFF
                        cpu.zero = cpu.y
                    elif mode == d.REG_DEX:
                        cpu.x = (cpu.x - 1) & 0xFF
                        cpu.zero = cpu.x
                    elif mode == d.REG_INX:
                        cpu.x = (cpu.x + 1) & 0xFF
                        cpu.zero = cpu.x
                    elif mode == d.REG_DEY:
                        cpu.y = (cpu.y - 1) & 0xFF
                        cpu.zero = cpu.y
                    elif mode == d.REG_TAX:
                        cpu.x = cpu.a
                        cpu.zero = cpu.a
                    elif mode == d.REG_TAY:
                        cpu.y = cpu.a
                        cpu.zero = cpu.a
                    elif mode == d.REG_TXA:
                        cpu.a = cpu.x
                        cpu.zero = cpu.a
                    elif mode == d.REG_TYA:
                        cpu.a = cpu.y
                        cpu.zero = cpu.a
                    else:  # TSX
                        cpu.x = cpu.s
                        cpu.zero = cpu.s
                    cpu.sign = cpu.zero
                elif op == d.OP_LDY:
                    cpu.y = value
                    cpu.sign = value
                    cpu.zero = value
                elif op == d.OP_LDX:
                    cpu.x = value
                    cpu.sign = value
                    cpu.zero = value
                elif op == d.OP_AND:
                    cpu.a = cpu.a & value
                    cpu.sign = cpu.a
                    cpu.zero = cpu.a
                elif op == d.OP_ADC or op == d.OP_SBC:
                    if op == d.OP_SBC:
                        value = value ^ 0xFF
                    total = cpu.a + value + cpu.carry
                    cpu.overflow = (((cpu.a ^ total) & (value ^ total)) >> 7) & 1
                    cpu.carry = total >> 8
                    cpu.a = total & 0xFF
                    cpu.sign = cpu.a
                    cpu.zero = cpu.a
                elif op == d.OP_FLAG:
                    if mode == d.FLAG_CLC:
                        cpu.carry = 0
                    elif mode == d.FLAG_SEC:
                        cpu.carry = 1
                    elif mode == d.FLAG_CLI:
                        cpu.p = cpu.p & 8
                    elif mode == d.FLAG_SEI:
                        cpu.p = cpu.p | 4
                    elif mode == d.FLAG_CLV:
                        cpu.overflow = 0
                    elif mode == d.FLAG_CLD:
                        cpu.p = cpu.p & 4
                    else:
                        cpu.p = cpu.p | 8
                elif op == d.OP_JSR:
                    push(ram, env, cpu.s, (cpu.pc - 1) >> 8)
                    push(ram, env, (cpu.s - 1) & 0xFF, cpu.pc - 1)
                    cpu.s = (cpu.s - 2) & 0xFF
                    cpu.pc = operand
                elif op == d.OP_RTS:
                    cpu.pc = (pull_word(ram, env, cpu.s) + 1) & 0xFFFF
                    cpu.s = (cpu.s + 2) & 0xFF
                elif op == d.OP_JMP:
                    cpu.pc = operand
                elif op == d.OP_INC or op == d.OP_DEC:
                    if op == d.OP_INC:
                        value = (value + 1) & 0xFF
                    else:
                        value = (value - 1) & 0xFF
                    cpu.sign = value
                    cpu.zero = value
                elif op == d.OP_STX:
                    value = cpu.x
                elif op == d.OP_STY:
                    value = cpu.y
                elif op == d.OP_SHIFT_A or (op >= d.OP_ASL and op <= d.OP_ROR):
                    kind = op - d.OP_ASL
                    if op == d.OP_SHIFT_A:
                        value = cpu.a
                        kind = mode
                    if kind == d.SHIFT_ASL:
                        value = value << 1
                    elif kind == d.SHIFT_ROL:
                        value = (value << 1) | cpu.carry
                    elif kind == d.SHIFT_LSR:
                        value = (value >> 1) | ((value & 1) << 8)
                    else:
                        value = (value >> 1) | (cpu.carry << 7) | ((value & 1) << 8)
                    cpu.carry = (value >> 8) & 1
                    value = value & 0xFF
                    cpu.sign = value
                    cpu.zero = value
                    if op == d.OP_SHIFT_A:
                        cpu.a = value
                elif op == d.OP_ORA:
                    cpu.a = cpu.a | value
                    cpu.sign = cpu.a
                    cpu.zero = cpu.a
                elif op == d.OP_EOR:
                    cpu.a = cpu.a ^ value
                    cpu.sign = cpu.a
                    cpu.zero = cpu.a
                elif op == d.OP_CPX or op == d.OP_CPY:
                    cpu.sign = cpu.y - value
                    if op == d.OP_CPX:
                        cpu.sign = cpu.x - value
                    cpu.zero = cpu.sign & 0xFF
                    cpu.carry = 1 - ((cpu.sign >> 8) & 1)
                elif op == d.OP_BIT:
                    cpu.sign = value
                    cpu.zero = cpu.a & value
                    cpu.overflow = (value >> 6) & 1
                elif op == d.OP_RUN:
                    # a row of INX or INY, all of them if no event falls between
                    n = operand
                    if start + 6 * (n - 1) >= cpu.next:
                        n = 1
                    cpu.pc += n - 1
                    cpu.dot += 6 * (n - 1)
                    if mode == d.REG_INX:
                        cpu.x = (cpu.x + n) & 0xFF
                        cpu.zero = cpu.x
                    else:
                        cpu.y = (cpu.y + n) & 0xFF
                        cpu.zero = cpu.y
                    cpu.sign = cpu.zero
                elif op == d.OP_COUNT:
                    # DEX or DEY and BNE back: whole rounds up to the next event, then one DEX or DEY
                    n = cpu.y
                    if mode == d.REG_DEX:
                        n = cpu.x
                    rounds = wp.min((cpu.next - 1 - start) // 15, (n - 1) & 0xFF)
                    n = (n - rounds - 1) & 0xFF
                    cpu.dot += 15 * rounds
                    if mode == d.REG_DEX:
                        cpu.x = n
                    else:
                        cpu.y = n
                    cpu.sign = n
                    cpu.zero = n
                elif op == d.OP_SPIN:
                    cpu.dot += 9 * ((cpu.next - 1 - start) // 9)
                    cpu.pc = operand
                elif op == d.OP_PHA:
                    push(ram, env, cpu.s, cpu.a)
                    cpu.s = (cpu.s - 1) & 0xFF
                elif op == d.OP_PLA:
                    cpu.a = pull(ram, env, cpu.s)
                    cpu.s = (cpu.s + 1) & 0xFF
                    cpu.sign = cpu.a
                    cpu.zero = cpu.a
                elif op == d.OP_TXS:
                    cpu.s = cpu.x
                elif op == d.OP_JMP_IND:
                    if operand < 0x8000:  # the famous fault: the high byte does not leave the page
                        cpu.pc = wp.int32(ram[env, operand & 0x7FF])
                        operand = (operand & 0xFF00) | ((operand + 1) & 0xFF)
                        cpu.pc = cpu.pc | (wp.int32(ram[env, operand & 0x7FF]) << 8)
                    else:
                        cpu.pc = wp.int32(prg[operand - 0x8000])
                        operand = (operand & 0xFF00) | ((operand + 1) & 0xFF)
                        cpu.pc = cpu.pc | (wp.int32(prg[operand - 0x8000]) << 8)
                elif op == d.OP_PHP:
                    push(ram, env, cpu.s, flags_byte(cpu) | 0x10)
                    cpu.s = (cpu.s - 1) & 0xFF
                elif op == d.OP_PLP or op == d.OP_RTI:
                    value = pull(ram, env, cpu.s)
                    cpu.s = (cpu.s + 1) & 0xFF
                    cpu.sign = value
                    cpu.zero = (value & 2) ^ 2
                    cpu.carry = value & 1
                    cpu.overflow = (value >> 6) & 1
                    cpu.p = value & 0x0C
                    if op == d.OP_RTI:
                        cpu.pc = pull_word(ram, env, cpu.s)
                        cpu.s = (cpu.s + 2) & 0xFF
                elif op == d.OP_POLL:
                    # LDA $2002 in a loop that waits: whole rounds while the answer cannot change
                    value = regs[env, STATUS]
                    waits = (value & operand & 0xFF) == 0
                    if (operand & d.POLL_UNTIL_CLEAR) != 0:
                        waits = not waits
                    if waits and (value & 0x80) == 0:
                        round_dots = 3 * (operand >> d.POLL_CYCLES_SHIFT)
                        cpu.dot += round_dots * ((cpu.next - 1 - start) // round_dots)
                    value = read_port(regs, vram, oam, palette, chr, env, vertical_mirroring, 0x2002, start)
                    cpu.a = value
                    cpu.sign = value
                    cpu.zero = value
                elif op == d.OP_BRK:
                    push(ram, env, cpu.s, cpu.pc >> 8)
                    push(ram, env, (cpu.s - 1) & 0xFF, cpu.pc)
                    push(ram, env, (cpu.s - 2) & 0xFF, flags_byte(cpu) | 0x10)
                    cpu.s = (cpu.s - 3) & 0xFF
                    cpu.p = cpu.p | 4
                    cpu.pc = rom_word(prg, 0x7FFE)
                elif op == d.OP_BAD:
                    fault(regs, env, FAULT_OPCODE, (cpu.pc - 1) & 0xFFFF)

                if op <= d.LAST_WRITE:
                    if address < 0x2000:
                        ram[env, address] = wp.uint8(value)
                    elif address == 0x4014:
                        copy_sprites(ram, prg, oam, env, value, regs[env, OAM_ADDR])
                        cpu.dot += 3 * (513 + (((cpu.dot + regs[env, CLOCK]) // 3) & 1))
                    elif address < 0x8000:
                        write_port(
                            regs, vram, oam, palette, chr, lines, env, vertical_mirroring, log, address, value, start
                        )
                        cpu.next = regs[env, NEXT]
                elif cpu.pc < 0x8000:
                    fault(regs, env, FAULT_EXEC, cpu.pc)
                    cpu.pc = cpu.pc | 0x8000

        # the frame is over: the next begins with vertical blank
        fetch_lines(regs, lines, env, SCREEN_H + 1, log)
        cpu.dot = cpu.dot - DOT_END
        regs[env, CLOCK] = (regs[env, CLOCK] + DOT_END) % 6
        regs[env, ODD] = 1 - regs[env, ODD]
        begin_frame(regs, env)
        frame += 1
        if frame == last_frame and frame < frames + scene_frames:
            if ((scene_states >> wp.int32(ram[env, scene_address])) & 1) != 0:
                last_frame = frame + 1

    regs[env, A] = cpu.a
    regs[env, X] = cpu.x
    regs[env, Y] = cpu.y
    regs[env, S] = cpu.s
    regs[env, PC] = cpu.pc
    regs[env, DOT] = cpu.dot
    regs[env, P] = flags_byte(cpu)
    regs[env, FRAMES] = regs[env, FRAMES] + frame
    regs[env, STEP_FRAMES] = frame
