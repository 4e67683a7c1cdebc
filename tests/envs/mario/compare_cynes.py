"""Plays the same buttons on cynes and on rlsuite's emulator and prints how often their memory differed.

A program of its own, because in cynes 0.1.2 only the first machine of a process starts as it should:

    python compare_cynes.py ROM STAGE FRAMES SEED      (STAGE: 0 to 31, or -1 for the game from its start)
"""

from __future__ import annotations

import json
import sys

import numpy as np
import torch
from cynes import NES

from rlsuite.envs.mario.actions import PATHAK_14
from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.batch import NesBatch, Player
from rlsuite.envs.mario.nes.image import ImageSpec, Painter
from rlsuite.envs.mario.nes.rom import load_rom
from rlsuite.envs.mario.stages import AREA_NUMBER, LEVEL_NUMBER, OPER_MODE, SCREEN_TIMER, WORLD_NUMBER, stage_area

ROWS = np.zeros(1, np.int32)
REVERSED = [int(f"{buttons:08b}"[::-1], 2) for buttons in range(256)]  # cynes counts buttons from the other end


class Pair:
    """One machine of each, in step."""

    def __init__(self, rom: str) -> None:
        self.theirs = NES(rom)
        self.batch = NesBatch(load_rom(rom), 1)
        self.player = Player(self.batch, 1)
        self.painter = Painter(self.batch, ImageSpec("index"), 1)
        self.picture = torch.zeros((1, 1, at.SCREEN_H, at.SCREEN_W), dtype=torch.uint8)
        self.ram = self.batch.ram[0].numpy()
        self.screen = np.zeros((at.SCREEN_H, at.SCREEN_W, 3), np.uint8)
        for _ in range(3):
            self.step(0)
        if not self.same_ram():  # whether cynes powers on within a vertical blank differs from run to run
            self.theirs.step()

    def step(self, buttons: int) -> None:
        self.theirs.controller = REVERSED[buttons]
        self.screen = self.theirs.step()
        self.batch.orders[0, at.ORDER_BUTTONS] = buttons
        self.batch.orders[0, at.ORDER_FRAMES] = 1
        self.player.play(ROWS)

    def poke(self, address: int, value: int) -> None:
        self.theirs[address] = value
        self.ram[address] = value

    def same_ram(self) -> bool:
        return np.array_equal(np.array([self.theirs[i] for i in range(at.RAM_SIZE)], np.uint8), self.ram)

    def same_picture(self) -> bool:
        """Whether pixels of one of our colours all have one colour of theirs, and the other way round."""
        self.painter.paint(ROWS, self.picture)
        ours = self.picture[0, 0].numpy().astype(np.int64)
        theirs = self.screen.astype(np.int64) @ np.array([65536, 256, 1])
        pairs = np.unique(ours << 24 | theirs)
        return len(pairs) == len(np.unique(ours))


def main(rom: str, stage: int, n_frames: int, seed: int) -> dict[str, int]:
    pair, rng = Pair(rom), np.random.default_rng(seed)
    count = {"frames": 0, "ram": 0, "pictures": 0, "pictures_differ": 0, "deaths": 0, "faults": 0, "furthest": 0}
    buttons, lives = 0, 2
    for frame in range(n_frames + 60):
        title = pair.ram[OPER_MODE] == 0
        if frame < 60 and stage >= 0:
            if title and frame >= 30:
                world, level = divmod(stage, 4)
                for address, value in zip(
                    (WORLD_NUMBER, LEVEL_NUMBER, AREA_NUMBER),
                    (world, level, stage_area(world + 1, level + 1)),
                    strict=True,
                ):
                    pair.poke(address, value)
            elif not title:
                pair.poke(SCREEN_TIMER, 0)
        if title:
            buttons = at.BUTTON_START if frame % 8 == 6 and frame >= 30 else 0
        elif frame % 8 == 0:
            right = rng.random() < 0.6
            buttons = int(rng.choice(PATHAK_14[7:11] if right else PATHAK_14))
        pair.step(buttons)
        count["frames"] += 1
        count["ram"] += not pair.same_ram()
        if frame % 50 == 0 and frame > 10:
            count["pictures"] += 1
            count["pictures_differ"] += not pair.same_picture()
        count["deaths"] += int(pair.ram[0x075A]) < lives
        lives = int(pair.ram[0x075A])
        count["furthest"] = max(count["furthest"], int(pair.ram[0x6D]) * 256 + int(pair.ram[0x86]))
    count["faults"] = int(pair.batch.regs[0, at.FAULTS])
    count["stage"] = int(pair.ram[WORLD_NUMBER]) * 4 + int(pair.ram[LEVEL_NUMBER])
    return count


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], *(int(a) for a in sys.argv[2:5]))))
