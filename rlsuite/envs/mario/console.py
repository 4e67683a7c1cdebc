"""The machine under a Mario level: rlsuite's own emulator, or another behind the same few methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch

from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.batch import NesBatch, Player, RowList, Scenes
from rlsuite.envs.mario.nes.colours import RGB
from rlsuite.envs.mario.nes.image import ImageSpec, Painter
from rlsuite.envs.mario.nes.rom import Rom
from rlsuite.envs.mario.stages import GAME_ENGINE_TASK, OPER_MODE, Stages


class Hand(Protocol):
    """What one thread needs to play and draw some machines. ``rows`` are machines, (k,) int32."""

    rows: RowList

    def begin(self, rows: np.ndarray, stage: int) -> None:
        """Put machines at the start of a stage (0-31)."""
        ...

    def play(self, rows: np.ndarray) -> None:
        """Play what the console's ``orders`` say, and on through scenes."""
        ...

    def paint(self, rows: np.ndarray, out: torch.Tensor, channel: int) -> None:
        """Draw the last frame to ``out[rows, channel]``."""
        ...


class Console(Protocol):
    """All machines of a level.

    Attributes:
        ram: (n, 2048) uint8.
        regs: (n, N_REGS) int32; of a foreign emulator only column STEP_FRAMES means anything.
        orders: (n, N_ORDERS) int32, see `nes.cpu.play`.
        restorable: Whether `state` may be kept in a file and brought back.
        looks: (n,) int32, which tile set each machine shows; 0 is the game's own.
    """

    ram: torch.Tensor
    regs: torch.Tensor
    orders: torch.Tensor
    restorable: bool
    looks: torch.Tensor

    def set_tile_sets(self, tile_sets: np.ndarray) -> None:
        """Give the machines a bank of looks (n, 8192) uint8, the game's own first; hands must be made anew."""
        ...

    def hand(self, most: int) -> Hand:
        """Tools for a thread that handles at most so many machines at a time."""
        ...

    def state(self) -> dict[str, torch.Tensor]:
        """Everything needed to go on bit for bit, if `restorable`."""
        ...

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Bring `state` back."""
        ...

    def screen(self, index: int) -> np.ndarray:
        """One machine's whole screen, uint8 (240, 256, 3)."""
        ...

    def faults(self) -> dict[int, str]:
        """Unsupported things that machines did; see `nes.batch.NesBatch.faults`."""
        ...


# Values of GameEngineSubroutine in which the player has no control: entering (0, 7), vine (1), pipes
# (2, 3); with lives left also the flagpole (4), the walk to the castle (5), losing a life (6, 11).
# Value 2 of OperMode is the scene after a castle.
_STAGE_SCENES = Scenes(600, GAME_ENGINE_TASK, (0, 1, 2, 3, 7))
_GAME_SCENES = Scenes(3600, GAME_ENGINE_TASK, (0, 1, 2, 3, 4, 5, 6, 7, 11), OPER_MODE, (2,))


def scenes(whole_game: bool) -> Scenes:
    """What is played on through in a level of one stage or of the whole game."""
    return _GAME_SCENES if whole_game else _STAGE_SCENES


class WarpConsole:
    """rlsuite's own emulator (see `Console`)."""

    restorable = True

    def __init__(
        self, rom: Rom, stages: Stages, n_envs: int, *, image: ImageSpec, scenes: Scenes | None, device: str
    ) -> None:
        self.batch = NesBatch(rom, n_envs, device=device, scenes=scenes)
        self.image = image
        self.ram, self.regs, self.orders = self.batch.ram, self.batch.regs, self.batch.orders
        self.looks = self.batch.skins
        self.starts = {key: tensor.to(device) for key, tensor in stages.state.items()}
        self._camera: Painter | None = None
        self._frame = torch.zeros((0,), dtype=torch.uint8)

    def hand(self, most: int) -> WarpHand:
        """Tools for one thread."""
        return WarpHand(self, most)

    def set_tile_sets(self, tile_sets: np.ndarray) -> None:
        """Give the machines a bank of looks; hands must be made anew."""
        self.batch.set_tiles(tile_sets)
        self._camera = None

    def state(self) -> dict[str, torch.Tensor]:
        """The machines, what their last pictures were made of, and their looks."""
        return self.batch.state() | {"lines": self.batch.lines.clone(), "skins": self.batch.skins.clone()}

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Bring `state` back."""
        self.batch.load_state(state)
        for name in ("lines", "skins"):
            getattr(self.batch, name).copy_(torch.as_tensor(state[name]))

    def screen(self, index: int) -> np.ndarray:
        """One machine's whole screen in colour."""
        if self._camera is None:
            self._camera = Painter(self.batch, ImageSpec("index"), 1)
            self._frame = self.batch.tensor((self.batch.n_envs, 1, at.SCREEN_H, at.SCREEN_W), torch.uint8)
        self._camera.paint(np.array([index], np.int32), self._frame)
        return RGB[self._frame[index, 0].cpu().numpy()]

    def faults(self) -> dict[int, str]:
        """See `NesBatch.faults`."""
        return self.batch.faults()


class WarpHand:
    """A `Player` and a `Painter` (see `Hand`)."""

    def __init__(self, console: WarpConsole, most: int) -> None:
        self._console, self._orders = console, console.orders
        self._player = Player(console.batch, most)
        self._early = Player(console.batch, most, scenes=False) if console.image.brighter_of_two else None
        self._painter = Painter(console.batch, console.image, most)
        self.rows = self._player.rows

    def begin(self, rows: np.ndarray, stage: int) -> None:
        """Copy the stage's snapshot."""
        self._console.batch.load_state(self._console.starts, torch.from_numpy(rows).long(), slice(stage, stage + 1))

    def play(self, rows: np.ndarray) -> None:
        """Play; if two frames are wanted, all but the last and then the last."""
        if self._early is None:
            self._player.play(rows)
            return
        where = torch.from_numpy(rows).long()
        orders = self._orders[where]
        frames, delay = orders[:, at.ORDER_FRAMES], orders[:, at.ORDER_DELAY]
        before, last = orders.clone(), orders.clone()
        before[:, at.ORDER_FRAMES] = frames - 1
        last[:, at.ORDER_FRAMES] = 1
        last[:, at.ORDER_DELAY] = (delay - frames + 1).clamp(min=0)
        self._orders[where] = before
        self._early.play(rows)
        self._painter.keep(rows)
        self._orders[where] = last
        self._player.play(rows)
        self._console.regs[where, at.STEP_FRAMES] += frames - 1
        self._orders[where] = orders

    def paint(self, rows: np.ndarray, out: torch.Tensor, channel: int) -> None:
        """Draw the last frame, or the brighter of the last two."""
        self._painter.paint(rows, out, channel)
