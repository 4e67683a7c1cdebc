"""The reskin benchmark: its formulas by hand, its arms, and a test of a run too small to be good."""

import json
from pathlib import Path

import numpy as np
import pytest

from rlsuite.bench.reskin import refuse_seen, scores
from rlsuite.bench.reskin_measures import cvar, gap, radius, read_out, told_apart
from rlsuite.bench.reskin_report import summarise, table, write_report
from rlsuite.bench.reskin_train import Recipe, arms_of, experiment, named
from rlsuite.config.schema import load_experiment
from rlsuite.errors import UserError
from rlsuite.evaluation import Evaluation


def test_formulas_by_hand() -> None:
    assert gap(0.8, 0.2) == pytest.approx(0.75)
    assert gap(0.0, 0.2) == 0.0
    assert radius([0, 0.5, 1], [1.0, 0.6, 0.0]) == pytest.approx(0.5 + 0.5 * (0.6 - 0.1) / 0.6)
    assert radius([0, 0.5, 1], [1.0, 0.0, 0.9]) == pytest.approx(0.45), "the first crossing counts"
    assert radius([0, 1], [1.0, 0.11]) is None
    assert radius([0, 1], [0.0, 0.0]) is None
    assert gap(0.8, 0.2, floor=0.2) == 1.0
    assert gap(0.8, 0.5, floor=0.2) == pytest.approx(0.5)
    assert gap(-100, -200, floor=-300) == pytest.approx(0.5), "returns may be negative"
    assert radius([0, 1], [-100, -300], floor=-300) == pytest.approx(0.9)
    assert cvar([5, 1, 2, 3, 4]) == 1.0
    assert cvar(np.arange(10)) == 0.5
    assert cvar([3.0]) == 3.0


def test_probes_read_what_is_there_and_nothing_else() -> None:
    stream = np.random.default_rng(0)
    place = stream.integers(0, 12, 400)
    pictures = stream.integers(0, 30, (400, 12, 12)).astype(np.uint8)
    pictures[np.arange(400), 5, place] = 250
    state = np.stack([place, np.full(400, 7)], axis=1)
    assert read_out(pictures, state) > 0.8
    assert read_out(pictures, stream.normal(size=(400, 1))) < 0.1
    assert read_out(pictures, np.ones((400, 2))) == 0.0
    brighter = pictures.copy()
    brighter[:, :3] += 60
    assert told_apart(pictures, brighter) == 1.0
    assert told_apart(pictures, stream.permuted(pictures, axis=0)) == pytest.approx(0.5, abs=0.12)


def cell(arm: str, looks: list[float], reached: float | None, run: str = "r0", family: str = "f", legible: float = 1):
    return {
        "arm": arm, "family": family, "run": run, "level": "a/level", "original": 1.0, "floor": 0.2, "looks": looks,
        "radius": reached, "agreement": 0.5, "kl": 0.1, "told_apart": 1.0, "legible": legible,
        "curve": [[0, 1.0], [0.5, 0.8], [1, float(np.mean(looks))]],
    }  # fmt: skip


def test_the_summary_gathers_runs() -> None:
    cells = [cell("none", [0.2, 0.4], 0.5), cell("none", [0.0, 0.6], 0.7, "r1"), cell("skins-4", [0.9, 0.9], None)]
    rows = [row for row in summarise(cells) if row["family"] == "f"]
    first, second = rows
    assert (first["n_runs"], first["worst"], first["radius"]) == (2, 0.0, pytest.approx(0.6))
    assert first["gap"].startswith("0.875 ["), "of 0.8 that was learned, 0.3 of the score 1 is left: (1 - 0.3) / 0.8"
    assert second["radius"] is None
    assert ">1" in table(rows).splitlines()[-1]


def test_a_family_that_cannot_be_read_does_not_count() -> None:
    cells = [cell("none", [0.2, 0.4], 0.5), cell("none", [0.0, 0.0], 0.1, family="dark", legible=0.5)]
    rows = {row["family"]: row for row in summarise(cells)}
    assert (rows["f"]["fair"], rows["dark"]["fair"]) == (True, False)
    assert rows["all fair"]["fair"] == "1 of 2"
    assert rows["all fair"]["gap"] == rows["f"]["gap"]


def test_the_curve_is_drawn(tmp_path: Path) -> None:
    cells = [cell(arm, [0.2, 0.4], 0.5, f"{arm}{k}", family) for arm in "ab" for k in (0, 1) for family in ("f", "g")]
    report = write_report(tmp_path, {"cells": cells})
    assert [Path(path).suffix for path in report["figures"]] == [".png", ".svg", ".csv"]
    lines = (tmp_path / "curve.csv").read_text().splitlines()
    assert len(lines) == 1 + 8 * 3 + 4 * 3
    assert "a,f,iqm,1,0.3" in "\n".join(lines)


