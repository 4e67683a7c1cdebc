"""The transfer benchmark: a policy as it is, trained further, and training from nothing."""

import json
from pathlib import Path

import pytest

import rlsuite
from rlsuite.bench.sparse_report import table
from rlsuite.bench.transfer import run
from rlsuite.errors import DataError, UserError

FIRST, SECOND = "probe/truncation", "probe/value-only"
LEARNER = {"kind": "ppo", "n_steps": 32, "batch_size": 64, "network": {}}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short training on the first level."""
    tree = {
        "name": "origin",
        "budget": {"env_steps": 128},
        "env": {"id": FIRST, "n_envs": 4},
        "agent": {"kind": "rl", "learner": LEARNER},
        "eval": {"every_steps": 0, "final_episodes": 2},
        "video": {"final": False},
    }
    return Path(rlsuite.train(tree, [], runs_dir=tmp_path_factory.mktemp("runs"), quiet=True).path)


def test_a_policy_is_played_trained_further_and_held_beside_training_from_nothing(origin: Path, tmp_path: Path) -> None:
    found = run(origin, [SECOND], [0], tmp_path, budget=128, n_episodes=2, quiet=True)
    assert found["failures"] == {}
    assert [(c["agent"], c["n_done"]) for c in found["cells"]] == [("as-is", 0), ("fine-tuned", 1), ("from-scratch", 1)]
    tuned, scratch = (Path(row["path"]) for row in found["runs"])
    begun = json.loads((tuned / "manifest.json").read_text())["begins_with"]
    assert begun["run"] == origin.name
    assert "begins_with" not in json.loads((scratch / "manifest.json").read_text())
    assert "| 2 episodes |" in table(found["cells"]).splitlines()[2]
    as_is = (tmp_path / "as_is.json").read_text()
    before = sorted(tmp_path.glob("*/*"))
    again = run(origin, [SECOND], [0], tmp_path, budget=128, n_episodes=2, quiet=True)
    assert (again["cells"], sorted(tmp_path.glob("*/*"))) == (found["cells"], before), "nothing was trained again"
    assert (tmp_path / "as_is.json").read_text() == as_is, "nothing was played again"


def test_what_was_played_is_the_policy_on_the_other_level(origin: Path, tmp_path: Path) -> None:
    found = run(origin, [SECOND], [], tmp_path, n_episodes=3, quiet=True)
    played = rlsuite.evaluate(origin, 3, deterministic=False, overrides=[f"env.id={SECOND}"])
    score = next(played[k] for k in ("normalized_score", "success_rate", "return_mean") if played.get(k) is not None)
    assert [c["score_iqm"] for c in found["cells"]] == [score]
    assert found["runs"] == []


def test_mistakes_are_told_before_anything_is_trained(origin: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--level"):
        run(origin, [], [0], tmp_path, quiet=True)
    with pytest.raises(UserError, match="did you mean"):
        run(origin, ["probe/valueonly"], [0], tmp_path, quiet=True)
    with pytest.raises(UserError, match=r"cannot play mujoco/Hopper-v5.*probe/truncation"):
        run(origin, ["mujoco/Hopper-v5"], [0], tmp_path, n_episodes=1, quiet=True)
    assert not list(tmp_path.glob("transfer-*"))
    (tmp_path / "as_is.json").write_text("{")
    with pytest.raises(DataError, match=r"as_is\.json is broken"):
        run(origin, [SECOND], [0], tmp_path, quiet=True)
