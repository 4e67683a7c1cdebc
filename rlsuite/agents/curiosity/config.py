"""The sections of the curiosity rewards. pydantic only: no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from rlsuite.config.base import Section

Encoder = Literal["small", "pathak", "nature"]
Features = Literal["inverse", "random", "vae", "pixels"]


class CuriosityConfig(Section):
    """What all curiosity rewards have."""

    weight: float = Field(default=1.0, ge=0)
    """Factor of the bonus's advantages (of the bonus itself with a shared value head). 0 is the same as
    leaving it out. Too high: the agent plays with novelty and forgets the task."""
    weight_half_life: int | None = Field(default=None, ge=1)
    """Env steps after which the weight has halved, again and again; none: it stays. Useful where the bonus still
    competes with the task after that has been found, usually a third of the budget."""
    value_head: Literal["own", "shared"] = "own"
    """``own``: the bonus has a value head and advantages of its own; ``shared``: it is added to the
    environment's reward."""
    gamma: float | None = Field(default=0.99, ge=0, lt=1)
    """Discount of the bonus; none: the learner's."""
    episodic: bool = False
    """Whether the bonus's return ends with the episode. Without, dying to see something new pays."""
    normalize: bool = True
    """Whether the bonus is divided by the running standard deviation of its discounted sum."""
    scale_window: int | None = Field(default=16, ge=1)
    """Rollouts over which that deviation is taken; none: all of training, as in the papers, where the huge errors of
    an untrained model count for ever. Too small: a bonus that has dried up everywhere is blown up again."""
    ratio_per_action: bool = False
    """Whether the bonus is divided by its running mean over transitions with the same action (discrete
    actions only). Not in the papers: it stops agents from repeating the action whose outcome is hardest to
    predict, such as turning on the spot."""
    ratio_cap: float = Field(default=5.0, gt=0)
    """Largest such ratio; larger ones are cut."""
    mask_terminal: bool = True
    """Whether transitions into terminal states give no bonus and are not learned from: many engines show
    no true picture there."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Adam's step size, usually 1e-4 to 1e-3. Too high: the bonus dies before it has been seen."""
    batch_size: int = Field(default=256, ge=1)
    """Transitions per gradient step."""
    run_length: int = Field(default=1, ge=1)
    """Consecutive steps of an environment that stay together in a minibatch; 1: every step is drawn alone. Runs make
    training cheaper, since what follows a step is what the next one begins with, and both need its features."""
    n_epochs: int = Field(default=1, ge=1)
    """Passes over each rollout."""
    update_proportion: float = Field(default=1.0, gt=0, le=1)
    """Share of each minibatch that is learned from. Less keeps the bonus alive longer with many environments."""
    encoder: Encoder = "small"
    """Convolutions for images: ``small`` (16 8x8/4, 32 4x4/2), ``pathak`` (four 32 3x3/2, ELU), ``nature``
    (32 8x8/4, 64 4x4/2, 64 3x3/1, leaky ReLU). Vectors get a layer of ``hidden`` units."""
    feature_dim: int | None = Field(default=None, ge=2)
    """Width of a linear layer after the convolutions; none: the convolutions' output itself (288 for
    ``small`` and ``pathak`` at 42x42)."""
    hidden: int = Field(default=256, ge=1)
    """Width of the hidden layers of the models on top of the features."""
    frames: int | None = Field(default=None, ge=1)
    """How many of the newest pictures of a stack are looked at; none: all. An episode begins with an empty stack,
    which looks very new: where novelty is measured within the episode, look at one."""
    whiten: bool = False
    """Whether observations are scaled by their running mean and standard deviation (clipped to five),
    instead of dividing images by 255."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    smoke: ClassVar[Mapping[str, Any]] = {"batch_size": 64}

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, data: Any) -> Any:
        if not cls.presets or not isinstance(data, Mapping):
            return data
        preset = data.get("preset", cls.model_fields["preset"].default)
        return {**cls.presets.get(preset, {}), **data} if isinstance(preset, str) else data


class IcmConfig(CuriosityConfig):
    """Intrinsic curiosity module (Pathak et al. 2017, arXiv:1705.05363; Burda et al. 2018, arXiv:1808.04355)."""

    kind: Literal["icm"] = "icm"
    preset: Literal["house", "pathak2017", "burda2018"] = "house"
    """Where every setting that is not written comes from: the paper of 2017, the large-scale study of 2018, or
    ``house`` (the first one's module with the second one's value head and scaling, and ``ratio_per_action``)."""
    features: Features = "inverse"
    """Space in which the next observation is predicted: ``inverse`` (trained to tell the action), ``random``
    (never trained), ``vae`` (trained to draw the observation), ``pixels`` (no features)."""
    forward_model: Literal["mlp", "residual"] = "mlp"
    """``mlp``: one hidden layer; ``residual``: four residual blocks that see the action at every layer."""
    stop_gradient: bool = False
    """Whether the forward loss leaves the features alone. Without, as in the paper of 2017, it shapes them too."""
    eta: float = Field(default=1.0, gt=0)
    """Factor of the bonus before any scaling."""
    inverse_coef: float = Field(default=0.8, ge=0)
    """Weight of the loss that shapes the features (inverse model or VAE)."""
    forward_coef: float = Field(default=0.2, ge=0)
    """Weight of the forward loss."""
    loss_scale: float = Field(default=10.0, gt=0)
    """Factor of the whole loss. Adam ignores it but for its epsilon; kept to match the papers."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "house": {"ratio_per_action": True},
        "pathak2017": {
            "encoder": "pathak",
            "run_length": 20,
            "eta": 0.01,
            "value_head": "shared",
            "gamma": None,
            "episodic": True,
            "normalize": False,
            "mask_terminal": False,
        },
        "burda2018": {
            "encoder": "nature",
            "feature_dim": 512,
            "hidden": 512,
            "forward_model": "residual",
            "stop_gradient": True,
            "whiten": True,
            "inverse_coef": 1.0,
            "forward_coef": 1.0,
            "loss_scale": 1.0,
            "learning_rate": 1e-4,
            "n_epochs": 3,
            "mask_terminal": False,
        },
    }


