"""`rlsuite rank RUN PICTURES`: which pictures fit a sentence, or which label fits each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlsuite.cli.generating import Checkpoint, GeneratorRun, Out, Scale, Seed, needs, open_generator, place, write_sheet
from rlsuite.cli.options import RUNS, Json, RunsDir

if TYPE_CHECKING:
    from torch import Tensor


def rank(
    run: GeneratorRun,
    pictures: Annotated[
        Path | None, typer.Argument(metavar="[PICTURES]", help="A folder of pictures; none: drawn with --of.")
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="The sentence to rank by; none: likelihood, if the model has it.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Label each picture instead: the choices.")
    ] = None,
    prompt: Annotated[list[str] | None, typer.Option(help="Sentence around a label: 'a picture of a {}'.")] = None,
    of: Annotated[Path | None, typer.Option(metavar="RUN", help="Draw pictures of --text with this run first.")] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="How many to draw.")] = 32,
    best: Annotated[int, typer.Option(min=1, help="How many to show.")] = 8,
    seed: Seed = 0,
    scale: Scale = 4,
    out: Out = None,
    checkpoint: Checkpoint = "final",
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Order pictures by how well they fit a sentence, or label them without training."""
    from rlsuite.generators import Ranks

    model, folder = open_generator(run, runs, checkpoint)
    images, names = _pictures(model, pictures, of, text, n, seed, runs, checkpoint)
    if labels is not None:
        return _say_labels(model, images, names, labels.split(","), prompt or ["{}"], json)
    scores = needs(model, Ranks, "rank").score(images, text)
    order = scores.argsort(descending=True, stable=True)[:best]
    rows = [{"id": names[i], "score": float(scores[i])} for i in order.tolist()]
    sheet = write_sheet(images[order], place(out, folder, "ranked.png"), scale=scale)
    return _say(rows, json, picture=str(sheet), text=text, n=len(images))


def _pictures(
    model: Any, pictures: Path | None, of: Path | None, text: str | None, n: int, seed: int, runs: Path, checkpoint: str
) -> tuple[Tensor, list[str]]:
    """Images and their names: a folder's, or those that another run draws."""
    from rlsuite.generators import Samples, load_images

    if (pictures is None) == (of is None):
        raise typer.BadParameter("name a folder of pictures, or a run that draws some with --of")
    if pictures is not None:
        found = load_images({"id": "folder", "path": str(pictures)}, model.spec)
        return found.floats(), list(found.names)
    drawer = needs(open_generator(of or Path(), runs, checkpoint)[0], Samples, "rank --of")
    condition = text if drawer.spec.condition == "text" else None
    return drawer.sample(n, seed=seed, condition=condition), [f"sample {i}" for i in range(n)]


def _say_labels(
    model: Any, images: Tensor, names: list[str], labels: list[str], prompts: list[str], json: bool
) -> None:
    from rlsuite.errors import UserError

    if not hasattr(model, "classify"):
        raise UserError(f"rlsuite rank --labels: a {model.kind} knows no labels; a contrast does")
    shares = model.classify(images, labels, prompts)
    found = [
        {"id": name, "label": labels[int(row.argmax())], "probability": float(row.max())}
        for name, row in zip(names, shares, strict=True)
    ]
    return _say(found, json, labels=labels)


def _say(rows: list[dict[str, Any]], json: bool, **facts: Any) -> None:
    from rlsuite.cli.output import print_json, print_table

    if json:
        return print_json({"pictures": rows, **facts})
    print_table(rows, list(rows[0]) if rows else [])
    if "picture" in facts:
        typer.echo(facts["picture"])
    return None
