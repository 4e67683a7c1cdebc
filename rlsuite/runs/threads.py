"""Thread counts, set once, here, and written in the manifest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Threads:
    """How many threads a run uses.

    Attributes:
        torch: Of torch's operators.
        env: That step environments; None leaves it to the level.
    """

    torch: int
    env: int | None

    def to_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Threads:
        """What `to_dict` wrote."""
        return cls(int(value["torch"]), value.get("env"))


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
    CPU do gain from threads; they get half the cores, since environments need the others. ``OMP_NUM_THREADS``
    overrides both.

    Args:
        images: Whether observations are images.
        device: Where the learner computes.
        env_threads: What the experiment asks for.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return Threads(int(wanted), env_threads)
    on_cpu = device.startswith("cpu")
    return Threads(max(1, usable_cores() // 2) if images and on_cpu else 1, env_threads)


def apply_threads(threads: Threads) -> None:
    """Set torch's thread count for this process."""
    import torch

    torch.set_num_threads(threads.torch)
