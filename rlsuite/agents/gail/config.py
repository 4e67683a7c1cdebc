"""The ``gail`` learned reward's section. pydantic only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from rlsuite.config.sections import RewardConfig


class GailConfig(RewardConfig):
    """A discriminator between the expert's and the policy's transitions, and the reward made of it.

    Its logit h is high for the expert: D = sigmoid(h) is the probability that a transition is the
    expert's. The discriminator's defaults are those of docs/results/gail_hopper.md.
    """

    kind: Literal["gail"] = "gail"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The learned reward."""
    gamma: float | None = Field(default=None, gt=0, le=1)
    """Discount of this stream if ``value_head`` is ``own``; none: the learner's."""
    value_head: Literal["shared", "own"] = "shared"
    """``own`` gives the stream a value head and advantages of its own; useful beside an extrinsic reward."""
    inputs: Literal["obs_action", "obs", "obs_next_obs", "obs_action_next_obs"] = "obs_action"
    """What the discriminator sees. ``obs`` and ``obs_next_obs`` imitate states alone, from
    demonstrations without (comparable) actions."""
    reward_form: Literal["gail", "log_d", "airl", "fairl"] = "gail"
    """``gail``: -log(1 - D) = softplus(h), positive, favours survival. ``log_d``: log D, negative,
    favours an early end (for tasks that end in success). ``airl``: log D - log(1 - D) = h, unbiased,
    but then use ``absorbing`` where episodes end. ``fairl``: -h exp(h), the forward KL."""
    logit_clip: float = Field(default=20.0, gt=0)
    """Logits are clamped to +- this before they become rewards; ``fairl`` needs 5 or less, others feel nothing."""
    absorbing: bool = False
    """Let a terminal state lead into an endless stay in an absorbing state, which the discriminator also
    judges (Kostrikov et al. 2019); otherwise nothing follows it. Takes the survival bias out of ``gail``
    and ``log_d``; ``airl`` needs it where episodes end."""
    hidden_sizes: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers, usually 64 to 256; small ones overfit few demonstrations less."""
    activation: Literal["tanh", "relu"] = "tanh"
    """Non-linearity of the hidden layers."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Adam's step size, 1e-5 to 1e-3. Too high: the discriminator saturates and its reward goes flat."""
    n_updates: int = Field(default=16, ge=1)
    """Minibatch steps per call of `update`: per rollout on-policy, per update of the learner off-policy."""
    batch_size: int = Field(default=512, ge=2)
    """Transitions of each class in a minibatch. Demonstrations are drawn with replacement."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay (AdamW), 0 to 1."""
    entropy_coef: float = Field(default=0.0, ge=0)
    """Bonus for uncertain outputs (entropy of D), 1e-3 in the paper's code."""
    gradient_penalty_coef: float = Field(default=1.0, ge=0)
    """Weight of the penalty on the logit's gradient with respect to its (normalised) input, 0.1 to 10. Too high:
    the reward is too flat to leave a bad habit by (on Hopper, standing still); too low: it saturates."""
    gradient_penalty: Literal["interpolated", "expert"] = "interpolated"
    """``interpolated``: (|grad| - target)^2 between expert and policy samples (WGAN-GP).
    ``expert``: the same at expert samples only (AMP, with target 0)."""
    gradient_penalty_target: float = Field(default=1.0, ge=0)
    """The gradient norm that costs nothing; 1 for WGAN-GP, 0 for AMP."""
    spectral_norm: bool = False
    """Divide each weight matrix by its largest singular value (one power iteration an update)."""
    mixup: bool = False
    """Train on convex mixtures of expert and policy samples with soft labels instead of the samples."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of hidden units dropped while training the discriminator."""
    bc_steps: int = Field(default=0, ge=0)
    """Gradient steps of behavioural cloning that the policy begins with (on vectors); 0: a random policy.
    Saves the discriminator's reward from its worst start: a policy that learns to survive by standing still."""
    bc_coef: float = Field(default=0.0, ge=0)
    """Weight of the cloning error on the demonstrations in the actor's loss, in units of the mean value (off-policy
    learners), 0.1 to 3. Holds the policy to the actions that are shown; too high: it learns nothing else."""
    demo_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of each of the learner's minibatches that is demonstrated transitions (off-policy learners), 0 to 0.25:
    the critics then know what the expert's states are worth before the policy gets there."""
    replay_size: int = Field(default=0, ge=0)
    """Policy samples kept from earlier updates for the discriminator, beside the newest batch; 0: none.
    Off-policy learners replay by themselves."""
    std_floor: float = Field(default=1e-2, gt=0)
    """Smallest standard deviation that an input is divided by, in units of the mean over inputs: keeps
    near-constant inputs (contact forces) from being blown up."""
    input_clip: float = Field(default=10.0, gt=0)
    """Normalised inputs are clamped to +- this."""
    saturation_warning: bool = True
    """Warn once when both accuracies stay above 0.99 for long: the reward then says little."""

    smoke: ClassVar[Mapping[str, Any]] = {"n_updates": 1, "batch_size": 64, "bc_steps": 10}
