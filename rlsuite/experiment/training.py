"""Begins a training, and goes on with one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from rlsuite.config.schema import Resolved, load_experiment
from rlsuite.envs.vector import SUCCESS_KEYS
from rlsuite.errors import DataError, UserError
from rlsuite.experiment.assembly import Assembly, assemble, env_section
from rlsuite.experiment.lifecycle import RunResult, RunSession
from rlsuite.experiment.logs import LOGGER
from rlsuite.experiment.opening import begin_with, read_experiment
from rlsuite.experiment.saving import restore
from rlsuite.experiment.session import Session
from rlsuite.experiment.together import check_launch, follow
from rlsuite.runs.checkpoint import load_checkpoint
from rlsuite.runs.folder import RunFolder
from rlsuite.runs.keeper import NEWEST_ONLY, CheckpointKeeper
from rlsuite.runs.launching import follows
from rlsuite.runs.manifest import code_version, make_manifest, now, package_versions
from rlsuite.runs.notices import Notices
from rlsuite.runs.stopping import StopRequest
from rlsuite.runs.threads import Threads
from rlsuite.runs.writers import cut_back

Overrides = Iterable[str] | Mapping[str, Any]


def train(
    source: str | PathLike[str] | Mapping[str, Any],
    overrides: Overrides = (),
    smoke: bool = False,
    *,
    runs_dir: str | PathLike[str] = "runs",
    quiet: bool = False,
) -> RunResult:
    """Train what an experiment describes, in a new run folder.

    Args:
        source: A YAML file, or the same as a mapping.
        overrides: ``"agent.learner.learning_rate=3e-4"`` each, or a mapping from dotted key to value.
        smoke: The same experiment shrunk to seconds.
        runs_dir: Where the run's folder shall be: ``runs_dir/<experiment>/<time>-s<seed>-<hex>``.
        quiet: Show nothing on the terminal.

    Raises:
        UserError: The experiment asks for what is not there; nothing was written.
        RunError: The run could not go on; its folder says how far it came.
    """
    given = source if isinstance(source, Mapping) else Path(source)
    return train_resolved(load_experiment(given, overrides, smoke), runs_dir=runs_dir, quiet=quiet)


def train_resolved(resolved: Resolved, *, runs_dir: str | PathLike[str] = "runs", quiet: bool = False) -> RunResult:
    """As `train`, with an experiment that is loaded and checked already."""
    notices, stop = Notices(), StopRequest()
    check_launch(resolved.experiment)
    if follows():
        return follow(resolved.experiment, Path(runs_dir))
    with notices.capture(), stop.listen():
        if resolved.experiment.generator is not None:
            return _train_generator(resolved, Path(runs_dir), notices=notices, stop=stop, quiet=quiet)
        assembly = assemble(resolved.experiment)
        _check_success(assembly)
        facts = _facts(assembly)
        if source := getattr(resolved.experiment.agent, "begin_with", None):
            facts["begins_with"] = begin_with(assembly, source)
        folder = RunFolder.create(resolved.experiment.name, resolved.experiment.seed, Path(runs_dir))
        with folder.hold():
            _write_description(folder, resolved, facts)
            return Session(folder, assembly, notices=notices, stop=stop, quiet=quiet).run()


def resume(run: str | PathLike[str], overrides: Overrides = (), *, quiet: bool = False) -> RunResult:
    """Go on with a run from its newest sound checkpoint.

    On the CPU, where the level restores its engine (MuJoCo, NES), what follows is bit for bit what an
    undisturbed run would have done. Metrics written after the checkpoint are cut off first.

    Args:
        run: The run's folder.
        overrides: Changes to the experiment, for example a larger budget.
        quiet: Show nothing on the terminal.

    Raises:
        UserError: There is no such run, or it is done.
        DataError: None of its checkpoints can be used.
        RunError: Another process writes it, or it could not go on.
    """
    folder = RunFolder.find(run)
    overrides = list(overrides) if not isinstance(overrides, Mapping) else overrides
    if follows():
        return follow(read_experiment(folder, overrides).experiment, folder.path, resumed=True)
    notices, stop = Notices(), StopRequest()
    with folder.hold(), notices.capture(), stop.listen():
        _refuse_finished(folder, overrides)
        resolved = read_experiment(folder, overrides)
        check_launch(resolved.experiment)
        manifest = folder.read_manifest()
        keeper = CheckpointKeeper(folder.checkpoints)
        keeper.repair()
        checkpoint, problems = keeper.newest_sound()
        parts = load_checkpoint(checkpoint.path)
        state, options = parts["run"], {"notices": notices, "stop": stop, "state": parts["run"], "quiet": quiet}
        threads = Threads.from_dict(manifest["threads"])
        notices.counts.update(state["warnings"])
        if resolved.experiment.generator is not None:
            open_session = _reopen_generator(folder, resolved, parts, threads)
            for problem in problems:
                notices.add(f"{problem} Going on from step {checkpoint.step:,} instead.")
        else:
            assembly = assemble(resolved.experiment, threads=threads)
            _check_success(assembly)
            restore(assembly.learner, parts)
            _note_losses(notices, assembly, parts, problems, checkpoint.step)
            open_session = partial(Session, folder, assembly)
        cut_back(folder, state["position"])
        keeper.discard_after(checkpoint.step)
        _note_session(folder, manifest, checkpoint.step, overrides)
        if overrides:
            folder.write_text(folder.resolved, resolved.to_yaml())
        return open_session(**options).run()


def _train_generator(resolved: Resolved, runs_dir: Path, **options: Any) -> RunResult:
    from rlsuite.experiment.generating import assemble_generator
    from rlsuite.experiment.generator_session import GeneratorSession

    assembly = assemble_generator(resolved.experiment)
    folder = RunFolder.create(resolved.experiment.name, resolved.experiment.seed, runs_dir)
    with folder.hold():
        _write_description(folder, resolved, assembly.facts())
        return GeneratorSession(folder, assembly, **options).run()


def _reopen_generator(
    folder: RunFolder, resolved: Resolved, parts: Mapping[str, Any], threads: Threads
) -> Callable[..., RunSession]:
    from rlsuite.experiment.generating import assemble_generator, restore_generator
    from rlsuite.experiment.generator_session import GeneratorSession

    assembly = assemble_generator(resolved.experiment, threads=threads)
    restore_generator(assembly, parts)
    return partial(GeneratorSession, folder, assembly)


def _check_success(assembly: Assembly) -> None:
    wanted, env = assembly.experiment.budget.success, assembly.env
    if wanted is not None and not (assembly.steps_env and set(SUCCESS_KEYS) & set(env.info_keys)):
        assembly.close()
        raise UserError(
            f"budget.success: {env_section(assembly.experiment).id} does not tell this agent of success; leave it out"
        )


def _refuse_finished(folder: RunFolder, overrides: Overrides) -> None:
    try:
        status = folder.read_summary().get("status")
    except DataError:
        return  # a run whose summary was lost can still go on
    if status == "done" and not overrides:
        raise UserError(
            f"{folder.path} is done. To train it further give it a larger budget: "
            f'rlsuite.resume("{folder.path}", ["budget.env_steps=..."]); to score it: rlsuite eval {folder.path}'
        )


def _facts(assembly: Assembly) -> dict[str, Any]:
    """What the manifest says of an agent's training."""
    demos, experiment = assembly.demos, assembly.experiment
    return {
        "level": env_section(experiment).id,
        "seeds": {"seed": experiment.seed},
        "device": str(assembly.device),
        "threads": assembly.threads.to_dict(),
        "data": {} if demos is None else {demos.id: demos.data_hash},
        "frames_per_step": assembly.env.frames_per_step,
        "restorable": bool(assembly.env.restorable),
    }


