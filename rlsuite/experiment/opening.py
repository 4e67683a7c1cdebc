"""Finished and unfinished runs, opened again: their policy, their scores."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from rlsuite.config.schema import Experiment, Resolved, load_experiment
from rlsuite.errors import UserError
from rlsuite.evaluation import Evaluation, level_score, play
from rlsuite.experiment.assembly import Assembly, assemble, make_level
from rlsuite.experiment.saving import load_acting
from rlsuite.runs.checkpoint import HEADER, load_checkpoint
from rlsuite.runs.folder import RunFolder
from rlsuite.runs.keeper import CheckpointKeeper
from rlsuite.runs.seeding import stream_seed
from rlsuite.runs.threads import Threads

RunPath = str | PathLike[str]


def load_policy(run: RunPath, checkpoint: str = "final") -> Any:
    """The learner of a run with its policy (and learned rewards) loaded: ``predict`` takes raw observations.

    Args:
        run: The run's folder.
        checkpoint: ``final`` (the newest), ``best`` or a number of env steps.

    Raises:
        UserError: There is no such run or checkpoint.
        DataError: The checkpoint is broken.
    """
    return open_run(run, checkpoint).learner


def open_run(run: RunPath, checkpoint: str = "final", n_envs: int = 1, overrides: Any = ()) -> Assembly:
    """The parts of a run's training, with policy and learned rewards as in a checkpoint; for films and panels.

    Args:
        run: The run's folder.
        checkpoint: ``final``, ``best`` or a number of env steps.
        n_envs: Environments side by side.
        overrides: Changes to its experiment, such as another level.

    Raises:
        UserError: There is no such run or checkpoint.
        DataError: The checkpoint is broken.
    """
    folder = RunFolder.find(run)
    path = find_checkpoint(folder, checkpoint)
    experiment = read_experiment(folder, overrides).experiment
    if experiment.generator is not None:
        raise UserError(f"{folder.path} trained a generator, which does not act; `rlsuite sample` is for it")
    assembly = assemble(experiment, n_envs=n_envs)
    load_acting(assembly.learner, path)
    return assembly


def load_encoder(run: RunPath, checkpoint: str = "final") -> Any:
    """What of a run's policy looks at observations: an ``nn.Module``, on the CPU.

    Raises:
        UserError: There is no such run or checkpoint.
        DataError: The checkpoint is broken.
    """
    assembly = open_run(run, checkpoint, overrides=["device=cpu"])
    try:
        return assembly.learner.policy.features_extractor
    finally:
        assembly.env.close()


def evaluate(
    run: RunPath,
    n_episodes: int | None = None,
    deterministic: bool | None = None,
    checkpoint: str = "final",
    seed: int | None = None,
    overrides: Any = (),
) -> dict[str, Any]:
    """Play episodes with a run's policy on environments of their own.

    Args:
        run: The run's folder.
        n_episodes: How many; None for the experiment's ``eval.final_episodes``.
        deterministic: Take the policy's mode; None for what the experiment says.
        checkpoint: ``final``, ``best`` or a number of env steps.
        seed: Of the episodes; None for the seed of the run's own final evaluation, which gives the same numbers.
        overrides: Changes to its experiment: ``["env.id=mario/1-2/no_reward"]`` plays the policy, as it is, there.

    Returns:
        ``return_mean``, ``return_std``, ``n_episodes``, ``normalized_score``, ``success_rate``, ``length_mean``,
        and ``returns``, one per episode.

    Raises:
        UserError: There is no such run or checkpoint.
        DataError: The checkpoint is broken.
    """
    assembly = open_run(run, checkpoint, overrides=overrides)
    try:
        experiment = assembly.experiment
        n = n_episodes or experiment.eval.final_episodes
        mode = experiment.eval.deterministic if deterministic is None else deterministic
        result = play_level(assembly, assembly.learner, n, deterministic=mode, seed=seed)
        return {**scores(assembly, result), "deterministic": mode, "returns": result.returns.tolist()}
    finally:
        assembly.close()


def begin_with(assembly: Assembly, source: Path) -> dict[str, str]:
    """Give a new training the policy of a run or checkpoint.

    Returns:
        What the manifest says of it.

    Raises:
        UserError: There is no such run, or its policy is of another shape.
        DataError: The checkpoint is broken.
    """
    path = source if (source / HEADER).is_file() else find_checkpoint(RunFolder.find(source))
    policy, learner = load_checkpoint(path, ["policy"])["policy"], assembly.learner
    try:
        learner.load_policy_state(policy)
    except (KeyError, RuntimeError, ValueError) as error:
        raise UserError(
            f"agent.begin_with: the policy of {source} does not fit this experiment's. Observations, actions, network "
            f"and the number of rewards with a value head of their own must be the same. {error}"
        ) from error
    if hasattr(learner, "begins_trained"):
        learner.begins_trained = True
    return {"run": path.parent.parent.name, "checkpoint": path.name}


def play_level(
    assembly: Assembly, policy: Any, n_episodes: int, *, deterministic: bool, seed: int | None = None, **options: Any
) -> Evaluation:
    """Play a policy on fresh environments of the experiment's level."""
    experiment = assembly.experiment
    env = evaluation_level(experiment, n_episodes, assembly.threads)
    try:
        first = stream_seed(experiment.seed, "evaluation/final") if seed is None else seed
        return play(policy, env, n_episodes, seed=first, deterministic=deterministic, **options)
    finally:
        env.close()


def evaluation_level(experiment: Experiment, n_episodes: int, threads: Threads | None = None) -> Any:
    """Environments for ``n_episodes``: as many as train, or fewer, with equal numbers of episodes where possible."""
    limit = experiment.env.n_envs if experiment.env else 1
    rounds = -(-n_episodes // min(limit, n_episodes))
    return make_level(experiment, -(-n_episodes // rounds), "evaluation", threads=threads)


def scores(assembly: Assembly, result: Evaluation) -> dict[str, Any]:
    """An evaluation as plain numbers, normalised by the demonstrations' reference returns or the level's."""

    def score(evaluation: Evaluation) -> float | None:
        own = assembly.demos.normalized_score(evaluation.return_mean) if assembly.demos is not None else None
        return level_score(assembly.level.tags, evaluation) if own is None else own

    return result.to_dict(score)


def read_experiment(folder: RunFolder, overrides: Any = ()) -> Resolved:
    """The experiment a run was made from, complete as it was resolved then, with overrides laid over it.

    Raises:
        UserError: The folder has none, or an override is wrong.
    """
    if not folder.resolved.is_file():
        raise UserError(f"{folder.resolved} is missing: {folder.path} cannot be opened without its experiment.")
    return load_experiment(folder.resolved, overrides)


def find_checkpoint(folder: RunFolder, which: str = "final") -> Path:
    """The folder of a checkpoint.

    Args:
        folder: The run.
        which: ``final`` (the newest sound one), ``best`` or a number of env steps.

    Raises:
        UserError: There is none of that name; the message lists those there are.
    """
    keeper = CheckpointKeeper(folder.checkpoints)
    if which == "final":
        return keeper.newest_sound()[0].path
    if which == "best":
        if best := keeper.best():
            return best.path
        raise UserError(f"{folder.path} has no evaluated checkpoint, so none is the best; use final.")
    steps = {str(c.step): c.path for c in keeper.list()}
    if which in steps:
        return steps[which]
    raise UserError(f"{folder.path} has no checkpoint '{which}'; it has final, best, {', '.join(steps) or 'no steps'}.")
