import json
import os
import subprocess
import sys

import pytest

from rlsuite.errors import DataError, RunError, UserError
from rlsuite.runs.folder import RunFolder, list_runs
from rlsuite.runs.keeper import CheckpointKeeper


def make(root, experiment="hop", seed=3):
    folder = RunFolder.create(experiment, seed, root)
    folder.write_manifest({"format": 1})
    folder.write_summary({"status": "done"})
    return folder


def test_the_name_says_when_seed_and_which(tmp_path):
    folder = make(tmp_path)
    assert folder.path.parent == tmp_path / "hop"
    stamp, clock, seed, rest = folder.path.name.split("-")
    assert len(stamp) == 8
    assert len(clock) == 6
    assert seed == "s3"
    assert len(rest) == 4
    assert {p.name for p in folder.path.iterdir() if p.is_dir()} == {"tb", "checkpoints", "videos", "plots"}


def test_a_run_is_found_by_its_folder_its_files_or_its_experiment(tmp_path):
    first, second = make(tmp_path), make(tmp_path)
    newest = max(first.path, second.path, key=lambda p: p.name)
    assert RunFolder.find(first.path).path == first.path
    assert RunFolder.find(first.checkpoints / "step_000000000001").path == first.path
    assert RunFolder.find(tmp_path / "hop").path == newest
    assert RunFolder.find(tmp_path).path == newest
    assert len(list_runs(tmp_path)) == 2


def test_what_is_no_run_is_said_to_be_none(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        RunFolder.find(tmp_path / "nothing")
    with pytest.raises(UserError, match=r"no manifest\.json"):
        RunFolder.find(tmp_path)


def test_a_broken_summary_is_named(tmp_path):
    folder = make(tmp_path)
    folder.summary.write_text('{"status": ')
    with pytest.raises(DataError, match=r"summary\.json"):
        folder.read_summary()


def test_a_running_run_that_nobody_holds_was_interrupted(tmp_path):
    folder = make(tmp_path)
    folder.write_summary({"status": "running"})
    assert folder.read_summary()["status"] == "interrupted"
    script = (
        "import sys; from pathlib import Path; from rlsuite.runs.folder import RunFolder\n"
        f"with RunFolder(Path({str(folder.path)!r})).hold(): print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline().strip() == "held"
        assert folder.read_summary()["status"] == "running"
        with pytest.raises(RunError, match=f"process {other.pid} on"), folder.hold():
            pass
    finally:
        other.kill()  # the lock dies with the process, however it dies
        other.communicate(timeout=60)
    with folder.hold():
        assert folder.is_held()
    assert not folder.is_held()


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    folder = make(tmp_path)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left"):
        folder.write_summary({"status": "failed"})
    assert json.loads(folder.summary.read_text()) == {"status": "done"}
    assert not list(folder.path.glob(".*partial"))


# -- which checkpoints stay ------------------------------------------------------------------------


def save_all(keeper, scores, milestones=()):
    for step, score in scores:
        keeper.save(step, {"policy": step, "replay": step}, score=score, milestone=step in milestones)


def test_the_last_ones_the_best_and_milestones_stay_and_replay_in_the_newest_only(tmp_path):
    keeper = CheckpointKeeper(tmp_path, keep_last=2)
    save_all(keeper, [(0, None), (100, 5.0), (200, 9.0), (300, 9.0), (400, 1.0), (500, None), (600, 2.0)], {100})
    assert [c.step for c in keeper.list()] == [100, 300, 500, 600]
    assert keeper.best().step == 300
    assert [c.step for c in keeper.list() if (c.path / "replay.json").exists()] == [600]


def test_the_best_goes_when_it_is_not_wanted(tmp_path):
    keeper = CheckpointKeeper(tmp_path, keep_last=1, keep_best=False)
    save_all(keeper, [(0, 9.0), (100, 1.0)])
    assert [c.step for c in keeper.list()] == [100]


def test_a_broken_newest_is_named_and_the_one_before_it_offered(tmp_path):
    keeper = CheckpointKeeper(tmp_path)
    save_all(keeper, [(100, None), (200, None)])
    (tmp_path / "step_000000000200" / "policy.json").write_text("")
    checkpoint, problems = keeper.newest_sound()
    assert checkpoint.step == 100
    assert "step_000000000200/policy.json" in problems[0]
    keeper.discard_after(100)
    assert [p.name for p in tmp_path.iterdir()] == ["step_000000000100"]


def test_a_swap_cut_between_its_renames_is_undone(tmp_path):
    keeper = CheckpointKeeper(tmp_path)
    save_all(keeper, [(100, None)])
    (tmp_path / "step_000000000100").rename(tmp_path / ".step_000000000100.old")
    with pytest.raises(DataError, match="no checkpoint"):
        keeper.newest_sound()
    keeper.repair()
    assert keeper.newest_sound()[0].step == 100
