"""Where things made once are kept: start snapshots and compiled kernels. Never anything of a ROM."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import warnings
from functools import cache
from pathlib import Path


def wanted_folder() -> Path:
    """``$RLSUITE_CACHE``, or the user's cache folder of rlsuite."""
    if chosen := os.environ.get("RLSUITE_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "rlsuite"


@cache
def cache_folder() -> Path:
    """A folder that can be written: the wanted one, or one that lives as long as this process."""
    wanted = wanted_folder()
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=wanted):
            pass
    except OSError as error:
        warnings.warn(
            f"cannot write to the cache folder {wanted} ({error.strerror or error}): kernels and start snapshots "
            "are made anew in every process. Point RLSUITE_CACHE to a folder that can be written.",
            RuntimeWarning,
            stacklevel=2,
        )
        wanted = Path(tempfile.mkdtemp(prefix="rlsuite-"))
        atexit.register(shutil.rmtree, wanted, ignore_errors=True)
    return wanted
