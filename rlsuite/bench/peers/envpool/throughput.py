"""EnvPool's steps: its own thread pool, synchronous or (``"mode": "async"``) half of the batch at a time."""

from __future__ import annotations

import envpool  # pyright: ignore[reportMissingImports]
import numpy as np
from driver import mlp_policy, random_actions, serve, spec, unsupported  # pyright: ignore[reportMissingImports]


def main() -> None:
    """Serve measurements of one task."""
    want = spec()
    if want["level"].startswith("doom/"):
        import doom

        return serve(doom.make_advance(want), doom.FRAME_SKIP, {"envpool": envpool.__version__})
    task = want["level"].removeprefix("mujoco/")
    if task not in envpool.list_all_envs():
        unsupported(f"EnvPool {envpool.__version__} has no {task}")
    n, half = want["n_envs"], want["n_envs"] // 2
    asynchronous = want.get("mode") == "async"
    env = envpool.make(
        task,
        env_type="gymnasium",
        num_envs=n,
        batch_size=half if asynchronous else n,
        num_threads=want["n_threads"],
        seed=want["seed"],
    )
    space = env.action_space
    batch = half if asynchronous else n
    if want["policy"]:
        policy = mlp_policy(env.observation_space.shape[0], space.low, space.high, want["seed"])
        act = lambda obs: policy(obs).astype(np.float64)  # noqa: E731  EnvPool takes float64 actions
    else:
        draw = random_actions(space.low, space.high, batch, want["seed"])
        act = lambda obs: draw()  # noqa: E731
    advance = _asynchronous(env, act) if asynchronous else _synchronous(env, act)
    serve(advance, env.config["frame_skip"], {"envpool": envpool.__version__})


def _synchronous(env, act):
    obs, _ = env.reset()

    def advance() -> int:
        nonlocal obs
        obs, _, _, _, info = env.step(act(obs))
        return _transitions(info)

    return advance


def _transitions(info) -> int:
    """Steps that acted; EnvPool resets an ended environment in the place of its next step, which is none."""
    return int(np.count_nonzero(info["elapsed_step"]))


def _asynchronous(env, act):
    env.async_reset()

    def advance() -> int:
        obs, _, _, _, info = env.recv()
        env.send(act(obs), info["env_id"])
        return _transitions(info)

    return advance


if __name__ == "__main__":
    main()
