"""The curiosity and the imitation arm of the reskin benchmark: who pays for a film, and what looks alone betray."""

import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlsuite.bench.film_wall import Showing, films_of, motion, pulls_of, run
from rlsuite.bench.look_leak import leak
from rlsuite.envs.vector import Step, VectorEnv
from rlsuite.errors import UserError
from rlsuite.skins.observing import BackgroundEnv


class Walk(VectorEnv):
    """A bright square that actions move over an even background; ten steps an episode."""

    restorable = True

    def __init__(self, n: int) -> None:
        super().__init__(n, gym.spaces.Box(0, 255, (2, 42, 42), np.uint8), gym.spaces.Discrete(2))
        self.t, self.x = torch.zeros(n, dtype=torch.long), torch.zeros(n, dtype=torch.long)

    def look(self) -> torch.Tensor:
        pictures = torch.full((self.num_envs, 2, 42, 42), 90, dtype=torch.uint8)
        for i, x in enumerate(self.x.tolist()):
            pictures[i, :, 16:26, 10 + x : 20 + x] = 220
        return pictures

    def reset_all(self, seed=None):
        self.t[:], self.x[:] = 0, 0
        return self.look()

    def send(self, actions, group=0):
        self.x += torch.as_tensor(np.asarray(actions)) * 2 - 1
        self.t += 1

    def recv(self, group=0):
        after, ended = self.look(), self.t >= 10
        self.t[ended], self.x[ended] = 0, 0
        zeros = torch.zeros(self.num_envs)
        return Step(self.look(), zeros, ended, torch.zeros_like(ended), after, {})


def test_a_still_wears_off_and_noise_does_not() -> None:
    showing, films = Showing(n_envs=4, n_steps=16, n_rollouts=16), films_of(None)
    assert motion(films["still"]) == 0
    assert motion(films["noise"]) == pytest.approx(1 / 3, abs=0.01)
    pull = {}
    for name, film in films.items():
        pull[name] = pulls_of(Walk(4), BackgroundEnv(Walk(4), film, 8), ["pixels"], showing)["pixels"]
        assert len(pull[name]) == 16
    assert pull["still"][-1] < pull["still"][0], "a still is learned by heart"
    assert pull["noise"][-1] > 2 * pull["noise"][0], "noise never is, and the rest is"


def test_a_film_that_changes_the_game_is_found_out() -> None:
    class Cheat(BackgroundEnv):
        def recv(self, group=0):
            step = super().recv(group)
            return Step(step.obs, step.reward + 1, step.terminated, step.truncated, step.next_obs, step.info)

    with pytest.raises(UserError, match="the film changed the game"):
        pulls_of(Walk(2), Cheat(Walk(2), films_of(None)["still"], 8), ["rnd"], Showing(2, 4, 1))
    with pytest.raises(UserError, match="bonus 'magic' is unknown; icm"):
        run("no/level", {}, ["magic"])


def test_looks_alone_are_told_apart_and_equal_looks_are_not() -> None:
    stream = np.random.default_rng(0)
    pictures = stream.integers(0, 200, (40, 8, 6, 6)).astype(np.uint8)
    others = stream.integers(0, 200, (40, 8, 6, 6)).astype(np.uint8)
    same, apart = leak(pictures, others), leak(pictures, (others // 4 + 140).astype(np.uint8))
    assert list(same["accuracy"]) == ["0", "1", "4", "16", "64"]
    assert abs(same["accuracy"]["64"] - 0.5) < 0.15, "held-out pictures of the same kind"
    assert apart["accuracy"]["64"] > 0.7
    assert apart["reward_expert"] > apart["reward_agent"]


def test_both_arms_on_a_level(game: Path, tmp_path: Path, capsys) -> None:
    from rlsuite import skins
    from rlsuite.cli.app import call
    from rlsuite.envs.levels import make_vec

    words = ["bench", "film-wall", "--level", "mario/1-1/dense", "--bonus", "rnd", "--rollouts", "2", "--n-envs", "2"]
    assert call([*words, "--steps", "4", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["film"] for row in rows] == ["still", "noise"]
    assert all(len(row["pull"]) == 2 and row["last"] > 0 for row in rows)

    env = make_vec("mario/1-1/dense", 1, n_threads=1)
    skins.noise_pack(env, level="mario/1-1/dense", n=2).save(tmp_path / "pack")
    env.close()
    file = tmp_path / "tiny.yaml"
    file.write_text(
        "budget: {env_steps: 16}\nenv: {id: mario/1-1/dense, n_envs: 2, max_episode_steps: 8}\n"
        "agent: {learner: {kind: ppo, n_steps: 8, batch_size: 16}}\n"
        "eval: {every_steps: 0, final_episodes: 2}\nvideo: {final: false}\n"
    )
    assert call(["run", str(file), "--runs", str(tmp_path / "runs")]) == 0
    capsys.readouterr()
    words = ["bench", "leak", str(tmp_path / "runs" / "tiny"), "--family", f"noise={tmp_path / 'pack'}", "--json"]
    assert call([*words, "--demo-pack", str(tmp_path / "pack"), "--n-envs", "4", "--steps", "12"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["demonstrations"], row["agent"]) for row in rows] == [
        ("the level's own", "the level's own"), ("the level's own", "noise"), ("many", "many"), ("many", "noise"),
    ]  # fmt: skip
    assert rows[1]["accuracy"]["64"] > 0.9
