"""Reward for looking like a sentence, regularised by a baseline sentence, refused unless labelled states agree.

Reference: Rocamonde, Montesinos, Nava, Perez & Lindner 2024, arXiv:2310.12921, definition 1 (goal-baseline
regularisation).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from rlsuite.agents.contracts import Batch, RewardContext
from rlsuite.agents.goal.config import GoalConfig
from rlsuite.errors import DataError, UserError

LABELS = "labels.csv"
CHUNK = 256


class Scorer(Protocol):
    """Pictures and sentences in one space."""

    def encode(self, images: Tensor) -> Tensor:
        """Vectors of length one, (n, width), of n x C x H x W in [0, 1]."""
        ...

    def encode_texts(self, sentences: Sequence[str]) -> Tensor:
        """The same of sentences."""
        ...


def goal_reward(states: Tensor, goal: Tensor, baseline: Tensor | None = None, alpha: float = 0.0) -> Tensor:
    """1 - |alpha proj(s) + (1 - alpha) s - g|^2 / 2, (n,); proj is onto the line from baseline to goal.

    Args:
        states: (n, width), each of length one.
        goal: (width,) of length one.
        baseline: (width,) of length one; None: no projection, and the reward is the cosine.
        alpha: Share of the projection.

    Reference: Rocamonde et al. 2024, definition 1.
    """
    if baseline is not None:
        line = torch.nn.functional.normalize(goal - baseline, dim=0)
        onto = baseline + ((states - baseline) @ line)[:, None] * line
        states = alpha * onto + (1 - alpha) * states
    return 1 - (states - goal).square().sum(dim=1) / 2


class GoalReward:
    """The learned reward; it does not train.

    Args:
        config: Its section.
        scorer: Judges the pictures.
        device: Where batches arrive.

    Attributes:
        info_keys: None are read.
    """

    name = "goal_text"
    info_keys: tuple[str, ...] = ()

    def __init__(self, config: GoalConfig, scorer: Scorer, device: torch.device) -> None:
        self.scorer, self.device = scorer, device
        self.weight, self.gamma, self.episodic = config.weight, config.gamma, config.episodic
        self.value_head: Literal["shared", "own"] = config.value_head
        self.alpha = config.alpha
        said = scorer.encode_texts([config.goal, *([config.baseline] if config.baseline else [])])
        self.goal, self.baseline = said[0], said[1] if len(said) > 1 else None

    def of_images(self, images: Tensor) -> Tensor:
        """Of pictures n x C x H x W in [0, 1], (n,)."""
        vectors = torch.cat([self.scorer.encode(part) for part in images.split(CHUNK)])
        return goal_reward(vectors, self.goal, self.baseline, self.alpha)

    @torch.no_grad()
    def reward(self, batch: Batch) -> Tensor:
        """Of the state that each transition leads to, float32, of the batch's leading shape."""
        frames = batch.next_obs.flatten(0, batch.reward.dim() - 1)
        found = self.of_images(newest(frames).cpu().float() / 255)
        return found.view(batch.leading_shape).to(self.device)

    def update(self, batch: Batch) -> dict[str, Tensor | float]:
        """Nothing trains; what the last batch was worth."""
        found = self.reward(batch)
        return {"reward_mean": found.mean(), "reward_std": found.std()}

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the scorer is a file of its own."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing."""


def newest(frames: Tensor) -> Tensor:
    """The newest picture of stacks n x C x H x W: the last three channels where C is a multiple of three, else one."""
    return frames[:, -3:] if frames.shape[1] % 3 == 0 else frames[:, -1:]


def make(config: GoalConfig, context: RewardContext) -> GoalReward:
    """Build the reward, and check it on labelled states first.

    Raises:
        UserError: Observations are no pictures, nothing loads scorers here, or the reward disagrees with the labels.
        DataError: The labelled states cannot be read.
    """
    shape = getattr(context.observation_space, "shape", None) or ()
    if len(shape) != 3 or getattr(context.observation_space, "dtype", None) != np.uint8:
        raise UserError(f"the goal_text reward looks at pictures (uint8 C x H x W), these observations are {shape}")
    if context.load_scorer is None:
        raise UserError("the goal_text reward needs a scorer; rlsuite.train hands one in")
    scorer = context.load_scorer(config.scorer)
    if not hasattr(scorer, "encode_texts"):
        raise UserError(f"{config.scorer} is no scorer of sentences; train a generator of kind contrast")
    reward = GoalReward(config, scorer, context.device)
    images, values = labelled_states(Path(config.labelled))
    found = agreement(torch.cat([reward.of_images(image[None]) for image in images]).tolist(), values)
    if found < config.min_correlation:
        raise UserError(
            f"the reward for '{config.goal}' does not follow the labelled states: rank correlation {found:.2f} on "
            f"{len(values)} states, at least {config.min_correlation:g} is wanted. Say the goal as the captions would, "
            "add a baseline, or train the scorer on pictures like these."
        )
    return reward


def labelled_states(folder: Path) -> tuple[list[Tensor], list[float]]:
    """Pictures C x H x W in [0, 1] and their values.

    Raises:
        DataError: ``labels.csv`` or a picture cannot be read, or there are fewer than three.
    """
    from PIL import Image

    images, values = [], []
    try:
        with (folder / LABELS).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                pixels = np.asarray(Image.open(folder / row["picture"]).convert("RGB")).copy()
                images.append(torch.from_numpy(pixels).permute(2, 0, 1).float() / 255)
                values.append(float(row["value"]))
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{folder / LABELS}: rows of `picture,value` are wanted: {error!r}") from error
    if len(values) < 3:
        raise DataError(f"{folder / LABELS}: {len(values)} states cannot show whether a reward follows them")
    return images, values


def agreement(rewards: Sequence[float], values: Sequence[float]) -> float:
    """Spearman's rank correlation, ties at their mean rank; 0 if either does not vary."""
    a, b = (_mean_ranks(np.asarray(x, np.float64)) for x in (rewards, values))
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _mean_ranks(x: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]
