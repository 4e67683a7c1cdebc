"""What the game's memory says about a decision: position, lives, flag, reward, end of the episode.

One kernel reads it all, so on a GPU nothing of it leaves the device. Names of columns are those of
gym-super-mario-bros 9.1's info, whose properties give the addresses and conditions.
"""

# pyright: reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false, reportOperatorIssue=false
# pyright: reportReturnType=false, reportGeneralTypeIssues=false
# (kernels are compiled by Warp; its stubs do not describe arithmetic and indexing inside them)

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
import warp as wp

from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.batch import Command, RowList, kernel_view
from rlsuite.envs.mario.nes.module import MODULE
from rlsuite.envs.mario.stages import N_STAGES

NUMBERS = (
    "x_pos", "x_pos_max", "y_pos", "y_pixel", "y_viewport", "left_x_pos", "time", "coins", "life", "score",
    "world", "stage", "area", "level", "status_value", "player_state", "frames",
)  # fmt: skip
FLAGS = ("flag_get", "is_dying", "is_dead", "is_game_over", "is_stage_over", "is_world_over")
N_NUMBERS, N_FLAGS = len(NUMBERS), len(FLAGS)
(
    X_POS, X_POS_MAX, Y_POS, Y_PIXEL, Y_VIEWPORT, LEFT_X_POS, TIME, COINS, LIFE, SCORE, WORLD, STAGE, AREA, LEVEL,
    STATUS_VALUE, PLAYER_STATE, STEP_FRAMES,
) = range(N_NUMBERS)  # fmt: skip
FLAG_GET, IS_DYING, IS_DEAD, IS_GAME_OVER, IS_STAGE_OVER, IS_WORLD_OVER = range(N_FLAGS)

INFO_KEYS = dict.fromkeys(NUMBERS, np.int32) | dict.fromkeys(FLAGS, np.bool_)
INFO_KEYS |= {"progress": np.float32, "is_success": np.bool_}

REWARDS = ("dense", "flag", "no_reward")
DENSE, FLAG, NO_REWARD = range(3)

# Columns of ``track``: the stage being played (0-31), the furthest x in its main area, stages cleared.
TRACK_STAGE, TRACK_BEST, TRACK_CLEARED, N_TRACK = 0, 1, 2, 3

BOWSER, FLAGPOLE = 0x2D, 0x31  # enemy types that go with the end of a stage
DYING_STATE, DEAD_STATE, ON_POLE, WORLD_OVER_MODE, GAME_OVER_LIVES = 0x0B, 0x06, 3, 2, 0xFF


@wp.func(module=MODULE)
def digits(ram: wp.array[wp.uint8], first: int, n: int) -> int:
    """A number kept as one decimal digit a byte."""
    value = wp.int32(0)
    i = wp.int32(0)
    while i < n:
        value = value * 10 + wp.int32(ram[first + i])
        i += 1
    return value


@wp.func(module=MODULE)
def stage_is_over(ram: wp.array[wp.uint8], base: int) -> int:
    """Whether the player is on the flagpole, or a bowser's bridge falls."""
    near = wp.int32(0)
    i = wp.int32(0)
    while i < 5:
        enemy = wp.int32(ram[base + 0x16 + i])
        if enemy == BOWSER or enemy == FLAGPOLE:  # noqa: SIM109 (Warp knows no tuples here)
            near = 1
        i += 1
    return near * wp.int32(wp.int32(ram[base + 0x1D]) == ON_POLE)


