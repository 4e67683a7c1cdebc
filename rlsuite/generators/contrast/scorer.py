"""A scorer of pictures by sentences: ranks, labels without training, retrieves.

Reference: Radford et al. 2021, arXiv:2103.00020. Deviations: see `towers` and `losses`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.contracts import Device, Generator, Spec
from rlsuite.generators.contrast.config import ContrastConfig
from rlsuite.generators.contrast.losses import ranks, top
from rlsuite.generators.contrast.towers import ClipTowers, Towers, build_towers
from rlsuite.generators.contrast.training import ContrastState
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.images import check_images
from rlsuite.generators.tokens.captions import CaptionTokens
from rlsuite.runs.statetree import StateTree

BPE = "byte_pairs"
"""Under which name the provenance keeps the learned byte pairs."""
CHUNK = 64
PROMPTS = ("{}",)


class Contrast(Generator):
    """Ranks and encodes images; labels and finds them by text.

    Args:
        config: Its section.
        seed: Of the initial weights.
    """

    kind = "contrast"
    config_class = ContrastConfig

    def __init__(self, config: ContrastConfig, *, seed: int = 0) -> None:
        super().__init__(config, seed=seed)
        self.towers: Towers = build_towers(config, seed)

    @property
    def spec(self) -> Spec:
        """What it learns from; it scores images of any size."""
        side = self.config.size
        return Spec(self.kind, (side, side), self.config.channels, condition="text", latent=None)

    def networks(self) -> Mapping[str, nn.Module]:
        """The towers."""
        return {"towers": self.towers}

    def load_state_dict(self, tree: StateTree) -> None:
        """Bring `state_dict` back, byte pairs included."""
        super().load_state_dict(tree)
        if BPE in self.provenance and isinstance(self.towers, ClipTowers):
            config = self.config
            self.towers.tokens = CaptionTokens(self.provenance[BPE], config.text_vocabulary, config.text_length)

    def fit_state(self, data: ImageSet, *, seed: int, device: Device = "cpu") -> ContrastState:
        """Begin training.

        Raises:
            UserError: The images are of another size or have no captions, or the towers are open_clip's.
        """
        data.require(self.spec)
        if data.captions is None:
            raise UserError(f"contrast learns from captioned images, {data.id} has no captions; try shapes or emoji")
        if self.config.towers == "open_clip":
            raise UserError("towers: open_clip is used as it is; train towers: frozen, small or clip")
        if self.config.towers == "small" and isinstance(self.towers, ClipTowers):
            config = self.config
            tokens = CaptionTokens.learn(data.captions, config.text_vocabulary, config.text_length)
            self.provenance = {**self.provenance, BPE: tokens.to_text()}
            self.towers.tokens = tokens
        return ContrastState(self.to(device), data, seed=seed, device=device)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Vectors of length one, (n, width), of images of any size."""
        check_images(images)
        if self.config.towers != "frozen" and not len(images):
            return torch.empty(0, self.config.width)
        self.towers.eval()
        parts = [self.towers.prepare_images(part).to(self.device) for part in images.split(CHUNK)]
        return torch.cat([F.normalize(self.towers.embed_images(part), dim=1).cpu() for part in parts])

    @torch.no_grad()
    def encode_texts(self, sentences: Sequence[str]) -> Tensor:
        """Vectors of length one, (n, width)."""
        self.towers.eval()
        parts = [list(sentences[i : i + CHUNK]) for i in range(0, len(sentences), CHUNK)]
        found = [self.towers.embed_texts(self.towers.prepare_texts(part).to(self.device)) for part in parts]
        return F.normalize(torch.cat(found), dim=1).cpu() if found else torch.empty(0, self.config.width)

    def score(self, images: Tensor, condition: Any = None) -> Tensor:
        """Cosine of each image with a sentence (or with its own, of n), (n,) in [-1, 1].

        Raises:
            UserError: No sentence, or neither one nor n.
        """
        check_images(images)
        if condition is None:
            raise UserError("contrast scores images by a sentence: give one (--text 'a red circle')")
        sentences = [condition] if isinstance(condition, str) else list(condition)
        if len(sentences) not in (1, len(images)):
            raise UserError(f"contrast: one sentence or {len(images)} were wanted, got {len(sentences)}")
        return (self.encode(images) * self.encode_texts(sentences)).sum(dim=1)

    def classify(self, images: Tensor, labels: Sequence[str], prompts: Sequence[str] = PROMPTS) -> Tensor:
        """Labels without training: probabilities (n, labels).

        Args:
            images: N x C x H x W in [0, 1].
            labels: What they may show.
            prompts: Sentences with ``{}`` for the label; a label's vector is the mean of its sentences'.

        Raises:
            UserError: There is no label, or a prompt without ``{}``.
        """
        if not labels or not prompts or any("{}" not in prompt for prompt in prompts):
            raise UserError("labels: at least one label and one prompt are needed, and each prompt holds {}")
        sentences = [prompt.replace("{}", label) for label in labels for prompt in prompts]
        means = self.encode_texts(sentences).view(len(labels), len(prompts), -1).mean(dim=1)
        scale = self.towers.scale.detach().cpu()
        return (scale * self.encode(images) @ F.normalize(means, dim=1).T).softmax(dim=1)

    def retrieve(self, images: Tensor, text: str, k: int) -> Tensor:
        """Row numbers of the k images that fit a sentence best, best first."""
        return self.score(images, text).argsort(descending=True, stable=True)[:k]

    def preview(self, data: ImageSet | None, *, n: int = 16, seed: int = 0) -> Tensor:
        """What the captions of some images find: each row of a sheet is an image, then the best for its caption.

        Raises:
            UserError: There are no captioned images to look among.
        """
        if data is None or not data.captions:
            raise UserError("contrast shows what captions find: captioned images are needed")
        side = max(2, round(n**0.5))
        images = data.floats(slice(0, 200))
        texts = self.encode_texts(data.captions[: min(side, len(images))])
        found = (texts @ self.encode(images).T).argsort(dim=1, descending=True, stable=True)[:, : side - 1]
        rows = torch.cat([torch.arange(len(texts))[:, None], found], dim=1)
        return images[rows.flatten()]

    def own_scores(self, data: ImageSet, held_out: ImageSet, seed: int) -> dict[str, float]:
        """How well held-out images find their captions, and captions their images.

        Candidates are the different captions of the held-out images; ``of_all``: of training as well. A caption
        of several phrases counts whole.
        """
        shown = held_out if len(held_out) >= 2 else data
        assert shown.captions is not None
        assert data.captions is not None
        vectors = self.encode(shown.floats())
        found = zero_shot(vectors, self.encode_texts, shown.captions, sorted(set(shown.captions)))
        among_all = sorted({*shown.captions, *data.captions})
        whole = zero_shot(vectors, self.encode_texts, shown.captions, among_all)
        return {
            **found,
            "zero_shot_top5_of_all": whole["zero_shot_top5"],
            "zero_shot_chance5_of_all": whole["zero_shot_chance5"],
        }


def zero_shot(
    vectors: Tensor, encode_texts: Any, captions: Sequence[str], candidates: Sequence[str]
) -> dict[str, float]:
    """Top-1 and top-5 of images (n, width) choosing among candidate captions, what chance gives, and their ratio."""
    index = {caption: i for i, caption in enumerate(candidates)}
    right = torch.tensor([index[caption] for caption in captions])
    scores = vectors @ encode_texts(candidates).T
    chance = min(1.0, 5 / len(candidates))
    top5 = top(scores, right, 5)
    return {
        "zero_shot_top1": top(scores, right, 1),
        "zero_shot_top5": top5,
        "zero_shot_chance5": chance,
        "zero_shot_times_chance": top5 / chance,
        "zero_shot_median_rank": float(ranks(scores, right).median()),
    }
