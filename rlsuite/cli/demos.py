"""`rlsuite demos ...`: demonstrations."""

from __future__ import annotations

import typer

app = typer.Typer(help="Demonstrations: list, look at, collect, import, export.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Demonstrations: list, look at, collect, import, export."""
