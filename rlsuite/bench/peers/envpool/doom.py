"""EnvPool's My Way Home with rlsuite's preprocessing: 160x120 gray rendered, 42x42, four pictures, four tics.

EnvPool's stock file renders 320x240 RGB; mode ``stock`` measures that. Its VizDoom environments drop the scenario's
own reward, which costs it nothing here: only speed is measured.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import envpool  # pyright: ignore[reportMissingImports]
import envpool_assets  # pyright: ignore[reportMissingImports]
import numpy as np

FRAME_SKIP = 4


def make_advance(want: dict) -> Callable[[], int]:
    """A function that takes one vector step and returns its env steps."""
    maps = Path(next(iter(envpool_assets.__path__))) / "vizdoom" / "maps"
    cfg = maps / "my_way_home.cfg"
    os.chdir(tempfile.mkdtemp())  # the engines leave files where they stand
    if want.get("mode") != "stock":
        cfg = _gray_cfg(cfg)
    env = envpool.make(
        "VizdoomCustom-v1",
        env_type="gymnasium",
        num_envs=want["n_envs"],
        num_threads=want["n_threads"],
        seed=want["seed"],
        cfg_path=str(cfg),
        wad_path=str(maps / "my_way_home.wad"),
        img_width=42,
        img_height=42,
        stack_num=4,
        frame_skip=FRAME_SKIP,
        use_combined_action=True,
    )
    rng = np.random.default_rng(want["seed"])
    n_actions = int(env.action_space.n)
    env.reset()

    def advance() -> int:
        env.step(rng.integers(n_actions, size=want["n_envs"]))
        return want["n_envs"]

    return advance


def _gray_cfg(stock: Path) -> Path:
    lines = [line for line in stock.read_text().splitlines() if "screen_resolution" not in line]
    path = Path("my_way_home_gray.cfg").resolve()
    path.write_text("\n".join([*lines, "screen_resolution = RES_160X120", "screen_format = GRAY8", ""]))
    return path
