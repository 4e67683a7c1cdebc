"""The published JSON Schema knows what the suite knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlsuite import registry
from rlsuite.config.json_schema import experiment_schema
from rlsuite.config.schema import Experiment

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def schema():
    return experiment_schema()


def test_top_level_keys(schema):
    assert set(schema["properties"]) == {*Experiment.model_fields, "extends"}
    assert schema["additionalProperties"] is False


def test_every_learner_and_reward_is_offered(schema):
    agent = next(a for a in schema["properties"]["agent"]["anyOf"] if "learner" in a["properties"])
    learners = agent["properties"]["learner"].get("anyOf", [agent["properties"]["learner"]])
    assert {kind for one in learners for kind in one["properties"]["kind"]["enum"]} == set(registry.learners.ids())
    rewards = agent["properties"]["rewards"]["items"]
    kinds = {kind for one in rewards.get("anyOf", [rewards]) for kind in one["properties"]["kind"]["enum"]}
    assert kinds == {entry.id for entry in registry.rewards if entry.config}


def test_meanings_and_bounds_are_in_it(schema):
    assert schema["properties"]["seed"]["minimum"] == 0
    assert "seed" in schema["properties"]["seed"]["description"]


def test_the_published_file_is_current(schema):
    published = json.loads((ROOT / "docs" / "experiment.schema.json").read_text())
    assert published == json.loads(json.dumps(schema)), "run: rlsuite show --schema > docs/experiment.schema.json"
