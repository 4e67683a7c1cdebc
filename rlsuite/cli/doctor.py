"""`rlsuite doctor`: what works on this machine, and what to do about what does not."""

from __future__ import annotations

from pathlib import Path

import typer

from rlsuite.cli.options import RUNS, Json, RunsDir

MARKS = {"ok": "[green]ok  [/]", "note": "[yellow]note[/]", "fail": "[red]FAIL[/]"}


def doctor(json: Json = False, runs: RunsDir = RUNS) -> None:
    """Check devices, rendering, codecs, extras, compiler, threads and disk."""
    from rlsuite.cli.checks import run_checks

    checks = []
    for check in run_checks(Path(runs)):
        checks.append(check)
        if not json:
            _print(check.name, check.status, check.detail, check.fix)
    if json:
        from rlsuite.cli.output import print_json

        print_json([check.to_row() for check in checks])
    raise typer.Exit(1 if any(check.status == "fail" for check in checks) else 0)


def _print(name: str, status: str, detail: str, fix: str) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{MARKS[status]} {escape(f'{name:<12}')} {escape(detail)}")
    if fix:
        console.print(f"     {'':<12} -> {escape(fix)}")
