"""A set of images in memory, with what is known about each."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rlsuite.errors import DataError, UserError
from rlsuite.generators.images import from_bytes
from rlsuite.runs.seeding import numpy_stream

if TYPE_CHECKING:
    from rlsuite.generators.contracts import Spec


@dataclass(frozen=True)
class ImageSet:
    """Images of one size, as bytes.

    Attributes:
        id: The set's name.
        images: uint8 N x C x H x W; films are N x T x C x H x W.
        names: Of each image: a file or an id. Images of one group (a person, an emoji) share what stands
            before the first ``#``, so that a split keeps them together.
        captions: A sentence for each image, or None.
        labels: Attribute to each image's value, where they are known.
        partners: The other domain's images (same size) for translators, or None.
        aligned: Whether ``partners[i]`` shows the same as ``images[i]``.
        licence: What may be done with them.
        source: Where they come from.
        problems: What could not be read, by name.
    """

    id: str
    images: Tensor
    names: Sequence[str]
    captions: Sequence[str] | None = None
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    partners: Tensor | None = None
    aligned: bool = False
    licence: str = ""
    source: str = ""
    problems: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.dim() not in (4, 5):
            found = f"{self.images.dtype} of shape {tuple(self.images.shape)}"
            raise DataError(f"the set {self.id}: uint8 N x C x H x W (or N x T x C x H x W) is wanted, found {found}")
        lengths = {"names": len(self.names), "captions": len(self.captions or self.names)}
        lengths |= {f"labels of {k}": len(v) for k, v in self.labels.items()}
        for what, n in lengths.items():
            if n != len(self):
                raise DataError(f"the set {self.id} has {len(self)} images but {n} {what}")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return int(self.images.shape[-2]), int(self.images.shape[-1])

    @property
    def channels(self) -> int:
        """1, 3 or 4."""
        return int(self.images.shape[-3])

    def floats(self, rows: Tensor | slice = slice(None)) -> Tensor:
        """Images as float32 in [0, 1]."""
        return from_bytes(self.images[rows])

    def require(self, spec: Spec) -> None:
        """Refuse a set whose images are not what a generator wants.

        Raises:
            UserError: It is empty, or of another size, number of channels or kind.
        """
        if not len(self):
            raise UserError(f"the set {self.id} is empty: there is nothing for {spec.kind} to learn from")
        films = self.images.dim() == 5
        if films != (spec.n_frames is not None):
            raise UserError(f"{spec.kind} learns from {'films' if spec.n_frames else 'images'}, {self.id} holds others")
        if films and self.images.shape[1] != spec.n_frames:
            raise UserError(f"{spec.kind} wants films of {spec.n_frames} frames, {self.id} has {self.images.shape[1]}")
        if self.size != spec.size or self.channels != spec.channels:
            wanted = f"{spec.size[0]}x{spec.size[1]} with {spec.channels} channels"
            found = f"{self.size[0]}x{self.size[1]} with {self.channels}"
            raise UserError(f"{spec.kind} wants images of {wanted}, {self.id} has {found}")

    def subset(self, rows: Sequence[int] | Tensor) -> ImageSet:
        """The images of these rows, in this order."""
        index = torch.as_tensor(rows, dtype=torch.long)
        chosen = index.tolist()
        return dataclasses.replace(
            self,
            images=self.images[index],
            names=[self.names[i] for i in chosen],
            captions=None if self.captions is None else [self.captions[i] for i in chosen],
            labels={k: [v[i] for i in chosen] for k, v in self.labels.items()},
            partners=self.partners[index] if self.partners is not None and self.aligned else self.partners,
        )

    def split(self, held_out: float, seed: int = 0) -> tuple[ImageSet, ImageSet]:
        """Divide by groups: training images, and the share ``held_out`` that training never sees."""
        groups = sorted({self.group(i) for i in range(len(self))})
        order = numpy_stream(seed, "generators/split").permutation(len(groups))
        hidden = {groups[i] for i in order[: round(len(groups) * held_out)]}
        rows = [i for i in range(len(self)) if self.group(i) in hidden]
        rest = [i for i in range(len(self)) if self.group(i) not in hidden]
        return self.subset(rest), self.subset(rows)

    def group(self, row: int) -> str:
        """What the image belongs to: images of one group go to one side of a split."""
        return self.names[row].partition("#")[0]

    def data_hash(self) -> str:
        """A fingerprint of the pixels and captions, for manifests."""
        digest = hashlib.sha256(self.images.contiguous().numpy().tobytes())
        if self.partners is not None:
            digest.update(self.partners.contiguous().numpy().tobytes())
        digest.update("\n".join(self.captions or ()).encode())
        return digest.hexdigest()[:16]
