"""Does a learned reward keep its contract? A reward's own tests call `check_learned_reward`."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import torch

from rlsuite.agents.contracts import BATCH_TENSORS, Batch, LearnedReward, RewardContext
from rlsuite.testing.report import Report, foreign_leaves, global_streams_untouched, same_bits

MakeReward = Callable[[RewardContext], LearnedReward]


def check_learned_reward(
    make: MakeReward,
    *,
    observation_space: gym.Space,
    action_space: gym.Space,
    demos: Any = None,
    non_negative: bool = False,
    falls: bool = False,
    reads_env_reward: bool = False,
    off_policy: bool = True,
    draws: bool = True,
    n_steps: int = 16,
    n_envs: int = 4,
    n_updates: int = 3,
) -> None:
    """Feed random transitions to the reward that ``make`` builds and compare it with the contract.

    Shape, dtype and finiteness of `reward`; that it neither carries gradients nor changes the
    batch; that it draws from a random stream of its own and the same seed gives the same bits;
    that it does not read the environment's reward; that gradients stay inside; that a saved and
    loaded one goes on bit for bit.

    Args:
        make: Builds a fresh one from a context, e.g. ``lambda context: make(config, context)``.
        observation_space: Of one environment.
        action_space: Of one environment.
        demos: Demonstrations for those that need them.
        non_negative: Whether it claims never to be negative.
        falls: Whether its mean must fall while it trains on one batch (curiosity, not imitation).
        reads_env_reward: Whether it says that it reads ``batch.reward``.
        off_policy: Whether it also takes batches of leading shape (batch,).
        draws: Whether it depends on its seed; a judge that does not train need not.
        n_steps: Steps of the on-policy batch.
        n_envs: Environments of the on-policy batch.
        n_updates: Updates of each check (`falls` takes ten times as many).

    Raises:
        ConformanceError: A message with every broken promise.
    """
    spaces = (observation_space, action_space)
    report = Report("the learned reward")

    def build(seed: int = 0) -> LearnedReward:
        device = torch.device("cpu")
        return make(RewardContext(*spaces, n_envs=n_envs, gamma=0.99, device=device, seed=seed, demos=demos))

    batch = random_batch(*spaces, (n_steps, n_envs), seed=1)
    checks = {
        "attributes": lambda: _check_attributes(build(), report),
        "shapes": lambda: _check_shapes(build(), batch, report, non_negative, off_policy),
        "random streams": lambda: _check_streams(build, batch, report, n_updates, draws),
        "environment reward": lambda: reads_env_reward or _check_blind(build, batch, report, n_updates),
        "gradients": lambda: _check_gradients(build(), batch, report),
        "metrics": lambda: _check_metrics(build(), batch, report),
        "save and load": lambda: _check_restore(build, batch, report, n_updates),
    }
    if falls:
        checks["training"] = lambda: _check_falls(build(), batch, report, 10 * n_updates)
    for name, check in checks.items():
        report.attempt(name, check)
    report.finish()


def random_batch(
    observation_space: gym.Space, action_space: gym.Space, leading: tuple[int, ...], *, seed: int, **info: torch.Tensor
) -> Batch:
    """Random transitions of the given leading shape, episode ends and all."""
    generator = torch.Generator().manual_seed(seed)
    flags = torch.rand((3, *leading), generator=generator) < 0.1
    return Batch(
        obs=_draw(observation_space, leading, generator),
        action=_draw(action_space, leading, generator),
        reward=torch.randn(leading, generator=generator),
        terminated=flags[0],
        truncated=flags[1] & ~flags[0],
        next_obs=_draw(observation_space, leading, generator),
        episode_start=flags[2],
        info=info,
    )


def _draw(space: gym.Space, leading: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    shape = (*leading, *(space.shape or ()))
    if isinstance(space, gym.spaces.Discrete):
        return torch.randint(int(space.n), shape, generator=generator) + int(space.start)
    if isinstance(space, gym.spaces.Box) and space.dtype == "uint8":
        return torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    if isinstance(space, gym.spaces.Box):
        values = torch.randn(shape, generator=generator)
        return values.clamp(torch.as_tensor(space.low).float(), torch.as_tensor(space.high).float())
    raise TypeError(f"random transitions are drawn from Box and Discrete spaces, not {space}")


def _copy(batch: Batch) -> Batch:
    tensors = {k: getattr(batch, k).clone() for k in BATCH_TENSORS}
    return Batch(**tensors, info={k: v.clone() for k, v in batch.info.items()})


def _tensors(batch: Batch) -> list[torch.Tensor]:
    return [getattr(batch, k) for k in BATCH_TENSORS]


def _train(reward: LearnedReward, batch: Batch, n_updates: int) -> list[Any]:
    """Score and update as a learner does; the scores, to compare."""
    scores = []
    for _ in range(n_updates):
        scores.append(reward.reward(_copy(batch)).clone())
        reward.update(_copy(batch))
    return [*scores, reward.reward(_copy(batch)).clone()]


def _check_attributes(reward: LearnedReward, report: Report) -> None:
    if not report.expect(isinstance(reward, LearnedReward), f"{type(reward).__name__} lacks a member of LearnedReward"):
        return
    report.expect(isinstance(reward.name, str) and reward.name and "/" not in reward.name, f"name is {reward.name!r}")
    report.expect(isinstance(reward.weight, int | float), f"weight is {reward.weight!r}, must be a number")
    valid_gamma = reward.gamma is None or 0.0 <= reward.gamma <= 1.0
    report.expect(valid_gamma, f"gamma is {reward.gamma!r}, must be None or lie in [0, 1]")
    report.expect(isinstance(reward.episodic, bool), f"episodic is {reward.episodic!r}, must be a bool")
    report.expect(reward.value_head in ("shared", "own"), f"value_head is {reward.value_head!r}, not 'shared' or 'own'")


def _check_shapes(reward: LearnedReward, batch: Batch, report: Report, non_negative: bool, off_policy: bool) -> None:
    for given in (batch, batch.flatten()) if off_policy else (batch,):
        kept = _copy(given)
        score = reward.reward(given)
        shape = tuple(given.leading_shape)
        report.expect(tuple(score.shape) == shape, f"reward of a batch {shape} has shape {tuple(score.shape)}")
        report.expect(score.dtype == torch.float32, f"reward is {score.dtype}, must be float32")
        report.expect(not score.requires_grad, "reward carries gradients; it must be computed without")
        report.expect(torch.isfinite(score).all(), "reward is not finite")
        report.expect(
            not non_negative or (score >= 0).all(), f"reward claims to be >= 0, lowest is {float(score.detach().min())}"
        )
        reward.update(given)
        report.expect(same_bits(_tensors(kept), _tensors(given)), "reward or update changed the batch in place")


def _check_streams(build: Callable[[int], LearnedReward], batch: Batch, report: Report, n: int, draws: bool) -> None:
    with global_streams_untouched(report, "building it"):
        reward = build(0)
    with global_streams_untouched(report, "reward or update"):
        scores = _train(reward, batch, n)
    torch.rand(3)  # another position of the global stream must change nothing
    report.expect(same_bits(scores, _train(build(0), batch, n)), "the same seed gives different rewards")
    other = draws and same_bits(scores, _train(build(1), batch, n))
    report.expect(not other, "another seed gives the same rewards, bit for bit")


def _check_blind(build: Callable[[int], LearnedReward], batch: Batch, report: Report, n: int) -> None:
    other = dataclasses.replace(batch, reward=batch.reward.flip(0) + 1.0)
    same = same_bits(_train(build(0), batch, n), _train(build(0), other, n))
    report.expect(same, "it reads the environment's reward: other rewards in the batch change its own")


def _check_gradients(reward: LearnedReward, batch: Batch, report: Report) -> None:
    given = _copy(batch)
    inputs = [x.requires_grad_() for x in (given.obs, given.next_obs, given.action) if x.is_floating_point()]
    reward.update(given)
    report.expect(all(x.grad is None for x in inputs), "update sends gradients into the batch")
    report.expect(not reward.reward(given).requires_grad, "reward carries gradients when its input does")


def _check_metrics(reward: LearnedReward, batch: Batch, report: Report) -> None:
    reward.reward(_copy(batch))
    metrics = reward.update(_copy(batch))
    report.expect(isinstance(metrics, dict) and metrics, "update must return a dict of metrics")
    for name, value in metrics.items():
        report.expect("/" not in name, f"metric '{name}': give names without prefix")
        number = isinstance(value, int | float) or (isinstance(value, torch.Tensor) and value.dim() == 0)
        if report.expect(number, f"metric '{name}' is a {type(value).__name__}, must be a number or a 0-d tensor"):
            report.expect(torch.isfinite(torch.as_tensor(value)), f"metric '{name}' is not finite")


def _check_restore(build: Callable[[int], LearnedReward], batch: Batch, report: Report, n: int) -> None:
    reward = build(0)
    _train(reward, batch, n)
    state = copy.deepcopy(reward.state_dict())
    for bad in foreign_leaves(state):
        report.expect(False, f"state_dict: {bad}, which a checkpoint cannot hold")
    ahead = _train(reward, batch, n)
    restored = build(1)  # another seed: all that matters must come from the state
    restored.load_state_dict(state)
    report.expect(
        same_bits(restored.state_dict(), state), "load_state_dict does not bring back every bit of state_dict"
    )
    report.expect(same_bits(_train(restored, batch, n), ahead), "a restored one does not go on bit for bit")


def _check_falls(reward: LearnedReward, batch: Batch, report: Report, n: int) -> None:
    scores = _train(reward, batch, n)
    first, last = (float(x.detach().mean()) for x in (scores[0], scores[-1]))
    report.expect(last < first, f"its mean must fall while it learns one batch: {first:.4g} before, {last:.4g} after")
