"""The proof that a skin changes looks and nothing else: the same seed and actions, with and without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rlsuite.errors import UserError
from rlsuite.runs.seeding import numpy_stream
from rlsuite.skins.contracts import Proves
from rlsuite.skins.pack import AssetPack
from rlsuite.skins.wearing import engine_of, tailor_of, undress, wear


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        engine: The level's engine.
        steps: Decisions replayed, over all environments.
        episodes: That ended within them.
        terminated: Of these, those that ended in a terminal state (deaths, goals).
        successes: Goals reached.
        levels: Distinct stages that were played, where the level tells.
        events: How often each flag of the level's info was up (``is_success``, ``is_dying``, ...).
        looks: Distinct looks that were worn.
        differences: Steps at which something differed: ``state``, ``reward``, ``terminated``, ``truncated``.
        first: The first difference, in words; empty if there is none.
        changed_pictures: Share of compared pictures that the skin changed; at 0 it is not to be seen.
    """

    engine: str
    steps: int
    episodes: int
    terminated: int
    successes: int
    levels: int
    events: dict[str, int]
    looks: int
    differences: dict[str, int]
    first: str
    changed_pictures: float

    @property
    def ok(self) -> bool:
        """Whether the dynamics are the same, and the skin shows."""
        return not any(self.differences.values()) and self.changed_pictures > 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as the command line prints it."""
        return asdict(self) | {"ok": self.ok}


def random_actions(env: Any, n_steps: int, seed: int = 0) -> np.ndarray:
    """Uniformly random actions, (n_steps, n_envs, ...)."""
    space, stream = env.action_space, numpy_stream(seed, "skins/actions")
    if hasattr(space, "n"):
        return stream.integers(0, int(space.n), (n_steps, env.num_envs))
    low, high = np.maximum(space.low, -1e3), np.minimum(space.high, 1e3)
    return stream.uniform(low, high, (n_steps, env.num_envs, *space.shape)).astype(np.float32)


def check(
    env: Any,
    packs: AssetPack | Sequence[AssetPack],
    actions: np.ndarray,
    *,
    seed: int = 0,
    every: int = 1,
    pictures: int = 20,
) -> Report:
    """Replay actions without and with a skin and compare state, reward and endings step by step.

    Args:
        env: The level; it is left undressed.
        packs: The skin.
        actions: (n_steps, n_envs, ...).
        seed: Of both replays.
        every: Episodes between changes of look where a change starts an engine anew.
        pictures: Rendered frames to compare over the replay.

    Raises:
        UserError: The level shows no state to compare, or the skin does not fit it.
    """
    level = engine_of(env)
    if not isinstance(level, Proves):
        raise UserError(f"{type(level).__name__} has no proof_state, so nothing can be proved about a skin on it")
    env.set_groups(1)
    undress(env)
    bare = _Tape.play(env, actions, seed, pictures)
    wear(env, packs, every=every)
    try:
        dressed = _Tape.play(env, actions, seed, pictures)
    finally:
        undress(env)
    return compare(tailor_of(env).engine, bare, dressed)


@dataclass
class _Tape:
    """What a replay gave, step by step."""

    state: list[np.ndarray]
    reward: list[np.ndarray]
    terminated: list[np.ndarray]
    truncated: list[np.ndarray]
    frames: list[np.ndarray]
    successes: int
    levels: set[Any]
    events: dict[str, int]
    looks: set[Any]

    @classmethod
    def play(cls, env: Any, actions: np.ndarray, seed: int, pictures: int) -> _Tape:
        """Step through ``actions``."""
        level = engine_of(env)
        tape = cls([], [], [], [], [], 0, set(), {}, set())
        env.reset_all(seed)
        tape.state.append(level.proof_state())
        shown = max(1, len(actions) // max(1, pictures))
        for t, action in enumerate(actions):
            step = env.step_tensor(action)
            tape.state.append(level.proof_state())
            for name in ("reward", "terminated", "truncated"):
                getattr(tape, name).append(getattr(step, name).cpu().numpy().copy())
            tape.successes += int(np.sum(step.info["is_success"])) if "is_success" in step.info else 0
            for key in (key for key, kind in env.info_keys.items() if kind == np.bool_):
                tape.events[key] = tape.events.get(key, 0) + int(np.sum(step.info[key]))
            tape.levels |= set(np.asarray(step.info["level"]).tolist()) if "level" in step.info else set()
            tape.looks |= set(np.asarray(getattr(level, "looks", [])).tolist())
            if t % shown == 0:
                tape.frames.append(env.render_frame(0))
        return tape


def compare(engine: str, bare: _Tape, dressed: _Tape) -> Report:
    """Two replays of the same actions as a report."""
    counts: dict[str, int] = dict.fromkeys(("state", "reward", "terminated", "truncated"), 0)
    first = ""
    for name in counts:
        for t, (a, b) in enumerate(zip(getattr(bare, name), getattr(dressed, name), strict=True)):
            same = (a == b) | ((a != a) & (b != b))
            rows = np.flatnonzero(~same.reshape(len(a), -1).all(axis=1))
            counts[name] += len(rows)
            if len(rows) and not first:
                i = int(rows[0])
                where = np.argwhere(~same[i])[:1].tolist()
                first = f"{name} of environment {i} at step {t}{f', place {where[0]}' if where and where[0] else ''}"
    ended = [a | b for a, b in zip(bare.terminated, bare.truncated, strict=True)]
    changed = [not np.array_equal(a, b) for a, b in zip(bare.frames, dressed.frames, strict=True)]
    return Report(
        engine=engine,
        steps=int(sum(len(r) for r in bare.reward)),
        episodes=int(sum(e.sum() for e in ended)),
        terminated=int(sum(t.sum() for t in bare.terminated)),
        successes=bare.successes,
        levels=len(bare.levels),
        events=bare.events,
        looks=len(dressed.looks),
        differences=counts,
        first=first,
        changed_pictures=float(np.mean(changed)) if changed else 0.0,
    )
