"""Hopper, Walker2d, HalfCheetah and Swimmer: tasks that read only positions and velocities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from rlsuite.envs.mujoco.tasks.base import (
    Fields,
    Floats,
    GaussianVelocities,
    Outcome,
    Task,
    clip,
    control_cost,
    plane_distance,
)


class _Planar(Task):
    """A body in the x-z plane: root x left out of the observation, reward for forward speed."""

    ctrl_cost_weight: float

    @property
    @override
    def obs_size(self) -> int:
        return self.nq + self.nv - 1

    @property
    @override
    def anchor_size(self) -> int:
        return 1

    @override
    def anchor(self, fields: Fields) -> Floats:
        return fields["qpos"][:, :1]

    @override
    def observe(self, fields: Fields, out: Floats) -> None:
        out[:, : self.nq - 1] = fields["qpos"][:, 1:]
        out[:, self.nq - 1 :] = fields["qvel"]

    def _velocity(self, before: Floats, after: Floats) -> Floats:
        return (after[:, 0] - before[:, 0]) / self.dt


class HalfCheetah(_Planar, GaussianVelocities):
    """Run; never terminates."""

    xml, frame_skip = "half_cheetah.xml", 5
    camera: ClassVar[Mapping[str, Any]] = {"distance": 4.0}
    info_keys = ("x_position", "x_velocity", "reward_forward", "reward_ctrl")
    ctrl_cost_weight = 0.1
    reset_noise_scale = 0.1

    @override
    def score(self, before: Floats, after: Floats, fields: Fields, action: Floats) -> Outcome:
        velocity = self._velocity(before, after)
        ctrl_cost = control_cost(self.ctrl_cost_weight, action)

        def info() -> dict[str, Floats]:
            return {
                "x_position": fields["qpos"][:, 0],
                "x_velocity": velocity,
                "reward_forward": velocity,
                "reward_ctrl": -ctrl_cost,
            }

        return Outcome(velocity - ctrl_cost, np.zeros(len(velocity), bool), info)


class _Upright(_Planar):
    """Stay healthy and move on; the observation clips velocities to +-10."""

    info_keys = (
        "x_position",
        "z_distance_from_origin",
        "x_velocity",
        "reward_forward",
        "reward_ctrl",
        "reward_survive",
    )
    ctrl_cost_weight = 1e-3
    reset_noise_scale = 5e-3

    def _healthy(self, fields: Fields) -> NDArray[np.bool_]:
        raise NotImplementedError

    @override
    def observe(self, fields: Fields, out: Floats) -> None:
        out[:, : self.nq - 1] = fields["qpos"][:, 1:]
        clip(fields["qvel"], 10.0, out[:, self.nq - 1 :])

    @override
    def score(self, before: Floats, after: Floats, fields: Fields, action: Floats) -> Outcome:
        velocity = self._velocity(before, after)
        survive = self._healthy(fields)
        ctrl_cost = control_cost(self.ctrl_cost_weight, action)

        def info() -> dict[str, Floats]:
            return {
                "x_position": fields["qpos"][:, 0],
                "z_distance_from_origin": fields["qpos"][:, 1] - self.init_qpos[1],
                "x_velocity": velocity,
                "reward_forward": velocity,
                "reward_ctrl": -ctrl_cost,
                "reward_survive": survive.astype(np.float64),
            }

        return Outcome(velocity + survive - ctrl_cost, ~survive, info)


class Hopper(_Upright):
    """Hop forward on one leg."""

    xml, frame_skip = "hopper.xml", 4
    camera: ClassVar[Mapping[str, Any]] = {
        "trackbodyid": 2,
        "distance": 3.0,
        "lookat": (0.0, 0.0, 1.15),
        "elevation": -20.0,
    }

    def _healthy(self, fields: Fields) -> NDArray[np.bool_]:
        qpos, qvel = fields["qpos"], fields["qvel"]
        z, angle = qpos[:, 1], qpos[:, 2]
        upright = (z > 0.7) & (np.abs(angle) < 0.2)
        if np.abs(qpos[:, 1:]).max() < 100.0 and np.abs(qvel).max() < 100.0:  # nearly always, and quickly seen
            return upright
        bounded = (np.abs(qpos[:, 2:]) < 100.0).all(axis=1) & (np.abs(qvel) < 100.0).all(axis=1)
        return upright & bounded & (z < np.inf)


class Walker2d(_Upright):
    """Walk forward on two legs."""

    xml, frame_skip = "walker2d_v5.xml", 4
    camera: ClassVar[Mapping[str, Any]] = {
        "trackbodyid": 2,
        "distance": 4.0,
        "lookat": (0.0, 0.0, 1.15),
        "elevation": -20.0,
    }

    def _healthy(self, fields: Fields) -> NDArray[np.bool_]:
        z, angle = fields["qpos"][:, 1], fields["qpos"][:, 2]
        return (z > 0.8) & (z < 2.0) & (angle > -1.0) & (angle < 1.0)


class Swimmer(Task):
    """Swim forward in the x-y plane; never terminates."""

    xml, frame_skip = "swimmer.xml", 4
    info_keys = (
        "x_position",
        "y_position",
        "distance_from_origin",
        "x_velocity",
        "y_velocity",
        "reward_forward",
        "reward_ctrl",
    )
    ctrl_cost_weight = 1e-4
    reset_noise_scale = 0.1

    @property
    @override
    def obs_size(self) -> int:
        return self.nq + self.nv - 2

    @property
    @override
    def anchor_size(self) -> int:
        return 2

    @override
    def anchor(self, fields: Fields) -> Floats:
        return fields["qpos"][:, :2]

    @override
    def observe(self, fields: Fields, out: Floats) -> None:
        out[:, : self.nq - 2] = fields["qpos"][:, 2:]
        out[:, self.nq - 2 :] = fields["qvel"]

    @override
    def score(self, before: Floats, after: Floats, fields: Fields, action: Floats) -> Outcome:
        qpos = fields["qpos"]
        velocity = (after - before) / self.dt
        ctrl_cost = control_cost(self.ctrl_cost_weight, action)

        def info() -> dict[str, Floats]:
            return {
                "x_position": qpos[:, 0],
                "y_position": qpos[:, 1],
                "distance_from_origin": plane_distance(qpos),
                "x_velocity": velocity[:, 0],
                "y_velocity": velocity[:, 1],
                "reward_forward": velocity[:, 0],
                "reward_ctrl": -ctrl_cost,
            }

        return Outcome(velocity[:, 0] - ctrl_cost, np.zeros(len(qpos), bool), info)
