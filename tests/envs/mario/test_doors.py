"""The ways in from outside the suite: Gymnasium, stable-baselines3; and what happens without a cache or Warp."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import rlsuite.envs.gymnasium_ids  # noqa: F401 (registers rlsuite/Mario-v0)
from rlsuite.envs.mario import folders
from rlsuite.envs.mario.chance import Chance
from rlsuite.envs.mario.level import MarioVectorEnv
from rlsuite.errors import UserError


@pytest.mark.usefixtures("game")
def test_make_vec() -> None:
    envs = gym.make_vec("rlsuite/Mario-v0", num_envs=3, stage="1-2", reward="dense", frame_size=84, max_episode_steps=5)
    obs, _ = envs.reset(seed=0)
    assert obs.shape == (3, 4, 84, 84)
    assert envs.observation_space.contains(obs)
    for t in range(5):
        obs, reward, terminated, truncated, info = envs.step(envs.action_space.sample())
        assert obs.shape == (3, 4, 84, 84)
        assert reward.shape == (3,)
        assert truncated.all() == (t == 4)
    assert not terminated.any()
    assert info["_final_obs"].all()
    assert info["final_obs"][0].shape == (4, 84, 84)
    assert "x_pos" in info["final_info"]
    assert len(envs.render()) == 3
    envs.close()


@pytest.mark.usefixtures("game")
def test_make() -> None:
    env = gym.make("rlsuite/Mario-v0", stage="1-1", max_episode_steps=4)
    obs, _ = env.reset(seed=0)
    assert env.observation_space.contains(obs)
    for _ in range(4):
        obs, reward, _, truncated, info = env.step(8)
    assert truncated
    assert isinstance(reward, float)
    assert info["stage"] == 1
    again, _ = env.reset()
    assert again.shape == obs.shape
    assert env.render().shape == (240, 256, 3)
    env.close()


@pytest.mark.usefixtures("game")
def test_gymnasiums_own_wrappers_and_masked_reset() -> None:
    made = gym.make_vec("rlsuite/Mario-v0", num_envs=2, max_episode_steps=5, noop_max=0, n_threads=1)
    envs = gym.wrappers.vector.RecordEpisodeStatistics(made)
    first, _ = envs.reset(seed=1)
    for _ in range(3):
        envs.step(np.array([8, 8]))
    obs, _ = envs.reset(options={"reset_mask": np.array([True, False])})
    assert np.array_equal(obs[0], first[0])
    assert not np.array_equal(obs[1], first[1])
    _, _, _, truncated, _ = envs.step(np.array([8, 8]))
    assert not truncated.any()
    _, _, _, truncated, info = envs.step(np.array([8, 8]))
    assert truncated.tolist() == [False, True]
    assert info["episode"]["l"].tolist() == [0, 5]
    envs.close()


@pytest.mark.usefixtures("game")
def test_a_fresh_process_that_names_the_module_in_the_id() -> None:
    code = """
import sys
import gymnasium as gym
envs = gym.make_vec("rlsuite.envs.gymnasium_ids:rlsuite/Mario-v0", num_envs=2, stage="1-1", n_threads=1)
obs, _ = envs.reset(seed=0)
assert obs.shape == (2, 4, 42, 42), obs.shape
assert gym.spec("rlsuite/Mario-v0").vector_entry_point
print("played", envs.step(envs.action_space.sample())[1].shape)
"""
    done = run(code)
    assert done.returncode == 0, done.stderr
    assert "played (2,)" in done.stdout


@pytest.mark.usefixtures("game")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"stage": "9-1"}, "no stage '9-1'; allowed are 1-1 to 8-4, and full"),
        ({"reward": "score"}, "no reward 'score'; allowed are dense, flag, no_reward"),
        ({"frame_sise": 84}, "frame_sise"),
        ({"frame_size": 2}, "frame_size"),
    ],
)
def test_wrong_arguments(arguments: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        gym.make_vec("rlsuite/Mario-v0", num_envs=1, **arguments)


@pytest.mark.usefixtures("game")
def test_stable_baselines_learns_on_it() -> None:
    from stable_baselines3 import PPO

    env = MarioVectorEnv("1-1", "dense", 2, n_threads=1)
    model = PPO("CnnPolicy", env, n_steps=8, batch_size=16, n_epochs=1, policy_kwargs={"normalize_images": True})
    model.learn(16)
    assert model.num_timesteps == 16


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, env=os.environ | environment
    )


def test_without_warp_the_message_names_the_extra() -> None:
    code = "import sys; sys.modules['warp'] = None\nimport rlsuite.envs.mario.nes.batch"
    done = run(code)
    assert done.returncode != 0
    assert "MissingExtraError" in done.stderr
    assert "uv pip install 'rlsuite[mario]'" in done.stderr


def test_a_cache_that_cannot_be_written_is_told_and_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    code = (
        "from rlsuite.envs.mario.folders import cache_folder; f = cache_folder(); print(f); assert cache_folder() == f"
    )
    done = run(code, RLSUITE_CACHE=str(tmp_path / "file" / "cache"))
    assert done.returncode == 0, done.stderr
    assert "cannot write to the cache folder" in done.stderr
    assert "RLSUITE_CACHE" in done.stderr
    assert not Path(done.stdout.strip()).exists(), "the folder in its place ends with the process"


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RLSUITE_CACHE", str(tmp_path / "a"))
    assert folders.wanted_folder() == tmp_path / "a"
    monkeypatch.delenv("RLSUITE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folders.wanted_folder() == tmp_path / "rlsuite"


def test_entries_import_nothing_heavy() -> None:
    code = (
        "import sys; from rlsuite.envs.mario import entries, config; "
        "bad = {'torch', 'warp', 'numpy', 'gymnasium'} & set(sys.modules); assert not bad, bad"
    )
    assert run(code).returncode == 0


def test_streams_of_chance_belong_to_their_environment() -> None:
    few, many = Chance(3, 2), Chance(3, 5)
    assert np.array_equal(few.draw(np.arange(2)), many.draw(np.arange(2)))
    assert np.array_equal(few.draw(np.array([1])), many.draw(np.array([1])))
    draws = np.concatenate([many.draw(np.arange(5)) for _ in range(2000)])
    assert 0.0 <= draws.min() < 0.01
    assert 0.99 < draws.max() < 1.0
    assert abs(draws.mean() - 0.5) < 0.01
    assert set(many.integers(np.zeros(200, np.int64), 3).tolist()) <= {0, 1, 2}
