"""From a generator's bundle to a trained agent: the verbs, the pools, the run."""

import json
from pathlib import Path

import pytest

import rlsuite
from rlsuite import generators
from rlsuite.cli.app import call
from rlsuite.errors import DataError
from rlsuite.skins import load_pack

pytest.importorskip("warp", reason="the extra 'mario' is not installed (no Warp)")


def test_a_level_is_dressed_checked_and_trained_on(game: Path, tmp_path: Path, capsys) -> None:
    generators.make("dcgan", {"preset": "tiny"}, seed=0).save(tmp_path / "bundle")
    pack = tmp_path / "pack"
    words = ["skin", "make", "--generator", str(tmp_path / "bundle"), "--level", "mario/1-1/dense", "--out", str(pack)]
    assert call([*words, "--n", "3", "--dial", "0.5", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["looks"] == 3
    assert facts["generator"] == "dcgan"
    assert facts["dial"] == 0.5
    assert len(facts["weights"]) == 16
    assert (pack / "sheet.png").is_file()
    assert str(tmp_path) not in (pack / "pack.json").read_text(), "no path of this machine in a pack"
    assert call(["skin", "show", str(pack), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["slots"] == len(load_pack(pack).looks[0])
    assert call(["skin", "check", str(pack), "--steps", "40", "--n-envs", "2", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["checks"]
    assert found["ok"]
    assert found["steps"] == 40
    run = rlsuite.train(
        {
            "name": "dressed",
            "budget": {"env_steps": 64},
            "env": {
                "id": "mario/1-1/dense",
                "n_envs": 4,
                "max_episode_steps": 10,
                "skin": {"packs": [str(pack)], "held_out": 1},
            },
            "agent": {"learner": {"kind": "ppo", "n_steps": 8, "batch_size": 16, "n_epochs": 1}},
            "eval": {"final_episodes": 2, "every_steps": 0},
            "video": {"final": False},
        },
        runs_dir=tmp_path / "runs",
        quiet=True,
    )
    assert run.status == "done"


def test_a_missing_pack_is_told_before_engines_start(tmp_path: Path, monkeypatch) -> None:
    from rlsuite.config.schema import load_experiment
    from rlsuite.experiment import assembly

    monkeypatch.setattr(assembly, "make_vec", lambda *_, **__: pytest.fail("engines were started"))
    for key in ("packs", "test_packs"):
        skin = {"packs": [str(tmp_path)], key: [str(tmp_path / "none")]}
        if key == "test_packs":
            (tmp_path / "pack.json").write_text('{"format": 1, "level": "x", "engine": "doom", "looks": [{"a": {}}]}')
        tree = {"name": "x", "budget": {"env_steps": 1}, "env": {"id": "doom/basic", "skin": skin}}
        experiment = load_experiment({**tree, "agent": {"learner": {"kind": "ppo"}}}).experiment
        with pytest.raises(DataError, match=r"none is no pack: it has no pack.json"):
            assembly.make_level(experiment, 1, "env")


def test_a_pack_of_another_level_ends_with_a_message(game: Path, tmp_path: Path, capsys) -> None:
    generators.make("dcgan", {"preset": "tiny"}, seed=0).save(tmp_path / "bundle")
    pack = tmp_path / "pack"
    words = ["skin", "make", "--generator", str(tmp_path / "bundle"), "--level", "mario/1-1/dense", "--out", str(pack)]
    assert call(words) == 0
    assert call(["skin", "check", str(pack), "--level", "mujoco/Hopper-v5"]) == 2
    assert "made for mario/1-1/dense (nes); this level runs on mujoco" in capsys.readouterr().err
    assert (
        call(["skin", "make", "--generator", str(tmp_path / "bundle"), "--level", "gym/CartPole-v1", "--out", "x"]) == 2
    )
    assert "cannot be dressed" in capsys.readouterr().err
    assert call(["skin", "show", str(tmp_path)]) == 2
