"""2N steps equals N + resume + N bit for bit, however the run was cut."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PPO, SAC, N, experiment, final_state, metric_lines, tensorboard_steps

from rlsuite.errors import DataError, RunError, UserError
from rlsuite.experiment import evaluate, resume, train
from rlsuite.runs.folder import RunFolder
from rlsuite.runs.keeper import CheckpointKeeper
from rlsuite.runs.writers import JsonlWriter
from rlsuite.testing.report import same_bits

CASES = [(PPO, False), (SAC, False), (PPO, True), (SAC, True)]


def name(case) -> str:
    return f"{'gail-' if case[1] else ''}{case[0]['kind']}"


def signal_at(monkeypatch, step: int, number: int) -> None:
    """Send this process a signal when the first metrics at or after ``step`` are written."""
    real, sent = JsonlWriter.write, []

    def write(self, key_values, key_excluded, step_now=0):
        real(self, key_values, key_excluded, step_now)
        if step_now >= step and not sent:
            sent.append(step_now)
            os.kill(os.getpid(), number)

    monkeypatch.setattr(JsonlWriter, "write", write)


def assert_same_run(a: Path, b: Path) -> None:
    first, other = final_state(a), final_state(b)
    assert list(first) == list(other)
    for part in first:
        assert same_bits(first[part], other[part]), f"{part} differs"
    assert metric_lines(a) == metric_lines(b)
    steps = {k: v for k, v in tensorboard_steps(a).items() if not k.startswith("sys/")}
    assert steps == {k: v for k, v in tensorboard_steps(b).items() if not k.startswith("sys/")}
    finals = [RunFolder(r).read_summary()["final"] for r in (a, b)]
    assert finals[0] == finals[1]


@pytest.mark.parametrize("case", CASES, ids=name)
def test_stopping_in_the_middle_and_resuming_changes_no_bit(case, demos, tmp_path, monkeypatch):
    config = experiment(case[0], demos if case[1] else None)
    whole = train(config, runs_dir=tmp_path / "a", quiet=True)
    with monkeypatch.context() as patched:
        signal_at(patched, N, signal.SIGTERM)
        half = train(config, runs_dir=tmp_path / "b", quiet=True)
    assert half.status == "interrupted"
    assert half.read_summary()["status"] == "interrupted"
    assert N <= half.summary["env_steps"] < 2 * N
    resumed = resume(half, quiet=True)
    assert resumed.status == "done"
    assert resumed.summary["env_steps"] == whole.summary["env_steps"] == 2 * N
    assert resumed.summary["final"]["n_episodes"] == 2
    assert_same_run(whole.path, resumed.path)


KILLED = """
import os, signal, sys
from rlsuite.experiment import train
from rlsuite.runs.writers import JsonlWriter
real = JsonlWriter.write
def write(self, key_values, key_excluded, step=0):
    real(self, key_values, key_excluded, step)
    if step >= 700:
        os.kill(os.getpid(), signal.SIGKILL)