class RndConfig(CuriosityConfig):
    """Random network distillation (Burda et al. 2019, arXiv:1810.12894)."""

    kind: Literal["rnd"] = "rnd"
    learning_rate: float = Field(default=1e-4, gt=0)
    """Adam's step size. Too high: everything looks familiar after one visit."""
    feature_dim: int | None = Field(default=512, ge=2)
    """Outputs of target and predictor."""
    whiten: bool = True
    """Whether observations are scaled by their running mean and standard deviation; the paper finds it essential."""
    frames: int | None = Field(default=1, ge=1)
    """How many of the newest pictures of a stack are looked at; the paper takes one."""


class NovelDConfig(RndConfig):
    """Gain in lifelong novelty at first visits (Zhang et al. 2021, NovelD)."""

    kind: Literal["noveld"] = "noveld"  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]
    episodic: bool = True
    """Whether the bonus's return ends with the episode. First visits do, so that without, dying pays."""
    alpha: float = Field(default=0.5, ge=0, le=1)
    """Share of the novelty of where the agent stands that is subtracted. 0: only the gate is left; 1: only the edge
    pays."""
    first_visits_only: bool = True
    """Whether a place pays once an episode only."""
    grid: int = Field(default=8, ge=1)
    """Side of the shrunken picture that tells places apart. More tells apart what is the same."""
    levels: int = Field(default=8, ge=2)
    """Gray levels of that picture; vectors are rounded to one over it."""


class DisagreementConfig(CuriosityConfig):
    """Disagreement of an ensemble of forward models (Pathak et al. 2019, arXiv:1906.04161)."""

    kind: Literal["disagreement"] = "disagreement"
    n_models: int = Field(default=5, ge=2)
    """Forward models, usually 5. More is steadier and slower."""
    features: Literal["random", "inverse"] = "random"
    """Space they predict in."""
    bootstrap: float = Field(default=0.8, gt=0, le=1)
    """Share of each minibatch that a model trains on, drawn for each alone; 1: all train on the same."""


class E3bConfig(CuriosityConfig):
    """Elliptical episodic bonus (Henaff et al. 2022, arXiv:2210.05805)."""

    kind: Literal["e3b"] = "e3b"
    episodic: bool = True
    """Whether the bonus's return ends with the episode. Its memory does, so that all is new again afterwards: without,
    dying pays."""
    feature_dim: int | None = Field(default=128, ge=2)
    """Features of the inverse-dynamics encoder. Memory and time grow with its square times the environments."""
    frames: int | None = Field(default=1, ge=1)
    """How many of the newest pictures of a stack are looked at. The stacks that an episode begins with are partly
    empty: with all pictures they get bonuses a hundred times those of anything an agent can do."""
    ridge: float = Field(default=0.1, gt=0)
    """Weight of the identity that an episode's covariance begins with. Small: the first steps of an
    episode get large bonuses."""
    logarithm: bool = False
    """Whether the bonus is log(1 + bonus). Not in the paper: where the first steps of every episode look new in the
    same way (Doom), their bonuses are otherwise a hundred times those of all that follows."""


class NoveltyConfig(CuriosityConfig):
    """Episodic novelty by nearest neighbours, as in Never Give Up (Badia et al. 2020, arXiv:2002.06038)."""

    kind: Literal["episodic_novelty"] = "episodic_novelty"
    episodic: bool = True
    """Whether the bonus's return ends with the episode. Its memory does, so that all is new again afterwards: without,
    dying pays."""
    feature_dim: int | None = Field(default=32, ge=2)
    """Features of the inverse-dynamics encoder that similarity is measured in."""
    frames: int | None = Field(default=1, ge=1)
    """How many of the newest pictures of a stack are looked at. The stacks that an episode begins with are partly
    empty: with all pictures they get bonuses a hundred times those of anything an agent can do."""
    n_neighbours: int = Field(default=10, ge=1)
    """Nearest memories that count as visits."""
    memory: int = Field(default=1024, ge=1)
    """States remembered per episode; the oldest are forgotten."""
    kernel_epsilon: float = Field(default=1e-3, gt=0)
    """Epsilon of the inverse kernel: larger blurs states together."""
    cluster_distance: float = Field(default=0.008, ge=0)
    """Normalised squared distance below which two states are the same one."""
    max_similarity: float = Field(default=8.0, gt=0)
    """Similarity above which the bonus is 0."""
    lifelong: bool = False
    """Whether the bonus is multiplied by the lifelong novelty of random network distillation, between 1 and 5."""


class PositionConfig(CuriosityConfig):
    """Counts of grid cells of the player's true position: an oracle that pixels do not give.

    The level's info must hold ``x`` and ``y``. A yardstick for how far exploration alone carries.
    """

    kind: Literal["position_counts"] = "position_counts"
    episodic: bool = True
    """Whether the bonus's return ends with the episode. Its memory does, so that all is new again afterwards: without,
    dying pays."""
    cell: float = Field(default=64.0, gt=0)
    """Side of a cell in level units."""
    lifetime: bool = True
    """Whether a first visit in an episode pays 1/sqrt(visits over all episodes) instead of 1."""
