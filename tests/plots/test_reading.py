import json

import numpy as np
import pytest

from rlsuite.errors import DataError, UserError
from rlsuite.plots.reading import read_metrics, read_run, read_runs, references


def test_a_last_line_cut_by_a_kill_is_left_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "a": 2.0}\n{"step": 2, "a": 3.0}\n{"step": 3, "a')
    assert [r["step"] for r in read_metrics(path)] == [1, 2]


def test_a_last_line_cut_between_bytes_of_one_character_is_left_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n' + '{"step": 2, "name": "é"}'.encode()[:-3])
    assert [r["step"] for r in read_metrics(path)] == [1]


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step"\n{"step": 3}\n')
    with pytest.raises(DataError, match=r"metrics.jsonl:2: "):
        read_metrics(path)


def test_an_empty_file_is_no_rows_and_a_missing_one_an_error(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("")
    assert read_metrics(tmp_path / "metrics.jsonl") == []
    with pytest.raises(DataError, match="cannot be read"):
        read_metrics(tmp_path / "other.jsonl")


def test_series_leaves_out_missing_and_not_finite_values_and_sorts(tmp_path, make_run):
    path = make_run(n=4, steps=400)
    rows = [
        {"step": 30, "a": 3.0},
        {"step": 10, "a": 1.0},
        {"step": 20, "a": None},
        {"step": 20},
        {"step": 30, "a": 4.0},
        {"step": 40, "a": float("inf")},
        {"step": 50, "a": True},
    ]
    (path / "metrics.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    x, y = read_run(path).series("a")
    assert x.tolist() == [10, 30]
    assert y.tolist() == [1.0, 4.0]  # of two points at one step the newer: a resumed run may write it again


def test_run_facts_come_from_its_folder(make_run):
    run = read_run(make_run("bc_hopper", 3, status="interrupted"))
    assert (run.experiment, run.seed, run.level, run.status) == ("bc_hopper", 3, "mujoco/Hopper-v5", "interrupted")
    assert run.budget == 1_000_000
    assert run.censored


def test_a_run_without_manifest_facts_still_reads(make_run):
    path = make_run("walker", 7)
    (path / "manifest.json").write_text("{}")
    (path / "config.resolved.yaml").unlink()
    (path / "summary.json").unlink()
    run = read_run(path)
    assert (run.experiment, run.seed, run.status, run.level) == ("walker", 7, "unknown", "")


def test_folders_of_runs_are_opened_and_nothing_counts_twice(make_run, tmp_path):
    first = make_run(seed=0)
    make_run(seed=1)
    make_run("bc_hopper", 0)
    assert len(read_runs(tmp_path / "runs")) == 3
    assert len(read_runs([first, first.parent])) == 2


def test_a_folder_without_runs_is_named(tmp_path):
    with pytest.raises(UserError, match="is no run"):
        read_runs(tmp_path)
    with pytest.raises(UserError, match="no run to draw"):
        read_runs([])


def test_only_shared_references_are_drawn(make_run):
    other = {"baselines": {"expert": {"return_mean": 5000.0}, "random": {"return_mean": 18.0}}}
    runs = [read_run(make_run(seed=0)), read_run(make_run(seed=1, final=other))]
    assert references(runs, "rollout/ep_rew_mean") == {"random": 18.0}
    assert references(runs[:1], "rollout/ep_rew_mean") == {"expert": 3300.0, "random": 18.0}
    assert references(runs, "train/loss") == {}
    assert not np.isnan(list(references(runs, "eval/mean_reward").values())).any()