def _write_description(folder: RunFolder, resolved: Resolved, facts: Mapping[str, Any]) -> None:
    """The experiment as written and as resolved, and the manifest."""
    experiment = resolved.experiment
    written = next(iter(resolved.sources.values()), None)
    folder.write_text(folder.config, resolved.to_yaml() if written is None else written)
    folder.write_text(folder.resolved, resolved.to_yaml())
    folder.write_manifest(make_manifest(experiment=experiment.name, smoke=resolved.smoke, **facts))


def _note_losses(
    notices: Notices, assembly: Assembly, parts: Mapping[str, Any], problems: list[str], step: int
) -> None:
    """Say what the resumed run cannot have as it was."""
    for problem in problems:
        notices.add(f"{problem} Going on from step {step:,} instead.")
    if not assembly.env.restorable:
        notices.add("this level's engine cannot be restored: its episodes began anew when the run was resumed")
    if problems and NEWEST_ONLY not in parts and hasattr(assembly.learner, "replay"):
        notices.add("the replay buffer was in the newest checkpoint only: it fills anew")


def _note_session(folder: RunFolder, manifest: dict[str, Any], step: int, overrides: Any) -> None:
    """Add this session to the manifest."""
    changed = {k: v for k, v in package_versions().items() if manifest["packages"].get(k) != v}
    session = {"began": now(), "from_step": step, "code": code_version(), "changed_packages": changed}
    manifest["sessions"].append({**session, "overrides": overrides})
    if changed:
        LOGGER.info("packages changed since the run began: %s", changed)
    folder.write_manifest(manifest)
