"""Minibatches that encode each observation once: what follows one step is what the next one begins with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch

from rlsuite.agents.contracts import BATCH_TENSORS, Batch


class Pairing:
    """The transitions of a batch, to be cut into minibatches.

    Args:
        batch: Of any leading shape; (n_steps, n_envs) is taken for a rollout, whose steps follow each other.
    """

    def __init__(self, batch: Batch) -> None:
        self.flat = batch.flatten()
        self.n = len(self.flat.reward)
        self.stride = batch.leading_shape[1] if len(batch.leading_shape) == 2 else self.n

    def cut(self, index: torch.Tensor) -> PairedBatch:
        """The transitions at ``index`` (k,), int64, no two the same."""
        chosen = self.flat.select(index)
        parts = {name: getattr(chosen, name) for name in BATCH_TENSORS}
        return PairedBatch(**parts, info=chosen.info, pairing=self, index=index)

    def shuffled(self, run_length: int, generator: torch.Generator) -> torch.Tensor:
        """All rows (n,) in random order, runs of ``run_length`` consecutive steps of an environment staying together.

        1 shuffles the rows one by one.
        """
        if run_length == 1 or self.stride == self.n:
            return torch.randperm(self.n, generator=generator, device=generator.device)
        row = torch.arange(self.n, device=generator.device)
        run = row // (self.stride * run_length) * self.stride + row % self.stride
        rank = torch.randperm(int(run.max()) + 1, generator=generator, device=generator.device)
        return rank[run].argsort(stable=True)

    @cached_property
    def goes_on(self) -> torch.Tensor:
        """(n,), bool: whether the row of the same environment's next step begins with what this one ends with."""
        obs, next_obs, later = self.flat.obs, self.flat.next_obs, self.n - self.stride
        goes_on = torch.zeros(self.n, dtype=torch.bool, device=obs.device)
        if later > 0:  # compared, not believed: resets, clocks and odd environments need no rules here
            goes_on[:later] = (obs[self.stride :] == next_obs[:later]).flatten(1).all(1)
        return goes_on


@dataclass(frozen=True, slots=True)
class PairedBatch(Batch):
    """A flat minibatch that knows where it was cut from.

    Attributes:
        pairing: All transitions.
        index: (k,), int64: which of them are here.
    """

    pairing: Pairing
    index: torch.Tensor

    def distinct(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The observations of the minibatch, each once, and where each successor is among them.

        Returns:
            (m, *obs_shape): the k rows of ``obs``, then those of ``next_obs`` that no row of ``obs`` shows, because the
            next step is not in the minibatch or belongs to another episode; and (k,), int64.
        """
        k, pairing, index = len(self.index), self.pairing, self.index
        place = index.new_full((pairing.n + pairing.stride,), -1)
        place[index] = torch.arange(k, device=index.device)
        after = place[index + pairing.stride]
        missing = (after < 0) | ~pairing.goes_on[index]
        after = torch.where(missing, missing.cumsum(0) + (k - 1), after)
        return torch.cat([self.obs, self.next_obs[missing]]), after
