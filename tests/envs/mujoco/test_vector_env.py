"""Episodes, state, threads, actions and pictures of the MuJoCo vector environment."""

import os

import numpy as np
import pytest
import torch

from rlsuite.envs.levels import make_vec
from rlsuite.envs.mujoco import engine
from rlsuite.envs.mujoco.config import MujocoConfig
from rlsuite.envs.mujoco.crew import Crew, Job, SharedLoop
from rlsuite.envs.mujoco.gl import find_backend
from rlsuite.envs.mujoco.info import Info
from rlsuite.envs.mujoco.tasks import TASKS
from rlsuite.envs.mujoco.vector_env import MujocoVectorEnv
from rlsuite.errors import DataError, RunError, UserError
from rlsuite.testing import check_vector_env


@pytest.mark.parametrize("task", ["Hopper-v5", "Ant-v5"])
def test_keeps_the_contract(task):
    env = MujocoVectorEnv(task, 4, max_episode_steps=20, n_threads=2)
    check_vector_env(env, n_steps=30, picture=False)
    env.close()


def roll(env, n_steps, seed=0):
    """Everything that a few random steps give, as one list of arrays."""
    rng, out = np.random.default_rng(seed), []
    for _ in range(n_steps):
        actions = rng.uniform(-1, 1, (env.num_envs, *env.action_space.shape)).astype(np.float32)
        step = env.step_tensor(actions)
        out += [step.obs.numpy().copy(), step.reward.numpy().copy(), (step.terminated | step.truncated).numpy()]
        out += [np.array(value) for value in step.info.values()]
    return out


def equal(one, two):
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("task", TASKS)
def test_state_goes_on_bit_for_bit_in_another_environment(task):
    env = MujocoVectorEnv(task, 3, seed=1, max_episode_steps=40)
    env.reset_all()
    roll(env, 30, seed=1)
    saved = env.state_dict()
    expected = roll(env, 25, seed=2)
    other = MujocoVectorEnv(task, 3, seed=99, max_episode_steps=40)
    other.reset_all()
    roll(other, 7, seed=3)
    np.testing.assert_array_equal(other.load_state_dict(saved).numpy(), saved["obs"])
    assert equal(expected, roll(other, 25, seed=2))
    assert any(ended.any() for ended in expected[2 :: 3 + len(env.info_keys)])  # a reset was among them
    env.close()
    other.close()


def test_state_of_another_size_is_refused():
    state = MujocoVectorEnv("Hopper-v5", 3).state_dict()
    with pytest.raises(DataError, match="n_envs"):
        MujocoVectorEnv("Hopper-v5", 4).load_state_dict(state)
    with pytest.raises(DataError, match="walker2d"):
        MujocoVectorEnv("Walker2d-v5", 3).load_state_dict(state)


def test_reset_seed_decides_and_streams_go_on():
    env = MujocoVectorEnv("Hopper-v5", 3, seed=5)
    first = env.reset_all().clone()
    second = env.reset_all().clone()
    assert not torch.equal(first, second)
    assert torch.equal(first, env.reset_all(seed=5))
    assert not torch.equal(first, env.reset_all(seed=6))
    assert len({tuple(row.tolist()) for row in first}) == 3  # no two environments alike
    more = MujocoVectorEnv("Hopper-v5", 8, seed=5).reset_all()
    assert torch.equal(first, more[:3])  # environment i does not depend on how many there are


def test_clock_truncates_and_successor_is_the_old_episodes():
    env = MujocoVectorEnv("HalfCheetah-v5", 2, max_episode_steps=5)
    env.reset_all()
    for t in range(1, 11):
        step = env.step_tensor(np.zeros((2, 6), np.float32))
        assert step.truncated.tolist() == [t % 5 == 0] * 2
        assert not step.terminated.any()
        assert torch.equal(step.obs, step.next_obs) == (t % 5 != 0)
        x = step.info["x_position"]  # of the successor, also where the episode ended
        assert np.allclose(x, env._anchor[:, 0]) == (t % 5 != 0)


def test_float32_is_float64_rounded():
    one, two = (MujocoVectorEnv("Walker2d-v5", 2, seed=2, dtype=kind) for kind in ("float32", "float64"))
    assert torch.equal(one.reset_all(), two.reset_all().float())
    action = np.full((2, 6), 0.3, np.float32)
    a, b = one.step_tensor(action), two.step_tensor(action)
    assert (a.reward.dtype, b.reward.dtype) == (torch.float32, torch.float64)
    assert torch.equal(a.obs, b.obs.float())
    assert torch.equal(a.reward, b.reward.float())


def test_actions_may_be_reused_after_send():
    one, two = (MujocoVectorEnv("Hopper-v5", 2, seed=2) for _ in range(2))
    one.reset_all()
    two.reset_all()
    action = torch.full((2, 3), 0.5)
    one.send(action)
    action.zero_()
    got = one.recv()
    assert torch.equal(got.obs, two.step_tensor(torch.full((2, 3), 0.5)).obs)
    assert torch.equal(got.reward, two.step_tensor(torch.full((2, 3), 0.5)).reward) is False  # another step differs
    one.close()


def test_engine_errors_become_run_errors(monkeypatch):
    env = MujocoVectorEnv("Hopper-v5", 2)
    env.reset_all()

    def fail(where):
        raise engine.mujoco.FatalError("the stack is full")

    monkeypatch.setattr(env._engine, "step", fail)
    env.send(np.zeros((2, 3), np.float32))
    with pytest.raises(RunError, match=r"hopper\.xml.*stack is full"):
        env.recv()
    env.close()


