"""The sparse benchmark: what it plans, what it skips, what it reports."""

import json
from pathlib import Path
from typing import Any

import pytest

from rlsuite import registry
from rlsuite.bench import sparse_suite
from rlsuite.bench.sparse import Cell, find_runs, run
from rlsuite.bench.sparse_maps import draw_visits, leave_visits, merge, read_visits
from rlsuite.bench.sparse_report import make_row, report, table
from rlsuite.bench.sparse_suite import AGENTS, LEVELS, SparseLevel, experiment
from rlsuite.config.schema import load_experiment
from rlsuite.errors import DataError, UserError
from rlsuite.runs.folder import RunFolder

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("agent", AGENTS)
def test_every_agent_is_an_experiment_that_reads(agent: str) -> None:
    pytest.importorskip("vizdoom")
    read = load_experiment(experiment("sparse", agent, seed=2)).experiment
    assert read.seed == 2
    assert read.budget.env_steps == 7_000_000


@pytest.mark.parametrize("level", LEVELS.values(), ids=lambda level: level.id)
def test_every_level_exists(level: SparseLevel) -> None:
    assert level.id in registry.levels.ids()


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        *(("icm", "icm_doom_sparse"), ("ppo", "ppo_doom_sparse"), ("rnd", "rnd_doom_sparse")),
        ("icm_sil", "icm_doom_sparse_sil"),
    ],
)
def test_the_benchmark_trains_what_the_experiment_files_say(agent: str, name: str) -> None:
    pytest.importorskip("vizdoom")
    from_file = load_experiment(ROOT / "experiments" / f"{name}.yaml").tree
    from_suite = load_experiment(experiment("sparse", agent, seed=0)).tree
    assert from_file["agent"] == from_suite["agent"]
    assert from_file["env"] == from_suite["env"]


def test_unknown_names_are_refused_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean sparse"):
        run(["sparce"], ["icm"], [0], tmp_path)
    with pytest.raises(UserError, match="no agent 'icmm'; did you mean icm"):
        run(["sparse"], ["icmm"], [0], tmp_path)
    assert not list(tmp_path.iterdir())


def fake_run(folder: Path, cell: Cell, curve: list[tuple[int, float]], status: str = "done", **final: Any) -> Path:
    path = folder / f"sparse-{cell.level}-{cell.agent}" / f"20260101-000000-s{cell.seed}-abcd"
    (path / "checkpoints").mkdir(parents=True)
    (path / "manifest.json").write_text(json.dumps({"experiment": path.parent.name, "seed": cell.seed}))
    rows = [{"step": s, "rollout/success_rate": v, "explore/ep_cells": 20.0, "wall_s": 1.0} for s, v in curve]
    (path / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    summary = {"status": status, "env_steps": curve[-1][0], "frames": 4 * curve[-1][0], "train_wall_s": 10.0}
    (path / "summary.json").write_text(json.dumps(summary | {"env_steps_per_s": 5.0, "final": final}))
    return path


def test_a_row_tells_when_success_was_reached_or_that_it_was_not(tmp_path: Path) -> None:
    solved, unsolved = Cell("sparse", "icm", 0), Cell("sparse", "ppo", 0)
    fake_run(tmp_path, solved, [(100, 0.1), (200, 0.6), (300, 0.4), (400, 0.97)], success_rate=0.9)
    fake_run(tmp_path, unsolved, [(100, 0.0), (400, 0.1)], status="interrupted")
    found = find_runs(tmp_path, [solved, unsolved, Cell("sparse", "rnd", 0)])
    assert set(found) == {solved, unsolved}
    row = make_row(solved, found[solved])
    assert (row.steps_to_50, row.steps_to_95, row.score, row.success) == (200.0, 400.0, 0.9, 0.97)
    assert (row.frames, row.ep_cells, row.ep_rooms) == (1600, 20.0, None)
    row = make_row(unsolved, found[unsolved])
    assert (row.steps_to_50, row.steps_to_95, row.score) == (None, None, 0.1)


def test_unsolved_seeds_count_as_late_not_as_missing(tmp_path: Path) -> None:
    cells = [Cell("sparse", "icm", seed) for seed in range(3)]
    for cell, last in zip(cells, (1.0, 0.0, 0.0), strict=True):
        fake_run(tmp_path, cell, [(100, 0.0), (200, last)], success_rate=last)
    (group,) = report(find_runs(tmp_path, cells), {})["cells"]
    assert group["solved_95"] == 1
    assert group["steps_to_95"] is None, "two of three never did: the median is beyond the budget"
    assert group["score_iqm"] == pytest.approx(1 / 3)
    assert group["score_low"] <= group["score_iqm"] <= group["score_high"]
    assert "> 0.00 M (1/3)" in table([group])


@pytest.fixture
def small_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LEVELS, "pendulum", SparseLevel("mujoco/InvertedPendulum-v5", 256, None))
    monkeypatch.setattr(sparse_suite, "LEARNER", {"kind": "ppo", "n_steps": 32, "batch_size": 64, "network": {}})
    monkeypatch.setitem(AGENTS, "ppo", {"kind": "rl"})


