"""Decode the program ROM once, on the host, into one int32 per address.

The interpreter then needs a single load per instruction and no opcode table. What is known of an
address at decoding time is settled here: constants in ROM become immediates, zero page and
absolute RAM become one mode, and loops that only wait become operations that know they wait.

Word: operation (6 bits), mode (4), cycles (3), page-crossing penalty (1), length (2), operand (16).
The operand of INX and INY is how many of the same follow each other from here on.

References: MOS Technology, "MCS6500 Microcomputer Family Programming Manual" (1976), appendix B;
NESdev Wiki, "CPU unofficial opcodes" (for what is left out).
"""

from __future__ import annotations

import numpy as np

# Operations. Those that write memory come first, pure stores before all (the interpreter must not
# read what they will write), then those that read it, then the rest.
(
    OP_STA, OP_STX, OP_STY, OP_INC, OP_DEC, OP_ASL, OP_LSR, OP_ROL, OP_ROR,
    OP_LDA, OP_LDX, OP_LDY, OP_CMP, OP_CPX, OP_CPY, OP_AND, OP_ORA, OP_EOR, OP_ADC, OP_SBC, OP_BIT,
    OP_BRANCH, OP_JMP, OP_JSR, OP_RTS, OP_RTI, OP_JMP_IND, OP_BRK, OP_NOP, OP_BAD,
    OP_TAX, OP_TAY, OP_TXA, OP_TYA, OP_TSX, OP_TXS, OP_INX, OP_INY, OP_DEX, OP_DEY,
    OP_ASL_A, OP_LSR_A, OP_ROL_A, OP_ROR_A, OP_CLC, OP_SEC, OP_CLI, OP_SEI, OP_CLV, OP_CLD, OP_SED,
    OP_PHA, OP_PLA, OP_PHP, OP_PLP, OP_SPIN, OP_POLL, OP_COUNT_X, OP_COUNT_Y,
) = range(59)  # fmt: skip
LAST_STORE, LAST_WRITE = OP_STY, OP_ROR

# Modes: where the operand comes from. VALUE: it is in the word. The others are bits.
MODE_VALUE, MODE_INDX, MODE_INDY = 0, 1, 2
MODE_X, MODE_Y, MODE_WRAP, MODE_MEMORY = 1, 2, 4, 8

# The operand of OP_POLL: the bits of $2002 asked for, then these.
POLL_UNTIL_CLEAR, POLL_AND, POLL_CYCLES_SHIFT = 1 << 8, 1 << 9, 10

_BRANCHES = (0x10, 0x30, 0x50, 0x70, 0x90, 0xB0, 0xD0, 0xF0)
# opcode: (operation, cycles); one byte each
_IMPLIED = {
    0xAA: (OP_TAX, 2), 0xA8: (OP_TAY, 2), 0x8A: (OP_TXA, 2), 0x98: (OP_TYA, 2), 0xBA: (OP_TSX, 2), 0x9A: (OP_TXS, 2),
    0xE8: (OP_INX, 2), 0xC8: (OP_INY, 2), 0xCA: (OP_DEX, 2), 0x88: (OP_DEY, 2), 0x18: (OP_CLC, 2), 0x38: (OP_SEC, 2),
    0x58: (OP_CLI, 2), 0x78: (OP_SEI, 2), 0xB8: (OP_CLV, 2), 0xD8: (OP_CLD, 2), 0xF8: (OP_SED, 2), 0x0A: (OP_ASL_A, 2),
    0x4A: (OP_LSR_A, 2), 0x2A: (OP_ROL_A, 2), 0x6A: (OP_ROR_A, 2), 0x60: (OP_RTS, 6), 0x40: (OP_RTI, 6),
    0x48: (OP_PHA, 3), 0x68: (OP_PLA, 4), 0x08: (OP_PHP, 3), 0x28: (OP_PLP, 4), 0xEA: (OP_NOP, 2),
}  # fmt: skip

