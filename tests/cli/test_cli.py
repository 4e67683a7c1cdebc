"""The command line: what it prints, where, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rlsuite.cli import call
from rlsuite.cli.finding import find_run, find_runs, newest_interrupted
from rlsuite.errors import UserError

TINY = """\
env: {id: probe/obs-action, n_envs: 2}
budget: {env_steps: 128}
agent: {kind: rl, learner: {kind: ppo, n_steps: 32, batch_size: 32, n_epochs: 1}}
eval: {every_steps: 0, final_episodes: 3}
video: {final: false}
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY)
    return tmp_path


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder that holds one finished run of the tiny experiment."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "tiny.yaml").write_text(TINY)
    assert call(["run", str(folder / "tiny.yaml"), "--runs", str(folder / "runs"), "--json"]) == 0
    return folder / "runs"


def answer(capsys, *args: str, code: int = 0):
    """The JSON that a command prints."""
    capsys.readouterr()
    found = call([*args, "--json"])
    out, err = capsys.readouterr()
    assert found == code, err
    return json.loads(out)


# --- help -------------------------------------------------------------------------------------------------


def test_the_train_verb_says_its_help():
    done = subprocess.run([sys.executable, "-m", "rlsuite.run", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--dry-run" in done.stdout


def test_the_package_itself_is_the_command():
    done = subprocess.run([sys.executable, "-m", "rlsuite", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "Usage: rlsuite" in done.stdout


def test_the_verbs_import_nothing_heavy():
    heavy = ("torch", "numpy", "pydantic", "rich", "ruamel.yaml")
    code = f"import rlsuite.cli, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


@pytest.mark.parametrize(
    "verb", ["run", "resume", "show", "eval", "record", "plot", "compare", "export", "ls", "doctor"]
)
def test_every_verb_explains_itself(verb, capsys):
    assert call([verb, "--help"]) == 0
    assert "Usage:" in capsys.readouterr().out


# --- mistakes ---------------------------------------------------------------------------------------------


def test_a_mistake_is_a_message_and_exit_code_2(here):
    (here / "bad.yaml").write_text(TINY.replace("n_epochs", "n_epoch"))
    done = subprocess.run([sys.executable, "-m", "rlsuite.run", "bad.yaml"], capture_output=True, text=True, cwd=here)
    assert done.returncode == 2
    assert "bad.yaml:3: agent.learner.n_epoch is unknown; did you mean agent.learner.n_epochs?" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["run", "tini.yaml"], "there is no experiment file tini.yaml"),
        (["run", "tiny.yaml", "--set", "agent.learner.gamma=high"], "must be a number"),
        (["run", "tiny.yaml", "--set", "env.id=probe/obs-acton"], "did you mean probe/obs-action"),
        (["run", "tiny.yaml", "--set", "demos.id=./nowhere.npz", "--set", "agent.kind=gail"], "nowhere.npz"),
        (["show", "tiny.yaml", "--set", "seed"], "write it as key=value"),
        (["resume"], "nothing to resume"),
        (["resume", "nowhere"], "there is no run nowhere"),
        (["eval", "nowhere"], "there is no run nowhere"),
        (["demos", "info", "no/such-v0"], "no demonstrations 'no/such-v0'"),
        (["bench", "throughput", "--level", "mujoco/Hoper-v5"], "did you mean mujoco/Hopper-v5"),
        (["plot", "nowhere"], "there is no run nowhere"),
    ],
)  # fmt: skip
def test_mistakes(here, capsys, args, message):
    assert call(args) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert "Traceback" not in out + err
    assert not (here / "runs").exists()


def test_a_device_that_is_not_there(here, capsys):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    assert call(["run", "tiny.yaml", "--device", "cuda"]) == 2
    assert "no CUDA device" in capsys.readouterr().err


@pytest.mark.parametrize(
    "args", [["nonsense"], ["run"], ["ls", "thing"], ["show"], ["run", "tiny.yaml", "--seeds", "3"]]
)
def test_wrong_usage_is_exit_code_2(here, capsys, args):
    assert call(args) == 2
    assert capsys.readouterr().err


# --- answers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["levels", "agents", "learners", "rewards"])
def test_ls(capsys, kind):
    rows = answer(capsys, "ls", kind)
    assert rows
    for row in rows:
        assert row["id"] == row["name"]
        assert row["description"]
        assert row["available"] or "rlsuite[" in row["needs"]


@pytest.mark.parametrize("kind", ["generators", "datasets", "runs"])
def test_ls_of_what_may_be_empty(here, capsys, kind):
    assert isinstance(answer(capsys, "ls", kind), list)
    assert call(["ls", kind]) == 0


def test_ls_prints_every_id_whole(capsys):
    assert call(["ls", "learners"]) == 0
    out = capsys.readouterr().out
    assert "ppo" in out
    assert "sac" in out


def test_missing_extras_are_listed_with_what_they_need(monkeypatch, capsys):
    import rlsuite.registry

    found = rlsuite.registry.importlib.util.find_spec
    monkeypatch.setattr(rlsuite.registry.importlib.util, "find_spec", lambda m: None if m == "vizdoom" else found(m))
    doom = [row for row in answer(capsys, "ls", "levels") if row["id"].startswith("doom/")]
    assert doom
    assert not any(row["available"] for row in doom)
    assert doom[0]["needs"] == "uv pip install 'rlsuite[doom]'"


def test_show(here, capsys):
    found = answer(capsys, "show", "tiny.yaml", "--set", "seed=4")
    assert found["experiment"]["seed"] == 4
    assert found["origins"]["budget.env_steps"] == "tiny.yaml:2"
    assert call(["show", "tiny.yaml"]) == 0
    assert "# tiny.yaml:1" in capsys.readouterr().out


def test_schema(capsys):
    assert call(["show", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "rlsuite experiment"


def test_dry_run_plans_and_writes_nothing(here, capsys, monkeypatch):
    monkeypatch.setattr("rlsuite.cli.planning.TRIAL_SECONDS", 0.1)
    plan = answer(capsys, "run", "tiny.yaml", "--dry-run")
    assert plan["level"] == "probe/obs-action"
    assert plan["parameters"]["policy"] > 1000
    assert plan["env_steps_per_s"] > 0
    assert plan["estimated_s"] > 0
    assert not (here / "runs").exists()


# --- a run and what follows -------------------------------------------------------------------------------


def test_ls_runs(runs, capsys):
    [row] = answer(capsys, "ls", "runs", "--runs", str(runs))
    assert row["status"] == "done"
    assert row["env_steps"] == 128
    assert row["id"] == f"tiny/{row['name']}"
    assert row["n_episodes"] == 3


def test_a_part_of_the_name_finds_the_run(runs):
    path = next((runs / "tiny").iterdir())
    assert find_run(Path(path.name[-4:]), runs) == path
    assert find_run(path, runs) == path
    with pytest.raises(UserError, match="there is no run"):
        find_run(Path("other"), runs)


def test_two_runs_that_fit_are_both_named(tmp_path):
    for name in ("a1", "a2"):
        (tmp_path / "x" / name).mkdir(parents=True)
        (tmp_path / "x" / name / "manifest.json").write_text("{}")
    with pytest.raises(UserError, match="fits 2 runs"):
        find_run(Path("x/a"), tmp_path)
    assert find_run(Path("x"), tmp_path).name == "a2", "an experiment's name means its newest run"
    assert find_runs([Path("x"), Path("a1")], tmp_path) == [tmp_path / "x", tmp_path / "x" / "a1"]


def test_eval(runs, capsys):
    result = answer(capsys, "eval", "tiny", "--episodes", "4", "--runs", str(runs))
    assert result["n_episodes"] == 4
    assert len(result["returns"]) == 4


def test_compare_and_plot(runs, capsys, tmp_path):
    [row] = answer(capsys, "compare", str(runs))
    assert row["n_runs"] == 1
    files = answer(capsys, "plot", str(runs), "--out", str(tmp_path))["files"]
    assert {Path(file).suffix for file in files} == {".png", ".svg", ".csv"}
    assert all(Path(file).stat().st_size > 0 for file in files)


def test_export(runs, capsys, tmp_path):
    assert call(["export", "tiny", str(tmp_path / "policy.zip"), "--runs", str(runs)]) == 0
    from stable_baselines3 import PPO

    assert PPO.load(tmp_path / "policy.zip", device="cpu").policy is not None


def test_a_finished_run_is_not_resumed(runs, capsys):
    assert call(["resume", "tiny", "--runs", str(runs)]) == 2
    assert "is done" in capsys.readouterr().err


def test_resume_picks_the_newest_interrupted_run(tmp_path):
    for name, status in (("20260101-000000-s0-aaaa", "interrupted"), ("20260102-000000-s0-bbbb", "done")):
        folder = tmp_path / "x" / name
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
        (folder / "summary.json").write_text(json.dumps({"status": status}))
    assert newest_interrupted(tmp_path).name.endswith("aaaa")


# --- doctor -----------------------------------------------------------------------------------------------


def test_doctor_checks_really_check(monkeypatch, tmp_path):
    from rlsuite.cli import checks

    assert checks.compiler().status in ("ok", "note")
    monkeypatch.setenv("CC", "no-such-compiler-here")
    with pytest.raises(FileNotFoundError):
        checks.compiler()
    assert checks.codec().status == "ok"
    assert checks.disk(tmp_path / "runs" / "deep").status in ("ok", "note")
    assert {check.name for check in checks.extras()} >= {"[doom]", "[mario]", "[dev]"}


def test_doctor_believes_films_where_they_can_be_rendered():
    from rlsuite.cli import checks

    if (found := checks.rendering("egl")).status != "ok":
        assert "picture is wrong" not in found.detail, "EGL starts, so what it draws must pass"


def test_doctor_survives_a_check_that_breaks(monkeypatch, tmp_path):
    from rlsuite.cli import checks

    def broken() -> checks.Check:
        raise RuntimeError("driver")

    monkeypatch.setattr(checks, "_checks", lambda runs: [("gpu", broken)])
    first, *rest = checks.run_checks(tmp_path)
    assert (first.name, first.status, first.detail) == ("gpu", "fail", "RuntimeError: driver")
    assert rest


def test_ctrl_c_is_130(monkeypatch, here):
    import rlsuite.cli.listing

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(rlsuite.cli.listing, "rows", interrupt)
    assert call(["ls", "agents"]) == 130
