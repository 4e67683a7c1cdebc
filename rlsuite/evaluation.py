"""Playing episodes with a policy and scoring them: vectorised, unbiased, on seeds of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from rlsuite.envs.vector import SUCCESS_KEYS, Step, VectorEnv
from rlsuite.runs.seeding import numpy_stream, stream_seed


class Policy(Protocol):
    """What can be evaluated: any stable-baselines3 model or policy, recurrent ones included."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        """Actions (n_envs, ...) and the next recurrent state, for raw observations (n_envs, ...)."""
        ...


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the episodes of an evaluation gave, in the order environment by environment.

    Attributes:
        returns: (n,) undiscounted sums of the environment's own reward.
        lengths: (n,) agent decisions.
        successes: (n,) 0 or 1, or None if the level does not tell.
        progress: (n,) share of the level that was reached, or None if the level does not tell.
    """

    returns: np.ndarray
    lengths: np.ndarray
    successes: np.ndarray | None = None
    progress: np.ndarray | None = None

    @property
    def return_mean(self) -> float:
        """Mean return."""
        return float(self.returns.mean())

    def to_dict(self, score: Callable[[Evaluation], float | None] = lambda _: None) -> dict[str, Any]:
        """Plain numbers, as ``summary.json`` holds them."""
        return {
            "return_mean": self.return_mean,
            "return_std": float(self.returns.std()),
            "n_episodes": len(self.returns),
            "normalized_score": score(self),
            "success_rate": None if self.successes is None else float(self.successes.mean()),
            "length_mean": float(self.lengths.mean()),
            "return_min": float(self.returns.min()),
            "return_max": float(self.returns.max()),
        }


def play(
    policy: Policy,
    env: VectorEnv,
    n_episodes: int,
    *,
    seed: int,
    deterministic: bool = True,
    on_step: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Play ``n_episodes`` and return what they gave.

    Each environment plays a number of episodes that is fixed beforehand, and all of them count: taking the
    first that end instead would favour short ones. Sampled actions (``deterministic=False``) come from a stream
    of their own; the policy's streams are as before afterwards.

    Args:
        policy: Takes raw observations; its recurrent state, if any, is carried along.
        env: An environment that nothing else uses; it is reset with ``seed``.
        n_episodes: How many, over all environments.
        seed: Of the environments' streams and of sampled actions.
        deterministic: Take the policy's mode instead of a sample.
        on_step: Called before each step; may raise to stop.
    """
    n = env.num_envs
    quota = np.full(n, n_episodes // n) + (np.arange(n) < n_episodes % n)
    tally = _Tally(quota)
    with own_streams(policy, stream_seed(seed, "evaluation/actions")):
        env.set_groups(1)
        obs, state, start = env.reset_all(seed), None, np.ones(n, dtype=bool)
        while not tally.finished:
            on_step()
            action, state = policy.predict(
                obs.cpu().numpy(), state=state, episode_start=start, deterministic=deterministic
            )
            step = env.step_tensor(action)
            start = tally.add(step)
            obs = step.obs
    return tally.result()


class _Tally:
    """Counts the episodes of each environment up to its quota."""

    def __init__(self, quota: np.ndarray) -> None:
        self._quota = quota
        self._return = np.zeros(len(quota))
        self._length = np.zeros(len(quota), dtype=np.int64)
        self._episodes: list[list[tuple[float, int, float | None, float | None]]] = [[] for _ in quota]
        self._open = int(quota.sum())

    @property
    def finished(self) -> bool:
        """Whether every quota is met."""
        return self._open == 0

    def add(self, step: Step) -> np.ndarray:
        """Take in a step; return which environments begin an episode now, (n,) bool."""
        self._return += step.reward.cpu().numpy()
        self._length += 1
        ended = (step.terminated | step.truncated).cpu().numpy()
        success = next((step.info[k] for k in SUCCESS_KEYS if k in step.info), None)
        progress = step.info.get("progress")
        for i in np.flatnonzero(ended).tolist():
            if len(self._episodes[i]) < self._quota[i]:
                self._episodes[i].append(
                    (float(self._return[i]), int(self._length[i]), _item(success, i), _item(progress, i))
                )
                self._open -= 1
            self._return[i], self._length[i] = 0.0, 0
        return ended

    def result(self) -> Evaluation:
        """The episodes as arrays."""
        returns, lengths, successes, progress = zip(*(e for own in self._episodes for e in own), strict=True)
        return Evaluation(np.array(returns), np.array(lengths), _array(successes), _array(progress))


def _item(values: Any, i: int) -> float | None:
    return None if values is None else float(values[i])


def _array(values: tuple[float | None, ...]) -> np.ndarray | None:
    return None if any(v is None for v in values) else np.array(values, dtype=np.float64)


@contextlib.contextmanager
def own_streams(policy: Any, seed: int) -> Iterator[None]:
    """Let sampled actions come from ``seed``; torch's stream and the policy's own are put back afterwards."""
    generators = [g for g in getattr(policy, "__dict__", {}).values() if isinstance(g, torch.Generator)]
    states = [g.get_state() for g in generators]
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        for generator in generators:
            generator.manual_seed(seed)
        try:
            yield
        finally:
            for generator, state in zip(generators, states, strict=True):
                generator.set_state(state)


class RandomPolicy:
    """Uniformly random actions: the 0 of many scores.

    Args:
        action_space: Of one environment.
        n_envs: Environments side by side.
        seed: Of its stream.
    """

    def __init__(self, action_space: Any, n_envs: int, seed: int) -> None:
        self._space = action_space
        self._n_envs = n_envs
        action_space.seed(int(numpy_stream(seed, "evaluation/random").integers(2**31)))

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        """Random actions (n_envs, ...); nothing else matters."""
        return np.stack([self._space.sample() for _ in range(self._n_envs)]), None


def level_score(tags: Mapping[str, Any], evaluation: Evaluation) -> float | None:
    """The level's own score of an evaluation, in [0, 1] for the policies it was scaled with; None if it has none.

    Args:
        tags: Of the level's registry entry; see `rlsuite.envs.levels`.
        evaluation: What the episodes gave.
    """
    match tags.get("score"):
        case "success" if evaluation.successes is not None:
            return float(evaluation.successes.mean())
        case "progress" if evaluation.progress is not None:
            return float(evaluation.progress.mean())
        case "return" if "ref_min_score" in tags and "ref_max_score" in tags:
            low, high = tags["ref_min_score"], tags["ref_max_score"]
            return (evaluation.return_mean - low) / (high - low)
    return None
