"""Does a learner keep its contract? A learner's own tests call `check_learner`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from rlsuite.agents.contracts import Batch
from rlsuite.testing.probe_base import ProbeEnv
from rlsuite.testing.probes import make_probe
from rlsuite.testing.report import Report, foreign_leaves, global_streams_untouched, same_bits

MakeLearner = Callable[..., Any]
"""``make(env, *, rewards, seed, total_steps) -> learner``."""


class ConstantReward:
    """The smallest learned reward: the same number for every transition, nothing to train.

    Args:
        value: What every transition is worth.
        weight: Of its stream.
        value_head: ``"shared"`` or ``"own"``.
    """

    def __init__(self, value: float = 1.0, *, weight: float = 1.0, value_head: str = "shared") -> None:
        self.name = "constant"
        self.value = value
        self.weight = weight
        self.gamma: float | None = None
        self.episodic = True
        self.value_head = value_head
        self.n_updates = 0

    def reward(self, batch: Batch) -> torch.Tensor:
        """The constant, of the batch's leading shape."""
        return torch.full_like(batch.reward, self.value)

    def update(self, batch: Batch) -> dict[str, torch.Tensor | float]:
        """Count the call."""
        self.n_updates += 1
        return {"n_updates": float(self.n_updates)}

    def state_dict(self) -> dict[str, Any]:
        """The counter."""
        return {"n_updates": self.n_updates}

    def load_state_dict(self, state: Any) -> None:
        """Bring it back."""
        self.n_updates = int(state["n_updates"])


def check_learner(
    make: MakeLearner,
    *,
    probe: str = "obs-action",
    n_envs: int = 4,
    n_steps: int = 256,
    zero_weight: Sequence[str] = ("shared", "own"),
) -> None:
    """Train the learner that ``make`` builds for moments and compare it with the contract.

    That it counts its steps, predicts from raw observations, keeps off the global random streams;
    that the same seed gives the same bits and another seed others; that a learned reward of weight
    0 equals none, bit for bit; that a resumed training equals an undisturbed one, bit for bit; that
    it stops when asked.

    Args:
        make: ``make(env, *, rewards, seed, total_steps) -> learner``, on the CPU.
        probe: The probe environment to train on.
        n_envs: Environments side by side.
        n_steps: Env steps of half a training; enough for an update.
        zero_weight: Value heads that a learned reward may have with this learner.

    Raises:
        ConformanceError: A message with every broken promise.
    """
    report = Report("the learner")

    def build(seed: int = 0, rewards: Sequence[Any] = ()) -> Any:
        return make(make_probe(probe, n_envs, seed=seed), rewards=list(rewards), seed=seed, total_steps=2 * n_steps)

    report.attempt("learning", lambda: _check_learning(build, report, n_steps))
    report.attempt("seeding", lambda: _check_seeding(build, report, n_steps))
    for head in zero_weight:
        report.attempt(f"zero weight ({head} value head)", lambda head=head: _check_zero(build, report, n_steps, head))
    report.attempt("resuming", lambda: _check_resume(build, report, n_steps))
    report.attempt("stopping", lambda: _check_stop(build, report, n_steps))
    report.finish()


def solve_probe(learner: Any, probe: ProbeEnv, n_steps: int, *, n_episodes: int = 64, seed: int = 123) -> float:
    """Train on a probe and return the mean return of the deterministic policy afterwards.

    Args:
        learner: Built on ``probe``.
        probe: The probe; it is reset with ``seed`` for the evaluation.
        n_steps: Env steps to train.
        n_episodes: Evaluation episodes, at least.
        seed: Of the evaluation.
    """
    learner.learn(n_steps)
    probe.set_groups(1)
    obs, state, start = probe.reset_all(seed).cpu().numpy(), None, np.ones(probe.num_envs, dtype=bool)
    totals, finished = np.zeros(probe.num_envs), []
    while len(finished) < n_episodes:
        action, state = learner.predict(obs, state=state, episode_start=start, deterministic=True)
        step = probe.step_tensor(action)
        totals += step.reward.cpu().numpy()
        start = (step.terminated | step.truncated).cpu().numpy()
        finished += totals[start].tolist()
        totals[start] = 0.0
        obs = step.obs.cpu().numpy()
    return float(np.mean(finished))


