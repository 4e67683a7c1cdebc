"""`rlsuite record RUN`: a film of a run's policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rlsuite.cli.options import RUNS, Json, RunPath, RunsDir


def record(
    run: RunPath,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The film; none: in the run's videos/.")] = None,
    episodes: Annotated[int | None, typer.Option(min=1, help="Episodes, one after the other.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Longest playing time.")] = None,
    grid: Annotated[str, typer.Option(metavar="RxC", help="Environments side by side: rows x columns.")] = "1x1",
    frames: Annotated[Path | None, typer.Option(metavar="DIR", help="Also write the level's frames as PNG.")] = None,
    lapse: Annotated[bool, typer.Option("--lapse", help="One episode of each kept checkpoint instead.")] = False,
    seed: Annotated[int | None, typer.Option(help="Seed of the episodes; none: the same for every film.")] = None,
    stochastic: Annotated[bool, typer.Option("--stochastic", help="Sample actions instead of the mode.")] = False,
    checkpoint: Annotated[str, typer.Option(help="final, best, or a step such as 500000.")] = "final",
    runs: RunsDir = RUNS,
    json: Json = False,
) -> None:
    """Film a run's policy, with its learned rewards beside the picture."""
    from rlsuite import video
    from rlsuite.cli.finding import find_run

    path = find_run(run, runs)
    options: dict[str, Any] = {"out": out, "grid": _grid(grid), "deterministic": not stochastic}
    options |= {"seed": seed} if seed is not None else {}
    options |= {"seconds": seconds} if seconds is not None else {}
    if lapse:
        film = video.time_lapse(path, **options)
    else:
        film = video.record(path, checkpoint=checkpoint, episodes=episodes, frames_dir=frames, **options)
    if json:
        from rlsuite.cli.output import print_json

        return print_json({"film": str(film), "run": str(path)})
    return typer.echo(str(film))


def _grid(text: str) -> tuple[int, int]:
    """``2x3`` as (2, 3)."""
    rows, _, columns = text.lower().partition("x")
    if not (rows.isdigit() and columns.isdigit() and int(rows) and int(columns)):
        raise typer.BadParameter(f"write a grid as rows x columns, for example 2x3, not {text!r}")
    return int(rows), int(columns)
