"""Tiny experiments on a real MuJoCo level, and what two runs must have in common."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from rlsuite.runs.checkpoint import load_checkpoint
from rlsuite.runs.folder import RunFolder
from rlsuite.runs.keeper import CheckpointKeeper

os.environ.setdefault("OMP_NUM_THREADS", "1")

PPO = {"kind": "ppo", "n_steps": 32, "batch_size": 64, "n_epochs": 2, "normalize_reward": True}
SAC = {
    "kind": "sac",
    "buffer_size": 5000,
    "learning_starts": 100,
    "batch_size": 32,
    "gradient_steps": 2,
    "network": {"hidden": [32, 32]},
    "reward_update_every": 100,
    "reward_updates": 2,
    "reward_batch_size": 32,
}
GAIL = {"kind": "gail", "hidden_sizes": [16], "n_updates": 2, "batch_size": 32}
N = 512
"""Half a training, in env steps."""


def experiment(learner: dict, demos: Path | None = None, **more) -> dict:
    """An experiment of seconds, as a mapping."""
    found = {
        "name": "tiny",
        "seed": 3,
        "env": {"id": "mujoco/Hopper-v5", "n_envs": 4, "n_threads": 1, "max_episode_steps": 40},
        "agent": {"kind": "rl", "learner": learner},
        "budget": {"env_steps": 2 * N},
        "eval": {"every_steps": 256, "n_episodes": 2, "final_episodes": 2},
        "checkpoint": {"every_seconds": 0, "every_steps": 256},
        "video": {"final": False},
    }
    if demos is not None:
        found["agent"] = {"kind": "gail", "learner": learner, "rewards": [GAIL]}
        found["demos"] = {"id": str(demos), "n_trajectories": 3, "subsample": 2, "allow_other_env": True}
    return found | more


@pytest.fixture(scope="session")
def demos(tmp_path_factory) -> Path:
    """Three short episodes of nobody in particular, as an npz file."""
    rng = np.random.default_rng(0)
    lengths = [30, 40, 35]
    starts = np.zeros(sum(lengths), dtype=bool)
    starts[np.cumsum([0, *lengths[:-1]])] = True
    n = len(starts)
    path = tmp_path_factory.mktemp("demos") / "hopper.npz"
    np.savez(
        path,
        obs=rng.normal(size=(n, 11)).astype(np.float32),
        actions=rng.uniform(-1, 1, size=(n, 3)).astype(np.float32),
        rewards=np.ones(n, dtype=np.float32),
        episode_starts=starts,
    )
    return path


@pytest.fixture(autouse=True)
def _short_ending(monkeypatch):
    """Cloning for thousands of steps and drawing figures is not what these tests are about."""
    from rlsuite.experiment import finish
    from rlsuite.experiment.session import Session

    monkeypatch.setattr(Session, "smoke", True)  # the baseline shrinks with it
    monkeypatch.setattr(finish, "_leave_plots", lambda session: None)


def final_state(run: Path) -> dict:
    """Every part of the newest checkpoint but the run's own clocks."""
    parts = load_checkpoint(CheckpointKeeper(RunFolder(run).checkpoints).newest_sound()[0].path)
    parts.pop("run")
    return parts


def metric_lines(run: Path) -> list[dict]:
    """``metrics.jsonl`` without what depends on the clock or the machine."""
    lines = [json.loads(line) for line in RunFolder(run).metrics.read_text().splitlines()]
    timed = ("time/fps", "time/time_elapsed", "time/train_s", "sys/")
    return [{k: v for k, v in line.items() if k != "wall_s" and not k.startswith(timed)} for line in lines]


def tensorboard_steps(run: Path) -> dict[str, list[int]]:
    """Tag to the steps TensorBoard shows."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(RunFolder(run).tensorboard), size_guidance={"scalars": 0})
    found.Reload()
    return {tag: [e.step for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}
