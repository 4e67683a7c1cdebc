"""From raw bonuses to rewards, and from raw observations to network inputs."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import torch

from rlsuite.agents.learners.advantages import DiscountedReturnScale
from rlsuite.agents.learners.encoders import unit_pictures

WHITEN_CLIP = 5.0
WHITEN_SAMPLES = 1_000_000
"""Observations after which the statistics stand still, so that features stop moving."""


class ObservationScale:
    """Pictures over 255, or anything over its running standard deviation.

    Args:
        shape: Of one observation.
        image: Whether it is a picture of bytes.
        whiten: Subtract the running mean, divide by the running standard deviation, clip to ±5.
        device: Where.
    """

    def __init__(self, shape: tuple[int, ...], image: bool, whiten: bool, device: torch.device) -> None:
        self.image, self.whiten = image, whiten
        self.mean = torch.zeros(shape, dtype=torch.float64, device=device)
        self.var = torch.ones(shape, dtype=torch.float64, device=device)
        self.count = torch.zeros((), dtype=torch.float64, device=device)

    @torch.no_grad()
    def update(self, obs: torch.Tensor) -> None:
        """Take observations (n, *shape) into the statistics (Chan et al. 1979)."""
        n = len(obs)
        if not self.whiten or n == 0 or self.count >= WHITEN_SAMPLES:
            return
        total = self.count + n
        var, mean = torch.var_mean(obs.double(), dim=0, correction=0)
        delta = mean - self.mean
        self.var = (self.var * self.count + var * n + delta.square() * self.count * n / total) / total
        self.mean = self.mean + delta * n / total
        self.count = total

    def __call__(self, obs: torch.Tensor) -> torch.Tensor:
        """Prepared float32 observations, without gradient."""
        x = obs.detach().float()
        if self.whiten:
            scale = (self.var + 1e-8).rsqrt().float()
            return ((x - self.mean.float()) * scale).clamp_(-WHITEN_CLIP, WHITEN_CLIP)
        return unit_pictures(x, fresh=not obs.is_floating_point()) if self.image else x

    def state_dict(self) -> dict[str, Any]:
        """Statistics."""
        return {"mean": self.mean.clone(), "var": self.var.clone(), "count": self.count.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Bring `state_dict` back."""
        for key in ("mean", "var", "count"):
            setattr(self, key, state[key].to(self.mean.device))


class RecentReturnScale(DiscountedReturnScale):
    """Divides a bonus by the standard deviation of its discounted sum over the last rollouts.

    Deviation: the papers' statistics run over all of training. An untrained forward model can err a
    thousand times more than after its first few rollouts, and a sum over all of training never forgets it:
    the bonus then stays a thousandth of what the value head was made for.

    Args:
        n_envs: Environments side by side.
        gamma: Discount of the bonus.
        window: Rollouts that count; None for all.
        device: Where.
    """

    def __init__(self, n_envs: int, gamma: float, window: int | None, device: torch.device) -> None:
        super().__init__(n_envs, gamma, device)
        self.window = window
        self._parts: deque[torch.Tensor] = deque(maxlen=window or 1)

    def __call__(self, reward: torch.Tensor, ended: torch.Tensor) -> torch.Tensor:
        """Take (n_steps, n_envs) of bonus and ended into the statistics and return the scaled bonus."""
        if self.window is None:
            return super().__call__(reward, ended)
        for name, start in (("count", 0.0), ("mean", 0.0), ("var", 1.0)):
            getattr(self.scale, name).fill_(start)
        super().__call__(reward, ended)  # leaves this rollout's moments in the scale
        self._parts.append(torch.stack([self.scale.count, self.scale.mean, self.scale.var]))
        count, mean, var = torch.stack(list(self._parts)).unbind(1)
        share = count / count.sum()
        self.scale.count = count.sum()
        self.scale.mean = (share * mean).sum()
        self.scale.var = (share * (var + (mean - self.scale.mean).square())).sum()
        return self.scale.divide(reward)

    def state_dict(self) -> dict[str, Any]:
        """Statistics, the sums under way, and the rollouts that count."""
        return super().state_dict() | {"parts": [part.clone() for part in self._parts]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Bring `state_dict` back."""
        super().load_state_dict(state)
        self._parts.clear()
        self._parts.extend(part.to(self.carry.device) for part in state["parts"])


class ActionRatio:
    """Divides bonuses by their running mean over transitions with the same action.

    A bonus is then above 1 only where it is larger than usual for what the agent did. Until an action
    has been taken its bonuses are divided by the mean over all actions.

    Deviation: in none of the papers. A turn changes the whole picture and stays the hardest action to
    predict, so that plain prediction error teaches agents to spin.
    """

    def __init__(self, n_actions: int, cap: float, device: torch.device, decay: float = 0.95) -> None:
        self.cap, self.decay = cap, decay
        self.sums = torch.zeros(n_actions, device=device)
        self.counts = torch.zeros(n_actions, device=device)

    def update(self, bonus: torch.Tensor, action: torch.Tensor) -> None:
        """Take (n,) bonuses and actions into the means; older rollouts count ``decay`` times as much each."""
        self.sums = self.sums * self.decay
        self.counts = self.counts * self.decay
        self.sums = self.sums.index_add(0, action, bonus)
        self.counts = self.counts.index_add(0, action, torch.ones_like(bonus))

    def __call__(self, bonus: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
        """The ratios, cut at ``cap``."""
        overall = self.sums.sum() / self.counts.sum().clamp_min(1e-8)
        mean = torch.where(self.counts > 0, self.sums / self.counts.clamp_min(1e-8), overall)
        return (bonus / mean.clamp_min(1e-8)[action]).clamp_max(self.cap)

    def state_dict(self) -> dict[str, Any]:
        """Sums and counts."""
        return {"sums": self.sums.clone(), "counts": self.counts.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Bring `state_dict` back."""
        for key in ("sums", "counts"):
            setattr(self, key, state[key].to(self.sums.device))
