"""Blocks of simulations: the part that calls MuJoCo.

A block owns a few neighbouring environments. It reads their controls from, and writes the MjData
fields a task asked for into, slices of the vector environment's buffers. One thread steps one block
at a time; MuJoCo releases the GIL while it computes.
"""

from __future__ import annotations

import importlib
import importlib.util
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


class BatchBlock:
    """MuJoCo's own batch (4.0 and later): the loop over environments runs in C++, on one MjData.

    For tasks that read nothing that only mj_rnePostConstraint computes; what that call writes is read
    by no later step, so leaving it out changes no bit of what the task sees (tests compare the two).

    Args:
        model: The compiled model.
        task: Says how many mj_steps an action takes and which fields it reads.
        ctrl: (n, nu) float64, the controls of the next step.
        fields: Name to (n, ...) float64, where to write.
    """

    def __init__(self, model: Any, task: Task, ctrl: NDArray[np.float64], fields: Mapping[str, NDArray[np.float64]]):
        assert not task.reads_contact_forces, "the batch cannot call mj_rnePostConstraint"
        self._batch = importlib.import_module("mujoco.batch").Batch(model, len(ctrl), nthread=1)
        self._nstep = task.frame_skip
        self._qpos, self._qvel = self._batch.bind("qpos"), self._batch.bind("qvel")
        self._ctrl = (self._batch.bind("ctrl"), ctrl)
        self._copies = [(array, self._batch.bind(name)) for name, array in fields.items()]

    def step(self) -> None:
        """Step every simulation and copy what the task reads."""
        ctrl, wanted = self._ctrl
        ctrl[...] = wanted
        self._batch.step(nstep=self._nstep)
        for target, source in self._copies:
            target[...] = source

    def reset(self, index: int, qpos: NDArray[np.float64], qvel: NDArray[np.float64]) -> None:
        """Reset one simulation and compute its fields."""
        only = np.array([index], dtype=np.int32)
        self._batch.reset(only, stage=0)
        self._qpos[index], self._qvel[index] = qpos, qvel
        self._batch.forward(only)
        for target, source in self._copies:
            target[index] = source[index]

    def get_state(self, out: NDArray[np.float64]) -> None:
        """Write the batch's rows, which are ``mjSTATE_INTEGRATION``."""
        out[...] = self._batch.state

    def set_state(self, state: NDArray[np.float64]) -> None:
        """Bring the rows back."""
        self._batch.state[...] = state


def has_batch() -> bool:
    """Whether this MuJoCo brings ``mujoco.batch``."""
    return importlib.util.find_spec("mujoco.batch") is not None


def errors() -> tuple[type[BaseException], ...]:
    """What MuJoCo raises when a simulation cannot go on."""
    batch = (importlib.import_module("mujoco.batch").SimulationError,) if has_batch() else ()
    return (mujoco.FatalError, mujoco.UnexpectedError, *batch)


def make_buffers(model: Any, names: Sequence[str], n: int) -> dict[str, NDArray[np.float64]]:
    """Zeroed (n, ...) arrays for MjData fields."""
    data = mujoco.MjData(model)
    return {name: np.zeros((n, *np.shape(getattr(data, name)))) for name in names}
