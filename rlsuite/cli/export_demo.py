"""`rlsuite export-demo RUN`: a generator as a static web page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlsuite.cli.generating import Checkpoint, GeneratorRun, needs, open_generator
from rlsuite.cli.options import RUNS, Json, RunsDir


def export_demo(
    run: GeneratorRun,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Folder of the page; none: demo/ in the run.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Of the page.")] = None,
    runtime: Annotated[
        Path | None, typer.Option(metavar="DIR", help="dist/ of npm's onnxruntime-web; none: fetched once.")
    ] = None,
    checkpoint: Checkpoint = "final",
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Write a page that draws with a run's generator in the browser: random grid, corners, arithmetic.

    A folder of files, no server code: `python -m http.server` in it shows the page, and so does any web host.
    """
    from rlsuite.generators import Decodes
    from rlsuite.generators.demo.export import export_demo as write

    generator, folder = open_generator(run, runs, checkpoint)
    needs(generator, Decodes, "export-demo")
    target = out or folder / "demo"
    page = write(generator, target, title=title, runtime=runtime, say=lambda text: typer.echo(text, err=True))
    if json:
        from rlsuite.cli.output import print_json

        return print_json({"page": str(page), "bytes": sum(f.stat().st_size for f in target.rglob("*") if f.is_file())})
    typer.echo(str(page))
    return typer.echo(f"next:\n  python -m http.server --directory {target}")
