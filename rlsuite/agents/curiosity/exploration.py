"""What a policy does and where it goes: action shares, coverage of the level, visits over training.

Logged with and without curiosity. Spinning on the spot, the usual failure, shows in the action shares and
in the cells per episode long before it shows in any return.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

CELL = 64.0
"""Side of a grid cell in level units."""
MOST_ACTIONS = 64
FILE_NAME = "coverage.json"

Cell = tuple[int, int]


class Rollout(Protocol):
    """What is read of an on-policy rollout: tensors of shape (n_steps, n_envs)."""

    action: torch.Tensor
    ended: torch.Tensor
    info: dict[str, torch.Tensor]


class ExplorationLog:
    """Counts actions and visited cells, rollout by rollout.

    Args:
        every_steps: Env steps that one entry of the visit history covers.
        cell: Side of a cell in level units.
    """

    def __init__(self, every_steps: int, cell: float = CELL) -> None:
        self.every_steps, self.cell = max(1, every_steps), cell
        self.history: list[dict[str, Any]] = []
        self.visits: Counter[Cell] = Counter()
        self.seen: set[Cell] = set()
        self.stages: set[tuple[int, int]] = set()
        self.x_max = -torch.inf
        self._begun_at = 0

    def observe(self, rollout: Rollout, n_actions: int | None, step: int) -> dict[str, float]:
        """Take a rollout in and return its ``explore/*`` metrics.

        Args:
            rollout: The rollout.
            n_actions: Number of discrete actions; None for continuous ones.
            step: Env steps so far.
        """
        metrics = action_shares(rollout.action, n_actions) if n_actions else {}
        metrics |= _episode_means(rollout)
        x = rollout.info.get("x", rollout.info.get("x_pos"))
        if x is not None:
            self._visit(x, rollout.info.get("y"))
            metrics |= {"explore/n_cells": float(len(self.seen)), "explore/x_max": self.x_max}
        self._see_stages(rollout)
        if self.stages:
            metrics["explore/n_stages"] = float(len(self.stages))
        if step - self._begun_at >= self.every_steps:
            self._turn_page(step)
        return metrics

    def _visit(self, x: torch.Tensor, y: torch.Tensor | None) -> None:
        y = torch.zeros_like(x) if y is None else y
        cells = torch.stack([x.flatten(), y.flatten()], -1).float().div(self.cell).floor().long()
        places, counts = cells.unique(dim=0, return_counts=True)
        for (column, row), count in zip(places.tolist(), counts.tolist(), strict=True):
            self.visits[(column, row)] += count
        self.seen |= self.visits.keys()
        self.x_max = max(self.x_max, float(x.max()))

    def _see_stages(self, rollout: Rollout) -> None:
        """Keep which stages of a game (world, stage) have been played."""
        if {"world", "stage"} <= rollout.info.keys():
            pairs = torch.stack([rollout.info[k].flatten() for k in ("world", "stage")], -1).long().unique(dim=0)
            self.stages |= {(world, stage) for world, stage in pairs.tolist()}

    def _turn_page(self, step: int) -> None:
        rows = [[column, row, n] for (column, row), n in sorted(self.visits.items())]
        self.history.append({"step": step, "visits": rows})
        self.visits.clear()
        self._begun_at = step

    def write(self, folder: Path, step: int) -> None:
        """Leave the history in a run's folder, if there is any.

        Raises:
            OSError: The disk is full.
        """
        if self.visits:
            self._turn_page(step)
        if self.history:
            part = folder / f"{FILE_NAME}.part"
            part.write_text(json.dumps({"cell": self.cell, "history": self.history}))
            part.replace(folder / FILE_NAME)

    def state_dict(self) -> dict[str, Any]:
        """Everything counted so far."""
        return {
            "history": list(self.history),
            "visits": [[*cell, n] for cell, n in sorted(self.visits.items())],
            "seen": [list(cell) for cell in sorted(self.seen)],
            "stages": [list(stage) for stage in sorted(self.stages)],
            "x_max": self.x_max,
            "begun_at": self._begun_at,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Bring `state_dict` back."""
        self.history = list(state["history"])
        self.visits = Counter({(x, y): n for x, y, n in state["visits"]})
        self.seen = {(x, y) for x, y in state["seen"]}
        self.stages = {(world, stage) for world, stage in state.get("stages", ())}
        self.x_max, self._begun_at = state["x_max"], state["begun_at"]


def action_shares(action: torch.Tensor, n_actions: int) -> dict[str, float]:
    """Share of each discrete action, as ``explore/action_<k>``."""
    if n_actions > MOST_ACTIONS or action.is_floating_point():
        return {}
    shares = torch.bincount(action.flatten().cpu(), minlength=n_actions).float() / max(1, action.numel())
    return {f"explore/action_{k}": share for k, share in enumerate(shares.tolist())}


def _episode_means(rollout: Rollout) -> dict[str, float]:
    """Mean cells, rooms and furthest x of the episodes that ended in the rollout."""
    names = {
        "n_cells": "explore/ep_cells",
        "n_rooms": "explore/ep_rooms",
        "x_pos_max": "explore/ep_x",
        "progress": "explore/ep_progress",
    }
    if not bool(rollout.ended.any()):
        return {}
    return {to: float(rollout.info[k][rollout.ended].float().mean()) for k, to in names.items() if k in rollout.info}
