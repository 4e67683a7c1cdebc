"""What ends a training before its steps do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from conftest import PPO

import rlsuite
from rlsuite.config.schema import load_experiment
from rlsuite.errors import ConfigError, UserError


class Short(gym.Env):
    """Episodes of four steps that succeed where the count of the episodes of this environment is within ``won``."""

    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, first: int = 0, last: int = 10**9) -> None:
        self.won, self.episode, self.t = range(first, last), -1, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.episode, self.t = self.episode + 1, 0
        return np.zeros(2, np.float32), {"is_success": 0.0}

    def step(self, action: Any) -> Any:
        self.t += 1
        won = float(self.episode in self.won)
        return np.zeros(2, np.float32), won, self.t == 4, False, {"is_success": won}


gym.register("rlsuite-test/Short-v0", Short)


def short(n_steps: int, success: float | None, **kwargs: int) -> dict[str, Any]:
    """An experiment of 16 environments; a vector step ends 4 episodes on average."""
    env = {"id": "gym/rlsuite-test/Short-v0", "n_envs": 16, "backend": "serial", "kwargs": kwargs}
    return {
        "name": "short",
        "budget": {"env_steps": n_steps} | ({} if success is None else {"success": success}),
        "env": env,
        "agent": {"kind": "rl", "learner": PPO | {"n_steps": 8}},
        "eval": {"every_steps": 0, "final_episodes": 2},
        "checkpoint": {"every_seconds": 0, "every_steps": 128},
        "video": {"final": False},
    }


def steps_of(given: dict[str, Any], folder: Path) -> int:
    """Env steps that a training took."""
    result = rlsuite.train(given, runs_dir=folder, quiet=True)
    assert result.status == "done"
    return int(result.summary["env_steps"])


def test_training_ends_when_success_has_lasted(tmp_path: Path) -> None:
    # a rollout of 128 steps ends 32 episodes: the first 100 are known after 4 of them, 100 more after 4 more
    assert steps_of(short(4096, 0.9), tmp_path) == 8 * 128
    assert "solved: success in 90% of training episodes" in next(tmp_path.glob("short/*/log.txt")).read_text()
    assert steps_of(short(1280, None), tmp_path / "plain") == 1280, "nobody asked for it"
    assert steps_of(short(1280, 0.9, last=0), tmp_path / "never") == 1280, "it never succeeded"


def test_a_lucky_stretch_ends_nothing(tmp_path: Path) -> None:
    # successes of episodes 0 to 8 of each environment fill the last hundred once, and not for a hundred more
    assert steps_of(short(2048, 0.9, last=9), tmp_path) == 2048


def test_a_resumed_training_ends_where_the_undisturbed_one_does(tmp_path: Path) -> None:
    first = rlsuite.train(short(5 * 128, 0.9), runs_dir=tmp_path, quiet=True)
    assert first.summary["env_steps"] == 5 * 128
    again = rlsuite.resume(first.path, ["budget.env_steps=4096"], quiet=True)
    assert again.summary["env_steps"] == 8 * 128


def test_mistakes_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="budget"):
        load_experiment({**short(128, None), "budget": {"success": 0.9}})
    with pytest.raises(ConfigError, match="budget"):
        load_experiment(short(128, 95.0))
    silent = short(128, 0.9) | {"env": {"id": "probe/value-only", "n_envs": 16}}
    with pytest.raises(UserError, match="probe/value-only does not tell"):
        rlsuite.train(silent, runs_dir=tmp_path, quiet=True)
    generator = {"budget": {"train_steps": 2, "success": 0.9}, "generator": {"kind": "dcgan", "preset": "tiny"}}
    with pytest.raises(UserError, match="no episodes"):
        rlsuite.train(
            generator | {"name": "g", "data": {"id": "shapes", "n_shapes": 20}}, runs_dir=tmp_path, quiet=True
        )
    assert not list(tmp_path.iterdir())
