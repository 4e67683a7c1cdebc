"""The JSON Schema of experiments, for editors: every registered kind, with its meaning and bounds."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter

from rlsuite import registry
from rlsuite.config.build import DEMOS_CONFIG, ENV_CONFIG
from rlsuite.config.schema import Experiment
from rlsuite.config.sections import AgentConfig, DataConfig

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TITLE = "rlsuite experiment"


def experiment_schema() -> dict[str, Any]:
    """One schema that knows every registered level, learner, reward, agent, generator and dataset."""
    parts = {
        "learner": _kinds(registry.learners),
        "reward": _kinds(registry.rewards),
        "env": _sections(registry.levels, ENV_CONFIG),
        "own_agent": _kinds(registry.agents),
        "generator": _kinds(registry.generators),
        "data": _sections(registry.datasets, ""),
    }
    definitions: dict[str, Any] = {}
    schema = _schema(Experiment, definitions)
    properties = schema["properties"]
    properties["env"] = _any_of(parts["env"], definitions)
    properties["demos"] = _schema(registry.import_string(DEMOS_CONFIG), definitions)
    properties["agent"] = {"anyOf": [_agent(parts, definitions), *_all(parts["own_agent"], definitions)]}
    properties["generator"] = _any_of(parts["generator"], definitions)
    properties["data"] = _any_of(parts["data"] or [DataConfig], definitions)
    properties["extends"] = _extends()
    schema["required"] = []  # what a file leaves out may stand in one that it extends
    return {"$schema": DIALECT, **schema, "title": TITLE, "$defs": definitions}


def _agent(parts: dict[str, list[type[BaseModel]]], definitions: dict[str, Any]) -> dict[str, Any]:
    """``agent`` with every learner and learned reward there is."""
    schema = _schema(AgentConfig, definitions)
    own = {entry.id for entry in registry.agents if entry.config}
    schema["properties"]["kind"]["enum"] = [id for id in ("rl", *registry.agents.ids()) if id not in own]
    schema["properties"]["kind"]["enum"] = sorted(set(schema["properties"]["kind"]["enum"]))
    schema["properties"]["learner"] = _any_of(parts["learner"], definitions)
    schema["properties"]["rewards"] |= {"items": _any_of(parts["reward"], definitions)}
    schema["required"] = []
    return schema


def _extends() -> dict[str, Any]:
    text = {"type": "string"}
    meaning = "A file to start from (or several, later ones win), beside this one or in ./experiments."
    return {"description": meaning, "anyOf": [text, {"type": "array", "items": text}]}


def _kinds(group: registry.Registry) -> list[type[BaseModel]]:
    """The section classes of a group's kinds, each with its ``kind`` fixed to the names that use it."""
    found = []
    for section, ids in _by_class(group, "").items():
        names: Any = {"enum": ids}
        kind: Any = Annotated[str, Field(json_schema_extra=names)]
        found.append(_with(section, "kind", kind, ids[0]))
    return found


def _sections(group: registry.Registry, default: str) -> list[type[BaseModel]]:
    """The section classes of a group's things, each with ``id`` offering their names.

    Ids stay open: prefixes such as ``gym/`` answer names that no list holds.
    """
    found = []
    for section, ids in _by_class(group, default).items():
        hint: Any = Annotated[str, Field(examples=ids)]
        found.append(_with(section, "id", hint, ...))
    return found


def _by_class(group: registry.Registry, default: str) -> dict[type[BaseModel], list[str]]:
    by_class: dict[type[BaseModel], list[str]] = {}
    for entry in group:
        section = entry.config_class() or (registry.import_string(default) if default else None)
        if section is not None:
            by_class.setdefault(section, []).append(entry.id)
    return by_class


def _with(section: type[BaseModel], key: str, annotation: Any, default: Any) -> type[BaseModel]:
    from pydantic import create_model

    if key not in section.model_fields:
        return section
    field = Field(default=default, description=section.model_fields[key].description)
    return create_model(section.__name__, __base__=section, **{key: (annotation, field)})  # type: ignore[call-overload]


def _any_of(sections: list[type[BaseModel]], definitions: dict[str, Any]) -> dict[str, Any]:
    schemas = _all(sections, definitions)
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas} if schemas else {"type": "object"}


def _all(sections: list[type[BaseModel]], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    return [_schema(section, definitions) for section in sections]


def _schema(section: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    """One section's schema; what it refers to goes to the common definitions."""
    schema = TypeAdapter(section).json_schema()
    definitions.update(schema.pop("$defs", {}))
    return schema
