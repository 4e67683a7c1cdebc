"""Does a vector environment keep its contract? A level's own tests call `check_vector_env`."""

from __future__ import annotations

import copy

import gymnasium as gym
import numpy as np
import torch

from rlsuite.envs.vector import Step, VectorEnv
from rlsuite.testing.report import Report, foreign_leaves, same_bits

_Transition = tuple[torch.Tensor, ...]


def check_vector_env(env: VectorEnv, *, n_steps: int = 64, seed: int = 7, picture: bool = True) -> None:
    """Step ``env`` with random actions and compare everything it gives with the contract.

    Shapes, dtypes and spaces; that the same seed gives the same bits; that ``next_obs`` is the
    successor; that groups do not disturb one another; that a restored state goes on bit for bit
    (if ``env.restorable``); the stable-baselines3 side; the picture. Afterwards the environment
    is reset, not closed.

    Args:
        env: Two environments or more (fewer leave the group check out).
        n_steps: Steps a check; choose enough of them to see an episode end.
        seed: Of the environment and the actions.
        picture: Whether it can be rendered here.

    Raises:
        ConformanceError: A message with every broken promise.
    """
    report = Report(f"{type(env).__name__} ({env.num_envs} environments)")
    checks = {
        "spaces and shapes": lambda: _check_shapes(env, report, n_steps, seed),
        "seeding": lambda: _check_seeding(env, report, n_steps, seed),
        "groups": lambda: _check_groups(env, report, n_steps, seed),
        "restoring": lambda: _check_restore(env, report, n_steps, seed),
        "stable-baselines3": lambda: _check_sb3(env, report, n_steps, seed),
    }
    if picture:
        checks["picture"] = lambda: _check_picture(env, report, seed)
    for name, check in checks.items():
        report.attempt(name, check)
    env.set_groups(1)
    env.reset_all(seed)
    report.finish()


def sample_actions(env: VectorEnv, n_steps: int, seed: int) -> np.ndarray:
    """Random actions (n_steps, n_envs, *action_shape) from a stream of their own."""
    space = copy.deepcopy(env.action_space)
    space.seed(seed)
    return np.array([[space.sample() for _ in range(env.num_envs)] for _ in range(n_steps)])


def _roll(env: VectorEnv, actions: np.ndarray) -> list[_Transition]:
    """Copies of everything ``env`` gives for these actions."""
    steps = []
    for action in actions:
        s = env.step_tensor(action)
        info = [torch.as_tensor(s.info[k]).clone() for k in sorted(s.info)]
        tensors = (s.obs, s.reward, s.terminated, s.truncated, s.next_obs)
        steps.append(tuple(t.clone() for t in tensors) + tuple(info))
    return steps


def _check_shapes(env: VectorEnv, report: Report, n_steps: int, seed: int) -> None:
    env.set_groups(1)
    shape = (env.num_envs, *(env.observation_space.shape or ()))
    obs = env.reset_all(seed)
    _check_obs(env, report, obs, shape, "obs of reset_all")
    for action in sample_actions(env, n_steps, seed):
        kept = action.copy()
        step = env.step_tensor(action)
        report.expect(np.array_equal(kept, action), "send changed the caller's actions")
        _check_step(env, report, step, shape)
        if report.problems:  # one broken step says enough
            return


def _check_obs(env: VectorEnv, report: Report, obs: torch.Tensor, shape: tuple[int, ...], what: str) -> None:
    space = env.observation_space
    if not report.expect(isinstance(obs, torch.Tensor), f"{what} must be a tensor, is a {type(obs).__name__}"):
        return
    report.expect(tuple(obs.shape) == shape, f"{what} has shape {tuple(obs.shape)}, its space says {shape}")
    dtype = torch.as_tensor(np.empty(0, dtype=space.dtype)).dtype
    report.expect(obs.dtype == dtype, f"{what} is {obs.dtype}, its space says {space.dtype}")
    report.expect(obs.device.type == env.device.type, f"{what} lies on {obs.device}, the environment on {env.device}")
    if obs.is_floating_point():
        report.expect(torch.isfinite(obs).all(), f"{what} is not finite")
    if isinstance(space, gym.spaces.Box) and tuple(obs.shape) == shape:
        inside = all(space.contains(o) for o in obs.cpu().numpy())
        report.expect(inside, f"{what} leaves its space {space}")
    if len(shape) == 4:
        report.expect(shape[1] <= shape[2], f"images must be N x C x H x W, {what} is {shape}")


