"""What a batched task is: how to observe, score and begin many copies of one MuJoCo model.

The functions reproduce Gymnasium's v5 tasks to the last bit: they repeat its arithmetic in its order
and its types (a float32 action makes a float32 control cost), on arrays with a leading dimension.

Reference: Gymnasium, ``gymnasium.envs.mujoco``, tasks v5 (Towers et al. 2024, arXiv 2407.17032).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Fields = Mapping[str, NDArray[np.float64]]
"""MjData fields of n environments, name to (n, ...) float64."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one action brought to n environments.

    Attributes:
        reward: (n,) float64.
        terminated: (n,) bool.
        info: Gives the info arrays (n, ...); it may read the fields, so it is called before they change.
    """

    reward: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    info: Callable[[], dict[str, Floats]]


class Task:
    """One Gymnasium v5 task over a batch. Subclasses fill in the class attributes and methods.

    Args:
        model: The compiled ``MjModel``.

    Attributes:
        xml: File name among Gymnasium's MuJoCo assets.
        frame_skip: mj_steps per action.
        max_episode_steps: Time limit in actions.
        fields: MjData fields that the task reads after a step.
        reads_contact_forces: Whether it reads what only mj_rnePostConstraint computes (``cfrc_ext``).
        camera: Default camera (keys of ``MjvCamera``), as Gymnasium sets it.
        info_keys: Keys of the info arrays.
    """

    xml: str
    frame_skip: int
    max_episode_steps: int = 1000
    fields: tuple[str, ...] = ("qpos", "qvel")
    reads_contact_forces: bool = False
    camera: ClassVar[Mapping[str, Any]] = {}
    info_keys: tuple[str, ...] = ()
    reset_noise_scale: float = 0.0

    def __init__(self, model: Any) -> None:
        self.model = model
        self.dt = float(model.opt.timestep) * self.frame_skip
        self.nq, self.nv, self.nu = int(model.nq), int(model.nv), int(model.nu)
        self.init_qpos = np.array(model.qpos0, dtype=np.float64)
        self.init_qvel = np.zeros(self.nv)

    @property
    def obs_size(self) -> int:
        """Numbers in one observation."""
        raise NotImplementedError

    @property
    def anchor_size(self) -> int:
        """Numbers that `anchor` keeps per environment."""
        return 0

    def anchor(self, fields: Fields) -> Floats:
        """What a step's velocity is measured from, (n, `anchor_size`)."""
        return fields["qpos"][:, :0]

    def observe(self, fields: Fields, out: Floats) -> None:
        """Write the observations into ``out`` (n, `obs_size`)."""
        raise NotImplementedError

    def score(self, before: Floats, after: Floats, fields: Fields, action: Floats) -> Outcome:
        """Reward, termination and info of a step.

        Args:
            before: The anchors (n, `anchor_size`) before the step.
            after: The anchors after it.
            fields: MjData after the step.
            action: (n, nu) as the agent gave it; its dtype decides the control cost's, as in Gymnasium.
        """
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, out: NDArray[np.float64]) -> None:
        """Fill ``out`` (nq + nv,) with the random numbers of one new episode; uniform in [0, 1) unless overridden."""
        rng.random(out=out)

    def place(self, draws: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Turn the draws of k episodes (k, nq + nv) into qpos (k, nq) and qvel (k, nv).

        Uniform noise within +-`reset_noise_scale` on both unless overridden.
        """
        noise = uniform(draws, self.reset_noise_scale)
        return self.init_qpos + noise[:, : self.nq], self.init_qvel + noise[:, self.nq :]


class GaussianVelocities(Task):
    """A task whose episodes begin with uniform noise on positions and Gaussian noise on velocities."""

    def draw(self, rng: np.random.Generator, out: NDArray[np.float64]) -> None:
        """Uniform numbers for the positions, standard normal ones for the velocities."""
        rng.random(out=out[: self.nq])
        rng.standard_normal(out=out[self.nq :])

    def place(self, draws: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scale both by `reset_noise_scale`."""
        scale = self.reset_noise_scale
        return self.init_qpos + uniform(draws[:, : self.nq], scale), self.init_qvel + scale * draws[:, self.nq :]


def uniform(draws: NDArray[np.float64], bound: float) -> NDArray[np.float64]:
    """Numbers in [0, 1) stretched to [-bound, bound)."""
    return 2.0 * bound * draws - bound


def control_cost(weight: float, action: Floats) -> Floats:
    """``weight * sum(action ** 2)`` per environment, (n,), in the action's precision."""
    return weight * np.add.reduce(np.square(action), axis=1)


def clip(values: Floats, bound: float, out: Floats) -> None:
    """Write ``values`` within +-``bound`` into ``out``, rounding to its type; a third of the time of `np.clip`."""
    np.minimum(np.maximum(values, -bound), bound, out=out, casting="same_kind")


def plane_distance(qpos: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of the root from the origin in the plane, (n,)."""
    xy = np.ascontiguousarray(qpos[:, :2])
    return np.sqrt(np.vecdot(xy, xy))
