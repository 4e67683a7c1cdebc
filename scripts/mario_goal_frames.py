"""Pictures of Mario 1-1 with captions that say how far he is, and the two experiments that make a reward of them.

    python scripts/mario_goal_frames.py goal_frames
    python -m rlsuite.run goal_frames/scorer.yaml
    python -m rlsuite.run goal_frames/goal.yaml --set agent.rewards.0.scorer=RUN

Random play that leans to the right: each choice is held for a while, most of them run or jump to the right. ``learned``
holds pictures from one half of the machines with their captions, ``labelled`` pictures from the other half with the
share of the level in `labels.csv`, for the check before training. They are 42x42 grey, as the agent sees them.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from rlsuite.envs.levels import make_vec
from rlsuite.envs.mario.config import MarioConfig
from rlsuite.generators import write_png
from rlsuite.generators.images import from_bytes
from rlsuite.runs.seeding import numpy_stream

LEVEL, N_ENVS, N_STEPS, HELD = "mario/1-1/no_reward", 32, 400, 8
TO_THE_RIGHT = (7, 8, 9, 10)
ZONES = (
    (0.06, "mario at the very start of the level"),
    (0.12, "mario a little way into the level"),
    (0.20, "mario on his way through the level"),
    (1.01, "mario far along the level"),
)
"""Upper ends of the shares of the level, and what they are called."""
N_LEARNED, N_LABELLED = 300, 15
"""Pictures of each zone at most."""

SCORER = """\
name: contrast_mario
budget: {train_steps: 300}
data: {id: folder, path: learned}
generator:
  {kind: contrast, towers: small, size: 42, channels: 1, patch: 7, layers: 2, tower_width: 64, width: 32,
  batch_size: 64, decay_steps: 300, ema_decay: 0.99, keyword_dropout: false}
"""
GOAL = """\
extends: ppo_mario_1_1.yaml
name: goal_mario_1_1
budget: {env_steps: 80_000}
agent:
  kind: rl
  rewards:
    - kind: goal_text
      scorer: SET_ME
      goal: mario far along the level
      baseline: mario at the very start of the level
      labelled: labelled
      episodic: false # a reward below zero must not make death worth while
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    frames, shares = play(args.seed)
    half, stream = N_ENVS // 2, numpy_stream(args.seed, "goal frames/choice")
    for name, side, n in (("learned", slice(0, half), N_LEARNED), ("labelled", slice(half, N_ENVS), N_LABELLED)):
        pictures, said = frames[:, side].reshape(-1, 1, *frames.shape[2:]), shares[:, side].reshape(-1)
        rows = choose(said, n, stream)
        write(args.folder / name, pictures[rows], said[rows], captions=name == "learned")
        print(f"{name}: {len(rows)} pictures, the furthest at {said[rows].max():.2f} of the level")
    (args.folder / "scorer.yaml").write_text(SCORER)
    (args.folder / "goal.yaml").write_text(GOAL)


def play(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (steps, machines, 42, 42) uint8, and the share of the level that each shows."""
    env = make_vec(LEVEL, N_ENVS, seed=seed, options=MarioConfig(id=LEVEL))
    stream, held = numpy_stream(seed, "goal frames/play"), np.zeros(N_ENVS, np.int64)
    frames, shares = [], []
    env.reset_all()
    for _ in range(N_STEPS):
        anew = stream.random(N_ENVS) < 1 / HELD
        leaning = np.where(
            stream.random(N_ENVS) < 0.9, stream.choice(TO_THE_RIGHT, N_ENVS), stream.integers(0, 14, N_ENVS)
        )
        held = np.where(anew, leaning, held)
        step = env.step_tensor(held)
        ended = (step.terminated | step.truncated).cpu().numpy()
        frames.append(step.next_obs[:, -1].cpu().numpy().copy())
        shares.append(np.where(ended, np.nan, np.asarray(step.info["progress"])))  # a death shows no place
    env.close()
    return np.stack(frames), np.stack(shares).astype(np.float32)


def choose(shares: np.ndarray, n: int, stream: np.random.Generator) -> np.ndarray:
    """Rows of up to ``n`` pictures of each zone."""
    lower, rows = 0.0, []
    for upper, _ in ZONES:
        there = np.nonzero((shares >= lower) & (shares < upper))[0]
        rows.append(stream.permutation(there)[:n])
        lower = upper
    return np.concatenate(rows)


def write(folder: Path, pictures: np.ndarray, shares: np.ndarray, *, captions: bool) -> None:
    """PNGs, with a caption beside each or one table of values."""
    import torch

    images = from_bytes(torch.from_numpy(pictures))
    names = [f"{i:05d}.png" for i in range(len(images))]
    for name, image, share in zip(names, images, shares.tolist(), strict=True):
        path = write_png(folder / name, image)
        if captions:
            path.with_suffix(".txt").write_text(next(said for upper, said in ZONES if share < upper))
    if not captions:
        with (folder / "labels.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("picture", "value"), *zip(names, shares.tolist(), strict=True)])


if __name__ == "__main__":
    main()