def value_error(values: Callable[[torch.Tensor], torch.Tensor], probe: ProbeEnv, gamma: float) -> float:
    """Largest absolute error of a value function on the observations the best policy meets.

    Args:
        values: Raw observations (n, *obs_shape) to values (n,) or (n, 1).
        probe: The probe that was learned.
        gamma: Discount.
    """
    obs, want = probe.optimal_values(gamma)
    with torch.no_grad():
        got = values(torch.as_tensor(obs)).reshape(-1).cpu().numpy()
    return float(np.abs(got - want).max())


def _check_learning(build: Callable[..., Any], report: Report, n_steps: int) -> None:
    learner = build()
    with global_streams_untouched(report, "learn"):
        learner.learn(n_steps)
    report.expect(
        learner.num_timesteps >= n_steps, f"learn({n_steps}) stopped at num_timesteps={learner.num_timesteps}"
    )
    obs = learner.env.reset()
    n, shape = learner.env.num_envs, learner.env.action_space.shape
    for deterministic in (True, False):
        action, _ = learner.predict(obs, deterministic=deterministic)
        report.expect(np.shape(action) == (n, *shape), f"predict gives {np.shape(action)}, wanted {(n, *shape)}")
    repeated = [learner.predict(obs, deterministic=True)[0] for _ in range(16)]
    report.expect(
        all(same_bits(a, repeated[0]) for a in repeated),
        "predict(deterministic=True) gives other actions for the same observations",
    )


def _check_seeding(build: Callable[..., Any], report: Report, n_steps: int) -> None:
    states = []
    for seed in (0, 0, 1):
        torch.rand(seed + 2)  # the global stream must not matter
        learner = build(seed)
        learner.learn(n_steps)
        states.append(copy.deepcopy(learner.policy_state()))
    report.expect(same_bits(states[0], states[1]), "the same seed gives another policy")
    report.expect(not same_bits(states[0], states[2]), "another seed gives the same policy, bit for bit")
    other = build(1)
    other.load_policy_state(states[0])
    report.expect(same_bits(other.policy_state(), states[0]), "load_policy_state does not bring back policy_state")


def _check_zero(build: Callable[..., Any], report: Report, n_steps: int, head: str) -> None:
    absent, zero = build(), build(rewards=[ConstantReward(3.0, weight=0.0, value_head=head)])
    for learner in (absent, zero):
        learner.learn(n_steps)
    obs = absent.env.reset()
    same = same_bits(absent.predict(obs, deterministic=True)[0], zero.predict(obs, deterministic=True)[0])
    a, b = absent.policy_state(), zero.policy_state()
    same = same and same_bits(a, _only(b, a))
    report.expect(same, f"a learned reward of weight 0 ({head} value head) changes the policy")


def _only(tree: Any, like: Any) -> Any:
    """The part of ``tree`` that ``like`` has too: an own value head may add entries."""
    if isinstance(tree, dict) and isinstance(like, dict):
        return {k: _only(v, like[k]) for k, v in tree.items() if k in like}
    return tree


def _check_resume(build: Callable[..., Any], report: Report, n_steps: int) -> None:
    whole = build(rewards=[ConstantReward(weight=0.5)])
    whole.learn(n_steps)
    state = copy.deepcopy(whole.training_state())
    for bad in foreign_leaves(state):
        report.expect(False, f"training_state: {bad}, which a checkpoint cannot hold")
    whole.learn(2 * n_steps, reset_num_timesteps=False)
    resumed = build(rewards=[ConstantReward(weight=0.5)])
    resumed.load_training_state(state)
    resumed.learn(2 * n_steps, reset_num_timesteps=False)
    report.expect(resumed.num_timesteps == whole.num_timesteps, "a resumed training ends at another step")
    same = same_bits(resumed.policy_state(), whole.policy_state())
    report.expect(same, "2N steps and N + resume + N differ in the policy's bits")
    same = same_bits(resumed.training_state(), whole.training_state())
    report.expect(same, "2N steps and N + resume + N differ in the training state's bits")


def _check_stop(build: Callable[..., Any], report: Report, n_steps: int) -> None:
    from stable_baselines3.common.callbacks import BaseCallback

    class Stop(BaseCallback):
        def _on_step(self) -> bool:
            self.model.stop_requested = True  # type: ignore[attr-defined]
            return True

    learner = build()
    learner.learn(20 * n_steps, callback=Stop())
    reached = learner.num_timesteps
    report.expect(reached < 20 * n_steps, f"stop_requested was set and learn went on to {reached} steps")
