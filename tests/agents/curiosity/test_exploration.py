"""Action shares, coverage, and the visit history."""

import json
from pathlib import Path
from types import SimpleNamespace

import torch

from rlsuite.agents.curiosity.exploration import ExplorationLog


def rollout(x: list[float], action: list[int], ended: list[bool], **info: list[float]) -> SimpleNamespace:
    columns = {k: torch.tensor(v)[:, None] for k, v in {"x": x, **info}.items()}
    return SimpleNamespace(action=torch.tensor(action)[:, None], ended=torch.tensor(ended)[:, None], info=columns)


def test_shares_cells_and_episode_means_by_hand() -> None:
    log = ExplorationLog(every_steps=1000)
    found = log.observe(
        rollout(
            [0.0, 63.0, 64.0, -1.0],
            [0, 1, 1, 3],
            [False, True, False, True],
            y=[0.0, 0.0, 0.0, 0.0],
            n_cells=[1, 2, 1, 4],
            n_rooms=[1, 1, 1, 2],
        ),
        4,
        step=4,
    )
    assert [found[f"explore/action_{k}"] for k in range(4)] == [0.25, 0.5, 0.0, 0.25]
    assert found["explore/ep_cells"] == 3.0
    assert found["explore/ep_rooms"] == 1.5
    assert found["explore/n_cells"] == 3
    assert found["explore/x_max"] == 64.0


def test_levels_without_positions_and_continuous_actions_log_nothing() -> None:
    log = ExplorationLog(every_steps=10)
    empty = SimpleNamespace(action=torch.rand(3, 2, 1), ended=torch.zeros(3, 2, dtype=torch.bool), info={})
    assert log.observe(empty, None, step=6) == {}


def test_the_history_turns_a_page_every_so_many_steps(tmp_path: Path) -> None:
    log = ExplorationLog(every_steps=4)
    for step in (2, 4, 6):
        log.observe(rollout([0.0, 100.0], [0, 0], [False, False]), 2, step=step)
    log.write(tmp_path, 6)
    found = json.loads((tmp_path / "coverage.json").read_text())
    assert found["cell"] == 64.0
    assert found["history"] == [
        {"step": 4, "visits": [[0, 0, 2], [1, 0, 2]]},
        {"step": 6, "visits": [[0, 0, 1], [1, 0, 1]]},
    ]


def test_nothing_seen_leaves_no_file(tmp_path: Path) -> None:
    ExplorationLog(every_steps=4).write(tmp_path, 10)
    assert not list(tmp_path.iterdir())


def test_a_restored_log_goes_on_as_if_nothing_had_happened() -> None:
    whole, first, second = (ExplorationLog(every_steps=5) for _ in range(3))
    a, b = rollout([0.0, 70.0], [0, 1], [False, True], y=[1.0, 2.0]), rollout([200.0, 0.0], [1, 1], [False, False])
    whole.observe(a, 2, 2)
    first.observe(a, 2, 2)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert whole.observe(b, 2, 6) == second.observe(b, 2, 6)
    assert whole.state_dict() == second.state_dict()


def test_games_tell_x_progress_and_stages() -> None:
    log = ExplorationLog(every_steps=1000)
    info = {"x_pos": [40, 300], "x_pos_max": [40, 320], "progress": [0.0, 0.1], "world": [1, 1], "stage": [1, 2]}
    columns = {k: torch.tensor(v)[:, None] for k, v in info.items()}
    ended = torch.tensor([[False], [True]])
    found = log.observe(SimpleNamespace(action=torch.zeros(2, 1), ended=ended, info=columns), None, step=2)
    assert found["explore/x_max"] == 300
    assert found["explore/ep_x"] == 320
    assert round(found["explore/ep_progress"], 6) == 0.1
    assert found["explore/n_stages"] == 2
    again = ExplorationLog(every_steps=1000)
    again.load_state_dict(json.loads(json.dumps(log.state_dict())))
    assert again.stages == {(1, 1), (1, 2)}
