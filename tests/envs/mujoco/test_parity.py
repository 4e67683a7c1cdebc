"""Equal to Gymnasium's v5 tasks to the last bit, in lockstep over hundreds of random steps."""

import gymnasium as gym
import numpy as np
import pytest

from rlsuite.envs.mujoco.engine import STATE, has_batch, load_model, mujoco
from rlsuite.envs.mujoco.tasks import TASKS
from rlsuite.envs.mujoco.vector_env import MujocoVectorEnv

N_ENVS, N_STEPS, TIME_LIMIT = 2, 200, 70


def make_gymnasium(task):
    return [gym.make(task, max_episode_steps=TIME_LIMIT).unwrapped for _ in range(N_ENVS)]


def begin_from(single, state, nq, nv):
    """Gymnasium's reset, but with given positions and velocities: the observation it would return."""
    mujoco.mj_resetData(single.model, single.data)
    single.set_state(state[1 : 1 + nq], state[1 + nq : 1 + nq + nv])  # mjSTATE_INTEGRATION begins time, qpos, qvel
    return single._get_obs()


def integration_state(single):
    row = np.zeros(mujoco.mj_stateSize(single.model, STATE))
    mujoco.mj_getState(single.model, single.data, row, STATE)
    return row


@pytest.mark.parametrize("task", TASKS)
def test_equals_gymnasium_bit_for_bit(task):
    env = MujocoVectorEnv(task, N_ENVS, seed=3, dtype="float64", max_episode_steps=TIME_LIMIT, n_threads=2)
    singles = make_gymnasium(task)
    nq, nv = env.task.nq, env.task.nv
    obs = env.reset_all().numpy().copy()
    state = env.state_dict()["physics"]
    for i, single in enumerate(singles):
        np.testing.assert_array_equal(begin_from(single, state[i], nq, nv), obs[i])
    rng, clocks, n_ended = np.random.default_rng(0), np.zeros(N_ENVS, int), 0
    for _ in range(N_STEPS):
        actions = rng.uniform(env.action_space.low, env.action_space.high, (N_ENVS, env.task.nu)).astype(np.float32)
        step = env.step_tensor(actions)
        state = env.state_dict()["physics"]
        for i, single in enumerate(singles):
            want_obs, want_reward, want_terminated, _, want_info = single.step(actions[i])
            clocks[i] += 1
            np.testing.assert_array_equal(step.next_obs[i].numpy(), want_obs)
            assert step.reward[i].item() == want_reward
            assert step.terminated[i].item() == want_terminated
            assert step.truncated[i].item() == (clocks[i] == TIME_LIMIT)
            assert set(step.info) == set(want_info) == set(env.info_keys)
            for key, value in want_info.items():
                np.testing.assert_array_equal(step.info[key][i], value, err_msg=key)
            if want_terminated or clocks[i] == TIME_LIMIT:
                n_ended, clocks[i] = n_ended + 1, 0
                np.testing.assert_array_equal(begin_from(single, state[i], nq, nv), step.obs[i].numpy())
            else:
                np.testing.assert_array_equal(step.obs[i].numpy(), want_obs)
            np.testing.assert_array_equal(state[i], integration_state(single))
    assert n_ended >= N_ENVS  # resets were compared too
    env.close()


@pytest.mark.parametrize("task", TASKS)
def test_spec_equals_gymnasium(task):
    env, single = MujocoVectorEnv(task, 1), gym.make(task)
    assert env.observation_space.shape == single.observation_space.shape
    assert env.observation_space.dtype == np.float32
    np.testing.assert_array_equal(env.action_space.low, single.action_space.low)
    np.testing.assert_array_equal(env.action_space.high, single.action_space.high)
    assert env.action_space.dtype == single.action_space.dtype
    assert env.max_episode_steps == single.spec.max_episode_steps
    assert env.render_fps == single.metadata["render_fps"]
    assert env.frames_per_step == single.unwrapped.frame_skip


@pytest.mark.parametrize("task", TASKS)
def test_episodes_begin_as_gymnasiums(task):
    """Same ranges and moments of qpos and qvel over many resets, each with its own generator."""
    single = gym.make(task).unwrapped
    single.reset(seed=0)
    ours_task, rng, n = TASKS[task](load_model(TASKS[task].xml)), np.random.default_rng(1), 800
    draws = np.empty((n, ours_task.nq + ours_task.nv))
    for row in draws:
        ours_task.draw(rng, row)
    ours = np.concatenate(ours_task.place(draws), axis=1)
    theirs = np.zeros_like(ours)
    for row in theirs:
        single.reset_model()
        row[:] = single.state_vector()
    spread = theirs.std(axis=0)
    np.testing.assert_allclose(ours.std(axis=0), spread, rtol=0.2, atol=1e-12)
    np.testing.assert_array_less(np.abs(ours.mean(axis=0) - theirs.mean(axis=0)), 5 * spread * np.sqrt(2 / n) + 1e-12)
    bounded = np.abs(theirs - theirs.mean(axis=0)).max(axis=0) < 2.0 * spread + 1e-12  # uniform, not Gaussian
    np.testing.assert_allclose(ours.max(axis=0)[bounded], theirs.max(axis=0)[bounded], atol=0.02 * np.ptp(theirs))


@pytest.mark.skipif(not has_batch(), reason="this MuJoCo has no mujoco.batch")
@pytest.mark.parametrize("task", [name for name, kind in TASKS.items() if not kind.reads_contact_forces])
def test_both_engines_threads_and_groups_give_the_same_bits(task):
    """The C++ batch without mj_rnePostConstraint equals the loop over MjData, however the work is cut."""
    one = MujocoVectorEnv(task, 6, seed=1, use_batch=True, n_threads=2, max_episode_steps=25)
    two = MujocoVectorEnv(task, 6, seed=1, use_batch=False, n_threads=3, max_episode_steps=25)
    one.set_groups(2)
    np.testing.assert_array_equal(one.reset_all().numpy(), two.reset_all().numpy())
    rng = np.random.default_rng(2)
    for _ in range(40):
        actions = rng.uniform(-1, 1, (6, one.task.nu)).astype(np.float32)
        for group in range(2):
            one.send(actions[one.group_slice(group)], group)
        parts, whole = [one.recv(group) for group in range(2)], two.step_tensor(actions)
        for name in ("obs", "reward", "terminated", "truncated", "next_obs"):
            got = np.concatenate([getattr(part, name).numpy() for part in parts])
            np.testing.assert_array_equal(got, getattr(whole, name).numpy(), err_msg=name)
        for key in whole.info:
            np.testing.assert_array_equal(np.concatenate([part.info[key] for part in parts]), whole.info[key])
    np.testing.assert_array_equal(one.state_dict()["physics"], two.state_dict()["physics"])
    one.close()
    two.close()


def test_contact_forces_are_read_after_the_step():
    """Ant's forces after landing are not zero: mj_step alone would leave them so."""
    env = MujocoVectorEnv("Ant-v5", 1, dtype="float64")
    env.reset_all()
    forces = [env.step_tensor(np.zeros((1, 8), np.float32)).obs[0, 27:].abs().max().item() for _ in range(30)]
    assert max(forces) > 0.1
    env.close()
