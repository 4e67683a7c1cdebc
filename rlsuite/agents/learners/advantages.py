"""Generalised advantage estimation for several reward streams at once."""

from __future__ import annotations

import torch


def gae(
    reward: torch.Tensor,
    value: torch.Tensor,
    next_value: torch.Tensor,
    cut: torch.Tensor,
    gamma: torch.Tensor,
    gae_lambda: float,
) -> torch.Tensor:
    """Advantages of K streams of rewards, (n_steps, n_envs, K).

    With δ_t = r_t + γ v'_t - v_t, the advantage is A_t = δ_t + γλ A_{t+1}, and A_t = δ_t where the
    sequence is cut.

    Args:
        reward: r, (n_steps, n_envs, K).
        value: v, values of obs, same shape.
        next_value: v', values of what follows: 0 (or the absorbing value) after a terminal state,
            the true successor's value otherwise.
        cut: bool, same shape: the next row belongs to another trajectory.
        gamma: Discounts, (K,).
        gae_lambda: λ.

    Returns:
        Advantages, same shape; the targets of the value heads are advantages + value.

    Reference:
        Schulman et al. 2016, arXiv:1506.02438, equations 11 to 16.
    """
    advantage = torch.addcmul(reward - value, next_value, gamma)
    decay = (gamma * gae_lambda) * (~cut)
    for row in range(len(reward) - 2, -1, -1):
        advantage[row].addcmul_(decay[row], advantage[row + 1])
    return advantage


class RunningScale:
    """Running standard deviation of something, for division; the mean is not subtracted."""

    def __init__(self, device: torch.device) -> None:
        self.count = torch.zeros((), dtype=torch.float64, device=device)
        self.mean = torch.zeros((), dtype=torch.float64, device=device)
        self.var = torch.ones((), dtype=torch.float64, device=device)

    def update(self, x: torch.Tensor) -> None:
        """Take values of any shape into the statistics (Chan et al. 1979)."""
        n = x.numel()
        var, mean = torch.var_mean(x.double(), correction=0)
        total = self.count + n
        delta = mean - self.mean
        self.var = (self.var * self.count + var * n + delta.square() * self.count * n / total) / total
        self.mean = self.mean + delta * n / total
        self.count = total

    def divide(self, x: torch.Tensor) -> torch.Tensor:
        """``x`` over the standard deviation, in x's dtype."""
        return x / (self.var + 1e-8).sqrt().to(x.dtype)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Count, mean and variance."""
        return {"count": self.count.clone(), "mean": self.mean.clone(), "var": self.var.clone()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Bring `state_dict` back."""
        for key in ("count", "mean", "var"):
            setattr(self, key, state[key].to(self.count.device))


class DiscountedReturnScale:
    """Divides rewards by the running standard deviation of their discounted return.

    Reference:
        Burda et al. 2018, arXiv:1808.04355, section 2.4 (there for curiosity); VecNormalize does the same.
    """

    def __init__(self, n_envs: int, gamma: float, device: torch.device) -> None:
        self.gamma = gamma
        self.scale = RunningScale(device)
        self.carry = torch.zeros(n_envs, device=device)

    def __call__(self, reward: torch.Tensor, ended: torch.Tensor) -> torch.Tensor:
        """Take (n_steps, n_envs) of reward and ended into the statistics and return the scaled reward."""
        returns = torch.empty_like(reward)
        keep = self.gamma * (~ended)
        running = self.carry
        for t in range(len(reward)):
            torch.add(reward[t], running, out=returns[t])
            running = returns[t] * keep[t]
        self.carry = running
        self.scale.update(returns)
        return self.scale.divide(reward)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Statistics and the returns under way."""
        return {"carry": self.carry.clone(), **self.scale.state_dict()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Bring `state_dict` back."""
        self.carry = state["carry"].to(self.carry.device)
        self.scale.load_state_dict(state)