@wp.kernel(module=MODULE)
def judge(
    rows: wp.array[wp.int32],
    ram: wp.array[wp.uint8],
    regs: wp.array[wp.int32],
    measures: wp.array[wp.int32],
    track: wp.array[wp.int32],
    numbers: wp.array[wp.int32],
    flags: wp.array[wp.uint8],
    reward: wp.array[wp.float32],
    progress: wp.array[wp.float32],
    last_progress: wp.array[wp.float32],
    ended: wp.array[wp.uint8],
    kind: int,
    whole_game: int,
):
    """Read what became of each environment in ``rows``.

    Args:
        rows: (k,) environments.
        ram: Work memory.
        regs: Registers.
        measures: (32, 3), see `stages.Stages`.
        track: (n, N_TRACK), what is remembered from decision to decision.
        numbers: (n, N_NUMBERS), out.
        flags: (n, N_FLAGS), out.
        reward: (n,), out, see ``kind``.
        progress: (n,) share of the level reached in the running episode; in and out.
        last_progress: (n,) the same, out; it outlives the episode's end.
        ended: (n,) whether the episode is over, out.
        kind: DENSE rewards the progress made, FLAG gives 1 for a stage cleared, NO_REWARD nothing.
        whole_game: Whether the episode goes on to the next stage and ends with the last life.
    """
    env = rows[wp.tid()] & 0xFFFFF
    base = env * at.RAM_SIZE
    world = wp.int32(ram[base + 0x075F])
    stage = wp.int32(ram[base + 0x075C])
    x = wp.int32(ram[base + 0x6D]) * 256 + wp.int32(ram[base + 0x86])
    y = wp.int32(ram[base + 0x03B8])
    viewport = wp.int32(ram[base + 0xB5])
    life = wp.int32(ram[base + 0x075A])
    state = wp.int32(ram[base + 0x0E])
    stage_over = stage_is_over(ram, base)
    world_over = wp.int32(wp.int32(ram[base + 0x0770]) == WORLD_OVER_MODE)
    dying = wp.int32(state == DYING_STATE or viewport > 1)
    dead = wp.int32(state == DEAD_STATE)
    flag = stage_over | world_over

    memory = env * N_TRACK
    here = wp.min(world * 4 + stage, N_STAGES - 1)
    playing = track[memory + TRACK_STAGE]
    cleared = wp.int32(0)
    done = wp.int32(0)
    if whole_game != 0:
        if here > playing:
            playing = here
            cleared = 1
            track[memory + TRACK_STAGE] = here
            track[memory + TRACK_BEST] = 0
        if here == N_STAGES - 1 and world_over != 0:
            cleared = 1
            done = 1
        if life == GAME_OVER_LIVES:
            done = 1
    else:
        cleared = flag
        done = wp.int32((dying | dead | flag) != 0 or here != playing)
    best = track[memory + TRACK_BEST]
    start = measures[playing * 3]
    goal = measures[playing * 3 + 1]
    area = wp.int32(ram[base + 0xE7]) | (wp.int32(ram[base + 0xE8]) << 8)
    if here == playing and area == measures[playing * 3 + 2]:
        best = wp.max(best, x)
    track[memory + TRACK_BEST] = best
    track[memory + TRACK_CLEARED] = track[memory + TRACK_CLEARED] + cleared

    # the last hundredth of a stage is for clearing it
    way = wp.clamp(wp.float32(best - start) / wp.float32(goal - start), 0.0, 0.99)
    if whole_game != 0:
        way = (wp.float32(playing) + way) / wp.float32(N_STAGES)
        if done != 0 and cleared != 0:
            way = wp.float32(1.0)
    elif cleared != 0:
        way = wp.float32(1.0)
    before = progress[env]
    now = wp.max(way, before)
    progress[env] = now
    last_progress[env] = now
    gain = wp.float32(0.0)
    if kind == DENSE:
        gain = now - before
    elif kind == FLAG:
        gain = wp.float32(cleared)
    reward[env] = gain
    ended[env] = wp.uint8(done)

    out = env * N_NUMBERS
    numbers[out + X_POS] = x
    numbers[out + X_POS_MAX] = best
    height = 255 - y
    if viewport < 1:
        height = 255 + (255 - y)
    numbers[out + Y_POS] = height
    numbers[out + Y_PIXEL] = y
    numbers[out + Y_VIEWPORT] = viewport
    numbers[out + LEFT_X_POS] = (wp.int32(ram[base + 0x86]) - wp.int32(ram[base + 0x071C])) & 0xFF
    numbers[out + TIME] = digits(ram, base + 0x07F8, 3)
    numbers[out + COINS] = digits(ram, base + 0x07ED, 2)
    numbers[out + LIFE] = life
    numbers[out + SCORE] = digits(ram, base + 0x07DE, 6)
    numbers[out + WORLD] = world + 1
    numbers[out + STAGE] = stage + 1
    numbers[out + AREA] = wp.int32(ram[base + 0x0760]) + 1
    numbers[out + LEVEL] = world * 4 + stage
    numbers[out + STATUS_VALUE] = wp.int32(ram[base + 0x0756])
    numbers[out + PLAYER_STATE] = state
    numbers[out + STEP_FRAMES] = regs[env * at.N_REGS + at.STEP_FRAMES]
    out = env * N_FLAGS
    flags[out + FLAG_GET] = wp.uint8(flag)
    flags[out + IS_DYING] = wp.uint8(dying)
    flags[out + IS_DEAD] = wp.uint8(dead)
    flags[out + IS_GAME_OVER] = wp.uint8(life == GAME_OVER_LIVES)
    flags[out + IS_STAGE_OVER] = wp.uint8(stage_over)
    flags[out + IS_WORLD_OVER] = wp.uint8(world_over)


