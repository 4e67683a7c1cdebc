"""ViZDoom's Gymnasium environment as rlsuite shows it: 160x120 gray, four pictures of 42x42, four tics a step."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path

import gymnasium as gym
import numpy as np
import vizdoom
from gymnasium import wrappers
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
    """One environment; mode ``stock`` is the registered one as it comes (320x240 RGB, no wrappers)."""
    same = {} if mode == "stock" else {"screen_resolution": "RES_160X120", "screen_format": "GRAY8"}
    same["vizdoom_path"] = str(start_script())
    env = gym.make("VizdoomMyWayHome-v1", frame_skip=FRAME_SKIP, disable_env_checker=True, **same)
    if mode == "stock":
        return env
    space = gym.spaces.Box(0, 255, (120, 160, 1), np.uint8)
    env = wrappers.TransformObservation(env, lambda obs: obs["screen"], space)
    return wrappers.FrameStackObservation(wrappers.ResizeObservation(env, (42, 42)), 4)
