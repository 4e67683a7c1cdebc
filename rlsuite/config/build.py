"""From merged YAML to a checked experiment: picks each section's class, checks all, reports all at once."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.fields import FieldInfo

from rlsuite import registry
from rlsuite.config.base import RelativeToFile, Section
from rlsuite.config.compose import Composed, apply
from rlsuite.config.messages import Problem, Problems, from_pydantic
from rlsuite.config.schema import Experiment, Resolved
from rlsuite.config.sections import AgentConfig, DataConfig
from rlsuite.config.shorthand import expand, needs_demos
from rlsuite.config.smoke import shrink
from rlsuite.config.tree import KeyPath, Tree
from rlsuite.errors import UserError

ENV_CONFIG = "rlsuite.envs.config:EnvConfig"
DEMOS_CONFIG = "rlsuite.demos.config:DemosConfig"


class Unknown(Section):
    """Stands in for a section whose kind is unknown, so that the rest of the file is still checked."""

    model_config = ConfigDict(extra="allow")


def build(composed: Composed, smoke: bool = False) -> Resolved:
    """Apply overrides and shorthand, choose the classes, check everything.

    Raises:
        ConfigError: All that is wrong, in one message.
    """
    tree = composed.tree
    _apply_overrides(composed)
    expand(tree)
    tree.values.setdefault("name", composed.name)
    model, problems = _choose(tree)
    resolve_paths(tree, model)
    experiment = _check(tree, model, problems)
    if smoke:
        shrink(tree, experiment)
        experiment = _check(tree, model, Problems(tree, model))
    return Resolved(experiment, dict(tree.origins), dict(composed.sources), smoke)


def _apply_overrides(composed: Composed) -> None:
    tree = composed.tree
    for path, value, origin in sorted(composed.overrides, key=lambda o: o[0][-1] != "kind"):  # kinds first
        if path[:2] == ("agent", "rewards") and len(path) > 2:
            expand(tree)  # `--set agent.rewards.0.weight=...` reaches the reward that the shorthand fills in
        apply(tree, path, value, origin)


def _check(tree: Tree, model: type[Experiment], problems: Problems) -> Experiment:
    """The validated experiment, or all problems raised together."""
    experiment = None
    try:
        experiment = model.model_validate_json(_json(tree.values), strict=True)
    except ValidationError as error:
        problems.extend(from_pydantic(error, tree, model))
    problems.extend(_cross_checks(tree))
    problems.raise_if_any()
    assert experiment is not None
    return experiment


def _json(values: Any) -> str:
    import json

    return json.dumps(values)  # in strict mode only JSON input turns lists into tuples and text into paths


def _cross_checks(tree: Tree) -> list[Problem]:
    """What no single section can know."""
    values, found = tree.values, []
    has = {key: values.get(key) is not None for key in ("agent", "generator", "env", "demos", "data")}
    if has["agent"] and has["generator"]:
        found.append(
            Problem(("generator",), "stands beside agent; an experiment trains one of the two, remove the other")
        )
    if not has["agent"] and not has["generator"]:
        found.append(
            Problem((), "has neither agent nor generator; add `agent: {kind: gail}` or another (`rlsuite ls agents`)")
        )
    if has["agent"] and not has["env"]:
        found.append(
            Problem(("env",), "is missing; add `env: {id: mujoco/Hopper-v5}` or another (`rlsuite ls levels`)")
        )
    if has["agent"] and not has["demos"] and (what := needs_demos(tree)):
        add = "add a section `demos: {id: ...}` (`rlsuite demos list` names those at hand)"
        found.append(Problem(("demos",), f"is missing: {what} learns from demonstrations; {add}"))
    return found


# --- which class checks which section -------------------------------------------------------------------


def _choose(tree: Tree) -> tuple[type[Experiment], Problems]:
    """The experiment's class for the kinds it names; unknown kinds become problems."""
    problems = Problems(tree)
    agent = None
    if isinstance(tree.get(("agent",)), dict):
        agent = _agent_class(tree, problems)
    model = experiment_class(
        env=_look_up(registry.levels, tree, ("env", "id"), ENV_CONFIG, problems),
        agent=agent or AgentConfig,
        demos=registry.import_string(DEMOS_CONFIG),
        generator=_look_up(registry.generators, tree, ("generator", "kind"), "", problems),
        data=_look_up(registry.datasets, tree, ("data", "id"), "", problems) if registry.datasets.ids() else DataConfig,
    )
    problems.model = model
    return model, problems


