"""The 6502 on programs of a few bytes, with answers worked out by hand."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes import predecode as d


def program(*parts: list[int]) -> bytes:
    """Bytes of a program that ends in a loop to itself."""
    code = [byte for part in parts for byte in part]
    here = 0x8000 + len(code)
    return bytes([*code, 0x4C, here & 0xFF, here >> 8])


def lda(value: int) -> list[int]:
    return [0xA9, value]


def sta(address: int) -> list[int]:
    return [0x8D, address & 0xFF, address >> 8]


PUSH_FLAGS = [0x08, 0x68]  # PHP, PLA


@pytest.mark.parametrize("subtract", [False, True])
def test_adc_and_sbc_against_arithmetic(machine: Callable, subtract: bool) -> None:
    rng = np.random.default_rng(0)
    cases = [(0x7F, 0x01, 0), (0x80, 0xFF, 0), (0xFF, 0x01, 0), (0x00, 0x00, 1), (0x50, 0xB0, 1)]
    cases += [tuple(int(v) for v in (*rng.integers(0, 256, 2), rng.integers(0, 2))) for _ in range(40)]
    parts = []
    for i, (a, value, carry) in enumerate(cases):
        parts += [[0x38] if carry else [0x18], lda(a), [0xE9 if subtract else 0x69, value], sta(0x300 + 2 * i)]
        parts += [PUSH_FLAGS, sta(0x301 + 2 * i)]
    ram = machine(program(*parts)).play(2).ram
    for i, (a, value, carry) in enumerate(cases):
        operand = value ^ 0xFF if subtract else value
        total = a + operand + carry
        signed = sum(v - 256 if v > 127 else v for v in (a, operand)) + carry
        flags = (total >> 8) | ((total & 0xFF) == 0) << 1 | (not -128 <= signed <= 127) << 6 | (total & 0x80)
        assert ram[0x300 + 2 * i] == total & 0xFF, (a, value, carry)
        assert ram[0x301 + 2 * i] & 0xC3 == flags, (a, value, carry)


@pytest.mark.parametrize(
    ("opcode", "a", "value", "flags"),
    [
        (0xC9, 5, 5, 0x03), (0xC9, 4, 5, 0x80), (0xC9, 6, 5, 0x01), (0xC9, 0x80, 0x01, 0x01), (0xC9, 0, 0x80, 0x80),
    ],
)  # fmt: skip
def test_cmp_flags(machine: Callable, opcode: int, a: int, value: int, flags: int) -> None:
    ram = machine(program([0x18], lda(a), [opcode, value], PUSH_FLAGS, sta(0x300))).play(2).ram
    assert ram[0x300] & 0x83 == flags


@pytest.mark.parametrize(
    ("opcode", "value", "carry", "result", "carry_out"),
    [
        (0x0A, 0x81, 1, 0x02, 1), (0x4A, 0x81, 1, 0x40, 1), (0x2A, 0x81, 0, 0x02, 1), (0x2A, 0x40, 1, 0x81, 0),
        (0x6A, 0x81, 0, 0x40, 1), (0x6A, 0x80, 1, 0xC0, 0),
    ],
)  # fmt: skip
def test_shifts_of_accumulator_and_memory(
    machine: Callable, opcode: int, value: int, carry: int, result: int, carry_out: int
) -> None:
    set_carry = [0x38] if carry else [0x18]
    in_a = [set_carry, lda(value), [opcode], sta(0x300), PUSH_FLAGS, sta(0x301)]
    in_memory = [lda(value), sta(0x310), set_carry, [opcode + 4, 0x10, 0x03], PUSH_FLAGS, sta(0x311)]
    ram = machine(program(*in_a, *in_memory)).play(2).ram
    assert (ram[0x300], ram[0x301] & 1) == (result, carry_out)
    assert (ram[0x310], ram[0x311] & 1) == (result, carry_out)


def test_zero_page_indexing_and_pointers_wrap(machine: Callable) -> None:
    ram = machine(
        program(
            lda(0x77), [0x85, 0x02],  # $02 = 77
            [0xA2, 0x04, 0xB5, 0xFE], sta(0x300),  # LDX #4, LDA $FE,X -> $02
            lda(0x34), [0x85, 0xFF], lda(0x03), [0x85, 0x00],  # pointer at $FF/$00 = $0334
            lda(0x99), sta(0x338), [0xA0, 0x04, 0xB1, 0xFF], sta(0x301),  # LDA ($FF),Y with Y = 4
            [0xA2, 0x01, 0xA1, 0xFE], sta(0x302),  # LDA ($FE,X) with X = 1 -> ($FF) = $0334
        )
    ).play(2).ram  # fmt: skip
    assert list(ram[0x300:0x303]) == [0x77, 0x99, 0x00]


def test_jmp_indirect_does_not_leave_its_page(machine: Callable) -> None:
    code = program(
        lda(0x20), sta(0x2FF), lda(0x80), sta(0x200), lda(0x90), sta(0x300), [0x6C, 0xFF, 0x02]
    )  # target: low byte of $02FF, high byte of $0200, not of $0300
    code = code.ljust(0x20, b"\xea") + bytes([*lda(1), *sta(0x310), 0x4C, 0x25, 0x80])
    assert machine(code).play(2).ram[0x310] == 1


def test_subroutines_stack_and_transfers(machine: Callable) -> None:
    code = program([0xA2, 0xF0, 0x9A], [0x20, 0x40, 0x80], sta(0x300), [0xBA, 0x8E, 0x01, 0x03])
    code = code.ljust(0x40, b"\xea") + bytes([0xA9, 0x42, 0x48, 0xA9, 0x00, 0x68, 0x60])  # LDA, PHA, LDA, PLA, RTS
    ram = machine(code).play(2).ram
    assert list(ram[0x300:0x302]) == [0x42, 0xF0]
    assert list(ram[0x1EF:0x1F1]) == [0x05, 0x80], "JSR pushes the address of its own last byte"


def test_brk_and_rti(machine: Callable) -> None:
    # BRK skips a byte; the handler at $9000 returns at once
    ram = machine(program(lda(3), [0x38, 0x00, 0xFF], sta(0x300), PUSH_FLAGS, sta(0x301))).play(2).ram
    assert ram[0x300] == 3
    assert ram[0x301] & 1 == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([0xEA], 2), ([0xA5, 0x10], 3), ([0xAD, 0x10, 0x03], 4), ([0xAD, 0x00, 0x80], 4), ([0x8D, 0x10, 0x03], 4),
        ([0x06, 0x10], 5), ([0x1E, 0x10, 0x03], 7), ([0x9D, 0x10, 0x03], 5), ([0xA2, 0x01, 0xBD, 0xFF, 0x02], 2 + 5),
        ([0xA2, 0x01, 0xBD, 0xFE, 0x02], 2 + 4), ([0xA0, 0x01, 0xB1, 0x10], 2 + 5), ([0xA1, 0x10], 6),
        ([0x48, 0x68], 3 + 4), ([0x18, 0x90, 0x00], 2 + 3), ([0x38, 0x90, 0x00], 2 + 2), ([0xC8, 0xC8, 0xC8], 6),
        ([0xA0, 0x05, 0x88, 0xD0, 0xFD], 2 + 5 * 5 - 1),
    ],
)  # fmt: skip
def test_cycle_counts(machine: Callable, body: list[int], expected: int) -> None:
    """A loop of the body and a store of how often it ran fills the dots up to a pause exactly."""
    loop = [*body, 0xE6, 0x80, 0xD0, 0x02, 0xE6, 0x81, 0x4C, 0x00, 0x80]  # INC $80; BNE +2; INC $81; JMP $8000
    m = machine(bytes(loop)).play(1, pause=60000)
    rounds = int(m.ram[0x80]) + 256 * int(m.ram[0x81])
    spent = 3 * (rounds * (expected + 5 + 3 + 3) + (rounds // 256) * (2 + 5 - 3))
    assert abs((60000 - 21) - spent) <= 3 * (expected + 16 + 7)
    assert rounds > 200


def test_unsupported_things_are_counted_and_named(machine: Callable) -> None:
    m = machine(program([0x02, 0x02], [0xAD, 0x15, 0x40])).play(2)
    assert m.regs[at.FAULTS] == 3
    assert m.batch.faults() == {0: "undocumented opcode at $8000 (first of 3)"}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ([0xAD, 0x00, 0x60], r"read of an unsupported address .*: \$6000"),
        ([0xAD, 0x15, 0x40], r"read of an unsupported address .*: \$4015"),
        ([0x8D, 0x00, 0x60], r"write to an unsupported address .*: \$6000"),
        ([0x4C, 0x00, 0x03], r"code run outside the program ROM, at \$8000"),
        ([0xA9, 0x00, 0x48, 0x48, 0x60], r"code run outside the program ROM, at \$0001"),
        (
            [0xA9, 0x00, 0x8D, 0x06, 0x20, 0x8D, 0x06, 0x20, 0x8D, 0x07, 0x20],
            r"write to an unsupported address .*: \$0000",
        ),
    ],
)
def test_each_kind_of_fault(machine: Callable, code: list[int], words: str) -> None:
    faults = machine(program(code)).play(1).batch.faults()
    assert list(faults) == [0]
    assert re.search(words, faults[0])


def test_a_sound_program_has_no_faults(machine: Callable) -> None:
    assert machine(program(lda(1), sta(0x4011), sta(0x4016), [0xAD, 0x16, 0x40])).play(3).batch.faults() == {}


def test_controller_and_sticky_buttons(machine: Callable) -> None:
    # every NMI: strobe, read 8 buttons into $10, count frames in $11 and keep what was read at $20 + frame
    nmi = [0xA9, 1, 0x8D, 0x16, 0x40, 0xA9, 0, 0x8D, 0x16, 0x40, 0xA2, 8]
    nmi += [0xAD, 0x16, 0x40, 0x4A, 0x66, 0x10, 0xCA, 0xD0, 0xF7]  # LDA, LSR, ROR $10, DEX, BNE
    nmi += [0xA6, 0x11, 0xA5, 0x10, 0x95, 0x20, 0xE6, 0x11, 0x40]  # LDX $11, LDA $10, STA $20,X, INC $11, RTI
    code = program([0xA9, 0x80, 0x8D, 0x00, 0x20]).ljust(0x40, b"\xea") + bytes(nmi)
    m = machine(code, nmi=0x8040)
    m.play(2, buttons=0)
    start = int(m.ram[0x11])
    m.play(4, buttons=0x81)
    m.play(4, buttons=0x42, delay=3)
    assert list(m.ram[0x20 + start : 0x28 + start]) == [0x81] * 4 + [0x81] * 3 + [0x42]
    m.play(2, buttons=0x10, delay=9)
    assert list(m.ram[0x28 + start : 0x2A + start]) == [0x42] * 2, "a long delay keeps the old buttons"


def test_sprite_dma_copies_from_the_oam_address(machine: Callable) -> None:
    fill = [0xA2, 0, 0x8A, 0x9D, 0x00, 0x02, 0xE8, 0xD0, 0xF9]  # $0200,X = X
    m = machine(program(fill, lda(4), sta(0x2003), lda(2), sta(0x4014))).play(2)
    oam = m.batch.oam[0].numpy().view(np.uint8)
    assert np.array_equal(oam, (np.arange(256) - 4) % 256)


def test_waiting_loops_are_known_by_pattern() -> None:
    prg = np.zeros(32768, np.uint8)
    prg[0:3] = 0x4C, 0x00, 0x80  # JMP to itself
    prg[0x10:0x15] = 0xAD, 0x02, 0x20, 0x10, 0xFB  # LDA $2002, BPL
    prg[0x20:0x27] = 0xAD, 0x02, 0x20, 0x29, 0x40, 0xF0, 0xF9  # LDA $2002, AND #$40, BEQ
    prg[0x30:0x33] = 0x88, 0xD0, 0xFD  # DEY, BNE
    prg[0xFE:0x103] = 0xAD, 0x02, 0x20, 0x10, 0xFB  # crosses a page: left alone
    ops = d.predecode(prg) & 63
    assert [ops[i] for i in (0, 0x10, 0x20, 0x30, 0xFE)] == [d.OP_SPIN, d.OP_POLL, d.OP_POLL, d.OP_COUNT_Y, d.OP_LDA]


@pytest.mark.parametrize("pause", range(5000, 5060, 7))
def test_skipping_a_wait_is_exact(machine: Callable, pause: int) -> None:
    """A wait skipped in one go leaves the machine as one played in pieces too small to skip."""
    known = [0x88, 0xD0, 0xFD]  # DEY, BNE
    waits = machine(bytes([0xA0, 0x00, *known, 0xE6, 0x80, 0x4C, 0x00, 0x80])).play(1, pause=pause)
    again = machine(bytes([0xA0, 0x00, *known, 0xE6, 0x80, 0x4C, 0x00, 0x80]))
    for stop in range(100, pause, 11):
        again.play(1, pause=stop)
    again.play(1, pause=pause)
    assert np.array_equal(waits.regs, again.regs)
    assert np.array_equal(waits.ram, again.ram)
