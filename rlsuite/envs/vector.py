"""The vector environment every level offers: a stable-baselines3 `VecEnv` with a tensor step.

CPU-resident and GPU-resident environments look alike. A learner that wants speed splits the
environments into groups and overlaps them::

    env.set_groups(2)
    env.send(actions[env.group_slice(0)], group=0)   # returns at once
    ...                                               # infer for group 1 meanwhile
    step = env.recv(group=0)

Everything made for stable-baselines3 (`reset`, `step`, callbacks, `evaluate_policy`) works too.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from rlsuite.envs.vec_env import VecEnv

SUCCESS_KEYS = ("is_success", "success")
"""Names under which a level's info tells whether an episode succeeded; the first that is there counts."""

StateTree = Any
"""Nested dicts and lists of tensors, arrays, int, float, str, bool and None: what checkpoints hold."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of a group of n environments gave. Tensors lie on the environment's device.

    The tensors may be views of the environment's own buffers: they are valid until the next
    `send` of the same group. Whoever keeps one, copies it.

    Attributes:
        obs: (n, *obs_shape), after same-step auto-reset: what the next action answers to.
        reward: (n,) float32, the environment's own reward, raw.
        terminated: (n,) bool, the episode ended in a terminal state.
        truncated: (n,) bool, the episode was cut (time limit) in a state that has a future.
        next_obs: (n, *obs_shape), the true successor of the last action; equals ``obs`` where no
            episode ended. May be the same tensor as ``obs`` when none did.
        info: declared keys to (n, ...) arrays or tensors; see `VectorEnv.info_keys`.
    """

    obs: torch.Tensor
    reward: torch.Tensor
    terminated: torch.Tensor
    truncated: torch.Tensor
    next_obs: torch.Tensor
    info: Mapping[str, Any]


