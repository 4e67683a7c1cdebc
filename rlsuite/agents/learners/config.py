"""The ``agent.learner`` sections. pydantic only: no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from rlsuite.config.base import Section

Activation = Literal["tanh", "relu", "elu"]
Encoder = Literal["auto", "none", "nature", "pathak", "small"]
Size = Annotated[int, Field(ge=1)]


class PPONetworkConfig(Section):
    """The network of an on-policy learner."""

    hidden: list[Size] = Field(default=[64, 64])
    """Widths of the fully connected layers, policy and value each have their own; usually 64 to 256.
    Wider learns harder tasks and costs time in proportion to the square."""
    activation: Activation = "tanh"
    """Nonlinearity of the fully connected layers; tanh is the usual choice for PPO on vectors."""
    encoder: Encoder = "auto"
    """What turns images into features: ``nature`` (Mnih et al. 2015, 512 features), ``pathak``
    (Pathak et al. 2017: four 3x3 convolutions, ELU), ``small`` (two convolutions, 16 8x8/4 and 32 4x4/2,
    a sixth of pathak's cost at 42x42), ``none`` for vectors; ``auto``: nature for images, none for vectors."""
    encoder_features: int | None = Field(default=None, ge=1)
    """Width of one more layer on top of ``pathak`` and ``small``, shared by policy and value; none: no such layer."""
    memory: Literal["none", "lstm"] = "none"
    """``lstm``: a layer of memory between features and heads, for what is out of sight; costs several times more."""
    memory_size: int = Field(default=256, ge=1)
    """Units of the memory, usually 64 to 512 (Pathak et al. 2017: 256)."""
    sequence_length: int = Field(default=32, ge=1)
    """Decisions that gradients run back through, usually 16 to 128 (the largest divisor of ``n_steps`` up to it is
    taken). More learns longer dependencies and is slower."""
    log_std_init: float = Field(default=0.0, ge=-10, le=3)
    """Initial log standard deviation of continuous actions, usually -1 to 0. Higher explores more and,
    beyond the action bounds, only clips."""
    value_init_gain: float = Field(default=1.0, gt=0, le=10)
    """Orthogonal gain of the value heads at the start. 1 is stable-baselines3's; with several reward
    streams or rare rewards 0.05 keeps an untrained head from drowning the advantages."""


class SelfImitationConfig(Section):
    """Gradient steps on one's own best episodes (Oh et al. 2018, arXiv:1806.05635)."""

    n_updates: int = Field(default=24, ge=1)
    """Gradient steps after each update of the policy, usually 4 to 32."""
    batch_size: int = Field(default=256, ge=1)
    """Steps of those episodes per gradient step."""
    weight: float = Field(default=1.0, ge=0)
    """Weight of the loss. Higher learns sooner from a few finds, and forgets exploring sooner."""
    value_weight: float = Field(default=0.05, ge=0)
    """Weight of the value's part beside the policy's."""
    episodes: int = Field(default=60, ge=1)
    """Episodes kept, the newest."""
    last_steps: int = Field(default=300, ge=1)
    """Decisions kept of each, its last."""
    above: float = 0.0
    """Only episodes whose own reward sums to more are kept."""


class PPOConfig(Section):
    """Proximal policy optimisation (Schulman et al. 2017, arXiv:1707.06347)."""

    kind: Literal["ppo"] = "ppo"
    n_steps: int = Field(default=128, ge=1)
    """Decisions per environment between updates, usually 64 to 2048. More gives better advantages
    and fewer updates."""
    batch_size: int = Field(default=512, ge=2)
    """Transitions per gradient step; the last one of an epoch may be smaller. Larger is faster per
    transition and learns less from each."""
    n_epochs: int = Field(default=10, ge=1)
    """Passes over each rollout, usually 3 to 10. Too many overfit it: watch train/approx_kl."""
    learning_rate: float = Field(default=3e-4, gt=0)
    """Adam's step size, usually 1e-4 to 1e-3. Too high: train/approx_kl above about 0.05, collapse."""
    lr_schedule: Literal["constant", "linear"] = "constant"
    """``linear`` lowers the learning rate to 0 over the whole budget."""
    gamma: float = Field(default=0.99, ge=0, lt=1)
    """Discount per decision, usually 0.99 to 0.999. Higher sees further and is noisier."""
    gae_lambda: float = Field(default=0.95, ge=0, le=1)
    """Trace of generalised advantage estimation. 1 trusts returns only, 0 the value function only."""
    clip_range: float = Field(default=0.2, gt=0)
    """How far the probability ratio may move in an update, usually 0.1 to 0.3."""
    clip_range_vf: float | None = Field(default=None, gt=0)
    """The same for value predictions, in units of the return; none: not clipped (the usual choice)."""
    ent_coef: float = Field(default=0.0, ge=0)
    """Weight of the entropy bonus, usually 0 to 0.01. Too high: the policy stays random."""
    vf_coef: float = Field(default=0.5, ge=0)
    """Weight of the value losses."""
    max_grad_norm: float = Field(default=0.5, gt=0)
    """Gradients are scaled down to this norm, over all parameters together."""
    target_kl: float | None = Field(default=None, gt=0)
    """Stop an update early when the approximate KL divergence exceeds 1.5 times this; usually 0.01 to
    0.05. Reads one number per gradient step; none: never."""
    normalize_obs: bool = True
    """Whether vectors are divided by their running standard deviation after subtracting the running
    mean (no clipping); images are divided by 255 instead."""
    normalize_reward: bool = False
    """Whether the common reward stream is divided by the running standard deviation of its discounted return."""
    advantage_norm: Literal["minibatch", "rollout", "running", "none"] = "minibatch"
    """How advantages are scaled: mean 0 and std 1 per minibatch (stable-baselines3) or per rollout;
    ``running`` only divides by a running std; ``none`` leaves them. Where rewards are rare,
    per-batch scaling amplifies noise: use ``running`` or ``none``."""
    adam_eps: float = Field(default=1e-5, gt=0)
    """Adam's epsilon."""
    cuda_graph: bool = False
    """Record a gradient step as one CUDA graph and replay it. Only on CUDA; not yet measured there."""
    self_imitation: SelfImitationConfig | None = None
    """Learn also from one's own best episodes, for rewards that are found rarely; not with memory."""
    network: PPONetworkConfig = PPONetworkConfig()
    """The network."""

    smoke: ClassVar[Mapping[str, Any]] = {"n_steps": 32, "batch_size": 64, "n_epochs": 2}

    @model_validator(mode="after")
    def _imitates_without_memory(self) -> PPOConfig:
        if self.self_imitation is not None and self.network.memory != "none":
            raise ValueError("self_imitation draws single steps, which a memory cannot learn from; set memory: none")
        return self


class SACNetworkConfig(Section):
    """The networks of an off-policy learner."""

    hidden: list[Size] = Field(default=[256, 256])
    """Widths of the layers of the actor and of each critic, usually 256 each."""
    activation: Activation = "relu"
    """Nonlinearity of the layers."""
    n_critics: int = Field(default=2, ge=1, le=10)
    """Critics whose minimum is the target; 2 is the usual choice."""
    critic_layer_norm: bool = False
    """Normalise each hidden layer of the critics before its nonlinearity (Ba et al. 2016, arXiv:1607.06450; no scale,
    no shift). Bounds what critics make of actions that nobody tried (Ball et al. 2023, arXiv:2302.02948)."""


class SACConfig(Section):
    """Soft actor-critic (Haarnoja et al. 2018, arXiv:1812.05905)."""

    kind: Literal["sac"] = "sac"
    buffer_size: int = Field(default=1_000_000, ge=1)
    """Transitions kept for replay. Less forgets sooner; memory is about 8 bytes per observation entry each."""
    learning_starts: int = Field(default=5_000, ge=0)
    """Env steps of uniformly random actions before the first update, usually 1k to 10k."""
    batch_size: int = Field(default=256, ge=1)
    """Transitions per gradient step."""
    train_freq: int = Field(default=1, ge=1)
    """Steps of the whole vector of environments between updates."""
    gradient_steps: int = Field(default=-1, ge=-1)
    """Gradient steps per update; -1: as many as env steps were taken. Fewer is faster and learns less per env step."""
    policy_delay: int = Field(default=1, ge=1)
    """Gradient steps of the critics for one of actor, entropy coefficient and target critics (Fujimoto et al. 2018,
    arXiv:1802.09477), usually 1 or 2, at most ``gradient_steps``. More saves time and learns less per env step."""
    policy_starts: int = Field(default=0, ge=0)
    """Env steps before which only the critics learn. Worth 5k to 20k where the policy begins as a clone
    (``bc_steps`` of the gail reward), which random critics would lead astray; 0: from the first update."""
    policy_average: int | None = Field(default=None, ge=1)
    """Env steps over which the actor's parameters are averaged (exponentially) for the policy that is evaluated, filmed
    and exported; none: the newest parameters. Training collects with the newest ones. Worth a try, with up
    to a tenth of the budget, where the score jumps from one evaluation to the next; more follows too slowly."""
    deterministic_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the environments that act by the mean action while the others sample. The critics then see where the
    policy that is judged goes and falls, which sampled actions may never show. Tried with 0.5 for off-policy GAIL on
    Hopper, without gain (docs/results/gail_hopper.md). 0: all sample."""
    learning_rate: float = Field(default=3e-4, gt=0)
    """Adam's step size of actor, critics and entropy coefficient, usually 1e-4 to 1e-3."""
    lr_schedule: Literal["constant", "linear"] = "constant"
    """``linear`` lowers the learning rate to 0 over the whole budget."""
    gamma: float = Field(default=0.99, ge=0, lt=1)
    """Discount per decision."""
    tau: float = Field(default=0.005, gt=0, le=1)
    """Share of the critics that goes into the target critics at each gradient step. Too high: unstable."""
    ent_coef: float | Literal["auto"] = "auto"
    """Entropy coefficient; ``auto`` learns it so that the entropy meets ``target_entropy``."""
    ent_coef_init: float = Field(default=1.0, gt=0)
    """Where ``auto`` begins. Lower explores less at first."""
    target_entropy: float | Literal["auto"] = "auto"
    """Entropy to hold, in nats; ``auto``: minus the number of action dimensions."""
    normalize_obs: bool = False
    """Whether observations are scaled by running mean and standard deviation inside the networks."""
    reward_update_every: int = Field(default=1_000, ge=1)
    """Env steps between trainings of the learned rewards, usually 100 to 5,000."""
    reward_updates: int = Field(default=10, ge=1)
    """Minibatches per training of each learned reward."""
    reward_batch_size: int = Field(default=256, ge=1)
    """Transitions per minibatch of a learned reward."""
    reward_window: int | None = Field(default=None, ge=1)
    """How many of the newest transitions a learned reward trains on; none: all that replay holds. Smaller is
    closer to the present policy."""
    log_every: int = Field(default=1_000, ge=1)
    """Env steps between rows of metrics."""
    network: SACNetworkConfig = SACNetworkConfig()
    """The networks."""

    smoke: ClassVar[Mapping[str, Any]] = {
        "buffer_size": 1024,
        "learning_starts": 64,
        "log_every": 128,
        "batch_size": 32,
        "reward_update_every": 64,
        "reward_updates": 1,
        "reward_batch_size": 32,
    }

    @model_validator(mode="after")
    def _check_sizes(self) -> SACConfig:
        if self.learning_starts > self.buffer_size:
            raise ValueError("learning_starts must not exceed buffer_size: what was collected first would be lost")
        return self
