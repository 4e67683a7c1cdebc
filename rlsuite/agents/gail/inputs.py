"""What the discriminator sees: chosen parts of a transition, normalised by the demonstrations' statistics."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn.functional import one_hot

from rlsuite.agents.gail.config import GailConfig
from rlsuite.errors import UserError

ABSORBING_INDICATOR = 5.0
"""The absorbing row's last entry, in standard deviations of the other inputs: far enough from every
real transition for a discriminator of bounded slope to judge it on its own."""


class InputEncoder:
    """Turns (obs, action, next_obs) into rows of the discriminator's input.

    Mean and standard deviation are those of the demonstrations and never move: statistics that follow
    the policy would shift the discriminator's input under its feet.

    Args:
        config: The reward's section.
        observation_space: Of one environment; a vector (Box of one dimension).
        action_space: Box or Discrete.
        demos: `rlsuite.demos.Demonstrations` on the model's device.

    Raises:
        UserError: The spaces are of a kind the discriminator cannot judge.
    """

    def __init__(self, config: GailConfig, observation_space: Any, action_space: Any, demos: Any) -> None:
        _refuse_unsuitable(observation_space, action_space, config.inputs)
        self.parts = config.inputs
        self.clip = config.input_clip
        self.absorbing = config.absorbing
        self.n_actions = int(action_space.n) if isinstance(action_space, spaces.Discrete) else None
        columns = self._columns(demos.obs, demos.action, demos.next_obs)
        std = columns.std(0, unbiased=False)
        self.mean = columns.mean(0)
        self.std = std.clamp_min(float(config.std_floor * std.mean()) or 1.0)
        self.n_inputs = columns.shape[1] + int(self.absorbing)

    def __call__(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """Rows (n, n_inputs) float32 from (n, ...) tensors; the absorbing row alone has a last column that is not 0."""
        columns = (self._columns(obs, action, next_obs) - self.mean) / self.std
        columns = columns.clamp(-self.clip, self.clip)
        if not self.absorbing:
            return columns
        return torch.cat([columns, columns.new_zeros(len(columns), 1)], 1)

    def absorbing_row(self) -> Tensor:
        """The row (1, n_inputs) that stands for the absorbing state: zeros and the indicator."""
        row = self.mean.new_zeros(1, self.n_inputs)
        row[:, -1] = ABSORBING_INDICATOR
        return row

    def _columns(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        parts = []
        if "obs" in self.parts.replace("next_obs", ""):
            parts.append(obs.float())
        if "action" in self.parts:
            parts.append(self._action_columns(action))
        if "next_obs" in self.parts:
            parts.append(next_obs.float())
        return torch.cat(parts, 1)

    def _action_columns(self, action: Tensor) -> Tensor:
        if self.n_actions is None:
            return action.float()
        return one_hot(action.reshape(-1).long(), self.n_actions).float()


def _refuse_unsuitable(observation_space: Any, action_space: Any, parts: str) -> None:
    if not isinstance(observation_space, spaces.Box) or len(observation_space.shape) != 1:
        raise UserError(
            f"the gail reward judges observations that are vectors, found {observation_space}. "
            "Flatten them, or imitate with agent.kind: bc on features of your own."
        )
    if "action" in parts and not isinstance(action_space, spaces.Box | spaces.Discrete):
        raise UserError(
            f"the gail reward judges Box and Discrete actions, found {action_space}. "
            "Set agent.rewards[gail].inputs to obs or obs_next_obs to imitate states alone."
        )
