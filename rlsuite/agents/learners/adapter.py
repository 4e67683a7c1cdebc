"""Any Gymnasium environment or stable-baselines3 `VecEnv`, seen as rlsuite's `VectorEnv`."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.preprocessing import is_image_space, is_image_space_channels_first
from stable_baselines3.common.vec_env import VecEnv, VecTransposeImage

from rlsuite.envs.vector import StateTree, Step, VectorEnv
from rlsuite.errors import UserError


def as_vector_env(env: gym.Env | VecEnv) -> VectorEnv:
    """Return ``env`` itself if it is a `VectorEnv`, otherwise wrap it.

    Raises:
        UserError: Its observations are not an array (a Dict or Tuple space).
    """
    if isinstance(env, VectorEnv):
        return env
    vec_env = BaseAlgorithm._wrap_env(env) if not isinstance(env, VecEnv) else env
    space = vec_env.observation_space
    if not isinstance(space, (spaces.Box, spaces.Discrete, spaces.MultiBinary, spaces.MultiDiscrete)):
        raise UserError(f"rlsuite's learners need array observations, not {type(space).__name__}; flatten them first.")
    if is_image_space(space) and not is_image_space_channels_first(space):  # type: ignore[arg-type]
        vec_env = VecTransposeImage(vec_env)
    return AdaptedVecEnv(vec_env)


class AdaptedVecEnv(VectorEnv):
    """A stable-baselines3 `VecEnv` behind the tensor interface, in one group.

    Slower than a native `VectorEnv`: it copies, and it steps only as fast as the environment it wraps.
    """

    def __init__(self, vec_env: VecEnv) -> None:
        super().__init__(vec_env.num_envs, vec_env.observation_space, vec_env.action_space)
        self.venv = vec_env

    def set_groups(self, n_groups: int) -> None:
        """Stay in one group: a `VecEnv` steps all of its environments at once."""

    def seed(self, seed: int | None = None) -> list[int | None]:  # type: ignore[override]
        """Seed the wrapped environments at their next reset."""
        return list(self.venv.seed(seed))

    def reset_all(self, seed: int | None = None) -> torch.Tensor:
        """Reset the wrapped environments."""
        if seed is not None:
            self.venv.seed(seed)
        return torch.as_tensor(np.asarray(self.venv.reset()))

    def send(self, actions: torch.Tensor | np.ndarray, group: int = 0) -> None:
        """Begin to step all environments."""
        self.venv.step_async(np.asarray(actions))

    def recv(self, group: int = 0) -> Step:
        """Wait for them, and tell terminated from truncated by the infos."""
        obs, reward, done, infos = self.venv.step_wait()
        obs = np.asarray(obs)
        next_obs = obs
        truncated = np.zeros(self.num_envs, dtype=bool)
        if done.any():
            next_obs = obs.copy()
            for i in np.flatnonzero(done):
                next_obs[i] = infos[i].get("terminal_observation", obs[i])
                truncated[i] = infos[i].get("TimeLimit.truncated", False)
        return Step(
            obs=torch.as_tensor(obs),
            reward=torch.as_tensor(np.asarray(reward, dtype=np.float32)),
            terminated=torch.as_tensor(done & ~truncated),
            truncated=torch.as_tensor(truncated),
            next_obs=torch.as_tensor(next_obs),
            info={},
        )

    def load_state_dict(self, state: StateTree) -> torch.Tensor:
        """Begin new episodes: a foreign environment has no state to restore."""
        return self.reset_all()

    def render_frame(self, index: int = 0) -> np.ndarray:
        """A picture of one environment."""
        image = self.venv.get_images()[index]
        assert image is not None
        return image

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Ask the wrapped environments."""
        return self.venv.get_attr(attr_name, indices)

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Call the wrapped environments."""
        return self.venv.env_method(method_name, *method_args, indices=indices, **method_kwargs)

    def close(self) -> None:
        """Close the wrapped environments."""
        self.venv.close()
