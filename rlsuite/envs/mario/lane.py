"""What one thread does in a decision: press, play, judge, draw, and begin anew where an episode ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rlsuite.envs.mario.chance import Chance
from rlsuite.envs.mario.console import Console
from rlsuite.envs.mario.game import TRACK_BEST, TRACK_CLEARED, TRACK_STAGE, Judge
from rlsuite.envs.mario.nes import layout as at


@dataclass
class Table:
    """What all lanes of a level share; each touches only its own environments' rows.

    Attributes:
        console: The machines.
        judge: What their memory says.
        chance: The environments' random streams.
        images: Two buffers (n, frame_stack, height, width); decisions alternate between them.
        buttons: (n_actions,) int32.
        frame_skip, noop_max, sticky: See `config.MarioConfig`.
        first_stage, start_x: Where episodes begin.
        max_steps: Decisions after which an episode is cut.
        steps: (n,) decisions of the running episodes.
        truncated: (n,) bool, which were cut.
        looks: (n,) int32 tensor of the tile sets shown, or None if there is no choice.
        choices: (k,) the tile sets that episodes choose from.
        look_chance: Streams of that choice, apart from the play's.
    """

    console: Console
    judge: Judge
    chance: Chance
    images: list[torch.Tensor]
    buttons: np.ndarray
    frame_skip: int
    noop_max: int
    sticky: float
    first_stage: int
    start_x: int
    max_steps: int
    steps: np.ndarray
    truncated: np.ndarray
    looks: torch.Tensor | None = None
    choices: np.ndarray | None = None
    look_chance: Chance | None = None


class Lane:
    """Environments ``start`` to ``stop``, worked on by one thread at a time."""

    def __init__(self, table: Table, start: int, stop: int) -> None:
        self.table = table
        self.where = slice(start, stop)
        self.rows = np.arange(start, stop, dtype=np.int32)
        self.finished = False
        self._hand = table.console.hand(stop - start)
        self._judge = table.judge.command(self._hand.rows)
        self._orders = HostRows(table.console.orders)
        self._own_orders = np.zeros((stop - start, at.N_ORDERS), np.int32)
        self._own_orders[:, at.ORDER_FRAMES] = table.frame_skip
        self._ended = HostRows(table.judge.ended)
        # the same images; numpy copies small arrays faster than torch does
        self._images: list[Any] = [i.numpy() if i.device.type == "cpu" else i for i in table.images]

    def step(self, actions: np.ndarray, now: int) -> None:
        """Decide in every environment of the lane.

        ``images[1 - now]`` becomes the successors. If an episode ended (`finished`), ``images[now]``
        becomes what the next actions answer to, in the whole lane; otherwise that is the successors.
        """
        table, rows, where = self.table, self.rows, self.where
        self._press(table.buttons[actions])
        self._hand.play(rows)
        self._judge.run(self._hand.rows.set(rows))
        before, after = self._images[now], self._images[1 - now]
        after[where, :-1] = before[where, 1:]
        self._hand.paint(rows, table.images[1 - now], after.shape[1] - 1)
        ended = self._ended.get(where).astype(bool)
        table.steps[where] += 1
        table.truncated[where] = ~ended & (table.steps[where] >= table.max_steps)
        over = rows[ended | table.truncated[where]]
        self.finished = len(over) > 0
        if self.finished:
            before[where] = after[where]
            self.begin(over, now)

    def begin(self, rows: np.ndarray, buffer: int) -> None:
        """Begin episodes and draw their first picture to ``images[buffer]``.

        One frame is always played: it brings about the picture that is drawn.
        """
        table = self.table
        where = torch.from_numpy(rows).long()
        if table.looks is not None and table.look_chance is not None and table.choices is not None:
            looks = table.choices[table.look_chance.integers(rows, len(table.choices))].astype(np.int32)
            table.looks[where] = torch.from_numpy(looks).to(table.looks.device)
        self._hand.begin(rows, table.first_stage)
        orders = np.zeros((len(rows), at.N_ORDERS), np.int32)
        orders[:, at.ORDER_FRAMES] = 1 + table.chance.integers(rows, table.noop_max + 1)
        self._orders.put(rows, orders)
        self._hand.play(rows)
        track = table.judge.track
        track[where, TRACK_STAGE] = table.first_stage
        track[where, TRACK_BEST] = table.start_x
        track[where, TRACK_CLEARED] = 0
        table.judge.progress[where] = 0.0
        table.steps[rows] = 0
        table.images[buffer][where] = 0
        self._hand.paint(rows, table.images[buffer], table.images[buffer].shape[1] - 1)

    def _press(self, buttons: np.ndarray) -> None:
        table, orders = self.table, self._own_orders
        orders[:, at.ORDER_BUTTONS] = buttons
        if table.sticky > 0.0:
            # each frame in turn sticks with this chance, until one does not: a geometric number
            draws = np.maximum(table.chance.draw(self.rows), 1e-300)
            delay = np.floor(np.log(draws) / np.log(table.sticky))
            orders[:, at.ORDER_DELAY] = np.minimum(delay, table.frame_skip)
        self._orders.put(self.where, orders)


class HostRows:
    """Rows of a tensor for the host: a view of memory on the CPU, a copy from and to a GPU."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self._tensor = tensor
        self._numpy = tensor.numpy() if tensor.device.type == "cpu" else None

    def get(self, where: Any) -> np.ndarray:
        """Read rows."""
        return self._numpy[where] if self._numpy is not None else self._tensor[where].cpu().numpy()

    def put(self, where: Any, values: np.ndarray) -> None:
        """Write rows."""
        if self._numpy is not None:
            self._numpy[where] = values
        else:
            index = torch.from_numpy(where).long() if isinstance(where, np.ndarray) else where
            self._tensor[index] = torch.from_numpy(values).to(self._tensor.device)