# Operations with a memory operand: opcode of each addressing mode, and the cycles it takes.
_ALU = {"imm": 0x09, "zp": 0x05, "zpx": 0x15, "abs": 0x0D, "absx": 0x1D, "absy": 0x19, "indx": 0x01, "indy": 0x11}
_READS: dict[int, dict[str, int]] = {
    op: {mode: base + low for mode, low in _ALU.items()}
    for op, base in (
        (OP_ORA, 0x00), (OP_AND, 0x20), (OP_EOR, 0x40), (OP_ADC, 0x60), (OP_LDA, 0xA0), (OP_CMP, 0xC0), (OP_SBC, 0xE0),
    )
} | {
    OP_LDX: {"imm": 0xA2, "zp": 0xA6, "zpy": 0xB6, "abs": 0xAE, "absy": 0xBE},
    OP_LDY: {"imm": 0xA0, "zp": 0xA4, "zpx": 0xB4, "abs": 0xAC, "absx": 0xBC},
    OP_CPX: {"imm": 0xE0, "zp": 0xE4, "abs": 0xEC},
    OP_CPY: {"imm": 0xC0, "zp": 0xC4, "abs": 0xCC},
    OP_BIT: {"zp": 0x24, "abs": 0x2C},
}  # fmt: skip
_READ_CYCLES = {"imm": 2, "zp": 3, "zpx": 4, "zpy": 4, "abs": 4, "absx": 4, "absy": 4, "indx": 6, "indy": 5}
_STORES: dict[int, dict[str, int]] = {
    OP_STA: {mode: 0x80 + low for mode, low in _ALU.items() if mode != "imm"},
    OP_STX: {"zp": 0x86, "zpy": 0x96, "abs": 0x8E},
    OP_STY: {"zp": 0x84, "zpx": 0x94, "abs": 0x8C},
}
_STORE_CYCLES = {"zp": 3, "zpx": 4, "zpy": 4, "abs": 4, "absx": 5, "absy": 5, "indx": 6, "indy": 6}
_MODIFIES: dict[int, dict[str, int]] = {
    op: {"zp": base + 0x06, "zpx": base + 0x16, "abs": base + 0x0E, "absx": base + 0x1E}
    for op, base in (
        (OP_ASL, 0x00), (OP_ROL, 0x20), (OP_LSR, 0x40), (OP_ROR, 0x60), (OP_DEC, 0xC0), (OP_INC, 0xE0),
    )
}  # fmt: skip
_MODIFY_CYCLES = {"zp": 5, "zpx": 6, "abs": 6, "absx": 7}

_MODES = {
    "zp": MODE_MEMORY, "zpx": MODE_MEMORY | MODE_X | MODE_WRAP, "zpy": MODE_MEMORY | MODE_Y | MODE_WRAP,
    "abs": MODE_MEMORY, "absx": MODE_MEMORY | MODE_X, "absy": MODE_MEMORY | MODE_Y,
    "indx": MODE_INDX, "indy": MODE_INDY, "imm": MODE_VALUE,
}  # fmt: skip

ROM_START = 0x8000


class _Table:
    """The words under construction, one field an array of 32,768 addresses from $8000 on."""

    def __init__(self, prg: np.ndarray) -> None:
        self.prg = prg.astype(np.int32)
        n = len(prg)
        self.byte1 = self.prg[(np.arange(n) + 1) % n]
        self.byte2 = self.prg[(np.arange(n) + 2) % n]
        self.word = self.byte1 | self.byte2 << 8
        self.op = np.full(n, OP_BAD, np.int32)  # until an opcode claims the address
        self.mode = np.zeros(n, np.int32)
        self.cycles = np.full(n, 2, np.int32)
        self.penalty = np.zeros(n, np.int32)
        self.length = np.ones(n, np.int32)
        self.operand = np.ones(n, np.int32)

    def put(self, where: np.ndarray, op: int, mode: int, cycles: int, length: int, operand, penalty=0) -> None:
        """Write one kind of instruction at the addresses ``where`` (indices)."""
        self.op[where], self.mode[where], self.cycles[where] = op, mode, cycles
        self.length[where], self.operand[where], self.penalty[where] = length, operand, penalty

    def at(self, opcode: int) -> np.ndarray:
        """Indices whose byte is that opcode."""
        return np.flatnonzero(self.prg == opcode)

    def packed(self) -> np.ndarray:
        fields = (self.op, self.mode << 6, self.cycles << 10, self.penalty << 13, self.length << 14)
        return (np.bitwise_or.reduce(fields) | self.operand << 16).astype(np.int32)


def predecode(prg: np.ndarray) -> np.ndarray:
    """Decode a program ROM.

    Args:
        prg: (32768,) uint8, what the CPU sees from $8000 on.

    Returns:
        (32768,) int32, one word per address (every address: data decodes to words never run).
    """
    table = _Table(prg)
    for opcode, (op, cycles) in _IMPLIED.items():
        table.put(table.at(opcode), op, MODE_VALUE, cycles, 1, 1)
    for kind, cycles in ((_READS, _READ_CYCLES), (_STORES, _STORE_CYCLES), (_MODIFIES, _MODIFY_CYCLES)):
        for op, opcodes in kind.items():
            for addressing, opcode in opcodes.items():
                _put_memory(table, opcode, op, addressing, cycles[addressing], is_read=kind is _READS)
    _put_jumps(table)
    _put_loops(table)
    return table.packed()


