"""Whether this process was launched together with others, by ``accelerate launch`` or ``torchrun``."""

from __future__ import annotations

import os


def launched() -> int:
    """How many processes were launched together; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def follows() -> bool:
    """Whether another process, launched with this one, owns the run."""
    return launched() > 1 and int(os.environ.get("RANK", "0")) > 0
