"""The experiment: what a YAML file becomes, and the one function that reads it.

    experiment = load_experiment("experiments/gail_hopper.yaml", ["seed=3"]).experiment
    experiment.agent.learner.kind  # "ppo"

`Experiment` here is the common base: each file is checked against a subclass whose sections are the
classes that the registry names for its level, learner, rewards, agent and generator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from rlsuite.config.base import Section
from rlsuite.config.sections import AgentConfig, BudgetConfig, CheckpointConfig, DataConfig, EvalConfig, VideoConfig

if TYPE_CHECKING:  # the rooms' classes are known by name only: see rlsuite/config/build.py
    from rlsuite.config.tree import Origin
    from rlsuite.demos.config import DemosConfig
    from rlsuite.envs.config import EnvConfig
else:
    DemosConfig = EnvConfig = Section


class Experiment(Section):
    """One experiment, checked and complete. Exactly one of ``agent`` and ``generator`` is given."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the folder of its runs; the file's name if left out."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """The one seed that every random stream comes from."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    """``auto`` (CUDA if there is a card), ``cpu``, ``cuda`` or ``cuda:N``."""
    budget: BudgetConfig
    """When training ends."""
    env: EnvConfig | None = None
    """The level; its class comes from the registry's entry."""
    agent: AgentConfig | None = None
    """Learner and learned rewards; kinds such as ``bc`` have a class of their own."""
    demos: DemosConfig | None = None
    """Demonstrations that GAIL and behavioural cloning learn from."""
    generator: Section | None = None
    """A generative image model instead of an agent."""
    data: DataConfig | None = None
    """What a generator learns from."""
    eval: EvalConfig = EvalConfig()
    """Evaluation during and after training."""
    checkpoint: CheckpointConfig = CheckpointConfig()
    """What is saved and kept."""
    video: VideoConfig = VideoConfig()
    """Films that the run leaves."""

    def to_tree(self) -> dict[str, Any]:
        """Everything as plain data, defaults included: `load_experiment` of it gives the same experiment."""
        return {key: value for key, value in self.model_dump(mode="json").items() if value is not None}


@dataclass(frozen=True)
class Resolved:
    """An experiment and where each of its values came from.

    Attributes:
        experiment: The checked experiment.
        origins: For each path of keys that was written, e.g. ``("agent", "learner", "gamma")``: by which
            file and line, override or shorthand. A path that is missing here is a default.
        sources: The text of each file that was read, the experiment's own first.
        smoke: Whether it was shrunk by ``--smoke``.
    """

    experiment: Experiment
    origins: Mapping[tuple[str | int, ...], Origin]
    sources: Mapping[Path, str]
    smoke: bool = False

    @property
    def tree(self) -> dict[str, Any]:
        """The complete experiment as plain data."""
        return self.experiment.to_tree()

    def to_yaml(self) -> str:
        """The complete experiment as YAML (``config.resolved.yaml``)."""
        from rlsuite.config.yaml_io import dump

        return dump(self.tree)


def load_experiment(
    source: str | Path | Mapping[str, Any], overrides: Iterable[str] | Mapping[str, Any] = (), smoke: bool = False
) -> Resolved:
    """Read, compose and check an experiment.

    Args:
        source: A YAML file, or the same as a mapping (for notebooks and tests).
        overrides: ``"agent.learner.learning_rate=3e-4"`` each, or a mapping from dotted key to value.
        smoke: Shrink it to seconds: same experiment, small numbers.

    Raises:
        ConfigError: Everything that is wrong with it, in one message, each with file, line and key.
    """
    from rlsuite.config.build import build
    from rlsuite.config.compose import compose

    return build(compose(source, overrides), smoke=smoke)
