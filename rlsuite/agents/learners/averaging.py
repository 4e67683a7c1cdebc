"""The average of a policy's parameters over the last part of training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from rlsuite.agents.learners.flat import FlatParameters


class PolicyAverage:
    """Exponential moving average of parameters.

    An off-policy actor follows critics that never come to rest, so that its score can jump from one evaluation to the
    next. The average does not jump; it is no better than where the actor has been.

    Args:
        flat: The parameters.
        env_steps: Env steps over which they are averaged; None: there is no average.

    Reference:
        Polyak & Juditsky 1992, Acceleration of stochastic approximation by averaging; Izmailov et al. 2018,
        arXiv:1803.05407, for networks.
    """

    def __init__(self, flat: FlatParameters, env_steps: int | None) -> None:
        self.flat, self.env_steps = flat, env_steps
        self.param: torch.Tensor | None = None
        """(n,), once the parameters have moved."""

    def move(self, env_steps: int) -> None:
        """Take the newest parameters in, which ``env_steps`` further steps have led to."""
        if self.env_steps is None:
            return
        newest = self.flat.param.detach()
        share = min(env_steps / self.env_steps, 1.0)
        self.param = newest.clone() if self.param is None else self.param.lerp_(newest, share)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """In here the parameters are their average, if there is one."""
        if self.param is None:
            yield
            return
        current = self.flat.param.detach()
        newest = current.clone()
        current.copy_(self.param)
        try:
            yield
        finally:
            current.copy_(newest)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The average, or nothing."""
        return {} if self.param is None else {"average": self.param.clone()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Bring `state_dict` back; an average that is not asked for is left out."""
        wanted = "average" in state and self.env_steps is not None
        self.param = state["average"].to(self.flat.param.device).clone() if wanted else None
