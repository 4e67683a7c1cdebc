"""What a picture shows, read back: small classifiers of attributes, taught on labelled real pictures.

With them arithmetic and text to image are scored by what came out, not by taste.
"""

from __future__ import annotations

import colorsys
import dataclasses
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.images import check_images
from rlsuite.generators.streams import seeded_weights
from rlsuite.generators.training import Batches
from rlsuite.runs.seeding import torch_stream

CHUNK = 256
HUES = ((0.04, "red"), (0.2, "yellow"), (0.47, "green"), (0.75, "blue"), (0.9, "purple"), (1.01, "red"))
"""Upper ends of the hue circle's parts."""


class AttributeReader(nn.Module):
    """One small convolutional network with a head for each attribute.

    Args:
        classes: Attribute to the values it may have.
        size: Side of the images, a multiple of 8.
        channels: Of the images.
        width: Channels of the first layer.
    """

    def __init__(self, classes: Mapping[str, Sequence[str]], size: int, channels: int, width: int = 24) -> None:
        super().__init__()
        self.classes = {name: list(values) for name, values in classes.items()}
        self.size, self.channels = size, channels
        layers: list[nn.Module] = []
        for n_in, n_out in ((channels, width), (width, 2 * width), (2 * width, 4 * width)):
            layers += [nn.Conv2d(n_in, n_out, 3, 2, 1), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*layers, nn.Flatten())
        n = 4 * width * (size // 8) ** 2
        self.heads = nn.ModuleDict({name: nn.Linear(n, len(values)) for name, values in self.classes.items()})

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(n, channels, size, size) in [0, 1] to logits (n, values) of each attribute."""
        found = self.body(images * 2 - 1)
        return {name: head(found) for name, head in self.heads.items()}

    @torch.no_grad()
    def read(self, images: Tensor) -> dict[str, list[str]]:
        """Each attribute's most likely value for each image.

        Raises:
            UserError: Images of another size or range.
        """
        check_images(images, size=(self.size, self.size), channels=self.channels)
        self.eval()
        found: dict[str, list[str]] = {name: [] for name in self.classes}
        for part in images.split(CHUNK):
            for name, logits in self(part).items():
                found[name] += [self.classes[name][i] for i in logits.argmax(dim=1).tolist()]
        return found

    def accuracy(self, data: ImageSet) -> dict[str, float]:
        """Share of a labelled set's images that are read correctly, by attribute."""
        read = self.read(data.floats())
        return {name: agreement(read[name], data.labels[name]) for name in self.classes}


def agreement(read: Sequence[str], wanted: Sequence[str]) -> float:
    """Share of places at which two lists agree."""
    return sum(a == b for a, b in zip(read, wanted, strict=True)) / max(1, len(wanted))


def fit_reader(
    data: ImageSet, attributes: Sequence[str], *, n_steps: int = 500, batch_size: int = 64, seed: int = 0
) -> AttributeReader:
    """Teach a reader on labelled pictures, a little shifted, blurred and noised, as generated ones are.

    Args:
        data: Pictures with labels.
        attributes: Which labels to read.
        n_steps: Gradient steps.
        batch_size: Pictures a step.
        seed: Of weights and batches.

    Raises:
        UserError: The set has no such label.
    """
    for name in attributes:
        if name not in data.labels:
            raise UserError(f"data {data.id} has no label {name!r}; it has {', '.join(data.labels) or 'none'}")
    classes = {name: sorted(set(data.labels[name])) for name in attributes}
    places = {name: {value: i for i, value in enumerate(values)} for name, values in classes.items()}
    targets = {name: torch.tensor([places[name][v] for v in data.labels[name]]) for name in attributes}
    with seeded_weights(seed, "readback"):
        reader = AttributeReader(classes, data.size[0], data.channels).train()
    optimizer = torch.optim.Adam(reader.parameters(), 2e-3, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    generator = torch_stream(seed, "generators/readback")
    batches = Batches(len(data), batch_size, generator)
    for _ in range(n_steps):
        rows = batches.rows()
        logits = reader(_disturb(data.floats(rows), generator))
        loss = torch.stack([F.cross_entropy(logits[name], targets[name][rows]) for name in attributes]).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    return reader.eval()


def _disturb(images: Tensor, generator: torch.Generator) -> Tensor:
    """Noise, and for some batches a blur or a shift by a pixel."""
    chance = float(torch.rand((), generator=generator))
    if chance < 0.3:
        images = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1) * 0.6 + images * 0.4
    elif chance < 0.5:
        dy, dx = torch.randint(-1, 2, (2,), generator=generator).tolist()
        images = images.roll((dy, dx), dims=(2, 3))
    return (images + 0.05 * torch.randn(images.shape, generator=generator)).clamp(0, 1)


def dicebear_attributes(data: ImageSet) -> ImageSet:
    """DiceBear's labels as few plain attributes: glasses, hat, length and colour of hair, skin, clothes."""
    given, n = data.labels, len(data)
    labels = {
        "glasses": ["no" if v == "none" else "yes" for v in given["glasses"]],
        "hat": ["no" if v == "none" else "yes" for v in given["hat"]],
        "hair": [v.rstrip("0123456789") for v in given["hair"]],
        "skin": ["dark" if _brightness(v) < 0.66 else "light" for v in given["skinColor"]],
        "clothes": [hue_name(v) for v in given["clothingColor"]],
        "hair_colour": ["dark" if _brightness(v) < 0.45 else "light" for v in given["hairColor"]],
    }
    assert all(len(values) == n for values in labels.values())
    return dataclasses.replace(data, labels=labels)


def hue_name(colour: str) -> str:
    """The part of the hue circle in which ``#rrggbb`` lies."""
    hue = colorsys.rgb_to_hsv(*_rgb(colour))[0]
    return next(name for upper, name in HUES if hue < upper)


def _brightness(colour: str) -> float:
    return sum(w * c for w, c in zip((0.3, 0.59, 0.11), _rgb(colour), strict=True))


def _rgb(colour: str) -> tuple[float, float, float]:
    r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return r, g, b
