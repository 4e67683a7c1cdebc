"""Films: H.264 at the level's own frame rate, the same starts in every film, what is shown in a JSON beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlsuite.video.encode import FilmWriter
    from rlsuite.video.filming import FILM_SEED, Film, FilmOptions, film
    from rlsuite.video.recording import film_run, record
    from rlsuite.video.timelapse import time_lapse

_HOMES = {
    "FilmWriter": "encode",
    "FILM_SEED": "filming",
    "Film": "filming",
    "FilmOptions": "filming",
    "film": "filming",
    "film_run": "recording",
    "record": "recording",
    "time_lapse": "timelapse",
}

__all__ = ["FILM_SEED", "Film", "FilmOptions", "FilmWriter", "film", "film_run", "record", "time_lapse"]


def __getattr__(name: str) -> Any:
    """Import on first use: the command line names this module without paying for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rlsuite.video' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(f"rlsuite.video.{_HOMES[name]}"), name)
