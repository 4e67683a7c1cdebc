"""The learner check must catch each fault, so a tiny honest learner is written and then broken."""

import copy

import numpy as np
import pytest
import torch

from rlsuite.agents.contracts import Batch
from rlsuite.testing import ConformanceError, check_learner, make_probe, solve_probe


class TinyLearner:
    """REINFORCE with a table of two logits per cue, batches of 16 steps, everything seeded."""

    def __init__(self, env, *, rewards, seed, total_steps):
        self.env, self.rewards, self.num_timesteps, self.stop_requested = env, rewards, 0, False
        self.generator = torch.Generator().manual_seed(seed)
        self.logits = 0.01 * torch.randn(2, 2, generator=self.generator)
        self.obs = env.reset_all(seed).clone()

    def learn(self, total_timesteps, callback=None, reset_num_timesteps=True):
        if reset_num_timesteps:
            self.num_timesteps = 0
        if callback is not None:
            callback.init_callback(self)
        self.stop_requested = False
        while self.num_timesteps < total_timesteps and not self.stop_requested:
            self._iterate(callback)
        return self

    def _iterate(self, callback):
        for _ in range(4):
            cue = (self.obs[:, 0] > 0).long()
            probability = self.logits[cue].softmax(-1)
            action = torch.multinomial(probability, 1, generator=self.generator)[:, 0]
            before, step = self.obs, self.env.step_tensor(action)
            self.obs = step.obs.clone()
            reward = step.reward + self._learned(before, action, step)
            grad = torch.nn.functional.one_hot(action, 2) - probability
            self.logits.index_add_(0, cue, 0.2 * reward[:, None] * grad)
            self.num_timesteps += self.env.num_envs
            if callback is not None:
                callback.on_step()

    def _learned(self, obs, action, step):
        start = torch.ones_like(step.terminated)
        parts = (obs, action, step.reward, step.terminated, step.truncated, step.next_obs, start)
        batch = Batch(*parts, info={})
        total = torch.zeros_like(step.reward)
        for model in self.rewards:
            total += model.weight * model.reward(batch)
            model.update(batch)
        return total

    def predict(self, obs, state=None, episode_start=None, deterministic=False):
        logits = self.logits[(torch.as_tensor(obs)[:, 0] > 0).long()]
        if deterministic:
            return logits.argmax(-1).numpy(), state
        return torch.multinomial(logits.softmax(-1), 1, generator=self.generator)[:, 0].numpy(), state

    def policy_state(self):
        return {"logits": self.logits}

    def load_policy_state(self, state):
        self.logits = state["logits"].clone()

    def training_state(self):
        return {
            **self.policy_state(),
            "stream": self.generator.get_state(),
            "env": self.env.state_dict(),
            "obs": self.obs,
            "steps": self.num_timesteps,
            "rewards": [m.state_dict() for m in self.rewards],
        }

    def load_training_state(self, state):
        self.load_policy_state(state)
        self.generator.set_state(state["stream"])
        self.env.load_state_dict(state["env"])
        self.obs, self.num_timesteps = state["obs"].clone(), state["steps"]
        for model, saved in zip(self.rewards, state["rewards"], strict=True):
            model.load_state_dict(saved)


def test_an_honest_learner_passes():
    check_learner(TinyLearner, n_steps=64)


def test_the_honest_learner_solves_its_probe_and_an_untrained_one_does_not():
    probe = make_probe("obs-action", 8)
    learner = TinyLearner(probe, rewards=[], seed=0, total_steps=4000)
    assert solve_probe(learner, probe, 4000) == 1.0
    stuck = TinyLearner(probe, rewards=[], seed=0, total_steps=4000)
    stuck.logits = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert abs(solve_probe(stuck, probe, 0)) < 0.5


class GlobalStream(TinyLearner):
    def _iterate(self, callback):
        torch.rand(1)
        super()._iterate(callback)


class ForgetsItsStream(TinyLearner):
    def load_training_state(self, state):
        super().load_training_state({**state, "stream": self.generator.get_state()[:].clone()})
        self.generator.manual_seed(99)


class ForgetsTheEnvironment(TinyLearner):
    def load_training_state(self, state):
        fresh = copy.deepcopy(self.env.state_dict())
        super().load_training_state({**state, "env": fresh})


class SeedBlind(TinyLearner):
    def __init__(self, env, *, rewards, seed, total_steps):
        env._seed = 0
        super().__init__(env, rewards=rewards, seed=0, total_steps=total_steps)


class ZeroWeightDraws(TinyLearner):
    def _learned(self, obs, action, step):
        if self.rewards:
            torch.rand(1, generator=self.generator)
        return super()._learned(obs, action, step)


class IgnoresWeight(TinyLearner):
    def _learned(self, obs, action, step):
        return super()._learned(obs, action, step) + sum(0.1 * (m.weight == 0) for m in self.rewards)


class NeverStops(TinyLearner):
    def learn(self, total_timesteps, callback=None, reset_num_timesteps=True):
        callback and callback.init_callback(self)
        while self.num_timesteps < total_timesteps:
            self._iterate(callback)


class ForeignState(TinyLearner):
    def training_state(self):
        return {**super().training_state(), "object": self.generator}

    def load_training_state(self, state):
        super().load_training_state(state)


class WrongShape(TinyLearner):
    def predict(self, obs, state=None, episode_start=None, deterministic=False):
        action, state = super().predict(obs, state, episode_start, deterministic)
        return action[:, None], state


class Restless(TinyLearner):
    def predict(self, obs, state=None, episode_start=None, deterministic=False):
        return super().predict(obs, state, episode_start, False)


class FewSteps(TinyLearner):
    def learn(self, total_timesteps, callback=None, reset_num_timesteps=True):
        return super().learn(total_timesteps // 2, callback, reset_num_timesteps)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (GlobalStream, "drew from torch's global random stream"),
        (ForgetsItsStream, "2N steps and N \\+ resume \\+ N differ in the policy"),
        (ForgetsTheEnvironment, "differ in the policy's bits"),
        (SeedBlind, "another seed gives the same policy"),
        (ZeroWeightDraws, "weight 0 \\(shared value head\\) changes the policy"),
        (IgnoresWeight, "weight 0 \\(own value head\\) changes the policy"),
        (NeverStops, "stop_requested was set and learn went on to 1280"),
        (ForeignState, "state.object is a Generator"),
        (WrongShape, r"predict gives \(4, 1\), wanted \(4,\)"),
        (Restless, "other actions for the same observations"),
        (FewSteps, "stopped at num_timesteps=32"),
    ],
)
def test_planted_fault_is_found(fault, message):
    with pytest.raises(ConformanceError, match=message):
        check_learner(fault, n_steps=64)


def test_reward_reaches_learning():
    """Half a table: with the environment's reward drowned by a constant, learning is no longer the same."""
    from rlsuite.testing import ConstantReward

    def trained(weight):
        learner = TinyLearner(
            make_probe("obs-action", 4), rewards=[ConstantReward(weight=weight)], seed=0, total_steps=256
        )
        learner.learn(256)
        return learner.logits.numpy()

    assert not np.array_equal(trained(0.0), trained(1.0))
