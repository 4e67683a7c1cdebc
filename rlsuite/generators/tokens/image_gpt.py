"""Image GPT: pictures as colours of a learned palette in raster order; sampled, completed, and read for features.

Reference: Chen, Radford, Child, Wu, Jun, Luan & Sutskever 2020, "Generative Pretraining from Pixels".
Deviations: gradient norms are clipped and the sampling weights are averaged (``clip``, ``ema_decay``); the step
size's schedule is a section's matter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.contracts import Device, Generator, Spec
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.images import check_images, from_bytes
from rlsuite.generators.tokens.colours import Colours
from rlsuite.generators.tokens.config import ImageGptConfig
from rlsuite.generators.tokens.network import build_image_gpt, layer_inputs, load_pretrained, logits, run
from rlsuite.generators.tokens.sampling import CHUNK, OnImages, generate, half_precision, paste, unfinished, uniforms
from rlsuite.generators.tokens.training import IGNORED, TokenState, cross_entropy
from rlsuite.runs.statetree import StateTree

NATS_TO_BITS = 1 / float(np.log(2))


class ImageGpt(Generator):
    """Samples, completes, encodes (features of a layer) and ranks (likelihood).

    Args:
        config: Its section.
        seed: Of the initial weights.
    """

    kind = "image_gpt"
    config_class = ImageGptConfig

    def __init__(self, config: ImageGptConfig, *, seed: int = 0) -> None:
        super().__init__(config, seed=seed)
        self.colours = Colours(config.colours, config.channels)
        self.model: Any = build_image_gpt(
            config.colours, config.size**2, config.layers, config.width, config.heads, seed
        )
        self.pretrained = config.checkpoint is not None
        if config.checkpoint is not None:
            self._take_over(Path(config.checkpoint))

    def _take_over(self, folder: Path) -> None:
        """Weights and palette of a checkpoint in the layout of ``openai/imagegpt-*``."""
        model: Any = load_pretrained(str(folder), "imagegpt")
        theirs, ours = model.config, self.model.config
        for name in ("n_positions", "n_embd", "n_layer", "n_head", "vocab_size"):
            if getattr(theirs, name) != getattr(ours, name):
                raise UserError(
                    f"{folder}: {name} is {getattr(theirs, name)} there and {getattr(ours, name)} here; set "
                    f"size, width, layers, heads and colours to the checkpoint's"
                )
        self.model.load_state_dict(model.state_dict())
        try:
            clusters = json.loads((folder / "preprocessor_config.json").read_text())["clusters"]
            self.colours.centres[:] = torch.tensor(clusters)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise UserError(
                f"{folder}/preprocessor_config.json holds no palette of {len(self.colours.centres)} colours: {error}"
            ) from error

    @property
    def spec(self) -> Spec:
        """What its images are."""
        return Spec(self.kind, (self.config.size, self.config.size), self.config.channels)

    @property
    def start(self) -> int:
        """The token before the first pixel."""
        return self.config.colours

    def networks(self) -> Mapping[str, nn.Module]:
        """Transformer and palette."""
        return {"model": self.model, "colours": self.colours}

    def fit_state(self, data: ImageSet, *, seed: int, device: Device = "cpu") -> ImageGptState:
        """Begin training; a fresh model first makes its palette from the set.

        Raises:
            UserError: The images are of another size.
        """
        data.require(self.spec)
        if not self.pretrained:
            self.colours.learn(data.images, seed)
        return ImageGptState(self.to(device), data, seed=seed, device=device)

    def sample(
        self,
        n: int,
        *,
        seed: int,
        condition: Any = None,
        temperature: float | None = None,
        on_images: OnImages | None = None,
    ) -> Tensor:
        """N images; temperature 1 is as published. ``on_images`` sees them after each row.

        Raises:
            UserError: A condition was given, or the model was trained with ``bert``.
        """
        if condition is not None:
            raise UserError("image_gpt takes no condition")
        begin = torch.empty((n, 0), dtype=torch.long)
        return self._images(self._go_on(begin, seed, temperature, on_images))

    def complete(self, images: Tensor, known: Tensor, *, n: int, seed: int, temperature: float | None = None) -> Tensor:
        """N completions of each image, (N * n, C, H, W): what is known comes first in raster order.

        Raises:
            UserError: It does not, or differs from image to image.
        """
        check_images(images, size=self.spec.size, channels=self.config.channels)
        n_known = known_prefix(known)
        numbers = self.colours.numbers(images).flatten(1).cpu()[:, :n_known].repeat_interleave(n, dim=0)
        made = self._images(torch.cat([numbers, self._go_on(numbers, seed, temperature)], dim=1))
        return paste(images, known, made)

    def _go_on(self, before: Tensor, seed: int, temperature: float | None, on_images: OnImages | None = None) -> Tensor:
        """The pixels after these (n, known), (n, size squared - known)."""
        if self.config.objective == "bert":
            raise UserError("an image_gpt trained with objective bert cannot sample; train it with autoregressive")
        n_new = self.config.size**2 - before.shape[1]
        chances = uniforms(len(before), n_new, seed, "image_gpt")
        begin = torch.cat([torch.full((len(before), 1), self.start), before], dim=1)
        shown = torch.cat([before, torch.full((len(before), n_new), -1)], dim=1)
        with half_precision(self.device, self.config):
            parts = [
                generate(
                    self.model,
                    begin[part].to(self.device),
                    n_new,
                    chances[part].to(self.device),
                    temperature=1.0 if temperature is None else temperature,
                    top_k=self.config.top_k,
                    top_p=self.config.top_p,
                    watch=None if on_images is None else partial(self._show, shown, part, before.shape[1], on_images),
                ).cpu()
                for part in torch.arange(len(before)).split(CHUNK)
            ]
        return torch.cat(parts)

    def _show(self, shown: Tensor, part: Tensor, n_known: int, on_images: OnImages, made: Tensor) -> None:
        """Enter the new pixels of these pictures among all that are shown; where a row ends, show them."""
        n_done = n_known + made.shape[1]
        if n_done % self.config.size == 0:
            shown[part, n_known:n_done] = made.cpu()
            there = (shown >= 0).view(-1, self.config.size, self.config.size)
            on_images(unfinished(self._images(shown.clamp(min=0)), there))

    def _images(self, numbers: Tensor) -> Tensor:
        side = self.config.size
        return self.colours.images(numbers.view(-1, side, side).to(self.device)).cpu()

    def encode(self, images: Tensor) -> Tensor:
        """Features (n, width) of ``feature_layer``: its normalised input averaged over positions."""
        layer = self.config.layers // 2 if self.config.feature_layer is None else self.config.feature_layer
        return self.features(images)[min(layer, self.config.layers)]

    @torch.no_grad()
    def features(self, images: Tensor) -> list[Tensor]:
        """Of every block, and last of the output layer, (n, width) each: what a probe of each depth is given."""
        check_images(images, size=self.spec.size, channels=self.config.channels)
        tokens = self.tokens(images)
        parts = [layer_inputs(self.model, part, causal=self._causal) for part in tokens.split(CHUNK)]
        return [torch.cat(layer).float().cpu() for layer in zip(*parts, strict=True)]

    @property
    def _causal(self) -> bool:
        return self.config.objective == "autoregressive"

    def tokens(self, images: Tensor) -> Tensor:
        """What the transformer reads of images in [0, 1]: the start and all pixels but the last; all for ``bert``."""
        pixels = self.colours.numbers(images).flatten(1)
        if not self._causal:
            return pixels
        return torch.cat([torch.full_like(pixels[:, :1], self.start), pixels[:, :-1]], dim=1)

    @torch.no_grad()
    def score(self, images: Tensor, condition: Any = None) -> Tensor:
        """Log-likelihood of each image in bits per pixel, negative, (n,).

        Raises:
            UserError: The model was trained with ``bert``, which has none.
        """
        check_images(images, size=self.spec.size, channels=self.config.channels)
        if not self._causal:
            raise UserError("an image_gpt trained with objective bert has no likelihood")
        found = []
        for part in images.split(CHUNK):
            scores = logits(self.model, self.tokens(part)).log_softmax(dim=-1)
            pixels = self.colours.numbers(part).flatten(1)[..., None]
            found.append(scores.gather(-1, pixels)[..., 0].mean(dim=1).cpu() * NATS_TO_BITS)
        return torch.cat(found)


def known_prefix(known: Tensor) -> int:
    """How many pixels are known, if they are the first in raster order, in all images.

    Raises:
        UserError: They are not.
    """
    flat = known[:, 0].bool().flatten(1)
    n_known = int(flat[0].sum()) if len(flat) else 0
    wanted = torch.arange(flat.shape[1], device=flat.device) < n_known
    if not bool((flat == wanted).all()):
        raise UserError(
            "a raster model goes on from the top: let `known` be 1 for the first rows (and part of the next), the "
            "same for all images, and 0 after"
        )
    return n_known


class ImageGptState(TokenState):
    """An image GPT's training.

    Args:
        generator: The model; its weights follow.
        data: What is learned from.
        seed: Of batches and hidden pixels.
        device: Where to compute.
    """

    config: ImageGptConfig

    def __init__(self, generator: ImageGpt, data: ImageSet, *, seed: int, device: Device) -> None:
        super().__init__(generator.config, generator.model, data, seed=seed, device=device)
        self.owner = generator
        self.add("colours", generator.colours)
        self._pixels: Tensor | None = None

    @property
    def pixels(self) -> Tensor:
        """Colour numbers of all training images, (n, size squared); made once, after a checkpoint's palette is back."""
        if self._pixels is None:
            parts = [self.owner.colours.numbers(from_bytes(part)) for part in self.images.split(1024)]
            self._pixels = torch.cat(parts).flatten(1).to(torch.int16)
        return self._pixels

    def loss(self) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Cross-entropy of the next pixel, or of the hidden ones."""
        pixels = self.pixels[self.batches.rows()].long()
        loss = self._bert(pixels) if self.config.objective == "bert" else self._autoregressive(pixels)
        return loss, {"bits_per_pixel": loss.detach() * NATS_TO_BITS}

    def load_state_dict(self, tree: StateTree) -> None:
        """Bring `state_dict` back, palette included."""
        super().load_state_dict(tree)
        self._pixels = None

    def _autoregressive(self, pixels: Tensor) -> Tensor:
        start = torch.full_like(pixels[:, :1], self.owner.start)
        return cross_entropy(logits(self.model, torch.cat([start, pixels[:, :-1]], dim=1)), pixels)

    def _bert(self, pixels: Tensor) -> Tensor:
        draws = torch.rand(pixels.shape, generator=self.generator, device=pixels.device)
        hidden = draws < self.config.hidden_share
        vectors = self.model.transformer.wte(pixels).masked_fill(hidden[..., None], 0.0)
        places = self.model.transformer.wpe(torch.arange(pixels.shape[1], device=pixels.device))
        scores = self.model.lm_head(run(self.model, vectors + places, causal=False))
        return cross_entropy(scores, pixels.masked_fill(~hidden, IGNORED))
