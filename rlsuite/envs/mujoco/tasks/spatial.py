"""Ant and Humanoid: tasks that read contact forces and where the bodies' frames and masses are.

Both run the RK4 integrator, and Gymnasium reads what its last stage left behind; the fields are
copied from MjData as they stand, never recomputed (mj_forward would give other numbers).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
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


class Ant(GaussianVelocities):
    """Run forward on four legs; the observation ends with the clipped contact forces."""

    xml, frame_skip = "ant.xml", 5
    fields = ("qpos", "qvel", "xpos", "cfrc_ext")
    reads_contact_forces = True
    camera: ClassVar[Mapping[str, Any]] = {"distance": 4.0}
    info_keys = (
        "x_position",
        "y_position",
        "distance_from_origin",
        "x_velocity",
        "y_velocity",
        "reward_forward",
        "reward_ctrl",
        "reward_contact",
        "reward_survive",
    )
    main_body = 1
    ctrl_cost_weight = 0.5
    contact_cost_weight = 5e-4
    reset_noise_scale = 0.1

    @property
    @override
    def obs_size(self) -> int:
        return self.nq + self.nv - 2 + 6 * (int(self.model.nbody) - 1)

    @property
    @override
    def anchor_size(self) -> int:
        return 2

    @override
    def anchor(self, fields: Fields) -> Floats:
        return fields["xpos"][:, self.main_body, :2]

    @override
    def observe(self, fields: Fields, out: Floats) -> None:
        split = self.nq - 2
        out[:, :split] = fields["qpos"][:, 2:]
        out[:, split : split + self.nv] = fields["qvel"]
        forces = fields["cfrc_ext"][:, 1:].reshape(len(out), -1)
        clip(forces, 1.0, out[:, split + self.nv :])

    @override
    def score(self, before: Floats, after: Floats, fields: Fields, action: Floats) -> Outcome:
        qpos, qvel = fields["qpos"], fields["qvel"]
        velocity = (after - before) / self.dt
        finite = np.isfinite(qpos).all(axis=1) & np.isfinite(qvel).all(axis=1)
        healthy = finite & (qpos[:, 2] >= 0.2) & (qpos[:, 2] <= 1.0)
        survive = healthy.astype(np.float64)
        ctrl_cost = control_cost(self.ctrl_cost_weight, action)
        forces = np.clip(fields["cfrc_ext"].reshape(len(qpos), -1), -1.0, 1.0)
        contact_cost = self.contact_cost_weight * np.square(forces).sum(axis=1)

        def info() -> dict[str, Floats]:
            return {
                "x_position": qpos[:, 0],
                "y_position": qpos[:, 1],
                "distance_from_origin": plane_distance(qpos),
                "x_velocity": velocity[:, 0],
                "y_velocity": velocity[:, 1],
                "reward_forward": velocity[:, 0],
                "reward_ctrl": -ctrl_cost,
                "reward_contact": -contact_cost,
                "reward_survive": survive,
            }

        return Outcome(velocity[:, 0] + survive - (ctrl_cost + contact_cost), ~healthy, info)


class Humanoid(Task):
    """Run forward upright; the observation carries inertias, body velocities, actuator and contact forces."""

    xml, frame_skip = "humanoid.xml", 5
    fields = (
        "qpos",
        "qvel",
        "xipos",
        "cinert",
        "cvel",
        "qfrc_actuator",
        "cfrc_ext",
        "ten_length",
        "ten_velocity",
    )
    reads_contact_forces = True
    camera: ClassVar[Mapping[str, Any]] = {
        "trackbodyid": 1,
        "distance": 4.0,
        "lookat": (0.0, 0.0, 2.0),
        "elevation": -20.0,
    }
    info_keys = (
        "x_position",
        "y_position",
        "tendon_length",
        "tendon_velocity",
        "distance_from_origin",
        "x_velocity",
        "y_velocity",
        "reward_survive",
        "reward_forward",
        "reward_ctrl",
        "reward_contact",
    )
    forward_reward_weight = 1.25
    healthy_reward = 5.0
    ctrl_cost_weight = 0.1
    contact_cost_weight = 5e-7
    contact_cost_limit = 10.0
    reset_noise_scale = 1e-2

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self._mass = np.array(model.body_mass)
        self._total_mass = model.body_mass.sum()

    @property
    @override
    def obs_size(self) -> int:
        bodies = int(self.model.nbody) - 1
        return self.nq - 2 + self.nv + (10 + 6 + 6) * bodies + self.nv - 6

    @property
    @override
    def anchor_size(self) -> int:
        return 2

    @override
    def anchor(self, fields: Fields) -> Floats:
        moment = np.stack([np.einsum("b,bj->j", self._mass, xipos) for xipos in fields["xipos"]])
        return (moment / self._total_mass)[:, :2]

    @override
    def observe(self, fields: Fields, out: Floats) -> None:
        n = len(out)
        parts = (
            fields["qpos"][:, 2:],
            fields["qvel"],
            fields["cinert"][:, 1:].reshape(n, -1),
            fields["cvel"][:, 1:].reshape(n, -1),
            fields["qfrc_actuator"][:, 6:],
            fields["cfrc_ext"][:, 1:].reshape(n, -1),
        )
        np.concatenate(parts, axis=1, out=out, casting="same_kind")

    @override
    def score(self, before: Floats, after: Floats, fields: Fields, action: Floats) -> Outcome:
        qpos = fields["qpos"]
        velocity = (after - before) / self.dt
        healthy = (qpos[:, 2] > 1.0) & (qpos[:, 2] < 2.0)
        survive = healthy * self.healthy_reward
        forward = self.forward_reward_weight * velocity[:, 0]
        ctrl_cost = control_cost(self.ctrl_cost_weight, action.astype(np.float64))  # Gymnasium reads data.ctrl here
        forces = fields["cfrc_ext"].reshape(len(qpos), -1)
        contact_cost = np.minimum(self.contact_cost_weight * np.square(forces).sum(axis=1), self.contact_cost_limit)

        def info() -> dict[str, Floats]:
            return {
                "x_position": qpos[:, 0],
                "y_position": qpos[:, 1],
                "tendon_length": fields["ten_length"],
                "tendon_velocity": fields["ten_velocity"],
                "distance_from_origin": plane_distance(qpos),
                "x_velocity": velocity[:, 0],
                "y_velocity": velocity[:, 1],
                "reward_survive": survive,
                "reward_forward": forward,
                "reward_ctrl": -ctrl_cost,
                "reward_contact": -contact_cost,
            }

        return Outcome(forward + survive - (ctrl_cost + contact_cost), ~healthy, info)
