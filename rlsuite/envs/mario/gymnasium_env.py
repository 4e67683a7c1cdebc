"""Mario as Gymnasium environments, usable without the rest of the suite.

import gymnasium as gym
import rlsuite.envs.gymnasium_ids

envs = gym.make_vec("rlsuite/Mario-v0", num_envs=64, stage="1-1", reward="dense", frame_size=84)
obs, info = envs.reset(seed=0)
obs, reward, terminated, truncated, info = envs.step(envs.action_space.sample())
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from pydantic import ValidationError

from rlsuite.envs.mario.config import MarioConfig
from rlsuite.envs.mario.entries import REWARDS
from rlsuite.envs.mario.level import FRAMES_PER_S, MarioVectorEnv
from rlsuite.errors import UserError

Info = dict[str, Any]
_METADATA = {"render_modes": ["rgb_array"], "render_fps": FRAMES_PER_S / MarioConfig.model_fields["frame_skip"].default}


def make_level(
    stage: str, reward: str, num_envs: int, device: str, n_threads: int | None, **options: Any
) -> MarioVectorEnv:
    """A Mario level from plain arguments; ``options`` are those of `config.MarioConfig`.

    Raises:
        UserError: No such stage or reward, or an option is wrong.
    """
    stages = [f"{world}-{number}" for world in range(1, 9) for number in range(1, 5)] + ["full"]
    if stage not in stages:
        raise UserError(f"no stage '{stage}'; allowed are 1-1 to 8-4, and full")
    if reward not in REWARDS:
        raise UserError(f"no reward '{reward}'; allowed are {', '.join(REWARDS)}")
    try:
        config = MarioConfig(id=f"mario/{stage}/{reward}", n_envs=num_envs, **options)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'options'}: {e['msg']}" for e in error.errors()]
        raise UserError("rlsuite/Mario-v0: " + "; ".join(lines)) from None
    return MarioVectorEnv(stage, reward, num_envs, options=config, device=device, n_threads=n_threads)


class MarioGymVectorEnv(gym.vector.VectorEnv):
    """Many Mario games; an ended episode begins anew in the same step, its last picture is ``final_obs``.

    Args:
        num_envs: Number of games.
        stage: ``"1-1"`` to ``"8-4"``, or ``"full"``.
        reward: ``"dense"``, ``"flag"`` or ``"no_reward"``.
        device: ``"cpu"`` or ``"cuda"``; observations come as numpy arrays all the same.
        n_threads: Threads that play; None for the number of cores.
        **options: Those of `config.MarioConfig`, e.g. ``frame_size=84``.
    """

    metadata: Info = _METADATA | {"autoreset_mode": AutoresetMode.SAME_STEP}

    def __init__(
        self,
        num_envs: int = 1,
        stage: str = "1-1",
        reward: str = "dense",
        device: str = "cpu",
        n_threads: int | None = None,
        render_mode: str | None = "rgb_array",
        **options: Any,
    ) -> None:
        self.level = make_level(stage, reward, num_envs, device, n_threads, **options)
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.metadata = self.metadata | {"render_fps": self.level.render_fps}
        self.single_observation_space = self.level.observation_space
        self.single_action_space = self.level.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: Info | None = None
    ) -> tuple[np.ndarray, Info]:
        """Begin new episodes; of a list of seeds the first seeds all streams.

        With ``options={"reset_mask": mask}``, mask (num_envs,) bool, only where it is true; the others play on.
        """
        first = seed[0] if isinstance(seed, list) else seed
        mask = (options or {}).get("reset_mask")
        if mask is not None:
            return self.level.reset_where(mask, first).cpu().numpy().copy(), {}
        return self.level.reset_all(first).cpu().numpy().copy(), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Info]:
        """Decide in every game."""
        step = self.level.step_tensor(np.asarray(actions))
        terminated, truncated = step.terminated.cpu().numpy(), step.truncated.cpu().numpy()
        info: Info = {
            key: np.asarray(value.cpu() if hasattr(value, "cpu") else value) for key, value in step.info.items()
        }
        ended = terminated | truncated
        if ended.any():
            final = np.full(self.num_envs, None, dtype=object)
            for i in np.flatnonzero(ended):
                final[i] = step.next_obs[i].cpu().numpy().copy()
            info |= {"final_obs": final, "_final_obs": ended, "final_info": dict(info), "_final_info": ended}
        return step.obs.cpu().numpy().copy(), step.reward.cpu().numpy().astype(np.float64), terminated, truncated, info

    def render(self) -> tuple[np.ndarray, ...]:
        """Every game's whole screen, uint8 (240, 256, 3)."""
        return tuple(self.level.render_frame(i) for i in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """End the threads."""
        self.level.close()


class MarioEnv(gym.Env[np.ndarray, Any]):
    """One Mario game; arguments as `MarioGymVectorEnv`. For more than one, ``gymnasium.make_vec`` is faster."""

    metadata: Info = _METADATA

    def __init__(
        self, stage: str = "1-1", reward: str = "dense", render_mode: str | None = "rgb_array", **options: Any
    ) -> None:
        self.level = make_level(stage, reward, 1, options.pop("device", "cpu"), 1, **options)
        self.render_mode = render_mode
        self.metadata = self.metadata | {"render_fps": self.level.render_fps}
        self.observation_space, self.action_space = self.level.observation_space, self.level.action_space
        self._next: np.ndarray | None = None

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[np.ndarray, Info]:
        """Begin an episode (the one that the level began when the last one ended, if no seed is given)."""
        super().reset(seed=seed)
        obs, self._next = self._next, None
        if obs is None or seed is not None:
            obs = self.level.reset_all(seed)[0].cpu().numpy().copy()
        return obs, {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, Info]:
        """Decide once."""
        step = self.level.step_tensor(np.array([action]))
        terminated, truncated = bool(step.terminated[0]), bool(step.truncated[0])
        if terminated or truncated:
            self._next = step.obs[0].cpu().numpy().copy()
        info = {key: value[0].item() for key, value in step.info.items()}
        return step.next_obs[0].cpu().numpy().copy(), float(step.reward[0]), terminated, truncated, info

    def render(self) -> np.ndarray:
        """The whole screen, uint8 (240, 256, 3)."""
        return self.level.render_frame(0)

    def close(self) -> None:
        """End the threads."""
        self.level.close()
