"""A ring of policy samples for the discriminator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class RowReplay:
    """The newest ``capacity`` rows, oldest overwritten first.

    Args:
        capacity: Rows kept.
        n_columns: Width of a row.
        device: Where they lie.
    """

    def __init__(self, capacity: int, n_columns: int, device: torch.device) -> None:
        self.rows = torch.zeros(capacity, n_columns, device=device)
        self.size = 0
        self.position = 0

    def add(self, rows: Tensor) -> None:
        """Append rows (n, n_columns); of more than fit, the last ones."""
        capacity = len(self.rows)
        rows = rows[-capacity:]
        index = (torch.arange(len(rows), device=rows.device) + self.position) % capacity
        self.rows[index] = rows
        self.position = (self.position + len(rows)) % capacity
        self.size = min(self.size + len(rows), capacity)

    def filled(self) -> Tensor:
        """All rows held, a view (size, n_columns)."""
        return self.rows[: self.size]

    def state_dict(self) -> dict[str, Any]:
        """The rows held and where the next goes."""
        return {"rows": self.filled().clone(), "position": self.position}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Bring `state_dict` back."""
        self.size = len(state["rows"])
        self.rows[: self.size] = state["rows"]
        self.position = int(state["position"])
