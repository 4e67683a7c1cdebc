"""Position counts: an oracle that reads where the player stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from rlsuite.agents.contracts import Batch, RewardContext
from rlsuite.agents.curiosity.base import CuriosityReward
from rlsuite.agents.curiosity.config import PositionConfig
from rlsuite.errors import UserError

Cell = tuple[int, int]


def make(config: PositionConfig, context: RewardContext) -> PositionReward:
    """Build the reward; what the registry's entry ``position_counts`` resolves to."""
    return PositionReward(config, context)


class PositionReward(CuriosityReward):
    """A bonus for the first visit of a cell in an episode: 1, or 1/sqrt(visits over all episodes).

    It reads the player's position from the level's info, which no picture tells: a yardstick, not an agent.

    Args:
        config: The reward's section.
        context: Spaces, device and seed.
    """

    config: PositionConfig

    def __init__(self, config: PositionConfig, context: RewardContext) -> None:
        super().__init__(config, context, "position_counts")
        self.visited: list[set[Cell]] = [set() for _ in range(context.n_envs)]
        self.counts: dict[Cell, int] = {}
        self.watched: list[set[Cell]] = []

    def build(self) -> nn.Module:
        """Nothing to train."""
        return nn.Module()

    def raw_bonus(self, batch: Batch, training: bool) -> torch.Tensor:
        """Walk through time, environment by environment.

        Raises:
            UserError: The level does not tell positions.
        """
        if not {"x", "y"} <= set(batch.info):
            raise UserError(
                "the position_counts reward needs a level whose info has x and y (the Doom levels do); this one has "
                f"{', '.join(sorted(batch.info)) or 'no info'}"
            )
        shape = batch.leading_shape if batch.reward.dim() == 2 else torch.Size((1, len(batch.reward)))
        columns, rows = ((batch.info[k].reshape(shape) / self.config.cell).floor().long().tolist() for k in ("x", "y"))
        ended = (batch.terminated | batch.truncated).reshape(shape).tolist()
        visited = self.visited if training else self._onlooker(batch, shape)
        counts = self.counts if training else dict(self.counts)
        out = torch.zeros(shape)
        for t in range(shape[0]):
            for i in range(shape[1]):
                out[t, i] = self._visit(visited[i], counts, (columns[t][i], rows[t][i]))
                if ended[t][i]:
                    visited[i].clear()
        return out.to(self.device).reshape(batch.leading_shape)

    def _onlooker(self, batch: Batch, shape: torch.Size) -> list[set[Cell]]:
        """Visits for a batch that is not the learner's: kept from step to step for one that plays along."""
        if shape[0] > 1 or batch.reward.dim() == 1:
            return [set() for _ in range(shape[1])]
        if len(self.watched) != shape[1]:
            self.watched = [set() for _ in range(shape[1])]
        for cells, start in zip(self.watched, batch.episode_start[0].tolist(), strict=True):
            if start:
                cells.clear()
        return self.watched

    def _visit(self, visited: set[Cell], counts: dict[Cell, int], cell: Cell) -> float:
        if cell in visited:
            return 0.0
        visited.add(cell)
        counts[cell] = counts.get(cell, 0) + 1
        return counts[cell] ** -0.5 if self.config.lifetime else 1.0

    def update(self, batch: Batch) -> dict[str, torch.Tensor | float]:
        """Nothing to train; how much of the level has been seen."""
        self._age(batch.reward.numel())
        return {"n_cells_ever": float(len(self.counts)), "bonus_mean": self.raw_mean, "bonus_std": self.raw_std}

    def memory_state(self) -> dict[str, Any]:
        """Visits of this episode and of all."""
        return {
            "visited": [sorted(list(cell) for cell in cells) for cells in self.visited],
            "counts": [[*cell, n] for cell, n in sorted(self.counts.items())],
        }

    def load_memory_state(self, state: Mapping[str, Any]) -> None:
        """Bring them back."""
        self.visited = [{(int(x), int(y)) for x, y in cells} for cells in state["visited"]]
        self.counts = {(int(x), int(y)): int(n) for x, y, n in state["counts"]}