def _put_memory(table: _Table, opcode: int, op: int, addressing: str, cycles: int, *, is_read: bool) -> None:
    where = table.at(opcode)
    length = 3 if addressing.startswith("abs") else 2
    operand = table.word[where] if length == 3 else table.byte1[where]
    penalty = int(is_read and addressing in ("absx", "absy", "indy"))
    table.put(where, op, _MODES[addressing], cycles, length, operand, penalty)
    if addressing == "abs" and is_read:  # a constant of the program: an immediate that takes 4 cycles
        rom = where[operand >= ROM_START]
        table.put(rom, op, MODE_VALUE, cycles, 3, table.prg[table.word[rom] - ROM_START])


def _put_jumps(table: _Table) -> None:
    for condition, opcode in enumerate(_BRANCHES):
        where = table.at(opcode)
        after = where + ROM_START + 2
        target = after + (table.byte1[where] ^ 0x80) - 0x80
        crosses = ((after ^ target) & 0xFF00) != 0
        # in the place of the cycles, always 2: (which flag: N, V, C, Z) * 2 + the value that branches
        table.put(where, OP_BRANCH, MODE_VALUE, condition, 2, target & 0xFFFF, crosses)
    for opcode, op, cycles in ((0x4C, OP_JMP, 3), (0x20, OP_JSR, 6), (0x6C, OP_JMP_IND, 5)):
        where = table.at(opcode)
        table.put(where, op, MODE_VALUE, cycles, 3, table.word[where])
        if op != OP_JMP_IND:  # code outside the program ROM cannot be decoded
            outside = where[table.word[where] < ROM_START]
            table.put(outside, OP_BAD, MODE_VALUE, cycles, 3, 0)
    # BRK takes 7 cycles and skips a padding byte
    table.put(table.at(0x00), OP_BRK, MODE_VALUE, 7, 2, 0)


def _put_loops(table: _Table) -> None:
    """Name the loops that only pass time, so that the interpreter can skip through them exactly."""
    here = np.arange(len(table.prg))
    jumps_to_itself = (table.op == OP_JMP) & (table.operand == here + ROM_START)
    table.op[jumps_to_itself] = OP_SPIN

    def byte(ahead: int) -> np.ndarray:
        return np.roll(table.prg, -ahead)

    def same_page(size: int) -> np.ndarray:  # of the branch's end and the loop's start; also keeps clear of $FFFF
        return (here + size) >> 8 == here >> 8

    reads_status = (table.prg == 0xAD) & (table.word == 0x2002)
    until_set, until_clear = (byte(3) == 0x10) & (byte(4) == 0xFB), (byte(3) == 0x30) & (byte(4) == 0xFB)
    for found, flag in ((until_set, 0), (until_clear, POLL_UNTIL_CLEAR)):
        where = np.flatnonzero(reads_status & found & same_page(5))
        table.put(where, OP_POLL, MODE_VALUE, 4, 3, 0x80 | flag | 7 << POLL_CYCLES_SHIFT)
    asks = (byte(3) == 0x29) & (byte(4) & 0x1F == 0) & (byte(6) == 0xF9)
    for opcode, flag in ((0xF0, 0), (0xD0, POLL_UNTIL_CLEAR)):
        where = np.flatnonzero(reads_status & asks & (byte(5) == opcode) & same_page(7))
        table.put(where, OP_POLL, MODE_VALUE, 4, 3, byte(4)[where] | flag | POLL_AND | 9 << POLL_CYCLES_SHIFT)

    for opcode, op in ((0xCA, OP_COUNT_X), (0x88, OP_COUNT_Y)):
        where = np.flatnonzero((table.prg == opcode) & (byte(1) == 0xD0) & (byte(2) == 0xFD) & same_page(3))
        table.put(where, op, MODE_VALUE, 2, 1, 0)
    for opcode, op in ((0xE8, OP_INX), (0xC8, OP_INY)):
        for size in (2, 3, 4):
            run = np.logical_and.reduce([byte(i) == opcode for i in range(size)])
            where = np.flatnonzero(run & (here + size < len(here)))
            table.put(where, op, MODE_VALUE, 2, 1, size)
