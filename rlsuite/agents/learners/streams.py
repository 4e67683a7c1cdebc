"""Which rewards share a value head, and what each head learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from rlsuite.agents.contracts import AbsorbingReward, LearnedReward
from rlsuite.errors import ConfigError


@dataclass(frozen=True)
class Streams:
    """The reward streams of an on-policy learner; stream 0 is the common one.

    A learned reward of weight 0 has no stream: it is still computed, trained and logged, but the
    policy's training is the same, bit for bit, as without it.

    Attributes:
        shared: Learned rewards added to the environment's before advantages are computed.
        own: Learned rewards with their own value head, in order.
        extrinsic_coef: Factor of the environment's reward.
        gammas: Discount of each stream.
        episodic: Whether each stream's return ends with the episode.
    """

    shared: tuple[LearnedReward, ...]
    own: tuple[LearnedReward, ...]
    extrinsic_coef: float
    gammas: tuple[float, ...]
    episodic: tuple[bool, ...]

    @property
    def weights(self) -> list[float]:
        """Factor of each stream's advantages."""
        return [1.0, *(float(r.weight) for r in self.own)]

    def combine(self, extrinsic: torch.Tensor, learned: dict[str, torch.Tensor]) -> torch.Tensor:
        """Rewards (n_steps, n_envs, K) of the streams from the environment's and the learned ones."""
        common = extrinsic * self.extrinsic_coef
        for r in self.shared:
            common = common + r.weight * learned[r.name]
        return torch.stack([common, *(learned[r.name] for r in self.own)], dim=-1)

    def terminal_values(self, like: torch.Tensor) -> torch.Tensor:
        """(K,) value of what follows a terminal state: 0 unless a learned reward has an absorbing value."""
        out = torch.zeros(len(self.gammas), dtype=like.dtype, device=like.device)
        for r in self.shared:
            out[0] += r.weight * _absorbing_value(r, self.gammas[0])
        for k, r in enumerate(self.own, start=1):
            out[k] += _absorbing_value(r, self.gammas[k])
        return out


def _absorbing_value(reward: LearnedReward, gamma: float) -> torch.Tensor | float:
    return reward.absorbing_value(gamma) if isinstance(reward, AbsorbingReward) else 0.0


def make_streams(rewards: Sequence[LearnedReward], extrinsic_coef: float, gamma: float) -> Streams:
    """Sort learned rewards into streams.

    Raises:
        ConfigError: A reward in the common stream asks for a discount or for returns that do not end
            with the episode, which only a head of its own can give.
    """
    active = [r for r in rewards if r.weight != 0.0]
    shared = tuple(r for r in active if r.value_head == "shared")
    own = tuple(r for r in active if r.value_head == "own")
    for r in shared:
        if not r.episodic or (r.gamma is not None and r.gamma != gamma):
            raise ConfigError(
                f"agent.rewards: '{r.name}' shares the value head of the environment's reward, so its gamma "
                f"must be the learner's ({gamma}) and it must be episodic (found gamma {r.gamma}, episodic "
                f"{r.episodic}). Set value_head: own to give it a discount and returns of its own."
            )
    gammas = (gamma, *(gamma if r.gamma is None else float(r.gamma) for r in own))
    return Streams(shared, own, extrinsic_coef, gammas, (True, *(r.episodic for r in own)))


def check_one_stream(rewards: Sequence[LearnedReward], gamma: float) -> None:
    """Refuse learned rewards that one critic cannot serve.

    Raises:
        ConfigError: One wants a value head, a discount or returns of its own.
    """
    for r in rewards:
        if r.weight != 0.0 and (r.value_head == "own" or not r.episodic or r.gamma not in (None, gamma)):
            raise ConfigError(
                f"agent.rewards: sac has one critic for all rewards, so '{r.name}' must have value_head: shared, "
                f"episodic: true and the learner's gamma ({gamma}); found value_head: {r.value_head}, episodic: "
                f"{r.episodic}, gamma: {r.gamma}. Change them, or use kind: ppo."
            )
