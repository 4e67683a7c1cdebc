"""`rlsuite plot RUN...`: return against env steps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plot(runs: Annotated[list[Path], typer.Argument(metavar="RUN...")]) -> None:
    """Draw return against env steps for one run or many."""
    raise NotImplementedError
