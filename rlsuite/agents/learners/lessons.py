"""What a learner takes from demonstrations directly, beside the reward learned from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from rlsuite.agents.contracts import Batch, LearnedReward

N_PAIRS = 64
"""Demonstrated pairs in each actor step's cloning error."""


@dataclass(frozen=True)
class Lesson:
    """Demonstrated transitions for an off-policy learner; a learned reward may offer one as ``lesson``.

    Attributes:
        obs: (n, *obs_shape), raw.
        action: (n, *action_shape), in the environment's units.
        next_obs: (n, *obs_shape).
        terminated: (n,), bool.
        bc_coef: Weight of the cloning error in the actor's loss, in units of the mean absolute value.
        share: Share of each minibatch that is demonstrations instead of replay.
    """

    obs: torch.Tensor
    action: torch.Tensor
    next_obs: torch.Tensor
    terminated: torch.Tensor
    bc_coef: float
    share: float

    def mix_into(self, batch: Batch, n_minibatches: int, generator: torch.Generator) -> None:
        """Overwrite the first rows of every minibatch of a flat batch, in place.

        Demonstrations have no reward of the environment's: it counts as 0.
        """
        n = len(batch.reward) // n_minibatches
        taken = round(self.share * n)
        if not taken:
            return
        index = torch.randint(len(self.obs), (n_minibatches * taken,), generator=generator, device=self.obs.device)
        for name in ("obs", "action", "next_obs", "terminated"):
            rows = getattr(batch, name).unflatten(0, (n_minibatches, n))
            rows[:, :taken] = getattr(self, name)[index].unflatten(0, (n_minibatches, taken))
        batch.reward.unflatten(0, (n_minibatches, n))[:, :taken] = 0.0

    def pairs(self, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """`N_PAIRS` observations and actions, drawn with replacement."""
        index = torch.randint(len(self.obs), (N_PAIRS,), generator=generator, device=self.obs.device)
        return self.obs[index], self.action[index]


def find_lesson(rewards: Sequence[LearnedReward]) -> Lesson | None:
    """The lesson that one of the learned rewards of some weight offers, if any."""
    for reward in rewards:
        lesson = getattr(reward, "lesson", None)
        if reward.weight != 0.0 and lesson is not None:
            return lesson
    return None