def _agent_class(tree: Tree, problems: Problems) -> type[BaseModel]:
    kind = tree.get(("agent", "kind"), "rl")
    if kind != "rl" and isinstance(kind, str):
        own = _look_up(registry.agents, tree, ("agent", "kind"), "", problems)
        if own is not Section:
            return own
    learner = _look_up(registry.learners, tree, ("agent", "learner", "kind"), "", problems)
    rewards = tree.get(("agent", "rewards"), [])
    places = range(len(rewards)) if isinstance(rewards, list) else ()
    return agent_class(
        learner, tuple(_look_up(registry.rewards, tree, ("agent", "rewards", i, "kind"), "", problems) for i in places)
    )


def _look_up(group: registry.Registry, tree: Tree, path: KeyPath, default: str, problems: Problems) -> type[BaseModel]:
    """The config class of what is named at ``path``."""
    name = tree.get(path)
    if name is None and isinstance(tree.get(path[:-1]), dict):
        problems.extend([Problem(path, f"is missing; `rlsuite ls {group.kind}s` lists what it can be")])
        return Unknown
    if not isinstance(name, str):
        return registry.import_string(default) if default else Section
    try:
        entry = group.get(name)
    except UserError as error:
        problems.extend([Problem(path, str(error), whole=True)])
        meant = group.nearest(name)
        if not meant:
            return Unknown
        entry = group.get(meant[0])  # the section's other keys are checked as if that had been written
    return entry.config_class() or (registry.import_string(default) if default else Section)


@lru_cache
def experiment_class(**sections: type[BaseModel]) -> type[Experiment]:
    """`Experiment` with these classes as its sections. The same classes give the same type."""
    fields: dict[str, Any] = {
        key: (section | None, Field(default=None, description=Experiment.model_fields[key].description))
        for key, section in sections.items()
    }
    return create_model("Experiment", __base__=Experiment, __module__=Experiment.__module__, **fields)


@lru_cache
def agent_class(learner: Any, rewards: tuple[Any, ...]) -> type[AgentConfig]:
    """`AgentConfig` with these classes as its learner and rewards."""
    base = AgentConfig.model_fields
    fields: dict[str, Any] = {
        "learner": (learner, Field(description=base["learner"].description)),
        "rewards": (
            tuple[rewards] if rewards else tuple[()],
            Field(default=..., description=base["rewards"].description) if rewards else (),
        ),
    }
    return create_model("AgentConfig", __base__=AgentConfig, __module__=AgentConfig.__module__, **fields)


# --- paths that belong to the file that names them ------------------------------------------------------


def resolve_paths(tree: Tree, model: type[BaseModel]) -> None:
    """Make every relative path absolute: against the directory of the file that wrote it."""
    _resolve(tree, model, ())


def _resolve(tree: Tree, model: type[BaseModel], path: KeyPath) -> None:
    for name, info in model.model_fields.items():
        here = (*path, name)
        value = tree.get(here)
        marker = path_marker(info)
        if marker and isinstance(value, str):
            _rewrite(tree, here, value, marker)
        elif isinstance(value, list):
            _resolve_list(tree, info, here, value, marker)
        elif isinstance(value, dict) and (below := sections_in(info.annotation)):
            _resolve(tree, below[0], here)


def _resolve_list(tree: Tree, info: FieldInfo, path: KeyPath, items: list[Any], marker: RelativeToFile | None) -> None:
    classes = sections_in(info.annotation)
    for index, item in enumerate(items):
        if isinstance(item, str) and marker:
            _rewrite(tree, (*path, index), item, marker)
        elif isinstance(item, dict) and classes:
            _resolve(tree, classes[min(index, len(classes) - 1)], (*path, index))


def _rewrite(tree: Tree, path: KeyPath, value: str, marker: RelativeToFile) -> None:
    if marker.only_dotted and not value.startswith(("./", "../", "~", "/")) and value not in (".", ".."):
        return
    origin = tree.origin(path)
    folder = origin.file.parent if origin and origin.file else Path.cwd()
    parent = tree.get(path[:-1])
    parent[path[-1]] = str((folder.absolute() / Path(value).expanduser()).resolve())


def path_marker(info: FieldInfo) -> RelativeToFile | None:
    """The field's `RelativeToFile`, wherever in its annotation it stands."""
    return next((m for m in [*info.metadata, *_metadata(info.annotation)] if isinstance(m, RelativeToFile)), None)


def _metadata(annotation: Any) -> list[Any]:
    own = list(getattr(annotation, "__metadata__", ()))
    return own + [m for part in get_args(annotation) for m in _metadata(part)]


def sections_in(annotation: Any) -> list[type[BaseModel]]:
    """The section classes in an annotation, in order: ``A | None`` has one, ``tuple[A, B]`` two."""
    if get_origin(annotation) in (Union, UnionType, tuple, list) or hasattr(annotation, "__metadata__"):
        return [s for part in get_args(annotation) for s in sections_in(part)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