def test_stable_baselines3_interface():
    env = MujocoVectorEnv("InvertedPendulum-v5", 2, max_episode_steps=3)
    env.seed(4)
    obs = env.reset()
    assert obs.dtype == np.float32
    assert obs.shape == (2, 4)
    for _ in range(3):
        obs, reward, done, infos = env.step(np.zeros((2, 1), np.float32))
    assert done.all()
    assert infos[0]["TimeLimit.truncated"]
    assert infos[0]["episode"]["l"] == 3
    assert infos[0]["episode"]["r"] == 3.0
    assert not np.array_equal(infos[0]["terminal_observation"], obs[0])
    assert reward.tolist() == [1.0, 1.0]
    env.close()


def test_level_options_and_unknown_level():
    options = MujocoConfig(id="mujoco/Hopper-v5", dtype="float64", max_episode_steps=9)
    env = make_vec("mujoco/Hopper-v5", 2, options=options)
    assert env.reset_all().dtype == torch.float64
    assert env.max_episode_steps == 9
    with pytest.raises(UserError, match=r"mujoco/Hopper-v5"):
        make_vec("mujoco/Hoper-v5", 2)


@pytest.mark.skipif(find_backend() == "none", reason="no off-screen OpenGL on this machine")
def test_pictures_show_the_state_and_touch_nothing():
    one, two = (MujocoVectorEnv("Hopper-v5", 2, seed=2) for _ in range(2))
    one.reset_all()
    two.reset_all()
    roll(two, 5)
    before = one.render_frame(0)
    assert before.shape == (480, 480, 3)
    assert before.dtype == np.uint8
    assert before.std() > 10
    roll(one, 5)
    after = one.render_frame(0)
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(one.state_dict()["physics"], two.state_dict()["physics"])
    one.close()


def test_shared_loop_takes_every_index_once():
    seen: list[int] = []
    loop = SharedLoop(seen.append, n_threads=3)
    for _ in range(20):
        loop.run(range(5, 40))
    assert sorted(seen) == sorted(list(range(5, 40)) * 20)
    loop.close()


def test_shared_loop_raises_and_recovers():
    def body(index):
        if index == 3:
            raise RuntimeError("number three")

    loop = SharedLoop(body, n_threads=2)
    with pytest.raises(RuntimeError, match="number three"):
        loop.run(range(6))
    loop.run(range(3))
    loop.close()


def test_job_is_done_once_an_order_whoever_begins():
    """Waiting may do the job before the thread wakes; its stale entry must not do it again."""
    count = 0

    def work():
        nonlocal count
        count += 1

    crew, job = Crew(1), Job(work)
    for n in range(1, 200):
        crew.start(job)
        job.wait()
        assert count == n
    crew.close()
    assert count == 199


def test_crew_does_every_job():
    seen: list[int] = []
    crew, jobs = Crew(2), [Job(lambda i=i: seen.append(i)) for i in range(8)]
    for _ in range(10):
        for job in jobs:
            crew.start(job)
        for job in jobs:
            job.wait()
    assert sorted(seen) == sorted(list(range(8)) * 10)
    crew.close()


@pytest.mark.parametrize("use_batch", [None, False])
def test_regrouping_between_steps_changes_no_bit(use_batch):
    one = MujocoVectorEnv("Hopper-v5", 5, seed=2, max_episode_steps=15, n_threads=2, use_batch=use_batch)
    two = MujocoVectorEnv("Hopper-v5", 5, seed=2, max_episode_steps=15, n_threads=2, use_batch=use_batch)
    assert np.array_equal(one.reset_all(), two.reset_all())
    rng = np.random.default_rng(4)
    for i in range(24):
        actions = rng.uniform(-1, 1, (5, 3)).astype(np.float32)
        two.set_groups(n_groups := 1 + i // 3 % 3)
        for g in range(n_groups):
            two.send(actions[two.group_slice(g)], g)
        parts = [two.recv(g).next_obs.numpy().copy() for g in range(n_groups)]
        np.testing.assert_array_equal(one.step_tensor(actions).next_obs.numpy(), np.concatenate(parts))
    np.testing.assert_array_equal(one.state_dict()["physics"], two.state_dict()["physics"])
    one.close()
    two.close()


def test_info_is_computed_when_it_is_read_and_once():
    read = []
    info = Info(("x",), lambda: read.append(1) or {"x": np.ones(2)})
    assert "x" in info
    assert "y" not in info
    assert list(info) == ["x"]
    assert len(info) == 1
    assert not read
    assert info["x"] is info["x"]
    assert read == [1]


def test_only_models_of_one_tree_are_spared_the_search_for_islands():
    islands = int(engine.mujoco.mjtDisableBit.mjDSBL_ISLAND)
    assert engine.load_model("hopper.xml").opt.disableflags & islands
    reacher = engine.load_model("reacher.xml")  # the arm and the target are two trees
    assert reacher.ntree == 2
    assert not reacher.opt.disableflags & islands


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the library is found by its Linux name")
def test_mujocos_clock_is_stopped():
    model = engine.load_model("hopper.xml")
    data = engine.mujoco.MjData(model)
    engine.mujoco.mj_step(model, data, 50)
    assert data.timer[0].duration == 0.0
