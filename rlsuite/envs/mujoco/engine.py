"""Blocks of simulations: the part that calls MuJoCo.

A block owns a few neighbouring environments. It reads their controls from, and writes the MjData
fields a task asked for into, slices of the vector environment's buffers. One thread steps one block
at a time; MuJoCo releases the GIL while it computes.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rlsuite.envs.mujoco.gl import prepare_gl
from rlsuite.envs.mujoco.tasks import Task

prepare_gl()
mujoco: Any = importlib.import_module("mujoco")  # after prepare_gl; Any: its extension modules carry no types

STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)
"""What decides the next step to the last bit: the physics state with the solver's warm start and the
controls (less, such as qpos and qvel alone, drifts)."""


class Block(Protocol):
    """Environments that one thread steps together."""

    def step(self) -> None:
        """Take one action in every environment and write the fields."""
        ...

    def reset(self, index: int, qpos: NDArray[np.float64], qvel: NDArray[np.float64]) -> None:
        """Begin an episode in one environment of the block and write its fields."""
        ...

    def get_state(self, out: NDArray[np.float64]) -> None:
        """Write the states, (n, `state_size`)."""
        ...

    def set_state(self, state: NDArray[np.float64]) -> None:
        """Bring the states back; the fields are left as they are."""
        ...


def load_model(xml: str) -> Any:
    """Compile one of Gymnasium's MuJoCo models."""
    import gymnasium.envs.mujoco as package

    path = Path(package.__file__).parent / "assets" / xml
    return mujoco.MjModel.from_xml_path(str(path))


def state_size(model: Any) -> int:
    """Numbers in the state of one environment."""
    return int(mujoco.mj_stateSize(model, STATE))


class DataBlock:
    """One MjData per environment, stepped in a loop: works with every MuJoCo and every task.

    Args:
        model: The compiled model, shared and never written.
        task: Says how many mj_steps an action takes and which fields it reads.
        ctrl: (n, nu) float64, the controls of the next step.
        fields: Name to (n, ...) float64, where to write.
    """

    def __init__(
        self, model: Any, task: Task, ctrl: NDArray[np.float64], fields: Mapping[str, NDArray[np.float64]]
    ) -> None:
        self._model = model
        self._frame_skip = task.frame_skip
        self._contact_forces = task.reads_contact_forces
        self._data = [mujoco.MjData(model) for _ in range(len(ctrl))]
        self._ctrl = [(data.ctrl, row) for data, row in zip(self._data, ctrl, strict=True)]
        self._copies: list[list[tuple[Any, Any]]] = [
            [(array[i], getattr(data, name)) for name, array in fields.items()] for i, data in enumerate(self._data)
        ]

    def step(self) -> None:
        """Step every MjData; cfrc_ext is computed after the step, as Gymnasium does, if it is read."""
        model, frame_skip, contact_forces = self._model, self._frame_skip, self._contact_forces
        for data, (ctrl, row), copies in zip(self._data, self._ctrl, self._copies):
            ctrl[:] = row
            mujoco.mj_step(model, data, frame_skip)
            if contact_forces:
                mujoco.mj_rnePostConstraint(model, data)
            for target, source in copies:
                target[...] = source

    def reset(self, index: int, qpos: NDArray[np.float64], qvel: NDArray[np.float64]) -> None:
        """Reset one MjData and compute its fields, as Gymnasium's ``set_state``."""
        data = self._data[index]
        mujoco.mj_resetData(self._model, data)
        data.qpos[:] = qpos
        data.qvel[:] = qvel
        mujoco.mj_forward(self._model, data)
        for target, source in self._copies[index]:
            target[...] = source

    def get_state(self, out: NDArray[np.float64]) -> None:
        """Write ``mjSTATE_INTEGRATION`` of every environment."""
        for data, row in zip(self._data, out, strict=True):
            mujoco.mj_getState(self._model, data, row, STATE)

    def set_state(self, state: NDArray[np.float64]) -> None:
        """Bring ``mjSTATE_INTEGRATION`` back."""
        for data, row in zip(self._data, state, strict=True):
            mujoco.mj_setState(self._model, data, row, STATE)


def make_buffers(model: Any, names: Sequence[str], n: int) -> dict[str, NDArray[np.float64]]:
    """Zeroed (n, ...) arrays for MjData fields."""
    data = mujoco.MjData(model)
    return {name: np.zeros((n, *np.shape(getattr(data, name)))) for name in names}
