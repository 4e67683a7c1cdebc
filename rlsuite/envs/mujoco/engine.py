"""The part that calls MuJoCo: many simulations of one model, stepped by a few threads.

An engine writes the MjData fields a task asked for into arrays that it shares with the vector environment.
Two engines give the same bits: `BatchEngine` loops in C++, `DataEngine` in Python; MuJoCo releases the GIL
while it computes. Several threads may `step`, each another group; meanwhile one may `control`, `collect` and
`reset` environments that are not being stepped.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rlsuite.envs.mujoco.crew import SharedLoop
from rlsuite.envs.mujoco.gl import import_mujoco
from rlsuite.envs.mujoco.tasks import Task

mujoco: Any = import_mujoco()  # Any: its extension modules carry no types

STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)
"""What decides the next step to the last bit: the physics state with the solver's warm start and the
controls (less, such as qpos and qvel alone, drifts)."""


class Engine(Protocol):
    """n simulations of one model."""

    def regroup(self, groups: Sequence[slice]) -> None:
        """Say which environments are stepped together; between steps. Every `slice` below is one of these."""
        ...

    def control(self, where: slice, action: NDArray[Any]) -> None:
        """Set the controls (k, nu) of a group."""
        ...

    def step(self, where: slice) -> None:
        """Take one action in them: the long part, nearly all of it without the GIL."""
        ...

    def collect(self, where: slice) -> None:
        """Write their fields after `step`."""
        ...

    def reset(self, indices: NDArray[np.int32], qpos: NDArray[np.float64], qvel: NDArray[np.float64]) -> None:
        """Begin an episode in each of ``indices`` (k, sorted) and write its fields.

        Args:
            indices: Which environments.
            qpos: Their positions, (k, nq).
            qvel: Their velocities, (k, nv).
        """
        ...

    def get_state(self) -> NDArray[np.float64]:
        """The states, a copy, (n, `state_size`)."""
        ...

    def set_state(self, state: NDArray[np.float64]) -> None:
        """Bring the states back; the fields are left as they are."""
        ...

    def close(self) -> None:
        """End the engine's threads."""
        ...


def load_model(xml: str) -> Any:
    """Compile one of Gymnasium's MuJoCo models, and switch off what costs time and changes no bit of a step."""
    import gymnasium.envs.mujoco as package

    path = Path(package.__file__).parent / "assets" / xml
    model = mujoco.MjModel.from_xml_path(str(path))
    model.opt.disableflags |= idle_work(model)
    _stop_the_clock()
    return model


def idle_work(model: Any) -> int:
    """``mjtDisableBit``s of stages that find nothing to do in this model.

    Contacts and limits couple bodies of one kinematic tree into at most one island, so that a model of one
    tree need not be searched for islands; the parity tests would show a changed bit. About a tenth of a step.
    """
    flags = mujoco.mjtDisableBit
    return int(flags.mjDSBL_ISLAND) if getattr(model, "ntree", 0) == 1 else 0


def _stop_the_clock() -> None:
    """Take MuJoCo's clock away: mj_step reads it some 600 times an action, for a profile that nobody looks at.

    Importing the Python package installs it in place of C's default, which is none; ``set_mjcb_time(None)``
    would put it back. A tenth of a Hopper step. `MjData.timer` stays at 0 in this process.
    """
    libraries = sorted(Path(mujoco.__file__).parent.glob("libmujoco*.so*"))
    if mujoco.get_mjcb_time() is None and len(libraries) == 1:  # a user's own clock stays
        ctypes.c_void_p.in_dll(ctypes.CDLL(str(libraries[0])), "mjcb_time").value = None


def state_size(model: Any) -> int:
    """Numbers in the state of one environment."""
    return int(mujoco.mj_stateSize(model, STATE))


