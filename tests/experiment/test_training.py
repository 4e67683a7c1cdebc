"""What a training leaves, what it refuses, and what must not disturb it."""

import errno
import json
import os
import signal
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import PPO, SAC, N, experiment, final_state, metric_lines
from test_resume import signal_at

import rlsuite
from rlsuite.errors import RunError, UserError
from rlsuite.experiment import finish
from rlsuite.runs import metrics
from rlsuite.runs.files import write_synced
from rlsuite.runs.folder import RunFolder
from rlsuite.runs.keeper import CheckpointKeeper
from rlsuite.runs.writers import JsonlWriter
from rlsuite.testing.report import same_bits

SUMMARY_KEYS = {
    "status",
    "env_steps",
    "frames",
    "wall_s",
    "train_wall_s",
    "env_steps_per_s",
    "warnings",
    "final",
}
FINAL_KEYS = {"return_mean", "return_std", "n_episodes", "normalized_score", "success_rate"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished GAIL run of seconds, as the command line would make it."""
    root = tmp_path_factory.mktemp("runs")
    demos = root / "hopper.npz"
    rng, n = np.random.default_rng(0), 90
    np.savez(
        demos,
        obs=rng.normal(size=(n, 11)).astype(np.float32),
        actions=rng.uniform(-1, 1, size=(n, 3)).astype(np.float32),
        rewards=np.ones(n, dtype=np.float32),
        episode_starts=np.arange(n) % 30 == 0,
    )
    file = root / "tiny.yaml"
    file.write_text(f"# mine\n{json.dumps(experiment(PPO, demos))}\n")  # JSON is YAML
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("rlsuite.experiment.session.Session.smoke", True)
        patched.setattr(finish, "_leave_plots", lambda session: None)
        return rlsuite.train(file, ["seed=7"], runs_dir=root / "runs")


def test_the_folder_holds_everything_about_the_run(run):
    folder = RunFolder.find(run)
    assert folder.path.name.split("-")[2] == "s7"
    assert folder.config.read_text().startswith("# mine\n")
    assert "seed: 7" in folder.resolved.read_text()
    assert "WARNING" in folder.log.read_text() or "INFO" in folder.log.read_text()
    assert list(folder.tensorboard.glob("events.*"))
    assert [c.step for c in CheckpointKeeper(folder.checkpoints).list()][-1] == 2 * N
    assert (folder.checkpoints / "step_000000001024" / "policy.safetensors").is_file()
    assert not list(folder.path.rglob("*.pkl")) + list(folder.path.rglob("*.pt")) + list(folder.path.rglob("*.zip"))


def test_the_summary_has_the_keys_that_scripts_read(run):
    summary = json.loads(RunFolder.find(run).summary.read_text())
    assert set(summary) == SUMMARY_KEYS
    assert summary["status"] == run.status == "done"
    assert summary["env_steps"] == 2 * N
    assert summary["frames"] == 4 * 2 * N  # Hopper's frame skip is 4
    assert 0 < summary["train_wall_s"] < summary["wall_s"]
    assert summary["env_steps_per_s"] == pytest.approx(2 * N / summary["train_wall_s"], rel=0.01)
    assert set(summary["final"]) >= FINAL_KEYS
    assert summary["final"]["n_episodes"] == 2
    assert set(summary["final"]["baselines"]) == {"behavioural cloning", "random"}  # this set has no expert's score


def test_the_manifest_says_with_what(run):
    manifest = RunFolder.find(run).read_manifest()
    assert manifest["seeds"] == {"seed": 7}
    assert manifest["packages"]["torch"]
    assert manifest["device"] == "cpu"
    assert manifest["threads"]["torch"] == 1
    assert manifest["machine"]["usable_cores"] >= 1
    assert manifest["command"]
    assert set(manifest["code"]) == {"commit", "dirty"}
    assert all(len(h) == 16 for h in manifest["data"].values())
    assert manifest["data"]


def test_every_metric_is_declared(run):
    written = {key for line in metric_lines(run.path) for key in line}
    assert {"rollout/ep_rew_mean", "eval/mean_reward", "gail/disc_loss", "train/loss"} <= written
    assert {k for k in written if not metrics.declared(k)} == set()


def test_the_policy_comes_back_and_scores_what_the_run_said(run):
    policy = rlsuite.load_policy(run)
    obs = np.zeros((1, 11), dtype=np.float32)
    action, _ = policy.predict(obs, deterministic=True)
    assert action.shape == (1, 3)
    found = rlsuite.evaluate(run)
    assert found["return_mean"] == run.summary["final"]["return_mean"]
    assert len(found["returns"]) == 2
    assert rlsuite.evaluate(run, seed=11)["return_mean"] != found["return_mean"]
    for checkpoint in ("best", "1024"):
        assert rlsuite.evaluate(run, 1, checkpoint=checkpoint)["n_episodes"] == 1
    with pytest.raises(UserError, match="1024"):
        rlsuite.evaluate(run, checkpoint="77")


@pytest.mark.parametrize("learner", [PPO, SAC], ids=["ppo", "sac"])
def test_evaluation_and_checkpoints_never_touch_training(learner, tmp_path):
    base = experiment(learner, budget={"env_steps": N})
    often = base | {"eval": {"every_steps": 128, "n_episodes": 3, "final_episodes": 1, "deterministic": False}}
    never = base | {
        "eval": {"every_steps": 0, "final_episodes": 1},
        "checkpoint": {"every_seconds": 0},
    }
    runs = [rlsuite.train(c, runs_dir=tmp_path, quiet=True).path for c in (often, never)]
    assert same_bits(*(final_state(r) for r in runs))
    assert sum("eval/mean_reward" in line for line in metric_lines(runs[0])) == 3


def test_another_seed_is_another_run(tmp_path):
    runs = [
        rlsuite.train(experiment(PPO, budget={"env_steps": 128}, seed=s), runs_dir=tmp_path, quiet=True) for s in (1, 2)
    ]
    assert not same_bits(final_state(runs[0].path)["policy"], final_state(runs[1].path)["policy"])


def test_behavioural_cloning_goes_through_the_same_door(demos, tmp_path):
    config = experiment(PPO, demos) | {
        "agent": {"kind": "bc", "n_steps": 40, "validate_every": 10},
        "budget": {"train_steps": 40},
    }
    run = rlsuite.train(config, runs_dir=tmp_path, quiet=True)
    assert run.summary["env_steps"] == run.summary["frames"] == 0
    assert set(run.summary["final"]["baselines"]) == {"random"}
    assert rlsuite.evaluate(run)["return_mean"] == run.summary["final"]["return_mean"]


def test_a_budget_of_seconds_ends_the_run(tmp_path):
    run = rlsuite.train(experiment(PPO, budget={"seconds": 1.0}), runs_dir=tmp_path, quiet=True)
    assert run.status == "done"
    assert run.summary["train_wall_s"] >= 1.0
    assert run.summary["env_steps"] > 0


def test_milestones_are_kept(tmp_path):
    checkpoint = {"every_seconds": 0, "keep_last": 1, "best": False, "milestones": [0, 200]}
    run = rlsuite.train(experiment(PPO, checkpoint=checkpoint), runs_dir=tmp_path, quiet=True)
    assert [c.step for c in CheckpointKeeper(run.path / "checkpoints").list()] == [0, 256, 2 * N]


# -- what goes wrong -------------------------------------------------------------------------------


def test_cuda_that_is_not_there_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"device: cuda was asked for.*device=cpu") as caught:
        rlsuite.train(experiment(PPO), ["device=cuda"], runs_dir=tmp_path, quiet=True)
    assert caught.value.exit_code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("victim", ["policy.json", "metrics"])
def test_a_disk_that_fills_ends_the_run_and_harms_nothing_saved(victim, tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    count = []

    def write(path: Path, text: str) -> None:
        count.append(path.name)
        if victim in str(path) and count.count(path.name) > 2:
            raise full
        write_synced(path, text)

    def sync(self):
        count.append("sync")
        if victim == "metrics" and count.count("sync") > 2:
            raise RunError(f"metrics could not be written: {full}")

    monkeypatch.setattr("rlsuite.runs.checkpoint.write_synced", write)
    monkeypatch.setattr("rlsuite.runs.writers.JsonlWriter.sync", sync)
    with pytest.raises(RunError, match="No space left") as caught:
        rlsuite.train(experiment(PPO), runs_dir=tmp_path, quiet=True)
    assert caught.value.exit_code == 1
    monkeypatch.undo()
    run = RunFolder.find(tmp_path)
    summary = run.read_summary()
    assert summary["status"] == "failed"
    assert "No space left" in summary["error"]
    assert "No space left" in run.log.read_text()
    assert [c.step for c in CheckpointKeeper(run.checkpoints).list()] == [0, 256]
    monkeypatch.setattr(finish, "_leave_plots", lambda session: None)
    assert rlsuite.resume(run.path, quiet=True).summary["env_steps"] == 2 * N  # room was made


def test_a_second_signal_ends_it_without_saving(tmp_path, monkeypatch):
    def twice(self, key_values, key_excluded, step=0):
        if step >= 300:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("rlsuite.runs.writers.JsonlWriter.write", twice)
    run = rlsuite.train(experiment(PPO), runs_dir=tmp_path, quiet=True)
    assert run.status == "interrupted"
    assert [c.step for c in CheckpointKeeper(run.path / "checkpoints").list()] == [0, 256]


def test_a_stop_during_the_evaluation_saves_at_once_and_loses_nothing(tmp_path, monkeypatch):
    whole = rlsuite.train(experiment(PPO), runs_dir=tmp_path / "a", quiet=True)
    from rlsuite.experiment import boundary

    real = boundary.play

    def play(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGTERM)
        return real(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(boundary, "play", play)
        half = rlsuite.train(experiment(PPO), runs_dir=tmp_path / "b", quiet=True)
    assert (half.status, half.summary["env_steps"]) == ("interrupted", 256)
    resumed = rlsuite.resume(half, quiet=True)
    assert same_bits(final_state(whole.path), final_state(resumed.path))
    assert metric_lines(whole.path) == metric_lines(resumed.path)


def test_warnings_of_all_sessions_are_counted(tmp_path, monkeypatch):
    real = finish._scored

    def scored(*args):
        warnings.warn("mind the gap", stacklevel=1)
        return real(*args)

    monkeypatch.setattr(finish, "_scored", scored)
    with monkeypatch.context() as patched:
        signal_at(patched, N, signal.SIGTERM)
        warned = []
        real_write = JsonlWriter.write

        def write(self, *more):
            if not warned:
                warned.append(warnings.warn("early", stacklevel=1))
            real_write(self, *more)

        patched.setattr(JsonlWriter, "write", write)
        half = rlsuite.train(experiment(PPO), runs_dir=tmp_path, quiet=True)
    assert half.summary["warnings"] == {"early": 1}
    assert rlsuite.resume(half, quiet=True).summary["warnings"] == {"early": 1, "mind the gap": 1}


def test_a_film_that_fails_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "rlsuite.video.record", lambda *a, **k: (_ for _ in ()).throw(RuntimeError("no codec")), raising=False
    )
    config = experiment(PPO, budget={"env_steps": 128}, video={"final": True})
    run = rlsuite.train(config, runs_dir=tmp_path, quiet=True)
    assert run.status == "done"
    assert run.summary["warnings"] == {"no film was made: no codec": 1}


def test_importing_rlsuite_imports_nothing_heavy():
    import subprocess
    import sys

    script = "import sys, rlsuite; print([m for m in ('torch', 'mujoco', 'pydantic', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"
