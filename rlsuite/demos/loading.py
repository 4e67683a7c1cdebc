"""From a set to what an agent learns from: select, subsample, turn into tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlsuite.demos.checks import check_environment, check_spaces
from rlsuite.demos.config import DemosConfig
from rlsuite.demos.data import Demonstrations, DemoSet, Episode
from rlsuite.demos.store import read_set
from rlsuite.errors import DataError
from rlsuite.runs.seeding import numpy_stream


def load(
    config: DemosConfig, observation_space: Any, action_space: Any, seed: int, env_id: str | None = None
) -> Demonstrations:
    """Read, check, select and subsample the demonstrations of an experiment.

    Args:
        config: The ``demos`` section.
        observation_space: Of one environment; None is not checked.
        action_space: Of one environment; None is not checked.
        seed: The run's seed; the random starts of the subsampling come from its stream ``demos``.
        env_id: The experiment's level, e.g. ``"mujoco/Hopper-v5"``; None is not checked.

    Raises:
        UserError: No such set.
        DataError: It cannot be used: damaged, NaN, wrong environment, dimensions or actions.
    """
    demos = read_set(config.id)
    check_environment(demos, env_id, config.allow_other_env)
    data_hash = demos.data_hash()
    demos = check_spaces(demos, observation_space, action_space, config.actions_outside)
    return select(demos, config.n_trajectories, config.subsample, numpy_stream(seed, "demos"), data_hash)


def select(
    demos: DemoSet,
    n_trajectories: int | None,
    subsample: int,
    rng: np.random.Generator,
    data_hash: str = "",
) -> Demonstrations:
    """The first ``n_trajectories`` episodes, every ``subsample``-th step from a random start in each.

    Raises:
        DataError: The set has fewer episodes.
    """
    import torch

    n = len(demos.episodes) if n_trajectories is None else n_trajectories
    if n > len(demos.episodes):
        raise DataError(
            f"{demos.source or demos.id} holds {len(demos.episodes)} episodes, demos.n_trajectories asks for {n}"
        )
    episodes = demos.episodes[:n]
    kept = [kept_steps(len(e), subsample, rng) for e in episodes]

    def tensor(pick: Any) -> torch.Tensor:
        return torch.from_numpy(np.concatenate([pick(e, k) for e, k in zip(episodes, kept, strict=True)]))

    return Demonstrations(
        id=demos.id,
        obs=tensor(lambda e, k: e.obs[:-1][k]),
        action=tensor(_actions),
        next_obs=tensor(lambda e, k: e.obs[1:][k]),
        terminated=tensor(lambda e, k: e.terminated[k]),
        truncated=tensor(lambda e, k: e.truncated[k]),
        episode=torch.from_numpy(np.repeat(np.arange(n), [len(k) for k in kept])),
        n_trajectories=n,
        subsample=subsample,
        n_terminated=int(sum(bool(e.terminated[-1]) for e in episodes)),
        returns=tuple(e.undiscounted_return for e in episodes),
        env_id=demos.env_id,
        env_spec=demos.env_spec,
        ref_min_score=demos.ref_min_score,
        ref_max_score=demos.ref_max_score,
        data_hash=data_hash or demos.data_hash(),
    )


def kept_steps(length: int, subsample: int, rng: np.random.Generator) -> np.ndarray:
    """Indices of the steps that stay: from a random start below ``subsample``, every so many-th.

    An episode shorter than the start still keeps one step.
    """
    start = int(rng.integers(0, min(subsample, length)))
    return np.arange(start, length, subsample)


def _actions(episode: Episode, kept: np.ndarray) -> np.ndarray:
    action = episode.action[kept]
    return action.astype(np.int64 if np.issubdtype(action.dtype, np.integer) else np.float32)
