"""The parts of the 6502 that are functions: registers, flags, stack, pointers, sums, sprite DMA.

References: MOS Technology, "MCS6500 Microcomputer Family Programming Manual" (1976); NESdev Wiki,
"Status flags", "PPU OAM" (sprite DMA). The 2A03 has no decimal mode.
"""

# pyright: reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false, reportOperatorIssue=false
# pyright: reportReturnType=false, reportGeneralTypeIssues=false
# (kernels are compiled by Warp; its stubs do not describe arithmetic and indexing inside them)

from __future__ import annotations

import warp as wp

from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.module import MODULE


@wp.struct
class Cpu:
    """Registers while they are worked with.

    ``nz`` is the last result: Z is whether its low 8 bits are 0, N is whether bit 7 or bit 8 is set.
    ``p`` holds only the interrupt and decimal flags.
    """

    a: wp.int32
    x: wp.int32
    y: wp.int32
    s: wp.int32
    pc: wp.int32
    nz: wp.int32
    carry: wp.int32
    overflow: wp.int32
    p: wp.int32
    dot: wp.int32
    next: wp.int32


@wp.func(module=MODULE)
def flags_byte(cpu: Cpu) -> int:
    """The status register as it is pushed by an interrupt (B clear, bit 5 set)."""
    negative = wp.int32((cpu.nz & 0x180) != 0)
    zero = wp.int32((cpu.nz & 0xFF) == 0)
    return cpu.p | 0x20 | (negative << 7) | (cpu.overflow << 6) | (zero << 1) | cpu.carry


@wp.func(module=MODULE)
def load_registers(regs: wp.array[wp.int32], reg: int) -> Cpu:
    """The CPU as a step left it; ``reg`` is where an environment's registers begin."""
    cpu = Cpu()
    cpu.a = regs[reg + at.A]
    cpu.x = regs[reg + at.X]
    cpu.y = regs[reg + at.Y]
    cpu.s = regs[reg + at.S]
    cpu.pc = regs[reg + at.PC]
    cpu.dot = regs[reg + at.DOT]
    flags = regs[reg + at.P]
    cpu.nz = ((flags & 0x80) << 1) | ((flags & 2) ^ 2)
    cpu.carry = flags & 1
    cpu.overflow = (flags >> 6) & 1
    cpu.p = flags & 0x0C
    return cpu


@wp.func(module=MODULE)
def store_registers(regs: wp.array[wp.int32], reg: int, cpu: Cpu):
    """Keep the CPU for the next step."""
    regs[reg + at.A] = cpu.a
    regs[reg + at.X] = cpu.x
    regs[reg + at.Y] = cpu.y
    regs[reg + at.S] = cpu.s
    regs[reg + at.PC] = cpu.pc
    regs[reg + at.DOT] = cpu.dot
    regs[reg + at.P] = flags_byte(cpu)


@wp.func(module=MODULE)
def branches(cpu: Cpu, condition: int) -> bool:
    """Whether a branch is taken; ``condition`` is (which flag: N, V, C, Z) * 2 + the value it asks for."""
    flags = wp.int32((cpu.nz & 0x180) != 0) | (cpu.overflow << 1) | (cpu.carry << 2)
    flags = flags | (wp.int32((cpu.nz & 0xFF) == 0) << 3)
    return ((flags >> (condition >> 1)) & 1) == (condition & 1)


@wp.func(module=MODULE)
def rom_word(prg: wp.array[wp.uint8], address: int) -> int:
    """A little-endian word of the program ROM; ``address`` counts from $8000."""
    return wp.int32(prg[address]) | (wp.int32(prg[address + 1]) << 8)


@wp.func(module=MODULE)
def push(ram: wp.array[wp.uint8], base: int, s: int, value: int):
    """Write to the stack at s; the caller moves s."""
    ram[base | 0x100 | (s & 0xFF)] = wp.uint8(value)


@wp.func(module=MODULE)
def push_word(ram: wp.array[wp.uint8], base: int, s: int, value: int):
    """Write an address to the stack, high byte first; the caller moves s by 2."""
    push(ram, base, s, value >> 8)
    push(ram, base, s - 1, value)


@wp.func(module=MODULE)
def pull(ram: wp.array[wp.uint8], base: int, s: int) -> int:
    """Read the stack above s; the caller moves s."""
    return wp.int32(ram[base | 0x100 | ((s + 1) & 0xFF)])


@wp.func(module=MODULE)
def pull_word(ram: wp.array[wp.uint8], base: int, s: int) -> int:
    """Read an address from the stack."""
    return pull(ram, base, s) | (pull(ram, base, s + 1) << 8)


@wp.func(module=MODULE)
def zero_page_word(ram: wp.array[wp.uint8], base: int, address: int) -> int:
    """A pointer in the zero page, which it does not leave."""
    return wp.int32(ram[base | address]) | (wp.int32(ram[base | ((address + 1) & 0xFF)]) << 8)


@wp.func(module=MODULE, inline=False)
def indirect_target(ram: wp.array[wp.uint8], prg: wp.array[wp.uint8], base: int, address: int) -> int:
    """Where JMP (address) goes, with the 6502's well-known fault: the pointer does not leave its page."""
    second = (address & 0xFF00) | ((address + 1) & 0xFF)
    if address < 0x2000:
        return wp.int32(ram[base | (address & 0x7FF)]) | (wp.int32(ram[base | (second & 0x7FF)]) << 8)
    return wp.int32(prg[address & 0x7FFF]) | (wp.int32(prg[second & 0x7FFF]) << 8)


@wp.func(module=MODULE)
def add(a: int, value: int, carry: int) -> int:
    """Sum (8 bits), carry (bit 8) and signed overflow (bit 9)."""
    total = a + value + carry
    return total | ((((a ^ total) & (value ^ total)) & 0x80) << 2)


@wp.func(module=MODULE, inline=False)
def copy_sprites(
    ram: wp.array[wp.uint8], prg: wp.array[wp.uint8], oam: wp.array[wp.int32], env: int, page: int, start: int
):
    """Sprite DMA: 256 bytes of a page to sprite memory, beginning at its address ``start``."""
    base = env * at.RAM_SIZE
    i = wp.int32(0)
    while i < 64:
        word = wp.int32(0)
        shift = wp.int32(0)
        while shift < 32:
            source = (page << 8) | ((4 * i + (shift >> 3) - start) & 0xFF)
            if page < 0x20:
                word = word | (wp.int32(ram[base | (source & 0x7FF)]) << shift)
            elif page >= 0x80:
                word = word | (wp.int32(prg[source & 0x7FFF]) << shift)
            shift += 8
        oam[env * at.N_SPRITES + i] = word
        i += 1
