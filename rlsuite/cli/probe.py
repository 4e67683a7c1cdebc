"""`rlsuite probe RUN`: what each layer of a run's generator knows about the labels of its pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlsuite.cli.generating import Checkpoint, GeneratorRun, open_generator
from rlsuite.cli.options import RUNS, Json, RunsDir

if TYPE_CHECKING:
    from rlsuite.generators.data.imageset import ImageSet


def probe(
    run: GeneratorRun,
    label: Annotated[str | None, typer.Option(help="Which label of the set; none: its only one.")] = None,
    n_train: Annotated[int, typer.Option(min=2, help="Labelled training pictures.")] = 2000,
    n_test: Annotated[int, typer.Option(min=2, help="Held-out pictures.")] = 1000,
    few: Annotated[
        list[int] | None, typer.Option(metavar="N", help="Also with this many labels a class, at the best depth.")
    ] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Also probe pixels and an untrained model.")] = False,
    fine_tune: Annotated[
        int | None, typer.Option(min=1, metavar="STEPS", help="Also train a copy of all layers on the label.")
    ] = None,
    joint: Annotated[float, typer.Option(min=0.0, help="Fine-tuning: weight of the pixels' loss.")] = 1.0,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="The curve, a PNG or SVG.")] = None,
    checkpoint: Checkpoint = "final",
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Fit a linear classifier to each layer's features: accuracy on held-out pictures against depth."""
    from rlsuite.cli.finding import find_run
    from rlsuite.errors import UserError
    from rlsuite.experiment.generating import load_run_images
    from rlsuite.generators.tokens.probe import probe_generator

    generator, folder = open_generator(run, runs, checkpoint)
    if fine_tune is not None and generator.kind != "image_gpt":
        raise UserError(f"rlsuite probe --fine-tune: an image_gpt is wanted, this is a {generator.kind}")
    data, held_out = load_run_images(find_run(run, runs))
    name, train, test = _label(data, label), _some(data, n_train), _some(held_out, n_test)
    found = probe_generator(generator, train, test, name, few=tuple(few or ()), compare=compare)
    tuned = None if fine_tune is None else _fine_tuned(generator, train, test, name, fine_tune, joint)
    path = _draw(found, out or folder / "probe.png")
    return _say(found, tuned, path, json)


def _fine_tuned(generator: Any, train: ImageSet, test: ImageSet, label: str, n_steps: int, joint: float) -> float:
    import time

    from rlsuite.generators.tokens.fine_tune import fine_tune
    from rlsuite.runs.progress import Progress, State

    begun = time.monotonic()
    with Progress() as progress:

        def watch(steps: int, loss: float) -> None:
            progress.update(State(steps=steps, total=n_steps, elapsed_s=time.monotonic() - begun))

        return fine_tune(generator, train, test, label, n_steps=n_steps, joint=joint, watch=watch).accuracy


def _label(data: ImageSet, wanted: str | None) -> str:
    from rlsuite.errors import UserError

    known = sorted(data.labels)
    if wanted in data.labels:
        return str(wanted)
    if wanted is None and len(known) == 1:
        return known[0]
    raise UserError(f"rlsuite probe: {data.id} has the labels {', '.join(known) or 'none'}; say which with --label")


def _some(data: ImageSet, n: int) -> ImageSet:
    from rlsuite.generators.data.reading import evenly

    return data.subset(list(evenly(len(data), n)))


def _draw(found: Any, path: Path) -> Path | None:
    """Accuracy against depth; None where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(len(found.accuracies)), found.accuracies, "o-", label="each depth")
    for name, value in found.baselines.items():
        axes.axhline(value, linestyle="--", linewidth=1, color="C1" if name == "pixels" else "C2", label=name)
    axes.set(xlabel="block whose input is read (the last: the output layer's)", ylabel="accuracy, held out")
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path


def _say(found: Any, tuned: float | None, path: Path | None, json: bool) -> None:
    from rlsuite.cli.output import print_json, print_table

    if json:
        return print_json({**found.to_dict(), "fine_tuned": tuned, "picture": path and str(path)})
    print_table([{"id": i, "accuracy": a} for i, a in enumerate(found.accuracies)], ["id", "accuracy"], title="depth")
    others = {**found.baselines, **found.few} | ({} if tuned is None else {"fine-tuned": tuned})
    more = [{"id": name, "accuracy": value} for name, value in others.items()]
    if more:
        print_table(more, ["id", "accuracy"])
    if path is not None:
        typer.echo(str(path))
    return None
