"""The training of a contrastive scorer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rlsuite.generators.augment import augment
from rlsuite.generators.contracts import Device
from rlsuite.generators.contrast.config import ContrastConfig
from rlsuite.generators.contrast.losses import info_nce
from rlsuite.generators.contrast.towers import FrozenTowers
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.images import from_bytes
from rlsuite.generators.tokens.training import warm_cosine
from rlsuite.generators.training import NetworkState
from rlsuite.runs.seeding import numpy_stream, torch_stream

if TYPE_CHECKING:
    from rlsuite.generators.contrast.scorer import Contrast

CHUNK = 256
N_VARIANTS = 4
"""Wordings of a caption that training shows."""


class ContrastState(NetworkState):
    """A scorer's training.

    Args:
        generator: The scorer; its weights follow.
        data: What is learned from, with captions. Aligned partners are further pictures of the same captions.
        seed: Of batches, and of the choice among views and wordings.
        device: Where to compute.
    """

    config: ContrastConfig

    def __init__(self, generator: Contrast, data: ImageSet, *, seed: int, device: Device) -> None:
        super().__init__(generator.config, data, seed=seed, device=device)
        config, captions = generator.config, list(data.captions or ())
        self.towers: Any = self.train_beside(generator.towers, "towers")
        matrices = [p for p in self.towers.parameters() if p.dim() >= 2]
        others = [p for p in self.towers.parameters() if p.dim() < 2]
        groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
        betas = (0.9, config.beta2)
        self.optimizers["towers"] = torch.optim.AdamW(groups, config.learning_rate, betas=betas, foreach=True)
        self.pictures = [data.images, data.partners] if data.aligned and data.partners is not None else [data.images]
        self.views = self._views() if isinstance(self.towers, FrozenTowers) else None
        self.texts = self._wordings(captions)
        names = {caption: i for i, caption in enumerate(dict.fromkeys(captions))}
        self.caption_ids = torch.tensor([names[caption] for caption in captions], device=self.device)

    @property
    def _augmentation(self) -> Any:
        return self.config.augment

    def _views(self) -> Tensor:
        """Features (n, views, d), the first of each picture as it is; the same for every seed, as `_wordings`."""
        stream, found = torch_stream(0, "contrast/views", torch.device("cpu")), []
        for pictures in self.pictures:
            for view in range(self.config.views):
                parts = [self._view(part, stream if view else None) for part in pictures.split(CHUNK)]
                found.append(torch.cat(parts))
        return torch.stack(found, dim=1).to(self.device)

    def _view(self, part: Tensor, stream: torch.Generator | None) -> Tensor:
        images = from_bytes(part)
        if stream is not None:
            images = ((augment(images * 2 - 1, self.config.augment, stream) + 1) / 2).clamp(0, 1)
        return self.towers.prepare_images(images)

    def _wordings(self, captions: Sequence[str]) -> Tensor:
        """(n, wordings, ...): each caption whole and shortened, as the towers read it."""
        n = N_VARIANTS if self.config.keyword_dropout else 1
        said = [caption_variants(caption, n) for caption in captions]
        flat = sorted({wording for wordings in said for wording in wordings})
        place = {wording: i for i, wording in enumerate(flat)}
        prepared = torch.cat([self.towers.prepare_texts(flat[i : i + CHUNK]) for i in range(0, len(flat), CHUNK)])
        rows = torch.tensor([[place[wording] for wording in wordings] for wordings in said])
        return prepared[rows].to(self.device)

    def step(self) -> Mapping[str, Tensor | float]:
        """One gradient step."""
        optimizer, rate = self.optimizers["towers"], warm_cosine(self.config, self.n_steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        rows = self.batches.rows()
        ids = self.caption_ids[rows]
        with self.autocast():
            images = self.towers.embed_images(self._images(rows))
            texts = self.towers.embed_texts(self._texts(rows))
        loss = info_nce(images.float(), texts.float(), self.towers.scale, ids[:, None] == ids[None, :])
        norm = self.descend_clipped(optimizer, loss, self.towers, self.config.clip)
        self.end_step()
        scale = self.towers.scale.detach()
        return {"loss": loss.detach(), "grad_norm": norm, "learning_rate": rate, "scale": scale}

    def _images(self, rows: Tensor) -> Tensor:
        if self.views is None:
            pictures = self.pictures[int(self._draw(1, len(self.pictures)))].to(self.device)
            return self.towers.prepare_images((self.real(rows, pictures) + 1).div(2).clamp(0, 1)).to(self.device)
        return self._hidden(self.views[rows, self._draw(len(rows), self.views.shape[1])])

    def _texts(self, rows: Tensor) -> Tensor:
        texts = self.texts[rows, self._draw(len(rows), self.texts.shape[1])]
        return texts if self.views is None else self._hidden(texts)

    def _hidden(self, features: Tensor) -> Tensor:
        """Dropout that draws from this training's own stream."""
        share = self.config.feature_dropout
        kept = torch.rand(features.shape, generator=self.generator, device=self.device) >= share
        return features * kept / (1 - share)

    def _draw(self, n: int, below: int) -> Tensor:
        return torch.randint(below, (n,), generator=self.generator, device=self.device)


def caption_variants(caption: str, n: int) -> list[str]:
    """N wordings of a caption: whole, its first phrase, then random halves of its phrases in random order.

    Phrases are what stands between commas and semicolons; a caption of one phrase stays as it is.
    """
    phrases = [phrase.strip() for phrase in re.split("[;,]", caption) if phrase.strip()]
    if len(phrases) < 2 or n < 2:
        return [caption] * n
    stream = numpy_stream(0, f"contrast/wordings/{caption}")
    half = max(1, len(phrases) // 2)
    mixed = [", ".join(phrases[i] for i in stream.permutation(len(phrases))[:half]) for _ in range(n - 2)]
    return [caption, phrases[0], *mixed]
