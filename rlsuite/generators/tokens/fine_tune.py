"""An image GPT turned into a classifier: all weights go on learning, from labels and from the pixels.

Reference: Chen et al. 2020, "Generative Pretraining from Pixels", section 3.3: the features are the last layer's,
averaged over positions; the loss is that of the labels plus that of the pixels, which did better than the labels alone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.streams import seeded_weights
from rlsuite.generators.tokens.image_gpt import ImageGpt
from rlsuite.generators.tokens.network import embed, run
from rlsuite.generators.tokens.sampling import CHUNK
from rlsuite.generators.tokens.training import cross_entropy
from rlsuite.runs.seeding import torch_stream


class Classifier(nn.Module):
    """A fine-tuned image GPT.

    Args:
        generator: What it was; its weights are copied, and stay as they are.
        classes: Names, in the order of the scores.
        seed: Of the new layer's weights.
    """

    def __init__(self, generator: ImageGpt, classes: tuple[str, ...], seed: int) -> None:
        super().__init__()
        self.generator, self.classes = generator, classes
        self.model: Any = copy.deepcopy(generator.model)
        with seeded_weights(seed, "fine_tune"):
            self.head = nn.Linear(generator.config.width, len(classes))

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of the classes (n, classes) and of each next pixel (n, pixels, vocabulary), of `ImageGpt.tokens`."""
        hidden = run(self.model, embed(self.model, tokens))
        return self.head(hidden.mean(dim=1)), self.model.lm_head(hidden)

    @torch.no_grad()
    def predict(self, images: Tensor) -> list[str]:
        """The class of each image (n, C, H, W) in [0, 1]."""
        tokens = self.generator.tokens(images)
        scores = torch.cat([self(part)[0] for part in tokens.split(CHUNK)])
        return [self.classes[i] for i in scores.argmax(dim=1).tolist()]


@dataclass(frozen=True)
class FineTuned:
    """What fine-tuning came to.

    Attributes:
        accuracy: On held-out pictures, in [0, 1].
        classifier: The fine-tuned model.
    """

    accuracy: float
    classifier: Classifier


def fine_tune(
    generator: ImageGpt,
    data: ImageSet,
    held_out: ImageSet,
    label: str,
    *,
    n_steps: int = 300,
    batch_size: int = 32,
    learning_rate: float = 3e-4,
    joint: float = 1.0,
    seed: int = 0,
    watch: Callable[[int, float], None] | None = None,
) -> FineTuned:
    """Let all weights of a copy learn from labels and pixels together.

    Args:
        generator: A trained image GPT; it stays as it is.
        data: Labelled pictures to learn from.
        held_out: Labelled pictures to be scored on.
        label: Which of the sets' labels.
        n_steps: Gradient steps.
        batch_size: Pictures a step.
        learning_rate: Adam's.
        joint: Weight of the pixels' loss beside the labels'; 0: labels alone.
        seed: Of the new layer and of the batches.
        watch: Told the steps taken and the loss, after each.

    Raises:
        UserError: The model was trained with ``bert``, the label is missing, or it has fewer than two values.
    """
    if generator.config.objective == "bert":
        raise UserError("fine_tune: an image_gpt with objective autoregressive is wanted; this one has bert")
    for images in (data, held_out):
        if label not in images.labels:
            known = ", ".join(images.labels) or "none"
            raise UserError(f"fine_tune: {images.id} has no label {label!r}; it has {known}")
    classes = tuple(sorted(set(data.labels[label])))
    if len(classes) < 2:
        raise UserError(f"fine_tune: {label!r} has {len(classes)} value; two or more are needed")
    found = Classifier(generator, classes, seed).to(generator.device).train()
    target = torch.tensor([classes.index(value) for value in data.labels[label]], device=generator.device)
    optimizer = torch.optim.AdamW(found.parameters(), learning_rate, betas=(0.9, 0.95), fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, n_steps))
    stream = torch_stream(seed, "generators/fine_tune")
    for taken in range(1, n_steps + 1):
        rows = torch.randint(len(data), (batch_size,), generator=stream)
        images = data.subset(rows).floats()
        tokens = generator.tokens(images)
        scores, following = found(tokens)
        loss = F.cross_entropy(scores, target[rows])
        if joint:
            loss = loss + joint * cross_entropy(following, generator.colours.numbers(images).flatten(1).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if watch is not None:
            watch(taken, float(loss.detach()))
    found.eval()
    said = found.predict(held_out.floats())
    right = sum(a == b for a, b in zip(said, held_out.labels[label], strict=True))
    return FineTuned(right / max(1, len(said)), found)
