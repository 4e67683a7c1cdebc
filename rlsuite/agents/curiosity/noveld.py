"""NovelD: pays for crossing into what is newer, once an episode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F

from rlsuite.agents.contracts import Batch, RewardContext
from rlsuite.agents.curiosity.config import NovelDConfig
from rlsuite.agents.curiosity.losses import forward_error
from rlsuite.agents.curiosity.networks import is_image
from rlsuite.agents.curiosity.rnd import RndReward
from rlsuite.runs.seeding import torch_stream


def make(config: NovelDConfig, context: RewardContext) -> NovelDReward:
    """Build the reward; what the registry's entry ``noveld`` resolves to."""
    return NovelDReward(config, context)


class NovelDReward(RndReward):
    """max(0, n(s') - α n(s)) where s' is seen for the first time in this episode, else 0; n is RND's error.

    Breadth near the start stops paying once it is known over all episodes; the edge of what is known pays, and only
    once an episode.

    Args:
        config: The reward's section.
        context: Spaces, device and seed.

    Reference:
        Zhang et al. 2021, NovelD, NeurIPS 2021, equations 2 and 3 (first as BeBold, arXiv:2012.08621).

    Deviation: visits are counted of shrunken pictures with few gray levels (as the cells of Ecoffet et al. 2021,
    arXiv:2004.12919), because no picture of a first-person level comes twice.
    """

    config: NovelDConfig  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, config: NovelDConfig, context: RewardContext) -> None:
        super().__init__(config, context, "noveld")
        self.visited: list[set[int]] = [set() for _ in range(context.n_envs)]
        self.watched: list[set[int]] = []
        keys = torch_stream(context.seed, "noveld/keys", torch.device("cpu"))
        size = config.grid**2 if is_image(self.shape) else self.obs_scale.mean.numel()
        self.keys = torch.randint(-(2**62), 2**62, (size,), generator=keys).to(self.device)

    def raw_bonus(self, batch: Batch, training: bool) -> torch.Tensor:
        """Gain in novelty, where it is a first visit."""
        flat = batch.flatten()
        now = self.in_chunks(flat, lambda b: self._novelty(b.obs))
        gain = (self.in_chunks(flat, self.error) - self.config.alpha * now).clamp_min(0.0)
        if not self.config.first_visits_only:
            return gain.reshape(batch.leading_shape)
        return (gain * self._first_visits(batch, training)).reshape(batch.leading_shape)

    def _novelty(self, obs: torch.Tensor) -> torch.Tensor:
        inputs = self.prepare(obs)
        return forward_error(self.networks.predictor(inputs), self.networks.target(inputs))

    def cells(self, obs: torch.Tensor) -> torch.Tensor:
        """A number (n,) for each observation (n, *shape), the same for those that look alike.

        Pictures are shrunk to ``grid`` x ``grid`` and ``levels`` gray levels, vectors rounded to 1/``levels``.
        """
        c = self.config
        if is_image(self.shape):
            small = F.adaptive_avg_pool2d(obs[:, -1:].float(), c.grid).flatten(1)
            coarse = (small * (c.levels / 256.0)).long()
        else:
            coarse = (obs.flatten(1) * c.levels).floor().long()
        return (coarse * self.keys).sum(-1)  # int64 wraps around: a hash

    def _first_visits(self, batch: Batch, training: bool) -> torch.Tensor:
        """1.0 where the successor's cell is new in its episode, (n,) time-major."""
        shape = batch.leading_shape if batch.reward.dim() == 2 else torch.Size((1, len(batch.reward)))
        flat = batch.flatten()
        here, there = (self.cells(x).reshape(shape).tolist() for x in (flat.obs, flat.next_obs))
        starts = batch.episode_start.reshape(shape).tolist()
        visited = self.visited if training else self._onlooker(shape)
        first = torch.zeros(shape)
        for t in range(shape[0]):
            for i in range(shape[1]):
                if starts[t][i]:
                    visited[i].clear()
                visited[i].add(here[t][i])
                first[t, i] = float(there[t][i] not in visited[i])
                visited[i].add(there[t][i])
        return first.flatten().to(self.device)

    def _onlooker(self, shape: torch.Size) -> list[set[int]]:
        """Visits for a batch that is not the learner's: kept from step to step for one that plays along."""
        if shape[0] > 1 or len(self.watched) != shape[1]:
            fresh: list[set[int]] = [set() for _ in range(shape[1])]
            if shape[0] > 1:
                return fresh
            self.watched = fresh
        return self.watched

    def memory_state(self) -> dict[str, Any]:
        """The cells of the episodes under way, and what tells cells apart."""
        visited = [sorted(cells) for cells in self.visited]
        return super().memory_state() | {"visited": visited, "keys": self.keys.clone()}

    def load_memory_state(self, state: Mapping[str, Any]) -> None:
        """Bring them back."""
        super().load_memory_state(state)
        self.visited = [{int(cell) for cell in cells} for cells in state["visited"]]
        self.keys = state["keys"].to(self.device)