def _check_step(env: VectorEnv, report: Report, step: Step, shape: tuple[int, ...]) -> None:
    n = env.num_envs
    _check_obs(env, report, step.obs, shape, "obs")
    _check_obs(env, report, step.next_obs, shape, "next_obs")
    for name, dtype in (("reward", torch.float32), ("terminated", torch.bool), ("truncated", torch.bool)):
        x = getattr(step, name)
        report.expect(
            tuple(x.shape) == (n,) and x.dtype == dtype, f"{name} is {tuple(x.shape)} {x.dtype}, not ({n},) {dtype}"
        )
    report.expect(torch.isfinite(step.reward).all(), "reward is not finite")
    alive = ~(step.terminated | step.truncated)
    same = torch.equal(step.obs[alive], step.next_obs[alive])
    report.expect(same, "obs and next_obs differ in an environment whose episode goes on")
    report.expect(
        set(step.info) == set(env.info_keys), f"info has {sorted(step.info)}, info_keys declare {sorted(env.info_keys)}"
    )
    for key, value in step.info.items():
        array = value.cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        report.expect(
            array.shape[:1] == (n,), f"info['{key}'] has shape {array.shape}, its first dimension must be {n}"
        )
        declared = env.info_keys.get(key, array.dtype)
        report.expect(array.dtype == declared, f"info['{key}'] is {array.dtype}, declared {declared}")


def _check_seeding(env: VectorEnv, report: Report, n_steps: int, seed: int) -> None:
    env.set_groups(1)
    actions = sample_actions(env, n_steps, seed)
    first = env.reset_all(seed).clone()
    rolled = _roll(env, actions)
    again = env.reset_all(seed).clone()
    report.expect(same_bits(first, again), "reset_all(seed) twice gives different observations")
    report.expect(same_bits(rolled, _roll(env, actions)), "the same seed and actions give different bits")


def _check_groups(env: VectorEnv, report: Report, n_steps: int, seed: int) -> None:
    if env.num_envs < 2:
        return
    actions = sample_actions(env, n_steps, seed)
    env.set_groups(1)
    env.reset_all(seed)
    whole = _roll(env, actions)
    env.set_groups(2)
    env.reset_all(seed)
    for t, action in enumerate(actions):
        env.send(action[env.group_slice(0)], 0)
        env.send(action[env.group_slice(1)], 1)
        parts = [env.recv(0), env.recv(1)]
        for name, want in zip(("obs", "reward", "terminated", "truncated", "next_obs"), whole[t], strict=False):
            got = torch.cat([getattr(p, name) for p in parts])
            if not report.expect(same_bits(got, want), f"two groups give another {name} than one (step {t})"):
                return
        kept = [x.clone() for x in (parts[0].obs, parts[0].reward, parts[0].next_obs)]
        if t + 1 == len(actions):
            env.send(action[env.group_slice(1)], 1)
            env.recv(1)
            now = [parts[0].obs, parts[0].reward, parts[0].next_obs]
            report.expect(same_bits(kept, now), "stepping group 1 overwrites what group 0 returned")


def _check_restore(env: VectorEnv, report: Report, n_steps: int, seed: int) -> None:
    env.set_groups(1)
    env.reset_all(seed)
    actions = sample_actions(env, 2 * n_steps, seed)
    _roll(env, actions[:n_steps])
    state = copy.deepcopy(env.state_dict())
    for bad in foreign_leaves(state):
        report.expect(False, f"state_dict: {bad}, which a checkpoint cannot hold")
    if not env.restorable:
        return
    ahead = _roll(env, actions[n_steps:])
    obs = env.load_state_dict(state)
    shape = (env.num_envs, *(env.observation_space.shape or ()))
    report.expect(
        tuple(obs.shape) == shape, f"load_state_dict must return the observations {shape}, got {tuple(obs.shape)}"
    )
    report.expect(same_bits(_roll(env, actions[n_steps:]), ahead), "a restored state does not go on bit for bit")


def _check_sb3(env: VectorEnv, report: Report, n_steps: int, seed: int) -> None:
    env.seed(seed)
    obs = env.reset()
    report.expect(isinstance(obs, np.ndarray), "reset() must return a numpy array")
    returns = np.zeros(env.num_envs)
    for action in sample_actions(env, n_steps, seed):
        obs, reward, done, infos = env.step(action)
        returns += reward
        report.expect(len(infos) == env.num_envs, f"step() gave {len(infos)} infos for {env.num_envs} environments")
        for i in np.flatnonzero(done):
            missing = {"terminal_observation", "TimeLimit.truncated", "episode"} - set(infos[i])
            if report.expect(not missing, f"the info of an ended episode lacks {sorted(missing)}"):
                close = np.isclose(infos[i]["episode"]["r"], returns[i], rtol=1e-4, atol=1e-4)
                report.expect(
                    close, f"info['episode']['r'] is {infos[i]['episode']['r']}, the rewards add up to {returns[i]}"
                )
            returns[i] = 0.0
        if report.problems:
            return


def _check_picture(env: VectorEnv, report: Report, seed: int) -> None:
    env.set_groups(1)
    env.reset_all(seed)
    frame = env.render_frame(env.num_envs - 1)
    kept = isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[-1] == 3
    report.expect(
        kept, f"render_frame must return uint8 (H, W, 3), got {getattr(frame, 'dtype', '?')} {np.shape(frame)}"
    )
    report.expect(env.render_fps > 0, f"render_fps must be positive, is {env.render_fps}")
