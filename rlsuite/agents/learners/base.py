"""What on-policy and off-policy learners share: environment, random streams, statistics, state."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from rlsuite.agents.contracts import LearnedReward
from rlsuite.agents.learners.adapter import as_vector_env
from rlsuite.agents.learners.episodes import EpisodeStatistics
from rlsuite.envs.vector import StateTree, VectorEnv
from rlsuite.errors import RunError, UserError
from rlsuite.runs.seeding import stream_seed, torch_stream


def choose_device(device: str | torch.device, *, images: bool) -> torch.device:
    """The device to learn on: ``auto`` is CUDA for images where there is one, else the CPU.

    Small networks on vectors are faster on the CPU than the transfers they would cost.

    Raises:
        UserError: CUDA was asked for and there is none.
    """
    name = str(device)
    if name == "auto":
        return torch.device("cuda" if images and torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"device: {name} was asked for, but torch sees no CUDA device here. Use device: cpu or auto.")
    return torch.device(name)


class Learner(BaseAlgorithm):
    """Base of rlsuite's learners; placed before a stable-baselines3 algorithm in the class order.

    It brings what the run relies on (docs/architecture.md): an environment that steps in tensors,
    random streams of its own, episode statistics, `training_state`, `stop_requested`.
    """

    env: VectorEnv  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]
    rewards: Sequence[LearnedReward]
    extrinsic_coef: float
    stop_requested: bool

    @staticmethod
    def _wrap_env(env: VecEnv | gym.Env, verbose: int = 0, monitor_wrapper: bool = True) -> VectorEnv:  # type: ignore[override]
        return as_vector_env(env)

    def _setup_learner(self, rewards: Sequence[LearnedReward], extrinsic_coef: float) -> None:
        names = [r.name for r in rewards]
        if len(set(names)) != len(names):
            raise UserError(f"agent.rewards: names must differ, got {', '.join(names)}")
        self.rewards = list(rewards)
        self.extrinsic_coef = extrinsic_coef
        self.stop_requested = False
        self.iteration = 0
        self.statistics = EpisodeStatistics(self.env.num_envs)
        self._obs = torch.empty(0)
        self._episode_start = torch.ones(self.env.num_envs, dtype=torch.bool, device=self.device)

    def set_random_seed(self, seed: int | None = None) -> None:
        """Seed this learner's own streams; torch's, numpy's and the environment's global ones stay untouched."""
        self._root_seed = secrets.randbits(63) if seed is None else int(seed)
        kind = type(self).__name__.lower()
        self.action_rng = torch_stream(self._root_seed, f"{kind}/actions", self.device)
        self.batch_rng = torch_stream(self._root_seed, f"{kind}/minibatches", self.device)
        self.action_space.seed(stream_seed(self._root_seed, f"{kind}/action_space") % 2**32)

    def init_seed(self, what: str = "parameters") -> int:
        """Seed of the parameters' initial values, or of another stream of this learner's."""
        return stream_seed(self._root_seed, f"{type(self).__name__.lower()}/{what}")

    def _setup_learn(  # type: ignore[override]
        self,
        total_timesteps: int,
        callback: Any = None,
        reset_num_timesteps: bool = True,
        tb_log_name: str = "run",
        progress_bar: bool = False,
    ) -> tuple[int, BaseCallback]:
        fresh = reset_num_timesteps or self._last_obs is None
        # stable-baselines3 counts on from num_timesteps; here the total always counts from 0
        more = total_timesteps if reset_num_timesteps else total_timesteps - self.num_timesteps
        total, callbacks = super()._setup_learn(more, callback, reset_num_timesteps, tb_log_name, progress_bar)
        if fresh:
            self._obs = torch.as_tensor(self._last_obs, device=self.device).clone()
            self._episode_start.fill_(True)
            self.statistics.reset()
        self.stop_requested = False
        return total, callbacks

    def _record_episodes(self, reward: torch.Tensor, ended: torch.Tensor, success: torch.Tensor | None) -> None:
        """Take (n_steps, n_envs) tensors into the episode statistics that SB3's logging reads."""
        assert self.ep_info_buffer is not None
        assert self.ep_success_buffer is not None
        episodes = self.statistics.add(reward, ended, success)
        for episode in episodes:
            self.ep_info_buffer.append({"r": episode.reward, "l": episode.length, "t": 0.0})
            if episode.success is not None:
                self.ep_success_buffer.append(episode.success)
        self._episode_num += len(episodes)

    def _record_metrics(self, metrics: dict[str, torch.Tensor | float]) -> None:
        """Log metrics, reading every tensor in one transfer.

        Raises:
            RunError: One of them is not finite: training has diverged.
        """
        tensors = {k: v for k, v in metrics.items() if isinstance(v, torch.Tensor)}
        if tensors:
            values = torch.stack([v.detach().to(self.device, torch.float64).mean() for v in tensors.values()]).tolist()
            metrics = metrics | dict(zip(tensors, values, strict=True))
        bad = [k for k, v in metrics.items() if k.endswith("loss") and not np.isfinite(float(v))]
        if bad:
            raise RunError(
                f"{', '.join(bad)} is not finite after {self.num_timesteps} env steps: training has diverged. "
                "Lower the learning rate, or resume from the last checkpoint with other settings."
            )
        for key, value in metrics.items():
            self.logger.record(key, float(value))

    # -- what the run saves --------------------------------------------------------------------

    def policy_state(self) -> StateTree:
        """The part that acts: parameters and observation normalisation."""
        return dict(self.policy.state_dict())

    def load_policy_state(self, tree: StateTree) -> None:
        """Bring `policy_state` back."""
        self.policy.load_state_dict(tree)

    def training_state(self) -> StateTree:
        """Everything resume needs; to be called between iterations (a callback's ``on_rollout_start``)."""
        assert self.ep_info_buffer is not None
        assert self.ep_success_buffer is not None
        return {
            "policy": self.policy_state(),
            "rewards": {r.name: dict(r.state_dict()) for r in self.rewards},
            "env": self.env.state_dict(),
            "obs": self._obs.clone(),
            "episode_start": self._episode_start.clone(),
            "rng": {"actions": self.action_rng.get_state(), "minibatches": self.batch_rng.get_state()},
            "statistics": self.statistics.state_dict(),
            "episodes": [[float(e["r"]), int(e["l"])] for e in self.ep_info_buffer],
            "successes": [float(s) for s in self.ep_success_buffer],
            "counters": {
                "num_timesteps": self.num_timesteps,
                "iteration": self.iteration,
                "n_updates": self._n_updates,
                "episode_num": self._episode_num,
                "progress_remaining": float(self._current_progress_remaining),
            },
        }

    def load_training_state(self, tree: StateTree) -> None:
        """Bring `training_state` back; ``learn(total, reset_num_timesteps=False)`` then goes on."""
        self.load_policy_state(tree["policy"])
        for reward in self.rewards:
            reward.load_state_dict(tree["rewards"][reward.name])
        restored = self.env.load_state_dict(tree["env"]).to(self.device)
        if self.env.restorable:
            self._obs = tree["obs"].to(self.device)
            self._episode_start = tree["episode_start"].to(self.device)
            self.statistics.load_state_dict(tree["statistics"])
        else:  # the engine began new episodes
            self._obs = restored.clone()
            self._episode_start = torch.ones_like(self._episode_start)
            self.statistics.reset()
        self._last_obs = self._obs.cpu().numpy()
        self._last_episode_starts = self._episode_start.cpu().numpy()
        self.action_rng.set_state(tree["rng"]["actions"].cpu())
        self.batch_rng.set_state(tree["rng"]["minibatches"].cpu())
        size = self._stats_window_size
        self.ep_info_buffer = deque([{"r": r, "l": n, "t": 0.0} for r, n in tree["episodes"]], maxlen=size)
        self.ep_success_buffer = deque(tree["successes"], maxlen=size)
        counters = tree["counters"]
        self.num_timesteps = counters["num_timesteps"]
        self.iteration = counters["iteration"]
        self._n_updates = counters["n_updates"]
        self._episode_num = counters["episode_num"]
        self._current_progress_remaining = counters["progress_remaining"]

    def save(self, path: Any, exclude: Any = None, include: Any = None) -> None:
        """Same as `export`: a zip that stock stable-baselines3 opens. Resuming needs `training_state` instead."""
        self.export(path)

    def export(self, path: Any) -> None:
        """Write a zip that stock stable-baselines3 loads and that predicts the same.

        Raises:
            UserError: The policy has a part that stock stable-baselines3 has no counterpart for.
        """
        from rlsuite.agents.learners.export import export

        export(self, path)
