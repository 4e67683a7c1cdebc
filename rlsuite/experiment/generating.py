"""A generator's training as a run: the same folder, checkpoints, metrics, signals and resume as an agent's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rlsuite import registry
from rlsuite.config.schema import Experiment
from rlsuite.errors import DataError, UserError
from rlsuite.experiment.assembly import check_device
from rlsuite.experiment.opening import find_checkpoint, read_experiment
from rlsuite.generators.contracts import PART, FitState, Generator
from rlsuite.generators.data.config import ImageSetConfig
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.data.loading import load_images
from rlsuite.generators.workers import AccelerateWorkers, SharedTraining
from rlsuite.runs.checkpoint import load_checkpoint
from rlsuite.runs.folder import RunFolder
from rlsuite.runs.launching import launched
from rlsuite.runs.memory import keep_freed_memory
from rlsuite.runs.seeding import stream_seed
from rlsuite.runs.threads import Threads, apply_threads, choose_threads


@dataclass
class GeneratorAssembly:
    """The parts of a generator's training, connected.

    Attributes:
        experiment: What they were built from.
        generator: The model; its weights are those that sample.
        state: The training in progress.
        data: What is learned from.
        held_out: What training never sees; empty if nothing is held out.
        device: Where it computes.
        threads: Thread counts in force.
    """

    experiment: Experiment
    generator: Generator
    state: FitState
    data: ImageSet
    held_out: ImageSet
    device: torch.device
    threads: Threads

    @property
    def n_steps(self) -> int:
        """Gradient steps so far."""
        return self.state.n_steps

    def facts(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {
            "generator": self.generator.kind,
            "seeds": {"seed": self.experiment.seed},
            "device": str(self.device),
            "processes": launched(),
            "threads": self.threads.to_dict(),
            "data": {self.data.id: self.data.data_hash()},
            "data_source": self.data.source,
            "data_licence": self.data.licence,
            "n_images": len(self.data),
            "n_held_out": len(self.held_out),
        }


def assemble_generator(experiment: Experiment, *, threads: Threads | None = None) -> GeneratorAssembly:
    """Build everything a generator's training needs.

    Args:
        experiment: A checked experiment with a generator.
        threads: Thread counts of the run this goes on from; None to choose them.

    Raises:
        UserError: It asks for a device or data that are not there, or its budget counts what generators do not.
    """
    check_device(experiment.device)
    section, data_section = experiment.generator, experiment.data
    assert section is not None
    _check_budget(experiment)
    if not isinstance(data_section, ImageSetConfig):
        raise UserError(
            "data: is missing; a generator learns from images: add `data: {id: ...}` (`rlsuite ls datasets`)"
        )
    workers = AccelerateWorkers(experiment.device) if launched() > 1 else None
    device = _choose_device(experiment.device) if workers is None else workers.device
    threads = threads or choose_threads(images=True, device=device.type)
    apply_threads(threads)
    if device.type == "cpu":
        keep_freed_memory()
    kind: str = section.kind  # type: ignore[attr-defined]
    generator: Generator = registry.generators.get(kind).resolve()(section, seed=experiment.seed)
    data, held_out = load_images(data_section, generator.spec).split(data_section.held_out, experiment.seed)
    seed = stream_seed(experiment.seed, "generator")
    state = generator.fit_state(data, seed=seed, device=device)
    state = state if workers is None else SharedTraining(state, workers, seed)
    generator.provenance |= {"data": data.id, "source": data.source, "licence": data.licence, "seed": experiment.seed}
    return GeneratorAssembly(experiment, generator, state, data, held_out, device, threads)


def to_parts(assembly: GeneratorAssembly, run: Any) -> dict[str, Any]:
    """The parts of a checkpoint: the bundle, the training, the run."""
    generator = assembly.generator
    generator.provenance["n_steps"] = assembly.n_steps
    return {PART: generator.state_dict(), "training": assembly.state.state_dict(), "run": run}


def restore_generator(assembly: GeneratorAssembly, parts: Mapping[str, Any]) -> None:
    """Bring a training back.

    Raises:
        DataError: It is another generator's.
    """
    if PART not in parts:
        raise DataError("the checkpoint holds no generator: this experiment does not fit its run")
    assembly.generator.load_state_dict(parts[PART])
    assembly.state.load_state_dict(parts["training"])


def load_generator(run: Any, checkpoint: str = "final") -> Generator:
    """The generator of a run, on the CPU, as of a checkpoint.

    Args:
        run: The run's folder, or a bundle that `Generator.save` wrote.
        checkpoint: ``final`` (the newest) or a number of gradient steps.

    Raises:
        UserError: There is no such run or checkpoint, or it trained an agent.
        DataError: The checkpoint is broken.
    """
    from rlsuite.generators.making import load

    if (Path(run) / "checkpoint.json").is_file():
        return load(run)
    folder = RunFolder.find(run)
    experiment = read_experiment(folder).experiment
    section: Any = experiment.generator
    if section is None:
        raise UserError(f"{folder.path} trained an agent, not a generator; `rlsuite record` and `eval` are for it")
    generator = registry.generators.get(section.kind).resolve()(section, seed=experiment.seed)
    generator.load_state_dict(load_checkpoint(find_checkpoint(folder, checkpoint), [PART])[PART])
    return generator


def load_run_images(run: Any) -> tuple[ImageSet, ImageSet]:
    """Training and held-out images of a generator's run, as it saw them."""
    folder = RunFolder.find(run)
    experiment = read_experiment(folder).experiment
    section: Any = experiment.generator
    if section is None or not isinstance(experiment.data, ImageSetConfig):
        raise UserError(f"{folder.path} trained an agent: it has no images")
    generator = registry.generators.get(section.kind).resolve()(section)
    return load_images(experiment.data, generator.spec).split(experiment.data.held_out, experiment.seed)


def _check_budget(experiment: Experiment) -> None:
    budget = experiment.budget
    if budget.env_steps is not None:
        raise UserError("budget.env_steps: a generator takes no env steps; write budget.train_steps (or seconds)")
    if budget.success is not None:
        raise UserError("budget.success: a generator has no episodes; write budget.train_steps (or seconds)")


def _choose_device(wanted: str) -> torch.device:
    if wanted != "auto":
        return torch.device(wanted)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
