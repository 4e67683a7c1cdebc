"""`rlsuite score RUN`: arithmetic and captions scored by what can be read back from the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlsuite.cli.generating import Checkpoint, GeneratorRun, Seed, open_generator
from rlsuite.cli.options import RUNS, Json, RunsDir

if TYPE_CHECKING:
    from rlsuite.generators.data.imageset import ImageSet


def score(
    run: GeneratorRun,
    add: Annotated[
        list[str] | None,
        typer.Option(metavar="ATTRIBUTE=VALUE", help="Add this by arithmetic; may be given several times."),
    ] = None,
    exemplars: Annotated[int, typer.Option(min=1, help="Exemplars a concept.")] = 3,
    strength: Annotated[float, typer.Option(help="What is added is multiplied by this.")] = 1.0,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Pictures judged (of each caption: 4).")] = 100,
    drawn: Annotated[int, typer.Option(min=2, help="Samples that exemplars are looked for in.")] = 1000,
    lessons: Annotated[int, typer.Option(min=1, help="Steps of teaching the reader.")] = 400,
    seed: Seed = 0,
    checkpoint: Checkpoint = "final",
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Teach a small reader the labels of a run's own pictures, and let it say what the generator draws.

    A decoder: `--add glasses=yes` adds an attribute to samples that lack it; did it appear, did the others stay? A
    model of sentences: do drawings show what was said, also where training never had the sentence?
    """
    from rlsuite.cli.finding import find_run
    from rlsuite.cli.output import print_json, print_table
    from rlsuite.experiment.generating import load_run_images
    from rlsuite.generators.readback import fit_reader
    from rlsuite.generators.scores import readable

    generator, _ = open_generator(run, runs, checkpoint)
    training, held_out = (_plain(part) for part in load_run_images(find_run(run, runs)))
    sentences = generator.spec.condition == "text"
    taught = _whole(find_run(run, runs), generator, hidden=True) if sentences else training
    reader = fit_reader(taught, readable(taught), n_steps=lessons, seed=seed)
    judged = held_out if len(held_out) else taught
    found: dict[str, Any] = {"reader_accuracy": reader.accuracy(judged)}
    if sentences:
        rows = _sentences(generator, reader, taught, _whole(find_run(run, runs), generator, hidden=False), seed)
    else:
        rows = _additions(generator, reader, add or [], exemplars, strength, n, drawn, seed)
    if json:
        return print_json({**found, "scores": rows})
    print_table([{"read": k, "accuracy": v} for k, v in found["reader_accuracy"].items()], ("read", "accuracy"))
    columns = dict.fromkeys(key for row in rows for key in row)
    return print_table(rows, list(columns))


def _additions(
    generator: Any, reader: Any, wanted: list[str], exemplars: int, strength: float, n: int, drawn: int, seed: int
) -> list[dict[str, Any]]:
    import dataclasses

    from rlsuite.cli.generating import needs
    from rlsuite.generators import Decodes
    from rlsuite.generators.scores import score_arithmetic

    needs(generator, Decodes, "score")
    if not wanted:
        choices = "; ".join(f"{name}={'|'.join(values)}" for name, values in reader.classes.items())
        raise typer.BadParameter(f"say what to add: --add ATTRIBUTE=VALUE, of {choices}")
    rows = []
    for text in wanted:
        attribute, _, value = text.partition("=")
        if value not in reader.classes.get(attribute, ()):
            choices = "; ".join(f"{name}={'|'.join(values)}" for name, values in reader.classes.items())
            raise typer.BadParameter(f"--add {text}: there are {choices}")
        options = {"n": n, "n_exemplars": exemplars, "n_drawn": drawn, "strength": strength, "seed": seed}
        done = score_arithmetic(generator, reader, attribute, value, **options)
        rows.append({"added": text, "n_exemplars": done.n_exemplars, **dataclasses.asdict(done.score)})
    return rows


def _sentences(generator: Any, reader: Any, everything: ImageSet, known: ImageSet, seed: int) -> list[dict[str, Any]]:
    from rlsuite.generators.scores import compositionality

    done = compositionality(generator, reader, everything, known, seed=seed)
    parts = {"seen": done.seen, "unseen": done.unseen}
    return [{"captions": name, **part.each, "all": part.all, "n": part.n} for name, part in parts.items()]


def _whole(run: Path, generator: Any, *, hidden: bool) -> ImageSet:
    """The run's set before any of it was held out, with or without what its section hides."""
    from rlsuite.experiment.opening import read_experiment
    from rlsuite.generators.data.loading import load_images
    from rlsuite.runs.folder import RunFolder

    section: Any = read_experiment(RunFolder.find(run)).experiment.data
    if hidden and hasattr(section, "hide_combinations"):
        section = section.model_copy(update={"hide_combinations": False})
    return _plain(load_images(section, generator.spec))


def _plain(data: ImageSet) -> ImageSet:
    """The set with labels that can be read: DiceBear's many parts become few attributes."""
    from rlsuite.generators.readback import dicebear_attributes

    return dicebear_attributes(data) if data.id == "dicebear" and len(data) else data
