"""`rlsuite bench ...`: measurements."""

from __future__ import annotations

import typer

app = typer.Typer(help="Measurements against other libraries.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Measurements against other libraries."""
