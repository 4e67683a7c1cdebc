"""Thread counts, set once, here, and written in the manifest."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Threads:
    """How many threads a run uses.

    Attributes:
        torch: Of torch's operators.
        env: That step environments; None leaves it to the level.
        update: Of torch's operators while a learner updates and its environments wait.
    """

    torch: int
    env: int | None
    update: int = 1

    def to_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Threads:
        """What `to_dict` wrote."""
        return cls(int(value["torch"]), value.get("env"), int(value.get("update", value["torch"])))


def usable_cores() -> int:
    """Cores this process may run on (its affinity, not the machine's total)."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity call
        return os.cpu_count() or 1


def choose_threads(*, images: bool, device: str, env_threads: int | None = None) -> Threads:
    """Thread counts that serve well on a machine that others use too.

    Small networks on vectors run fastest with one torch thread: a second OpenMP thread spins while it waits,
    and the update becomes several times slower as soon as another process wants its core. Convolutions on the
    CPU do gain from threads: they get half the cores while environments need the others, and all of them for
    updates, during which environments wait. ``OMP_NUM_THREADS`` overrides all of it.

    Args:
        images: Whether observations are images.
        device: Where the learner computes.
        env_threads: What the experiment asks for.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return Threads(int(wanted), env_threads, int(wanted))
    if not images or not device.startswith("cpu"):
        return Threads(1, env_threads)
    return Threads(max(1, usable_cores() // 2), env_threads, usable_cores())


_applied = Threads(1, None)


def apply_threads(threads: Threads) -> None:
    """Set torch's thread counts for this process."""
    global _applied
    import torch

    _applied = threads
    torch.set_num_threads(threads.torch)


@contextmanager
def while_updating() -> Iterator[None]:
    """Let torch use the threads that are meant for updates; nothing changes where it has more already."""
    import torch

    usual = torch.get_num_threads()
    torch.set_num_threads(max(usual, _applied.update))
    try:
        yield
    finally:
        torch.set_num_threads(usual)