class Judge:
    """The arrays that `judge` fills, for all environments.

    Args:
        ram, regs: The machines' memory.
        measures: See `stages.Stages`.
        reward: One of `REWARDS`.
        whole_game: See `judge`.
    """

    def __init__(
        self, ram: torch.Tensor, regs: torch.Tensor, measures: torch.Tensor, reward: str, whole_game: bool
    ) -> None:
        n, device = len(ram), ram.device
        self.track = torch.zeros((n, N_TRACK), dtype=torch.int32, device=device)
        self.numbers = torch.zeros((n, N_NUMBERS), dtype=torch.int32, device=device)
        self.flags = torch.zeros((n, N_FLAGS), dtype=torch.uint8, device=device)
        self.reward = torch.zeros(n, dtype=torch.float32, device=device)
        self.progress = torch.zeros(n, dtype=torch.float32, device=device)
        self.last_progress = torch.zeros(n, dtype=torch.float32, device=device)
        self.ended = torch.zeros(n, dtype=torch.uint8, device=device)
        tensors = (ram, regs, measures.to(device), self.track, self.numbers, self.flags, self.reward)
        outputs = (self.numbers, self.flags, self.reward, self.ended, self.last_progress)
        self._host = [t.numpy() for t in outputs] if device.type == "cpu" else None
        tensors += (self.progress, self.last_progress, self.ended)
        self._inputs = [*(kernel_view(t) for t in tensors), REWARDS.index(reward), int(whole_game)]

    def command(self, rows: RowList) -> Command:
        """The launch for a thread of its own."""
        return Command(judge, rows, self._inputs)

    def results(self, where: slice) -> tuple[torch.Tensor, torch.Tensor, Info]:
        """Copies of (reward, ended as bool, info) of some environments."""
        if self._host is None:
            numbers, flags = self.numbers[where].T.clone(), self.flags[where].T.bool()
            return (
                self.reward[where].clone(),
                self.ended[where].bool(),
                Info(numbers, flags, self.last_progress[where].clone()),
            )
        # numpy is several times faster than torch at this
        numbers, flags, reward, ended, progress = (array[where].T.copy() for array in self._host)
        info = Info(numbers, flags.view(np.bool_), progress)
        return torch.from_numpy(reward), torch.from_numpy(ended.view(np.bool_)), info


class Info(Mapping[str, Any]):
    """What `judge` read, by name; an array is only cut out when it is asked for.

    Args:
        numbers: (N_NUMBERS, n).
        flags: (N_FLAGS, n) bool.
        progress: (n,).
    """

    __slots__ = ("_flags", "_numbers", "_progress")
    _PLACES: ClassVar[dict[str, tuple[int, int]]] = (
        {name: (0, i) for i, name in enumerate(NUMBERS)}
        | {name: (1, i) for i, name in enumerate(FLAGS)}
        | {"progress": (2, 0), "is_success": (3, 0)}
    )

    def __init__(self, numbers: Any, flags: Any, progress: Any) -> None:
        self._numbers, self._flags, self._progress = numbers, flags, progress

    def __getitem__(self, key: str) -> Any:
        kind, row = self._PLACES[key]
        if kind < 2:
            return (self._numbers, self._flags)[kind][row]
        return self._progress if kind == 2 else self._progress >= 1.0

    def __iter__(self) -> Iterator[str]:
        return iter(self._PLACES)

    def __len__(self) -> int:
        return len(self._PLACES)
