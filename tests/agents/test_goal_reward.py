"""Reward for looking like a sentence: formula by hand, contract, the check that precedes training."""

import csv

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlsuite.agents.contracts import RewardContext
from rlsuite.agents.goal.config import GoalConfig
from rlsuite.agents.goal.reward import agreement, goal_reward, make, newest
from rlsuite.errors import DataError, UserError
from rlsuite.testing import check_learned_reward

PICTURES = gym.spaces.Box(0, 255, (3, 8, 8), np.uint8)
WORDS = {"red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "grey": (1.0, 1.0, 1.0)}


class ColourScorer:
    """A picture's vector is its mean colour, a word's the colour it names."""

    def encode(self, images):
        return torch.nn.functional.normalize(images.mean(dim=(2, 3)) + 1e-6, dim=1)

    def encode_texts(self, sentences):
        return torch.nn.functional.normalize(torch.tensor([WORDS[s] for s in sentences]), dim=1)


@pytest.fixture
def states(tmp_path):
    """Pictures from black to red, valued by how red they are."""
    from PIL import Image

    with (tmp_path / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["picture", "value"])
        for i in range(6):
            colour = (50 * i, 100, 100)
            Image.new("RGB", (8, 8), colour).save(tmp_path / f"{i}.png")
            rows.writerow([f"{i}.png", i])
    return tmp_path


def section(states, **more):
    return GoalConfig(**{"scorer": "anything", "goal": "red", "labelled": str(states), **more})


def context(**more):
    space, device = more.pop("space", PICTURES), torch.device("cpu")
    options = {"n_envs": 4, "gamma": 0.99, "device": device, "seed": 0, "load_scorer": lambda run: ColourScorer()}
    return RewardContext(space, gym.spaces.Discrete(3), **{**options, **more})


def test_without_a_baseline_it_is_the_cosine():
    goal, states = torch.tensor([1.0, 0.0]), torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    assert goal_reward(states, goal).tolist() == pytest.approx([1, 0, -1])


def test_projection_by_hand():
    goal, baseline = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    state = torch.tensor([[-1.0, 0.0]])  # its foot on the line is (-0.5, 0.5) + (0.5, 0.5) = (0, 1)
    assert goal_reward(state, goal, baseline, 1.0).item() == pytest.approx(1 - 2 / 2)
    assert goal_reward(state, goal, baseline, 0.5).item() == pytest.approx(1 - (1.5**2 + 0.5**2) / 2)
    assert goal_reward(state, goal, baseline, 0.0).item() == pytest.approx(-1)
    assert goal_reward(goal[None], goal, baseline, 0.7).item() == pytest.approx(1)


@pytest.mark.parametrize("options", [{}, {"baseline": "grey", "alpha": 0.8, "value_head": "own"}])
def test_keeps_the_contract(states, options):
    config = section(states, **options)

    def build(given):
        return make(config, context(n_envs=given.n_envs, seed=given.seed, device=given.device))

    check_learned_reward(build, observation_space=PICTURES, action_space=gym.spaces.Discrete(3), draws=False)


def test_a_reward_that_labelled_states_contradict_is_refused(states):
    make(section(states), context())
    with pytest.raises(UserError, match=r"rank correlation -1\.00 on 6 states"):
        make(section(states, goal="green"), context())


def test_what_is_missing_is_told(states, tmp_path):
    with pytest.raises(UserError, match="looks at pictures"):
        make(section(states), context(space=gym.spaces.Box(-1, 1, (5,), np.float32)))
    with pytest.raises(UserError, match="hands one in"):
        make(section(states), context(load_scorer=None))
    with pytest.raises(UserError, match="no scorer of sentences"):
        make(section(states), context(load_scorer=lambda run: object()))
    with pytest.raises(DataError, match=r"labels\.csv"):
        make(section(states, labelled=str(tmp_path / "none")), context())


def test_the_newest_picture_is_looked_at():
    stack = torch.arange(6.0)[None, :, None, None]
    assert newest(stack).flatten().tolist() == [3, 4, 5]
    assert newest(stack[:, :4]).flatten().tolist() == [3]


def test_rank_correlation_by_hand():
    assert agreement([1, 2, 3], [10, 20, 30]) == pytest.approx(1)
    assert agreement([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert agreement([1, 1, 2, 2], [0, 1, 2, 3]) == pytest.approx(2 / 5**0.5)  # ranks 1.5 1.5 3.5 3.5 and 1 2 3 4
    assert agreement([1, 1, 1], [1, 2, 3]) == 0
