"""nes-py, as fast as it goes: its native frame advance on one machine, in a loop.

It always draws. Nothing is copied, resized, stacked, rewarded or reset around it, and more machines would
be played one after the other; so this is the most that an environment on top of it can reach per core.
"""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from driver import serve, spec  # pyright: ignore[reportMissingImports]
from nes_py import NESEnv

ROM = Path("_roms") / "super-mario-bros.nes"
START, EPISODE_FRAMES, STEPS = 8, 1000, 10
# Pathak et al.'s 14 combinations of buttons, which are what rlsuite's levels play
BUTTONS = (0, 16, 32, 64, 65, 66, 67, 128, 129, 130, 131, 1, 2, 3)


def main() -> None:
    """Serve measurements; an env step is as many frames as the level's frame_skip."""
    want = spec()
    frame_skip = int(want.get("env", {}).get("frame_skip", 6))
    package = find_spec("gym_super_mario_bros")
    assert package is not None, "the lock installs it"
    assert package.origin is not None, "it is a folder with an __init__"
    env = NESEnv(str(Path(package.origin).parent / ROM))
    env.reset()
    for buttons in [0] * 40 + [START] * 3 + [0] * 250:  # to the first stage
        env._frame_advance(buttons)
    env._backup()
    rng, done = np.random.default_rng(want["seed"]), 0
    native = env._env.frame_advance

    def advance() -> int:
        nonlocal done
        if done >= EPISODE_FRAMES:  # so that it too plays a stage, not a dead player
            env._restore()
            done = 0
        for action in rng.integers(0, len(BUTTONS), STEPS).tolist():
            for _ in range(frame_skip):
                native(BUTTONS[action])
        done += STEPS * frame_skip
        return STEPS

    serve(advance, frame_skip, {"nes-py": version("nes-py")})


if __name__ == "__main__":
    main()
