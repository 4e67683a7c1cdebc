"""The Doom vector environment, on real engines (two or three at a time)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rlsuite.envs.doom.config import DoomConfig
from rlsuite.envs.doom.scenarios import SCENARIOS, Scenario
from rlsuite.envs.doom.vector import DoomVectorEnv
from rlsuite.envs.doom.wad import Spawn

SPARSE = SCENARIOS["doom/my_way_home/sparse"]
NEAR_VEST = replace(SPARSE, id="doom/test/near", spawn=Spawn(26, (0.75, 0.75)))
NOOP, FORWARD, RIGHT, LEFT = range(4)

Maker = Callable[..., DoomVectorEnv]


@pytest.fixture
def make_env() -> Iterator[Maker]:
    made: list[DoomVectorEnv] = []

    def make(scenario: Scenario = SPARSE, n_envs: int = 2, seed: int = 0, **options: object) -> DoomVectorEnv:
        config = DoomConfig(id=scenario.id, **options)  # type: ignore[arg-type]
        made.append(DoomVectorEnv(scenario, n_envs, seed=seed, options=config, n_threads=2))
        return made[-1]

    yield make
    for env in made:
        env.close()


def hold(env: DoomVectorEnv, action: int):
    return env.step_tensor(np.full(env.num_envs, action))


@pytest.mark.parametrize(
    ("level", "place", "facing"),
    [("sparse", (240, -176), (0.0, 3.6)), ("very_sparse", (543.986, -672.089), (176.4, 183.6))],
)
def test_pinned_levels_start_where_the_paper_starts(make_env: Maker, level: str, place, facing) -> None:
    env = make_env(SCENARIOS[f"doom/my_way_home/{level}"])
    seen = []
    for _ in range(4):
        env.reset_all()
        for lane in env.lanes:
            assert np.allclose(lane.position[:2], place, atol=0.1)
            seen.append(lane.position[2])
    assert min(seen) >= facing[0] - 0.01
    assert max(seen) <= facing[1] + 0.01
    assert np.std(seen) > 0.05, "the facing is drawn anew"


def test_the_dense_level_starts_all_over_the_map(make_env: Maker) -> None:
    env = make_env(SCENARIOS["doom/my_way_home/dense"])
    places = set()
    for _ in range(12):
        env.reset_all()
        places |= {tuple(np.round(lane.position[:2])) for lane in env.lanes}
    assert len(places) >= 8


def test_touching_the_vest_terminates_and_wins(make_env: Maker) -> None:
    env = make_env(NEAR_VEST)
    env.reset_all()
    for _ in range(20):
        step = hold(env, FORWARD)
        if step.terminated.any():
            break
        assert not step.reward.any()
    won = step.terminated.numpy()
    assert won.any()
    assert (step.reward.numpy()[won] == 1.0).all()
    assert step.info["is_success"][won].all()
    assert not step.truncated.numpy()[won].any()
    assert (env._obs[won][:, :-1] == 0).all(), "the new episode's stack begins black"
    assert all(lane.n_steps == 0 for lane, w in zip(env.lanes, won, strict=True) if w)


def test_the_clock_truncates_with_the_true_successor(make_env: Maker) -> None:
    env = make_env(max_episode_steps=5)
    env.reset_all()
    for _ in range(4):
        assert not hold(env, FORWARD).truncated.any()
    before = env._obs.copy()
    step = hold(env, FORWARD)
    assert step.truncated.all()
    assert not step.terminated.any()
    after = step.next_obs.numpy()
    assert (after[:, :-1] == before[:, 1:]).all(), "same episode: the stack moved on by one"
    assert (after[:, -1] != before[:, -1]).any()
    assert (step.obs.numpy()[:, :-1] == 0).all()


def test_the_papers_clock_is_525_decisions(make_env: Maker) -> None:
    assert make_env(n_envs=1).max_steps == 525


def test_no_op_stays_forward_walks_and_turns_turn(make_env: Maker) -> None:
    env = make_env(n_envs=1)
    env.reset_all()
    first = env.lanes[0].position.copy()
    assert np.allclose(hold(env, NOOP).info["x"], first[0])
    for _ in range(5):
        walked = hold(env, FORWARD)
    assert walked.info["x"][0] > first[0] + 40
    left = [float(hold(env, LEFT).info["facing"][0]) for _ in range(3)][-1]
    assert 5 < left < 180
    right = [float(hold(env, RIGHT).info["facing"][0]) for _ in range(2)][-1]
    assert right < left


def trajectory(env: DoomVectorEnv, n_steps: int = 40) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    out = [env.reset_all().numpy().copy()]
    for _ in range(n_steps):
        step = env.step_tensor(rng.integers(0, 4, env.num_envs))
        out += [step.obs.numpy().copy(), step.info["x"].copy(), step.truncated.numpy().copy()]
    return out


def equal(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all((x == y).all() for x, y in zip(a, b, strict=True))


def test_same_seed_same_pixels_other_seed_other(make_env: Maker) -> None:
    dense = SCENARIOS["doom/my_way_home/dense_noise"]
    first = trajectory(make_env(dense, seed=3, max_episode_steps=15))
    assert equal(first, trajectory(make_env(dense, seed=3, max_episode_steps=15)))
    assert not equal(first, trajectory(make_env(dense, seed=4, max_episode_steps=15)))


def test_groups_give_what_the_whole_gives(make_env: Maker) -> None:
    whole, groups = make_env(n_envs=3, seed=5), make_env(n_envs=3, seed=5)
    whole.reset_all()
    groups.reset_all()
    groups.set_groups(2)
    rng = np.random.default_rng(0)
    for _ in range(10):
        actions = rng.integers(0, 4, 3)
        groups.send(actions[groups.group_slice(0)], 0)
        groups.send(torch.as_tensor(actions[groups.group_slice(1)]), 1)
        parts = [groups.recv(0).obs.clone(), groups.recv(1).obs.clone()]
        assert torch.equal(torch.cat(parts), whole.step_tensor(actions).obs)


def test_noise_fills_forty_per_cent_and_is_fresh(make_env: Maker) -> None:
    env = make_env(SCENARIOS["doom/my_way_home/sparse_noise"], n_envs=1)
    env.reset_all()
    a = hold(env, NOOP).obs[0, -1].numpy().copy()
    b = hold(env, NOOP).obs[0, -1].numpy().copy()
    assert (a[:25] == b[:25]).all(), "the game's part: nothing moves on a no-op"
    assert (a[25:] != b[25:]).mean() > 0.95
    assert 100 < a[25:].mean() < 155
    assert a[25:].size / a.size == pytest.approx(0.4, abs=0.01)


def test_coverage_counts_cells_and_rooms_of_the_episode(make_env: Maker) -> None:
    env = make_env(n_envs=1)
    env.reset_all()
    assert hold(env, NOOP).info["n_cells"][0] == 1
    for _ in range(12):
        step = hold(env, FORWARD)
    assert step.info["n_cells"][0] >= 4
    assert step.info["n_rooms"][0] == 2
    env.reset_all()
    assert hold(env, NOOP).info["n_cells"][0] == 1


def test_colour_changes_the_film_not_the_agent(make_env: Maker) -> None:
    gray, color = make_env(n_envs=1), make_env(n_envs=1, color=True)
    a, b = gray.reset_all().int(), color.reset_all().int()
    assert (a - b).abs().max() <= 1
    assert gray.render_frame().shape == color.render_frame().shape == (120, 160, 3)
    assert (np.ptp(color.render_frame().astype(int), axis=2) > 0).any()
    assert (np.ptp(gray.render_frame().astype(int), axis=2) == 0).all()


def test_random_streams_come_back(make_env: Maker) -> None:
    dense = SCENARIOS["doom/my_way_home/dense"]
    env = make_env(dense, seed=9)
    env.reset_all()
    saved = env.state_dict()
    first = env.reset_all().clone()
    assert torch.equal(env.load_state_dict(saved), first)


def test_stable_baselines_steps_it(make_env: Maker) -> None:
    env = make_env(max_episode_steps=3)
    env.reset()
    for _ in range(3):
        _, _, done, infos = env.step(np.zeros(2, np.int64))
    assert done.all()
    assert infos[0]["TimeLimit.truncated"]
    assert infos[0]["terminal_observation"].shape == (4, 42, 42)
    assert infos[0]["episode"]["l"] == 3


@pytest.mark.parametrize("id", ["doom/basic", "doom/deadly_corridor", "doom/freedoom1/e1m1", "doom/freedoom2/map01"])
def test_other_levels_run(make_env: Maker, id: str) -> None:
    env = make_env(SCENARIOS[id], n_envs=1)
    env.reset_all()
    rng = np.random.default_rng(0)
    pictures = [env.step_tensor(rng.integers(0, env.action_space.n, 1)).obs.numpy().copy() for _ in range(20)]
    assert any((p[0, -1] != p[0, -2]).any() for p in pictures)


@pytest.mark.slow
@pytest.mark.parametrize("id", sorted(SCENARIOS))
def test_every_level_starts(make_env: Maker, id: str) -> None:
    env = make_env(SCENARIOS[id], n_envs=1)
    assert env.reset_all()[0, -1].any()
    hold(env, 1)


def test_a_death_terminates_and_is_no_success(make_env: Maker) -> None:
    env = make_env(SCENARIOS["doom/take_cover"], n_envs=1, frame_skip=35)
    env.reset_all()
    for _ in range(60):
        step = hold(env, NOOP)
        if step.terminated.any() or step.truncated.any():
            break
    assert step.terminated.all()
    assert not step.info["is_success"].any()


def test_nothing_is_left_in_the_working_folder(make_env: Maker, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    env = make_env(n_envs=1)
    env.reset_all()
    folder = env._folder
    env.close()
    assert list(tmp_path.iterdir()) == []
    assert not folder.exists()
