"""Reacher and InvertedPendulum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from rlsuite.envs.mujoco.tasks.base import Fields, Floats, Outcome, Task, control_cost, uniform


class Reacher(Task):
    """Bring a two-joint arm's fingertip to a target; 50 steps, never terminates."""

    xml, frame_skip, max_episode_steps = "reacher.xml", 2, 50
    fields = ("qpos", "qvel", "xpos")
    camera: ClassVar[Mapping[str, Any]] = {"trackbodyid": 0}
    info_keys = ("reward_dist", "reward_ctrl")
    goal_radius = 0.2

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self._fingertip, self._target = int(model.body("fingertip").id), int(model.body("target").id)

    @property
    @override
    def obs_size(self) -> int:
        return 10

    def _gap(self, fields: Fields) -> NDArray[np.float64]:
        return fields["xpos"][:, self._fingertip] - fields["xpos"][:, self._target]

    @override
    def observe(self, fields: Fields, out: Floats) -> None:
        qpos = fields["qpos"]
        out[:, 0:2] = np.cos(qpos[:, :2])
        out[:, 2:4] = np.sin(qpos[:, :2])
        out[:, 4:6] = qpos[:, 2:]
        out[:, 6:8] = fields["qvel"][:, :2]
        out[:, 8:10] = self._gap(fields)[:, :2]

    @override
    def score(self, before: Floats, after: Floats, fields: Fields, action: Floats) -> Outcome:
        gap = self._gap(fields)
        reward_dist = -np.sqrt(np.vecdot(gap, gap))
        reward_ctrl = -control_cost(1.0, action)

        def info() -> dict[str, Floats]:
            return {"reward_dist": reward_dist, "reward_ctrl": reward_ctrl}

        return Outcome(reward_dist + reward_ctrl, np.zeros(len(gap), bool), info)

    @override
    def draw(self, rng: np.random.Generator, out: NDArray[np.float64]) -> None:
        super().draw(rng, out)
        goal = out[self.nq - 2 : self.nq]
        while np.linalg.norm(uniform(goal, self.goal_radius)) >= self.goal_radius:
            rng.random(out=goal)

    @override
    def place(self, draws: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        qpos = uniform(draws[:, : self.nq], 0.1) + self.init_qpos
        qpos[:, -2:] = uniform(draws[:, self.nq - 2 : self.nq], self.goal_radius)
        qvel = self.init_qvel + uniform(draws[:, self.nq :], 0.005)
        qvel[:, -2:] = 0.0
        return qpos, qvel


class InvertedPendulum(Task):
    """Balance a pole on a cart; ends when it leans more than 0.2 rad."""

    xml, frame_skip = "inverted_pendulum.xml", 2
    camera: ClassVar[Mapping[str, Any]] = {"trackbodyid": 0, "distance": 2.04}
    info_keys = ("reward_survive",)
    reset_noise_scale = 0.01

    @property
    @override
    def obs_size(self) -> int:
        return self.nq + self.nv

    @override
    def observe(self, fields: Fields, out: Floats) -> None:
        out[:, : self.nq] = fields["qpos"]
        out[:, self.nq :] = fields["qvel"]

    @override
    def score(self, before: Floats, after: Floats, fields: Fields, action: Floats) -> Outcome:
        qpos, qvel = fields["qpos"], fields["qvel"]
        finite = np.isfinite(qpos).all(axis=1) & np.isfinite(qvel).all(axis=1)
        terminated = ~finite | (np.abs(qpos[:, 1]) > 0.2)
        reward = (~terminated).astype(np.float64)
        return Outcome(reward, terminated, lambda: {"reward_survive": reward})