def test_a_table_is_filled_once_and_goes_on_where_it_stopped(small_suite: None, tmp_path: Path) -> None:
    extra = ["env.n_envs=4", "eval.final_episodes=2", "video.final=false"]
    found = run(["pendulum"], ["ppo", "rnd"], [0], tmp_path, overrides=extra, quiet=True)
    assert found["failures"] == {}
    assert [(r["agent"], r["status"], r["env_steps"]) for r in found["runs"]] == [
        ("ppo", "done", 256),
        ("rnd", "done", 256),
    ]
    assert json.loads((tmp_path / "report.json").read_text()) == found
    assert (tmp_path / "report.csv").read_text().count("\n") == 3
    before = sorted(p for p in tmp_path.glob("*/*"))
    run(["pendulum"], ["ppo", "rnd"], [0], tmp_path, overrides=extra, quiet=True)
    assert sorted(p for p in tmp_path.glob("*/*")) == before, "nothing was trained again"
    folder = RunFolder.find(next(tmp_path.glob("sparse-pendulum-rnd/*")))
    summary = folder.read_summary() | {"status": "interrupted"}
    folder.summary.write_text(json.dumps(summary))
    again = run(["pendulum"], ["ppo", "rnd"], [0], tmp_path, overrides=extra, quiet=True)
    assert [r["status"] for r in again["runs"]] == ["done", "done"]
    assert sorted(p for p in tmp_path.glob("*/*")) == before, "the interrupted run went on in its own folder"


def test_a_failing_cell_is_reported_and_the_others_go_on(small_suite: None, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(AGENTS, "broken", {"kind": "position_counts", "rewards": [{"kind": "position_counts"}]})
    extra = ["env.n_envs=4", "eval.final_episodes=2"]
    found = run(["pendulum"], ["broken", "ppo"], [0], tmp_path, overrides=extra, quiet=True)
    assert "x and y" in found["failures"]["pendulum / broken / seed 0"]
    assert [r["status"] for r in found["runs"] if r["agent"] == "ppo"] == ["done"]


def write_history(path: Path) -> None:
    history = [{"step": 100 * (i + 1), "visits": [[0, 0, 10], [i, 1, 5]]} for i in range(5)]
    (path / "coverage.json").write_text(json.dumps({"cell": 64.0, "history": history}))


def test_visits_are_drawn_and_the_numbers_left_beside(tmp_path: Path) -> None:
    path = fake_run(tmp_path, Cell("sparse", "icm", 0), [(100, 0.0), (500, 0.0)])
    (path / "config.resolved.yaml").write_text("env: {id: doom/my_way_home/sparse}\n")
    with pytest.raises(UserError, match=r"no coverage\.json"):
        draw_visits(path)
    assert leave_visits(path, 500) == []
    write_history(path)
    png, svg, numbers = draw_visits(path, n_pages=2)
    assert png.read_bytes()[:4] == b"\x89PNG"
    assert svg.exists()
    lines = numbers.read_text().splitlines()
    assert lines[0] == "env_steps,cell_x,cell_y,visits"
    assert "300,0,0,30" in lines
    (path / "coverage.json").write_text("{}")
    with pytest.raises(DataError, match="broken"):
        draw_visits(path)


def test_a_level_along_a_line_is_one_panel_of_x_by_training(tmp_path: Path) -> None:
    path = fake_run(tmp_path, Cell("mario_1_1", "e3b", 0), [(100, 0.0), (500, 0.0)])
    (path / "config.resolved.yaml").write_text("env: {id: mario/1-1/no_reward}\n")
    history = [{"step": 100 * (i + 1), "visits": [[0, 0, 10], [i, 0, 5]]} for i in range(1, 4)]
    (path / "coverage.json").write_text(json.dumps({"cell": 64.0, "history": history}))
    png, _, numbers = draw_visits(path)
    assert png.read_bytes()[:4] == b"\x89PNG"
    assert leave_visits(path, 500)[0] == png
    assert list((path / "tb").glob("events.*"))
    assert numbers.read_text().splitlines()[1:] == [
        *("200,0,0,10", "200,1,0,5"),
        *("300,0,0,10", "300,2,0,5"),
        *("400,0,0,10", "400,3,0,5"),
    ]


def test_pages_are_merged_by_summing(tmp_path: Path) -> None:
    write_history(tmp_path)
    side, pages = read_visits(tmp_path)
    assert side == 64.0
    merged = merge(pages, 2)
    assert [step for step, _ in merged] == [300, 500]
    assert merged[0][1] == {(0, 0): 30, (0, 1): 5, (1, 1): 5, (2, 1): 5}
    assert sum(sum(cells.values()) for _, cells in merged) == 75
    assert len(merge(pages, 9)) == 5
