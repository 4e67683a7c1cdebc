"""How many frames a CPU core plays in a second, next to nes-py on the same core.

A shared machine's speed drifts from minute to minute, so rlsuite and nes-py are measured in turn,
the ratio is taken within each pair, and the median over the pairs is reported. Time is the process's
CPU time: what neighbours take does not count.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from rlsuite.envs.mario.actions import PATHAK_14
from rlsuite.envs.mario.config import MarioConfig
from rlsuite.envs.mario.level import MarioVectorEnv
from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.batch import NesBatch, Player
from rlsuite.envs.mario.stages import find_rom, load_stages, stage_index
from rlsuite.errors import MissingExtraError, UserError

_PEER_EPISODE = 1000  # frames after which nes-py goes back to the start, so that it too plays a stage


def measure(
    peer: str | None = "nes_py",
    *,
    level: str = "mario/1-1/no_reward",
    n_envs: int = 64,
    n_threads: int = 1,
    frame_skip: int = 4,
    frame_size: int = 84,
    picture: bool = True,
    pairs: int = 5,
    seconds: float = 1.0,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure the level, and a peer interleaved with it.

    Args:
        peer: ``"nes_py"`` (its native frame advance, the fastest it can do: it always draws, and
            nothing is copied, resized or stacked), or None.
        level: Level id.
        n_envs: Machines side by side.
        n_threads: Threads that play.
        frame_skip: Frames a decision.
        frame_size: Side of the square gray picture.
        picture: Whole decisions of the level: pictures, stack, reward, info, episodes. False plays
            without pictures or anything else around.
        pairs: Measurements of each.
        seconds: CPU time of one measurement, roughly.
        seed: Seed of the actions.

    Returns:
        ``env_steps_per_core_s``, ``frames_per_core_s``, ``env_steps_per_s``, ``frames_per_s`` (medians),
        ``peers``, ``ratios`` (ours to theirs per core-second, median of the pairs), ``pairs``, ``machine``,
        ``settings``.

    Raises:
        UserError: Unknown peer.
        MissingExtraError: nes-py is not installed.
    """
    settings = {k: v for k, v in locals().items() if k != "peer"}
    if peer not in (None, "nes_py"):
        raise UserError(f"unknown peer '{peer}' of Mario levels; there is nes_py.")
    rng = np.random.default_rng(seed)
    ours = (
        _level(level, n_envs, n_threads, frame_skip, frame_size, rng)
        if picture
        else _play(level, n_envs, frame_skip, rng)
    )
    theirs = _nes_py(rng) if peer else None
    own, other = [], []
    _sample(ours, seconds / 2)
    for _ in range(pairs):
        own.append(_sample(ours, seconds))
        if theirs:
            other.append(_sample(theirs, seconds))
    result: dict[str, Any] = _medians(own, frame_skip) | {"peers": {}, "ratios": {}, "pairs": {}}
    if peer:
        ratios = [a["frames"] / a["cpu_s"] / (b["frames"] / b["cpu_s"]) for a, b in zip(own, other, strict=True)]
        result["peers"][peer] = _medians(other, 1)
        result["ratios"][peer] = median(ratios)
        result["pairs"][peer] = [round(r, 2) for r in ratios]
    return result | {"machine": _machine(), "settings": settings}


def _sample(run: Callable[[], int], seconds: float) -> dict[str, float]:
    frames, cpu, wall = 0, time.process_time(), time.perf_counter()
    while time.process_time() - cpu < seconds:
        frames += run()
    return {"frames": frames, "cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}


def _medians(samples: list[dict[str, float]], frame_skip: int) -> dict[str, float]:
    per_core, per_s = (median(s["frames"] / s[k] for s in samples) for k in ("cpu_s", "wall_s"))
    return {
        "env_steps_per_core_s": per_core / frame_skip,
        "frames_per_core_s": per_core,
        "env_steps_per_s": per_s / frame_skip,
        "frames_per_s": per_s,
    }


def _level(
    level: str, n_envs: int, n_threads: int, frame_skip: int, frame_size: int, rng: np.random.Generator
) -> Callable[[], int]:
    """A function that makes some decisions of the level and returns how many frames they were."""
    _, stage, reward = level.split("/")
    options = MarioConfig(id=level, n_envs=n_envs, frame_skip=frame_skip, frame_size=frame_size)
    env = MarioVectorEnv(stage, reward, n_envs, options=options, n_threads=n_threads)
    env.reset_all(0)
    n_steps = max(1, 256 // n_envs)

    def run() -> int:
        for actions in rng.integers(0, len(PATHAK_14), (n_steps, n_envs)):
            env.step_tensor(actions)
        return n_steps * n_envs * frame_skip

    return run


def _play(level: str, n_envs: int, frame_skip: int, rng: np.random.Generator) -> Callable[[], int]:
    """A function that only plays, one launch a decision; dead players go back to the start now and then."""
    rom, stages = load_stages(find_rom())
    batch = NesBatch(rom, n_envs)
    player, rows = Player(batch, n_envs), np.arange(n_envs, dtype=np.int32)
    stage = level.split("/")[1]
    start = 0 if stage == "full" else stage_index(stage)
    orders = batch.orders.numpy()
    orders[:, at.ORDER_FRAMES] = frame_skip
    buttons = np.array(PATHAK_14, np.int32)
    n_steps = max(1, 1024 // n_envs)
    done = _PEER_EPISODE

    def run() -> int:
        nonlocal done
        if done >= _PEER_EPISODE:
            batch.load_state(stages.state, slice(None), [start] * n_envs)
            done = 0
        for actions in rng.integers(0, len(PATHAK_14), (n_steps, n_envs)):
            orders[:, at.ORDER_BUTTONS] = buttons[actions]
            player.play(rows)
        done += n_steps * frame_skip
        return n_steps * n_envs * frame_skip

    return run


def _nes_py(rng: np.random.Generator) -> Callable[[], int]:
    """A function that advances nes-py some frames, from its first stage."""
    try:
        from nes_py import NESEnv
    except ImportError as error:
        raise MissingExtraError("the peer nes_py", "mario", str(error)) from None
    env = NESEnv(str(find_rom()))
    env.reset()
    for buttons in [0] * 40 + [at.BUTTON_START] * 3 + [0] * 250:
        env._frame_advance(buttons)
    env._backup()
    done, n_frames = 0, 50
    advance = getattr(env._env, "frame_advance")  # noqa: B009 (typed as None before the first reset)

    def run() -> int:
        nonlocal done
        if done >= _PEER_EPISODE:
            env._restore()
            done = 0
        assert env._env is not None  # nes-py's emulator, there until the environment is closed
        for action in rng.integers(0, len(PATHAK_14), n_frames).tolist():
            advance(PATHAK_14[action])
        done += n_frames
        return n_frames

    return run


def _machine() -> dict[str, Any]:
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), "load_1min": load}
