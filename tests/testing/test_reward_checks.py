"""The reward check must catch each fault, so each fault is planted here."""

import dataclasses

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlsuite.testing import ConformanceError, check_learned_reward, random_batch

OBS = gym.spaces.Box(-np.inf, np.inf, (3,), np.float32)
ACT = gym.spaces.Discrete(4)


class Novelty:
    """A small, honest curiosity module: error against a fixed random target."""

    name, weight, gamma, episodic, value_head = "novelty", 0.5, None, False, "shared"

    def __init__(self, context):
        self.generator = torch.Generator().manual_seed(context.seed)
        draw = lambda *shape: torch.randn(*shape, generator=self.generator)  # noqa: E731
        self.target, self.weights = draw(3, 8), draw(3, 8).requires_grad_()

    def reward(self, batch):
        with torch.no_grad():
            return self.errors(batch)

    def errors(self, batch):
        return (batch.next_obs @ self.target - batch.next_obs @ self.weights).square().mean(-1)

    def update(self, batch):
        clean = batch.next_obs.detach()
        loss = self.errors(dataclasses.replace(batch, next_obs=clean)).mean()
        (gradient,) = torch.autograd.grad(loss, self.weights)
        noise = torch.rand((), generator=self.generator)
        with torch.no_grad():
            self.weights -= (0.1 + 0.01 * noise) * gradient
        return {"loss": loss.detach()}

    def state_dict(self):
        return {"target": self.target, "weights": self.weights.detach(), "stream": self.generator.get_state()}

    def load_state_dict(self, state):
        self.target = state["target"].clone()
        self.weights = state["weights"].clone().requires_grad_()
        self.generator.set_state(state["stream"])


def check(kind, **claims):
    check_learned_reward(kind, observation_space=OBS, action_space=ACT, **claims)


def test_an_honest_module_passes():
    check(Novelty, non_negative=True, falls=True)


class WrongShape(Novelty):
    def reward(self, batch):
        return super().reward(batch).flatten()


class Gradients(Novelty):
    def reward(self, batch):
        return self.errors(batch)


class IntoTheBatch(Novelty):
    def update(self, batch):
        loss = self.errors(batch).mean()
        loss.backward()
        self.weights.grad = None
        return {"loss": loss.detach()}


class GlobalStream(Novelty):
    def update(self, batch):
        torch.rand(1)
        return super().update(batch)


class Leaks(Novelty):
    def reward(self, batch):
        return super().reward(batch) + batch.reward.abs()


class InPlace(Novelty):
    def reward(self, batch):
        batch.next_obs.clamp_(-1, 1)
        return super().reward(batch)


class ForgetsItsStream(Novelty):
    def load_state_dict(self, state):
        super().load_state_dict({**state, "stream": self.generator.get_state()})


class SeedBlind(Novelty):
    def __init__(self, context):
        super().__init__(dataclasses.replace(context, seed=0))


class Prefixed(Novelty):
    def update(self, batch):
        return {"novelty/loss": super().update(batch)["loss"]}


class Stuck(Novelty):
    def update(self, batch):
        torch.rand((), generator=self.generator)
        return {"loss": 0.0}


class Negative(Novelty):
    def reward(self, batch):
        return super().reward(batch) - 1e3


class BadHead(Novelty):
    value_head = "mine"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (WrongShape, r"reward of a batch \(16, 4\) has shape \(64,\)"),
        (Gradients, "reward carries gradients"),
        (IntoTheBatch, "update sends gradients into the batch"),
        (GlobalStream, "drew from torch's global random stream"),
        (Leaks, "it reads the environment's reward"),
        (InPlace, "changed the batch in place"),
        (ForgetsItsStream, "does not bring back every bit"),
        (SeedBlind, "another seed gives the same rewards"),
        (Prefixed, "give names without prefix"),
        (Stuck, "its mean must fall"),
        (Negative, "claims to be >= 0"),
        (BadHead, "value_head is 'mine'"),
    ],
)
def test_planted_fault_is_found(fault, message):
    with pytest.raises(ConformanceError, match=message):
        check(fault, non_negative=True, falls=True)


def test_random_batch_follows_its_spaces():
    image = gym.spaces.Box(0, 255, (2, 5, 5), np.uint8)
    batch = random_batch(image, gym.spaces.Box(-1, 1, (2,)), (6, 3), seed=0)
    assert batch.obs.shape == (6, 3, 2, 5, 5)
    assert batch.obs.dtype == torch.uint8
    assert batch.action.abs().max() <= 1
    assert not (batch.terminated & batch.truncated).any()
    again = random_batch(image, gym.spaces.Box(-1, 1, (2,)), (6, 3), seed=0)
    assert torch.equal(batch.obs, again.obs)
