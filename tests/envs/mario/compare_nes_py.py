"""Plays the same buttons on nes-py and on rlsuite's emulator, stopping where nes-py stops.

A step of nes-py is 29,781 CPU cycles, not a frame; its memory is read in the midst of one. The stack
page is left out.

    python compare_nes_py.py ROM FRAMES SEED
"""

from __future__ import annotations

import json
import sys

import numpy as np
from nes_py import NESEnv

from rlsuite.envs.mario.actions import PATHAK_14
from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.batch import NesBatch, Player
from rlsuite.envs.mario.nes.rom import load_rom
from rlsuite.envs.mario.stages import OPER_MODE

# Mario's state, position and float state, enemy types, lives, world and level, mode, timer and score.
KEY_BYTES = [0x0E, 0x1D, 0x6D, 0x86, 0xB5, 0xCE, *range(0x16, 0x1B), 0x75A, 0x75C, 0x75F, 0x770, *range(0x7DD, 0x7E4)]
KEY_BYTES += range(0x7F8, 0x7FB)
STEP_DOTS = 3 * 29781
ROWS = np.zeros(1, np.int32)


class Phased:
    """rlsuite's emulator, stopped after any number of dots."""

    def __init__(self, rom: str, start: int) -> None:
        self.batch = NesBatch(load_rom(rom), 1)
        self.player = Player(self.batch, 1)
        self.ram, self.regs = self.batch.ram[0].numpy(), self.batch.regs[0].numpy()
        self.frame_began, self.now, self.clock = 0, start, 0  # clock: as the frame began
        self.regs[at.STATUS] = 0

    def advance(self, dots: int, buttons: int) -> None:
        self.now += dots
        while self.frame_began + at.DOT_END <= self.now:
            self._play(buttons, 0)
            left_out = (int(self.regs[at.CLOCK]) - self.clock - at.DOT_END) % 6 == 5
            self.clock = int(self.regs[at.CLOCK])
            self.frame_began += at.DOT_END - int(left_out)
        if self.now > self.frame_began:
            self._play(buttons, self.now - self.frame_began)

    def _play(self, buttons: int, pause: int) -> None:
        orders = {at.ORDER_BUTTONS: buttons, at.ORDER_FRAMES: 1, at.ORDER_PAUSE: pause}
        for column, value in orders.items():
            self.batch.orders[0, column] = value
        self.player.play(ROWS)


def main(rom: str, n_frames: int, seed: int, start: int = at.DOT_PRERENDER) -> dict[str, int]:
    theirs, ours, rng = NESEnv(rom), Phased(rom, start), np.random.default_rng(seed)
    theirs.reset()
    used = np.r_[0:0x100, 0x200:0x800]  # all but the stack page
    buttons, equal, most, furthest, key = 0, 0, 0, 0, 0
    for frame in range(n_frames):
        if theirs.ram[OPER_MODE] == 0:
            buttons = at.BUTTON_START if frame >= 40 and frame % 8 == 6 else 0
        elif frame % 8 == 0:
            buttons = int(rng.choice(PATHAK_14[7:11] if rng.random() < 0.6 else PATHAK_14))
        theirs._frame_advance(buttons)
        ours.advance(STEP_DOTS, buttons)
        differ = int((theirs.ram[used] != ours.ram[used]).sum())
        equal += differ == 0
        most = max(most, differ)
        key += np.array_equal(theirs.ram[KEY_BYTES], ours.ram[KEY_BYTES])
        furthest = max(furthest, int(ours.ram[0x6D]) * 256 + int(ours.ram[0x86]))
    return {"frames": n_frames, "equal": equal, "most_bytes": most, "key_equal": key, "furthest": furthest}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], *(int(a) for a in sys.argv[2:]))))