class VectorEnv(VecEnv):
    """Base of rlsuite's vector environments.

    A subclass sets up its buffers, calls ``super().__init__`` and implements `reset_all`, `send`
    and `recv`; everything else has a default. Vectors are float32 (float64 on request), images
    uint8 (N, C, H, W).

    Args:
        n_envs: Number of environments.
        observation_space: Space of one environment's observation.
        action_space: Space of one environment's action.
        info_keys: Name to dtype of every array that ``Step.info`` carries.
        device: Where the tensors of a step lie.
        render_fps: Real frame rate of the level in agent decisions per second.
        frames_per_step: Engine frames that one decision takes.
    """

    restorable: bool = False
    """Whether `state_dict` brings back the engine bit for bit (MuJoCo, NES); if not, a resumed
    run restarts its episodes."""

    overlap_pays: bool = True
    """Whether stepping one half while the other's actions are inferred on the CPU is faster than stepping all at
    once: not where the threads that step share out all environments at no cost."""

    def __init__(
        self,
        n_envs: int,
        observation_space: gym.Space,
        action_space: gym.Space,
        *,
        info_keys: Mapping[str, Any] | None = None,
        device: str | torch.device = "cpu",
        render_fps: float = 30.0,
        frames_per_step: int = 1,
    ) -> None:
        self.info_keys = {k: np.dtype(v) for k, v in (info_keys or {}).items()}
        self.device = torch.device(device)
        self.render_fps = render_fps
        self.frames_per_step = frames_per_step
        self.render_mode = "rgb_array"
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": render_fps}
        super().__init__(n_envs, observation_space, action_space)
        self._slices = [slice(0, n_envs)]
        self._pending: np.ndarray | torch.Tensor | None = None
        self._returns = np.zeros(n_envs)
        self._lengths = np.zeros(n_envs, dtype=np.int64)
        self._wanted_seeds: list[int | None] = [None] * n_envs

    # -- the tensor interface, what a learner uses ---------------------------------------------

    def set_groups(self, n_groups: int) -> None:
        """Split the environments into ``n_groups`` contiguous groups, for overlapped stepping."""
        if not 1 <= n_groups <= self.num_envs:
            raise ValueError(f"n_groups must lie in 1..{self.num_envs}, got {n_groups}")
        edges = np.linspace(0, self.num_envs, n_groups + 1).astype(int)
        self._slices = [slice(int(a), int(b)) for a, b in pairwise(edges)]

    @property
    def n_groups(self) -> int:
        """How many groups step on their own."""
        return len(self._slices)

    def group_slice(self, group: int) -> slice:
        """The environments of one group."""
        return self._slices[group]

    @abstractmethod
    def reset_all(self, seed: int | None = None) -> torch.Tensor:
        """Begin a new episode in every environment.

        Args:
            seed: If given, every environment's random stream is seeded anew from it
                (environment i as from ``SeedSequence(seed).spawn``); otherwise the streams go on.

        Returns:
            obs (n_envs, *obs_shape).
        """

    @abstractmethod
    def send(self, actions: torch.Tensor | np.ndarray, group: int = 0) -> None:
        """Begin to step one group, returning at once. ``actions`` is (n, *action_shape)."""

    @abstractmethod
    def recv(self, group: int = 0) -> Step:
        """Wait for the group sent last and return what it gave."""

    def step_tensor(self, actions: torch.Tensor | np.ndarray) -> Step:
        """Step every environment and wait (one group only)."""
        if self.n_groups != 1:
            raise RuntimeError("step_tensor needs one group; call set_groups(1) first")
        self.send(actions, 0)
        return self.recv(0)

    def state_dict(self) -> StateTree:
        """Everything needed to go on bit for bit, if `restorable`; otherwise the random streams.

        A subclass adds its own entries to these (the running episodes' sums, which belong to the
        stable-baselines3 interface).
        """
        return {"episode_returns": self._returns.copy(), "episode_lengths": self._lengths.copy()}

    def load_state_dict(self, state: StateTree) -> torch.Tensor:
        """Bring back `state_dict` (or, if not `restorable`, restart the episodes).

        Returns:
            obs (n_envs, *obs_shape): the observations that the next actions answer to.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot restore its state")

    def _load_episode_sums(self, state: StateTree) -> None:
        """Bring back the running episodes' returns and lengths; a subclass that restores calls it."""
        self._returns[:] = np.asarray(state.get("episode_returns", 0.0))
        self._lengths[:] = np.asarray(state.get("episode_lengths", 0))

    def render_frame(self, index: int = 0) -> np.ndarray:
        """A picture of one environment, uint8 (H, W, 3)."""
        raise NotImplementedError(f"{type(self).__name__} has no picture to show")

    # -- the stable-baselines3 interface, derived ----------------------------------------------

    def reset(self) -> np.ndarray:  # type: ignore[override]
        """stable-baselines3's reset: obs as a numpy array."""
        seed = self._seeds[0]
        self._returns[:] = 0.0
        self._lengths[:] = 0
        obs = self.reset_all(seed)
        self._reset_seeds()
        self._reset_options()
        return np.array(obs.cpu().numpy())

    def step_async(self, actions: np.ndarray) -> None:
        """Begin a step of every environment."""
        self.set_groups(1)
        self.send(actions, 0)

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict]]:  # type: ignore[override]
        """Finish it: copies, with stable-baselines3's ``terminal_observation`` and ``episode`` infos."""
        step = self.recv(0)
        reward = step.reward.cpu().numpy().copy()
        terminated, truncated = step.terminated.cpu().numpy(), step.truncated.cpu().numpy()
        done = np.logical_or(terminated, truncated)
        self._returns += reward
        self._lengths += 1
        infos: list[dict] = [{k: v[i] for k, v in step.info.items()} for i in range(self.num_envs)]
        for i in np.flatnonzero(done):
            infos[i]["terminal_observation"] = step.next_obs[i].cpu().numpy().copy()
            infos[i]["TimeLimit.truncated"] = bool(truncated[i] and not terminated[i])
            infos[i]["episode"] = {"r": float(self._returns[i]), "l": int(self._lengths[i]), "t": 0.0}
            self._returns[i] = 0.0
            self._lengths[i] = 0
        return step.obs.cpu().numpy().copy(), reward, done, infos

    def close(self) -> None:
        """Free the engines."""

    def get_images(self) -> Sequence[np.ndarray | None]:
        """One picture per environment."""
        return [self.render_frame(i) for i in range(self.num_envs)]

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The attribute of the vector environment, once per environment asked for."""
        return [getattr(self, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of the vector environment (all environments share it)."""
        setattr(self, attr_name, value)

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Call a method of the vector environment, once per environment asked for."""
        return [getattr(self, method_name)(*method_args, **method_kwargs) for _ in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Whether each environment carries the wrapper; episode statistics are built in."""
        wrapped = getattr(wrapper_class, "__name__", "") == "Monitor"
        return [wrapped for _ in self._get_indices(indices)]
