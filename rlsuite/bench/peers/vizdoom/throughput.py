"""ViZDoom's Gymnasium environments, a process each (``AsyncVectorEnv``).

Modes: ``same`` (default) renders 160x120 gray and shrinks and stacks to 4x42x42 with Gymnasium's own wrappers, as
rlsuite does; ``stock`` is the registered environment as it comes (320x240 RGB, no wrappers); ``sync`` is ``same`` in
one process.
"""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import vizdoom
from driver import serve, spec, unsupported  # pyright: ignore[reportMissingImports]
from gymnasium import wrappers
from gymnasium.vector import AutoresetMode
from vizdoom import gymnasium_wrapper  # noqa: F401  registers the environments

FRAME_SKIP = 4


def start_script() -> Path:
    """A start of the engine through rlsuite's launcher, so that none outlives a benchmark that is killed."""
    folder = Path(tempfile.mkdtemp(prefix="rlsuite-peer-doom-"))
    launcher = Path(__file__).resolve().parents[3] / "envs" / "doom" / "launcher.py"
    engine = Path(vizdoom.__file__).parent / "vizdoom"
    words = [sys.executable, "-I", "-S", launcher, os.getpid(), folder / "engine.json", engine]
    script = folder / "engine"
    script.write_text("#!/bin/sh\nexec " + shlex.join(map(str, words)) + ' "$@"\n')
    script.chmod(0o700)
    return script


def make_single(mode: str) -> gym.Env:
    """One environment of a mode."""
    same = {} if mode == "stock" else {"screen_resolution": "RES_160X120", "screen_format": "GRAY8"}
    same["vizdoom_path"] = str(start_script())
    env = gym.make("VizdoomMyWayHome-v1", frame_skip=FRAME_SKIP, disable_env_checker=True, **same)
    if mode == "stock":
        return env
    space = gym.spaces.Box(0, 255, (120, 160, 1), np.uint8)
    env = wrappers.TransformObservation(env, lambda obs: obs["screen"], space)
    return wrappers.FrameStackObservation(wrappers.ResizeObservation(env, (42, 42)), 4)


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
