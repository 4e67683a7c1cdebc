"""Builds what an experiment describes: level, demonstrations, learned rewards, learner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rlsuite import registry
from rlsuite.agents.contracts import LearnedReward, RewardContext
from rlsuite.config.schema import Experiment
from rlsuite.envs.levels import make_vec
from rlsuite.envs.vector import VectorEnv
from rlsuite.errors import UserError
from rlsuite.runs.memory import keep_freed_memory
from rlsuite.runs.seeding import stream_seed
from rlsuite.runs.threads import Threads, apply_threads, choose_threads

UNLIMITED_STEPS = 2**62
"""Stands for the env-step budget of a run that only the clock ends."""


@dataclass
class Assembly:
    """The parts of a training, connected.

    Attributes:
        experiment: What they were built from.
        env: The level, vectorised.
        learner: A learner (docs/architecture.md).
        rewards: The learned rewards it trains with.
        demos: Demonstrations, or None.
        device: Where the learner computes.
        threads: Thread counts in force.
    """

    experiment: Experiment
    env: VectorEnv
    learner: Any
    rewards: Sequence[LearnedReward]
    demos: Any
    device: torch.device
    threads: Threads

    @property
    def steps_env(self) -> bool:
        """Whether the learner's steps are env steps (behavioural cloning's are gradient steps)."""
        return bool(self.agent.tags.get("env_steps", True))

    @property
    def step_budget(self) -> int | None:
        """The learner's steps that end training; None if only the clock does."""
        budget = self.experiment.budget
        return budget.env_steps if self.steps_env else budget.train_steps

    @property
    def env_steps(self) -> int:
        """Env steps so far."""
        return int(self.learner.num_timesteps) if self.steps_env else 0

    @property
    def agent(self) -> registry.Entry:
        """The agent's registry entry."""
        assert self.experiment.agent is not None
        return registry.agents.get(self.experiment.agent.kind)

    @property
    def level(self) -> registry.Entry:
        """The level's registry entry."""
        return registry.levels.get(env_section(self.experiment).id)

    def close(self) -> None:
        """Free the engines."""
        self.env.close()


def assemble(experiment: Experiment, *, n_envs: int | None = None, threads: Threads | None = None) -> Assembly:
    """Build everything an agent's training needs.

    Args:
        experiment: A checked experiment with an agent.
        n_envs: Environments side by side; None for what the experiment says.
        threads: Thread counts of the run this goes on from; None to choose them.

    Raises:
        UserError: It asks for a device, level or data that is not there.
    """
    check_device(experiment.device)
    env, device, threads = _level_and_device(experiment, n_envs, threads)
    demos = load_demos(experiment, env)
    agent = experiment.agent
    assert agent is not None
    entry = registry.agents.get(agent.kind)
    if entry.config:  # kinds with a section of their own, such as bc, build themselves
        learner = entry.resolve()(agent, env, demos=demos, seed=experiment.seed, device=device)
        return Assembly(experiment, env, learner, (), demos, device, threads)
    rewards = _make_rewards(experiment, env, device, demos)
    learner = registry.learners.get(agent.learner.kind).resolve()(
        agent.learner,
        env,
        rewards=rewards,
        extrinsic_coef=agent.extrinsic_coef,
        seed=stream_seed(experiment.seed, "learner"),
        device=device,
        total_steps=experiment.budget.env_steps or UNLIMITED_STEPS,
    )
    return Assembly(experiment, env, learner, rewards, demos, device, threads)


def env_section(experiment: Experiment) -> Any:
    """The ``env`` section, which an experiment with an agent always has."""
    assert experiment.env is not None
    return experiment.env


def make_level(
    experiment: Experiment, n_envs: int, stream: str, *, device: str = "cpu", threads: Threads | None = None
) -> VectorEnv:
    """The experiment's level with a random stream of its own, e.g. ``"evaluation"``.

    It wears the experiment's skins: those of the training pool for the stream ``"env"``, else those of the test pool.
    """
    section = env_section(experiment)
    n_threads = threads.env if threads else None
    seed = stream_seed(experiment.seed, stream)
    if section.skin is not None:  # before engines start
        from rlsuite.experiment.looks import find_packs

        find_packs(section.skin)
    env = make_vec(section.id, n_envs, seed=seed, options=section, device=device, n_threads=n_threads)
    if section.skin is None and not section.observation:
        return env
    from rlsuite.experiment.looks import present

    return present(env, section, test=stream != "env", seed=seed)


def load_demos(experiment: Experiment, env: VectorEnv) -> Any:
    """The demonstrations the experiment names, or None."""
    if experiment.demos is None:
        return None
    from rlsuite import demos

    return demos.load(
        experiment.demos,
        env.observation_space,
        env.action_space,
        seed=experiment.seed,
        env_id=env_section(experiment).id,
    )


def check_device(device: str) -> None:
    """Refuse a CUDA device that is not there.

    Raises:
        UserError: It is not there.
    """
    if not device.startswith("cuda"):
        return
    n = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = int(device.partition(":")[2] or 0)
    if index < n:
        return
    have = "torch sees no CUDA device here" if n == 0 else f"torch sees {n} CUDA device(s), cuda:0 to cuda:{n - 1}"
    raise UserError(f"device: {device} was asked for, but {have}. Use `--set device=cpu` (or auto).")


def _level_and_device(
    experiment: Experiment, n_envs: int | None, threads: Threads | None
) -> tuple[VectorEnv, torch.device, Threads]:
    """The level on the learner's device, which for ``auto`` depends on what the level shows."""
    from rlsuite.agents.learners.base import choose_device
    from rlsuite.agents.learners.policy import is_image

    section = env_section(experiment)
    n = n_envs or section.n_envs
    first = threads or Threads(1, section.n_threads)
    wanted = experiment.device if experiment.device != "auto" else "cpu"
    env = make_level(experiment, n, "env", device=wanted, threads=first)
    images = is_image(env.observation_space)
    device = choose_device(experiment.device, images=images)
    if device.type != torch.device(wanted).type:
        env.close()
        env = make_level(experiment, n, "env", device=str(device), threads=first)
    threads = threads or choose_threads(images=images, device=device.type, env_threads=section.n_threads)
    apply_threads(threads)
    if images and device.type == "cpu":
        keep_freed_memory()
    return env, device, threads


def _make_rewards(experiment: Experiment, env: VectorEnv, device: torch.device, demos: Any) -> list[LearnedReward]:
    agent = experiment.agent
    assert agent is not None
    context = RewardContext(
        observation_space=env.observation_space,
        action_space=env.action_space,
        n_envs=env.num_envs,
        gamma=getattr(agent.learner, "gamma", 0.99),
        device=device,
        seed=experiment.seed,
        demos=demos,
        load_scorer=_load_scorer,
    )
    return [registry.rewards.get(section.kind).resolve()(section, context) for section in agent.rewards]


def _load_scorer(run: Path) -> Any:
    from rlsuite.experiment.generating import load_generator

    return load_generator(run)