class DataEngine:
    """One MjData per environment, stepped in a loop: works with every MuJoCo and every task.

    Args:
        model: The compiled model, shared and never written.
        task: Says how many mj_steps an action takes and which fields it reads.
        n_envs: Number of environments.
        fields: Name to (n_envs, ...) float64, where to write.
        n_threads: Threads that step, the caller's included.
    """

    def __init__(
        self,
        model: Any,
        task: Task,
        n_envs: int,
        fields: Mapping[str, NDArray[np.float64]],
        n_threads: int,
    ) -> None:
        self._model = model
        self._frame_skip = task.frame_skip
        self._contact_forces = task.reads_contact_forces
        self._data = [mujoco.MjData(model) for _ in range(n_envs)]
        self._wanted = np.zeros((n_envs, task.nu))
        self._ctrl = [(data.ctrl, row) for data, row in zip(self._data, self._wanted, strict=True)]
        self._copies: list[list[tuple[Any, Any]]] = [
            [(array[i], getattr(data, name)) for name, array in fields.items()] for i, data in enumerate(self._data)
        ]
        self._n_threads = n_threads
        self._loops: dict[int, SharedLoop] = {}
        self.regroup([slice(0, n_envs)])

    def regroup(self, groups: Sequence[slice]) -> None:
        """Give each group its share of the threads."""
        self.close()
        share = max(1, self._n_threads // len(groups))
        self._loops = {where.start: SharedLoop(self._step_one, share) for where in groups}

    def control(self, where: slice, action: NDArray[Any]) -> None:
        """Keep the controls for `step`."""
        self._wanted[where] = action

    def step(self, where: slice) -> None:
        """Step the environments, each on whichever of the group's threads is free."""
        self._loops[where.start].run(range(where.start, where.stop))

    def collect(self, where: slice) -> None:
        """Nothing: each environment's fields were written while they were in the cache."""

    def _step_one(self, index: int) -> None:
        """Step one MjData; cfrc_ext is computed after the step, as Gymnasium does, if it is read."""
        data = self._data[index]
        ctrl, row = self._ctrl[index]
        ctrl[:] = row
        mujoco.mj_step(self._model, data, self._frame_skip)
        if self._contact_forces:
            mujoco.mj_rnePostConstraint(self._model, data)
        for target, source in self._copies[index]:
            target[...] = source

    def reset(self, indices: NDArray[np.int32], qpos: NDArray[np.float64], qvel: NDArray[np.float64]) -> None:
        """Reset and compute the fields with mj_forward, as Gymnasium's ``set_state``."""
        for index, positions, velocities in zip(indices, qpos, qvel, strict=True):
            data = self._data[index]
            mujoco.mj_resetData(self._model, data)
            data.qpos[:] = positions
            data.qvel[:] = velocities
            mujoco.mj_forward(self._model, data)
            for target, source in self._copies[index]:
                target[...] = source

    def get_state(self) -> NDArray[np.float64]:
        """``mjSTATE_INTEGRATION`` of every environment."""
        state = np.zeros((len(self._data), state_size(self._model)))
        for data, row in zip(self._data, state, strict=True):
            mujoco.mj_getState(self._model, data, row, STATE)
        return state

    def set_state(self, state: NDArray[np.float64]) -> None:
        """Bring ``mjSTATE_INTEGRATION`` back."""
        for data, row in zip(self._data, state, strict=True):
            mujoco.mj_setState(self._model, data, row, STATE)

    def close(self) -> None:
        """End the helper threads."""
        for loop in self._loops.values():
            loop.close()


class BatchEngine:
    """MuJoCo's own batch (4.0 and later): the loop over environments runs in C++, on one MjData a thread.

    For tasks that read nothing that only mj_rnePostConstraint computes; what that call writes is read
    by no later step, so leaving it out changes no bit of what the task sees (tests compare the two).

    Each group has a batch, because a batch serves one caller at a time: groups that are in flight together are
    stepped side by side, and no thread waits for the slowest environment of its neighbour's half.

    Args:
        model: The compiled model.
        task: Says how many mj_steps an action takes and which fields it reads.
        n_envs: Number of environments.
        fields: Name to (n_envs, ...) float64, where to write.
        n_threads: Threads that step, the callers' included.
    """

    def __init__(
        self,
        model: Any,
        task: Task,
        n_envs: int,
        fields: Mapping[str, NDArray[np.float64]],
        n_threads: int,
    ) -> None:
        assert not task.reads_contact_forces, "the batch cannot call mj_rnePostConstraint"
        self._model, self._n_envs, self._n_threads = model, n_envs, n_threads
        self._nstep, self._fields = task.frame_skip, fields
        # Resets go through a batch without threads: waking them costs more than a few mj_forward take.
        self._resets, self._resetting = self._make(n_envs, 1), threading.Lock()
        self._fresh = self._resets.state[0].copy()  # a new batch holds what mj_resetData leaves
        self._qpos, self._qvel = self._resets.bind("qpos"), self._resets.bind("qvel")
        self._reset_copies = [(array, self._resets.bind(name)) for name, array in fields.items()]
        self._lanes: dict[int, _Lane] = {}
        self.regroup([slice(0, n_envs)])

    def _make(self, n_envs: int, n_threads: int) -> Any:
        return importlib.import_module("mujoco.batch").Batch(self._model, n_envs, nthread=n_threads)

    def regroup(self, groups: Sequence[slice]) -> None:
        """Make a batch for each group; the simulations go on where they were."""
        state = self.get_state() if self._lanes else None
        self._lanes = {}
        for where in groups:
            n_envs = where.stop - where.start
            batch = self._make(n_envs, max(1, min(self._n_threads // len(groups), n_envs)))
            copies = [(array[where], batch.bind(name)) for name, array in self._fields.items()]
            self._lanes[where.start] = _Lane(where, batch, batch.bind("ctrl"), copies)
        if state is not None:
            self.set_state(state)

    def control(self, where: slice, action: NDArray[Any]) -> None:
        """Write the controls into the state rows."""
        self._lanes[where.start].ctrl[...] = action

    def step(self, where: slice) -> None:
        """Step a group's batch."""
        self._lanes[where.start].batch.step(nstep=self._nstep)

    def collect(self, where: slice) -> None:
        """Copy what the task reads."""
        for target, source in self._lanes[where.start].copies:
            target[...] = source

    def reset(self, indices: NDArray[np.int32], qpos: NDArray[np.float64], qvel: NDArray[np.float64]) -> None:
        """Write fresh state rows and compute their fields with mj_forward."""
        with self._resetting:
            self._resets.state[indices] = self._fresh
            self._qpos[indices], self._qvel[indices] = qpos, qvel
            self._resets.forward(indices)
        for lane in self._lanes.values():
            first, last = np.searchsorted(indices, (lane.where.start, lane.where.stop))
            if first < last:
                mine = indices[first:last]
                lane.batch.state[mine - lane.where.start] = self._resets.state[mine]
        for target, source in self._reset_copies:
            target[indices] = source[indices]

    def get_state(self) -> NDArray[np.float64]:
        """The batches' rows, which are ``mjSTATE_INTEGRATION``."""
        return np.concatenate([lane.batch.state for lane in self._lanes.values()])

    def set_state(self, state: NDArray[np.float64]) -> None:
        """Bring the rows back."""
        for lane in self._lanes.values():
            lane.batch.state[...] = state[lane.where]

    def close(self) -> None:
        """The threads end with the batches."""
        self._lanes = {}


@dataclass(frozen=True, slots=True)
class _Lane:
    """A group's batch and views of its rows."""

    where: slice
    batch: Any
    ctrl: NDArray[np.float64]
    copies: list[tuple[NDArray[np.float64], NDArray[np.float64]]]


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