JsonlWriter.write = write
import json
train(json.loads(sys.argv[1]), runs_dir=sys.argv[2], quiet=True)
"""


KILLS = [pytest.param((PPO, True), id="gail-ppo"), pytest.param((SAC, False), id="sac", marks=pytest.mark.slow)]


@pytest.mark.parametrize("case", KILLS)
def test_a_killed_run_resumed_ends_like_an_undisturbed_one(case, demos, tmp_path):
    config = experiment(case[0], demos if case[1] else None)
    whole = train(config, runs_dir=tmp_path / "a", quiet=True)
    command = [sys.executable, "-c", KILLED, json.dumps(config), str(tmp_path / "b")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == -signal.SIGKILL, done.stderr
    run = RunFolder.find(tmp_path / "b" / "tiny")
    assert json.loads(run.summary.read_text())["status"] == "running"
    assert run.read_summary()["status"] == "interrupted"  # nobody holds it
    assert CheckpointKeeper(run.checkpoints).newest_sound()[0].step == 512
    assert metric_lines(run.path)[-1]["step"] > 512
    resumed = resume(run.path, quiet=True)
    assert_same_run(whole.path, resumed.path)


def test_a_larger_budget_carries_a_finished_run_on(tmp_path):
    config = experiment(PPO)
    whole = train(config, runs_dir=tmp_path / "a", quiet=True)
    half = train(config | {"budget": {"env_steps": N}}, runs_dir=tmp_path / "b", quiet=True)
    with pytest.raises(UserError, match="is done"):
        resume(half)
    resumed = resume(half, ["budget.env_steps=1024"], quiet=True)
    assert same_bits(final_state(whole.path), final_state(resumed.path))
    session = RunFolder(half.path).read_manifest()["sessions"][0]
    assert (session["from_step"], session["overrides"]) == (N, ["budget.env_steps=1024"])
    assert "env_steps: 1024" in RunFolder(half.path).resolved.read_text()  # so that the next resume knows it


def test_a_checkpoint_cut_short_is_named_and_the_one_before_it_used(tmp_path):
    config = experiment(PPO)
    whole = train(config, runs_dir=tmp_path / "a", quiet=True)
    half = train(config | {"budget": {"env_steps": N}}, runs_dir=tmp_path / "b", quiet=True)
    folder = RunFolder(half.path)
    newest = CheckpointKeeper(folder.checkpoints).newest_sound()[0].path
    victim = newest / "training.safetensors"
    victim.write_bytes(victim.read_bytes()[:-7])
    resumed = resume(half, ["budget.env_steps=1024"], quiet=True)
    assert any("training.safetensors was cut short" in w for w in resumed.summary["warnings"])
    assert same_bits(final_state(whole.path), final_state(resumed.path))


def test_when_no_checkpoint_is_sound_each_is_named(tmp_path):
    half = train(experiment(PPO) | {"budget": {"env_steps": N}}, runs_dir=tmp_path, quiet=True)
    for header in RunFolder(half.path).checkpoints.glob("*/checkpoint.json"):
        header.write_text("{")
    with pytest.raises(DataError, match=r"step_0*512.*checkpoint\.json"):
        resume(half, ["budget.env_steps=1024"])


def test_an_older_checkpoint_has_no_replay_and_training_goes_on_without(tmp_path):
    half = train(experiment(SAC) | {"budget": {"env_steps": N}}, runs_dir=tmp_path, quiet=True)
    keeper = CheckpointKeeper(RunFolder(half.path).checkpoints)
    with_replay = [c.step for c in keeper.list() if (c.path / "replay.safetensors").exists()]
    assert with_replay == [N]
    (keeper.newest_sound()[0].path / "policy.json").unlink()
    resumed = resume(half, ["budget.env_steps=1024"], quiet=True)
    assert resumed.status == "done"
    assert any("replay" in w for w in resumed.summary["warnings"])


def test_a_run_can_be_moved(tmp_path):
    half = train(experiment(PPO) | {"budget": {"env_steps": N}}, runs_dir=tmp_path / "a", quiet=True)
    before = evaluate(half.path)
    moved = tmp_path / "elsewhere"
    half.path.rename(moved)
    assert evaluate(moved) == before
    assert resume(moved, ["budget.env_steps=1024"], quiet=True).path == moved


def test_a_second_process_is_told_who_writes_the_run(tmp_path):
    half = train(experiment(PPO) | {"budget": {"env_steps": N}}, runs_dir=tmp_path, quiet=True)
    script = f"""
import sys
from pathlib import Path
from rlsuite.runs.folder import RunFolder
with RunFolder(Path({str(half.path)!r})).hold():
    print("held", flush=True)
    sys.stdin.read()
"""
    other = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline().strip() == "held"
        with pytest.raises(RunError, match=f"process {other.pid}"):
            resume(half, ["budget.env_steps=1024"])
    finally:
        other.communicate("", timeout=60)
    assert resume(half, ["budget.env_steps=1024"], quiet=True).status == "done"
