"""Learned rewards and the batch they score: the contract between learners and reward models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import torch


@dataclass(frozen=True, slots=True)
class Batch:
    """Transitions as tensors on the learner's device; the leading shape L is (n_steps, n_envs)
    on-policy and (batch,) off-policy.

    Attributes:
        obs: L + obs_shape, raw (not normalised), as the environment gave it.
        action: L + action_shape, as the environment received it (clipped), float32 or int64.
        reward: L, float32, the environment's own reward, raw. A learned reward must not read it
            unless it says so.
        terminated: L, bool. The transition ended in a terminal state.
        truncated: L, bool. The episode was cut by a clock.
        next_obs: L + obs_shape, the true successor, never the first observation after a reset.
        episode_start: L, bool. ``obs`` is the first of its episode.
        info: Declared info arrays of the level, tensors of shape L, or empty.
    """

    obs: torch.Tensor
    action: torch.Tensor
    reward: torch.Tensor
    terminated: torch.Tensor
    truncated: torch.Tensor
    next_obs: torch.Tensor
    episode_start: torch.Tensor
    info: Mapping[str, torch.Tensor]

    @property
    def leading_shape(self) -> torch.Size:
        """(n_steps, n_envs) or (batch,)."""
        return self.reward.shape

    def flatten(self) -> Batch:
        """The same transitions with one leading dimension, time-major."""
        n = self.reward.dim()

        def flat(x: torch.Tensor) -> torch.Tensor:
            return x.reshape(-1, *x.shape[n:])

        return Batch(
            *(flat(getattr(self, k)) for k in BATCH_TENSORS),
            info={k: flat(v) for k, v in self.info.items()},
        )

    def select(self, index: torch.Tensor) -> Batch:
        """The transitions at ``index`` of the (single) leading dimension."""
        return Batch(
            *(getattr(self, k)[index] for k in BATCH_TENSORS),
            info={k: v[index] for k, v in self.info.items()},
        )


BATCH_TENSORS = ("obs", "action", "reward", "terminated", "truncated", "next_obs", "episode_start")


@runtime_checkable
class LearnedReward(Protocol):
    """A model that scores transitions and trains beside the policy.

    On-policy order in an iteration: collect -> `reward` with the present parameters -> advantages
    and policy update -> `update` with the same batch. Off-policy: `reward` at each sampling of a
    minibatch (never stored), `update` on minibatches at the learner's schedule.

    Randomness comes from the model's own generator only, so that weight 0 equals absent bit for bit.

    A reward may also have ``info_keys``, the names of the info arrays it reads; then only those are
    kept for it. Without that attribute ``Batch.info`` holds all of the level's, which costs time.

    Attributes:
        name: Prefix of its metrics, e.g. ``"gail"``.
        weight: Factor of its stream (of its advantages if ``value_head`` is ``"own"``).
        gamma: Discount of its stream; None for the learner's.
        episodic: Whether its return ends with the episode.
        value_head: ``"shared"``: added to the environment's (times ``extrinsic_coef``) before one
            common advantage; ``"own"``: a value head and advantages of its own.
    """

    name: str
    weight: float
    gamma: float | None
    episodic: bool
    value_head: Literal["shared", "own"]

    def reward(self, batch: Batch) -> torch.Tensor:
        """The reward of every transition, float32, of the batch's leading shape, without gradient."""
        ...

    def update(self, batch: Batch) -> dict[str, torch.Tensor | float]:
        """Train on the batch and return metrics (names without prefix; 0-d tensors are fine and
        are read once, at the end of the iteration).
        """
        ...

    def state_dict(self) -> dict[str, Any]:
        """Parameters, optimiser, statistics, random stream: everything resume needs."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Bring `state_dict` back."""
        ...


@runtime_checkable
class AbsorbingReward(LearnedReward, Protocol):
    """A learned reward that also values what follows a terminal state.

    A learner bootstraps every terminated transition of its stream with `absorbing_value` instead of
    0, as if the agent stayed in an absorbing state for good; without it a positive reward teaches
    the agent to survive and a negative one to die, whatever the demonstrations say.

    Reference:
        Kostrikov et al. 2019, Discriminator-Actor-Critic, arXiv:1809.02925, section 4.2.
    """

    def absorbing_value(self, gamma: float) -> torch.Tensor | float:
        """The discounted return after termination, unweighted: ``gamma`` is the stream's discount,
        and with an absorbing reward r it is r / (1 - gamma). A 0-d tensor without gradient, or 0.0
        when the option is off.
        """
        ...


@dataclass(frozen=True)
class RewardContext:
    """What a learned reward may know when it is built: spaces and data, never a level's name.

    A reward registered in `rlsuite.registry.rewards` resolves to
    ``make(config: BaseModel, context: RewardContext) -> LearnedReward``.

    Attributes:
        observation_space: Of one environment, raw.
        action_space: Of one environment.
        n_envs: Environments side by side (on-policy batches are (n_steps, n_envs)).
        gamma: The learner's discount.
        device: Where the model lives and batches arrive.
        seed: The run's integer seed; draw from ``runs.seeding`` streams named after the reward.
        demos: Demonstrations (`rlsuite.demos.Demonstrations`) if the experiment names some.
        load_scorer: Opens the run (or bundle) of a model that judges pictures, for rewards that ask one.
    """

    observation_space: Any
    action_space: Any
    n_envs: int
    gamma: float
    device: torch.device
    seed: int
    demos: Any = None
    load_scorer: Callable[[Path], Any] | None = None
