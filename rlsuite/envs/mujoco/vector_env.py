"""MuJoCo tasks as a vector environment: n simulations, stepped in groups by a few threads."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from rlsuite.envs.mujoco import engine
from rlsuite.envs.mujoco.config import MujocoConfig
from rlsuite.envs.mujoco.crew import Crew, Job
from rlsuite.envs.mujoco.info import Info
from rlsuite.envs.mujoco.render import Camera
from rlsuite.envs.mujoco.tasks import TASKS, Task
from rlsuite.envs.streams import pack_streams, spawn_streams, unpack_streams
from rlsuite.envs.vector import StateTree, Step, VectorEnv
from rlsuite.errors import DataError, RunError
from rlsuite.runs.seeding import stream_seed


def make(
    id: str, n_envs: int, *, seed: int, options: MujocoConfig, device: str = "cpu", n_threads: int | None = None
) -> MujocoVectorEnv:
    """Make ``mujoco/<Task>-v5`` (the level factory; see `rlsuite.envs.levels`)."""
    return MujocoVectorEnv(
        id.removeprefix("mujoco/"),
        n_envs,
        seed=seed,
        dtype=options.dtype,
        max_episode_steps=options.max_episode_steps,
        device=device,
        n_threads=n_threads or options.n_threads,
    )


@dataclass(slots=True)
class _Group:
    """One group: its slice, views of its buffers (made once: slicing costs as much as the work), what is in flight."""

    where: slice
    fields: dict[str, NDArray[np.float64]]
    anchor: NDArray[np.float64]
    steps: NDArray[np.int64]
    obs: NDArray[Any]
    reward: NDArray[Any]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    tensors: dict[str, torch.Tensor]
    job: Job
    action: NDArray[Any]
    info: Info
    any_done: bool = False


class MujocoVectorEnv(VectorEnv):
    """n copies of a Gymnasium v5 MuJoCo task.

    Observation, reward, terminated, truncated and info equal Gymnasium's bit for bit for the same
    state and action (with ``dtype="float64"``; float32 is the same, rounded at the end). Neither the
    number of threads nor of groups changes a bit.

    Args:
        task: Gymnasium id, e.g. ``"Hopper-v5"``.
        n_envs: Number of environments.
        seed: Seed of the environments' random streams (only resets draw from them).
        dtype: Type of observations and rewards.
        max_episode_steps: Time limit in actions; None for Gymnasium's.
        device: Where the tensors of a step lie.
        n_threads: Threads that step, the caller's included; None for the number of cores.
        use_batch: Step through ``mujoco.batch``; None where it is there and serves the task. The
            bits are the same.
    """

    restorable = True
    overlap_pays = False

    def __init__(
        self,
        task: str,
        n_envs: int,
        *,
        seed: int = 0,
        dtype: str = "float32",
        max_episode_steps: int | None = None,
        device: str | torch.device = "cpu",
        n_threads: int | None = None,
        use_batch: bool | None = None,
    ) -> None:
        self.model = engine.load_model(TASKS[task].xml)
        self.task: Task = TASKS[task](self.model)
        self.max_episode_steps = max_episode_steps or self.task.max_episode_steps
        self.n_threads = n_threads or available_cores()
        super().__init__(
            n_envs,
            gym.spaces.Box(-np.inf, np.inf, (self.task.obs_size,), np.dtype(dtype).type),
            gym.spaces.Box(*self.model.actuator_ctrlrange.T.astype(np.float32), dtype=np.float32),
            info_keys=dict.fromkeys(self.task.info_keys, np.float64),
            device=device,
            render_fps=float(np.round(1.0 / self.task.dt)),
            frames_per_step=self.task.frame_skip,
        )
        self._seed = seed
        self._streams = spawn_streams(seed, n_envs)
        self._camera: Camera | None = None
        self._textures: list[Mapping[int, NDArray[np.uint8]]] = []
        self._look_streams: list[np.random.Generator] = []
        self.looks = np.zeros(n_envs, np.int32)  # which look each environment's pictures show; 0 is the model's own
        self._crew = Crew(1)  # the engine brings the threads that share out one group's loop
        if use_batch is None:
            use_batch = engine.has_batch() and not self.task.reads_contact_forces
        self._allocate(np.dtype(dtype))
        kind = engine.BatchEngine if use_batch else engine.DataEngine
        self._engine: engine.Engine = kind(self.model, self.task, n_envs, self._fields, self.n_threads)
        self._groups = [self._make_group(slice(0, n_envs))]

    def _allocate(self, dtype: np.dtype) -> None:
        n = self.num_envs
        self._fields = engine.make_buffers(self.model, self.task.fields, n)
        self._anchor = np.zeros((n, self.task.anchor_size))
        self._steps = np.zeros(n, dtype=np.int64)
        pin = self.device.type == "cuda"
        float_type = torch.float32 if dtype == np.float32 else torch.float64

        def buffer(shape: tuple[int, ...], kind: torch.dtype) -> torch.Tensor:
            return torch.zeros(shape, dtype=kind, pin_memory=pin)

        self._obs_t = buffer((n, self.task.obs_size), float_type)
        self._next_obs_t = buffer((n, self.task.obs_size), float_type)
        self._reward_t = buffer((n,), float_type)
        self._terminated_t = buffer((n,), torch.bool)
        self._truncated_t = buffer((n,), torch.bool)
        self._obs, self._next_obs = self._obs_t.numpy(), self._next_obs_t.numpy()
        self._reward = self._reward_t.numpy()
        self._terminated, self._truncated = self._terminated_t.numpy(), self._truncated_t.numpy()

    # -- groups --------------------------------------------------------------------------------

    def set_groups(self, n_groups: int) -> None:
        """Split the environments into contiguous groups; between steps, not while one is in flight."""
        if n_groups != self.n_groups:
            super().set_groups(n_groups)
            self._engine.regroup(self._slices)
            self._crew.close()
            self._crew = Crew(min(n_groups, self.n_threads))
            self._groups = [self._make_group(where) for where in self._slices]

    def _make_group(self, where: slice) -> _Group:
        tensors = {
            "obs": self._obs_t[where],
            "reward": self._reward_t[where],
            "terminated": self._terminated_t[where],
            "truncated": self._truncated_t[where],
            "next_obs": self._next_obs_t[where],
        }
        return _Group(
            where,
            {name: array[where] for name, array in self._fields.items()},
            self._anchor[where],
            self._steps[where],
            self._obs[where],
            self._reward[where],
            self._terminated[where],
            self._truncated[where],
            tensors,
            Job(lambda: self._engine.step(where)),
            np.zeros(0),
            Info((), dict),
        )

    # -- stepping ------------------------------------------------------------------------------

    def reset_all(self, seed: int | None = None) -> torch.Tensor:
        """Begin a new episode everywhere; see `VectorEnv.reset_all`."""
        if seed is not None:
            self._streams = spawn_streams(seed, self.num_envs)
        self._begin_episodes(np.arange(self.num_envs, dtype=np.int32))
        return self._to_device(self._obs_t)

    def send(self, actions: torch.Tensor | np.ndarray, group: int = 0) -> None:
        """Begin to step one group; ``actions`` is (n, nu), float32 or float64, used as given (not clipped)."""
        this = self._groups[group]
        self._take_actions(actions, this)
        self._crew.start(this.job)

    def recv(self, group: int = 0) -> Step:
        """Wait for the group, score its step and begin new episodes where one ended.

        This part is done by the caller: the background thread goes on with the next group meanwhile.

        Raises:
            RunError: MuJoCo could not go on.
        """
        this = self._groups[group]
        try:
            this.job.wait()
        except engine.errors() as error:
            raise RunError(f"MuJoCo failed while stepping {self.task.xml}: {error}") from error
        self._score(this)
        return self._result(this)

    def step_tensor(self, actions: torch.Tensor | np.ndarray) -> Step:
        """Step every environment and wait (one group only); nothing is handed to the background thread."""
        if self.n_groups != 1:
            raise RuntimeError("step_tensor needs one group; call set_groups(1) first")
        self._take_actions(actions, self._groups[0])
        self._groups[0].job.order()  # and recv does it
        return self.recv(0)

    def _take_actions(self, actions: torch.Tensor | np.ndarray, group: _Group) -> None:
        action = actions.detach().cpu().numpy() if isinstance(actions, torch.Tensor) else np.asarray(actions)
        if action.dtype not in (np.float32, np.float64):
            action = action.astype(np.float32)
        group.action = np.array(action)
        self._engine.control(group.where, action)

    def _result(self, group: _Group) -> Step:
        tensors = group.tensors
        if self.device.type != "cpu":
            tensors = {name: tensor.to(self.device) for name, tensor in tensors.items()}
        if not group.any_done:
            tensors = {**tensors, "next_obs": tensors["obs"]}
        return Step(**tensors, info=group.info)

    def _score(self, group: _Group) -> None:
        """Fill the buffers of a group that has been stepped, and begin new episodes where one ended."""
        where, fields, task = group.where, group.fields, self.task
        self._engine.collect(where)
        after = task.anchor(fields)
        outcome = task.score(group.anchor, after, fields, group.action)
        info = group.info = Info(task.info_keys, outcome.info)
        task.observe(fields, group.obs)
        group.steps += 1
        group.reward[...] = outcome.reward
        group.terminated[...] = outcome.terminated
        np.greater_equal(group.steps, self.max_episode_steps, out=group.truncated)
        done = outcome.terminated | group.truncated
        group.any_done = bool(done.any())
        if group.any_done:
            info.read()  # what it is computed from is about to be overwritten
        group.anchor[...] = after
        if group.any_done:
            self._next_obs[where] = group.obs
            self._begin_episodes((np.flatnonzero(done) + where.start).astype(np.int32))

    def _begin_episodes(self, indices: NDArray[np.int32]) -> None:
        """Reset environments, each from its own random stream, and write their first observations."""
        draws = np.empty((len(indices), self.task.nq + self.task.nv))
        for i, row in zip(indices.tolist(), draws, strict=True):
            self.task.draw(self._streams[i], row)
        self._engine.reset(indices, *self.task.place(draws))
        fields = {name: array[indices] for name, array in self._fields.items()}
        obs = np.empty((len(indices), self.task.obs_size), dtype=self._obs.dtype)
        self.task.observe(fields, obs)
        if self._textures:
            self.looks[indices] = [1 + self._look_streams[i].integers(len(self._textures)) for i in indices.tolist()]
        self._obs[indices] = obs
        self._anchor[indices] = self.task.anchor(fields)
        self._steps[indices] = 0

    def _to_device(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor if self.device.type == "cpu" else tensor.to(self.device)

    # -- state and pictures --------------------------------------------------------------------

    def state_dict(self) -> StateTree:
        """Everything the next step depends on.

        MuJoCo's integration state, what the task keeps from the step before, episode clocks, random
        streams, last observations.
        """
        return {
            "physics": self._engine.get_state(),
            "anchor": self._anchor.copy(),
            "steps": self._steps.copy(),
            "streams": pack_streams(self._streams),
            "obs": self._obs.copy(),
            **super().state_dict(),
        }

    def load_state_dict(self, state: StateTree) -> torch.Tensor:
        """Bring `state_dict` back bit for bit and return the last observations (n_envs, obs_size).

        Raises:
            DataError: The state is of another task or another number of environments.
        """
        expected = (self.num_envs, engine.state_size(self.model))
        physics = np.asarray(state["physics"], dtype=np.float64)
        if physics.shape != expected:
            raise DataError(
                f"the saved environment state has shape {physics.shape}, this {self.task.xml} with {self.num_envs} "
                f"environments needs {expected}. Resume with the same level and env.n_envs."
            )
        self._load_episode_sums(state)
        self._engine.set_state(physics)
        self._anchor[:] = np.asarray(state["anchor"])
        self._steps[:] = np.asarray(state["steps"])
        self._streams = unpack_streams(np.asarray(state["streams"]))
        self._obs[:] = np.asarray(state["obs"])
        return self._to_device(self._obs_t)

    def render_frame(self, index: int = 0) -> np.ndarray:
        """A picture of one environment, uint8 (480, 480, 3); the simulation is not touched."""
        if self._camera is None:
            self._camera = Camera(self.model, self.task.camera)
        look = int(self.looks[index])
        return self._camera.picture(self._engine.get_state()[index], self._textures[look - 1] if look else None)

    def set_textures(self, looks: Sequence[Mapping[int, NDArray[np.uint8]]], *, seed: int | None = None) -> None:
        """Let the pictures of every episode show a look at random; observations and physics know nothing of it.

        Args:
            looks: Number of a texture in `model` to uint8 (height, width, channels), each; none: the model's own.
            seed: Of the choice, which has streams of its own; None for this environment's own.
        """
        self._textures = list(looks)
        self._look_streams = spawn_streams(stream_seed(self._seed if seed is None else seed, "looks"), self.num_envs)
        self.looks[:] = [1 + s.integers(len(looks)) for s in self._look_streams] if looks else 0

    def proof_state(self) -> NDArray[np.float64]:
        """What must not depend on the look: the whole physics state, (n_envs, k) float64."""
        return self._engine.get_state()

    def close(self) -> None:
        """End the threads and free the renderer."""
        self._crew.close()
        self._engine.close()
        if self._camera is not None:
            self._camera.close()
            self._camera = None


def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
