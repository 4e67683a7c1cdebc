"""ViZDoom's Gymnasium environments, a process each (``AsyncVectorEnv``).

Modes: ``same`` (default) renders 160x120 gray and shrinks and stacks to 4x42x42 with Gymnasium's own wrappers, as
rlsuite does; ``stock`` is the registered environment as it comes (320x240 RGB, no wrappers); ``sync`` is ``same`` in
one process.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

import gymnasium as gym
import numpy as np
import vizdoom
from doom_gym import FRAME_SKIP, make_single  # pyright: ignore[reportMissingImports]
from driver import serve, spec, unsupported  # pyright: ignore[reportMissingImports]
from gymnasium.vector import AutoresetMode


def main() -> None:
    """Serve measurements of My Way Home."""
    want = spec()
    mode = want.get("mode", "same")
    if mode not in ("same", "stock", "sync"):
        unsupported(f"there is no mode {mode}; same, stock, sync are")
    os.chdir(tempfile.mkdtemp())  # the engines leave files where they stand
    vector: Any = gym.vector.SyncVectorEnv if mode == "sync" else gym.vector.AsyncVectorEnv
    env = vector([lambda: make_single(mode)] * want["n_envs"], autoreset_mode=AutoresetMode.SAME_STEP)
    env.reset(seed=want["seed"])
    rng = np.random.default_rng(want["seed"])
    n_actions = int(env.single_action_space.n)

    def advance() -> int:
        env.step(rng.integers(n_actions, size=want["n_envs"]))
        return want["n_envs"]

    serve(advance, FRAME_SKIP, {"vizdoom": vizdoom.__version__, "gymnasium": gym.__version__})
    env.close()


if __name__ == "__main__":
    main()
