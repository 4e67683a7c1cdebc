"""Every experiment that ships is valid, and runs shrunk to seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlsuite import registry
from rlsuite.config.schema import load_experiment
from rlsuite.errors import MissingExtraError
from rlsuite.generators.data.fetching import at_hand

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "experiments").glob("*.yaml"))


def test_there_are_experiments():
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_validates(file):
    experiment = load_experiment(file).experiment
    assert experiment.name == file.stem


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_runs_in_seconds(file, tmp_path):
    experiment = load_experiment(file).experiment
    if experiment.env is not None and not (entry := registry.levels.get(experiment.env.id)).available:
        pytest.skip(f"{entry.id} needs {', '.join(entry.missing)}")
    if experiment.data is not None and not at_hand(registry.datasets.get(experiment.data.id).tags["fetched"]):
        pytest.skip(f"{experiment.data.id} was not fetched: `rlsuite data get` does it")
    from rlsuite.experiment import train

    try:
        result = train(file, smoke=True, runs_dir=tmp_path, quiet=True)
    except MissingExtraError as error:  # Warp is there and no ROM, as on Python 3.11 and 3.12
        pytest.skip(str(error))
    assert result.status == "done"
    if experiment.agent is not None:
        assert result.summary["final"]["n_episodes"] == 1
    else:
        assert result.summary["train_steps"] <= 4
    assert (result.path / "metrics.jsonl").stat().st_size > 0
    if result.summary["env_steps"]:
        assert result.summary["env_steps"] <= 4096