@pytest.mark.parametrize("arm", ["none", "crop", "shift", "convolution", "overlay", "skins-4"])
@pytest.mark.parametrize("level", ["doom/basic", "mario/1-1/dense", "mario/1-1/no_reward", "doom/my_way_home/sparse"])
def test_every_arm_is_an_experiment(arm: str, level: str, tmp_path: Path) -> None:
    recipe = Recipe(level, budget=1000, packs=[tmp_path / "p"])
    plan = load_experiment(experiment(recipe, arm, seed=3)).experiment
    assert plan.seed == 3
    assert (plan.env.skin is not None) == arm.startswith("skins")  # type: ignore[union-attr]
    assert bool(plan.env.observation) == (arm in ("crop", "shift", "convolution", "overlay"))  # type: ignore[union-attr]


def test_a_bonus_is_put_beside_the_reward() -> None:
    for level, weight, extrinsic in (("doom/basic", 0.1, 1.0), ("mario/1-1/no_reward", 1.0, 0.0)):
        plan = load_experiment(experiment(Recipe(level, 1000, agent="e3b"), "none", seed=0)).experiment
        assert plan.agent is not None
        assert [(r.kind, r.weight) for r in plan.agent.rewards] == [("e3b", weight)]
        assert plan.agent.extrinsic_coef == extrinsic


def test_mistakes_are_named() -> None:
    with pytest.raises(UserError, match="arm skins-4 needs looks to train on"):
        experiment(Recipe("mario/1-1/dense", 1), "skins-4", 0)
    with pytest.raises(UserError, match="arm frozen needs a generator that encodes"):
        experiment(Recipe("mario/1-1/dense", 1), "frozen", 0)
    with pytest.raises(UserError, match="no agent 'e3c'; did you mean e3b"):
        experiment(Recipe("mario/1-1/dense", 1, agent="e3c"), "none", 0)
    with pytest.raises(UserError, match="arm 'magic' is unknown"):
        experiment(Recipe("mario/1-1/dense", 1), "magic", 0)
    with pytest.raises(UserError, match="ARM=RUN is wanted"):
        arms_of(["runs/a"])
    with pytest.raises(UserError, match="a is named twice"):
        named(["a=x", "a=y"])
    assert arms_of(["a=x", "a=y", "b=z"]) == {"a": [Path("x"), Path("y")], "b": [Path("z")]}


def test_a_tiny_policy_is_trained_and_tested(game: Path, tmp_path: Path, capsys) -> None:
    from rlsuite import skins
    from rlsuite.cli.app import call
    from rlsuite.envs.levels import make_vec

    level = "mario/1-1/dense"
    env = make_vec(level, 1, n_threads=1)
    skins.noise_pack(env, level=level, n=2).save(tmp_path / "train")
    skins.noise_pack(env, level=level, n=2, seed=1).save(tmp_path / "test")
    env.close()
    words = ["bench", "reskin", "--level", level, "--arm", "skins-2", "--train-pack", str(tmp_path / "train")]
    words += ["--seeds", "1", "--budget", "64", "--episodes", "2", "--states", "6", "--folder", str(tmp_path / "runs")]
    for setting in (
        "env.n_envs=4",
        "env.max_episode_steps=8",
        "agent.learner.n_steps=8",
        "agent.learner.batch_size=16",
    ):
        words += ["--set", setting]
    assert call([*words, "--family", f"noise={tmp_path / 'test'}", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    (found,) = report["cells"]
    assert len(found["looks"]) == 2
    assert [dial for dial, _ in found["curve"]] == [0, 0.25, 0.5, 0.75, 1]
    assert found["curve"][0][1] == found["original"]
    assert found["kl"] > 0, "even a policy that knows nothing answers other pictures otherwise"
    assert found["score"] == "progress"
    kept = next((tmp_path / "runs" / "cells").iterdir())
    kept.write_text(kept.read_text().replace('"family": "noise"', '"family": "kept"'))
    assert call([*words, "--family", f"noise={tmp_path / 'test'}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cells"][0]["family"] == "kept", "it was not tested again"
    assert 0 <= found["agreement"] <= 1
    assert (tmp_path / "runs" / "report.md").read_text().startswith("| arm |")
    assert call([*words, "--family", f"noise={tmp_path / 'train'}", "--json"]) == 2
    assert "trained on one of its looks" in capsys.readouterr().err


def test_each_level_has_its_own_score() -> None:
    found = Evaluation(np.array([-50.0, 80.0]), np.array([3, 4]), np.array([0.0, 0.0]), np.array([0.2, 0.9]))
    assert scores(found, "return").tolist() == [-50, 80]
    assert scores(found, "success").tolist() == [0, 0]
    assert scores(found, "progress").tolist() == [0.2, 0.9]
    assert scores(found).tolist() == [-50, 80]


def test_nothing_was_trained_on_without_skins() -> None:
    refuse_seen(None, {})
