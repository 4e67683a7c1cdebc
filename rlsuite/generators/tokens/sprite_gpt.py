"""Sprites written by a language model: sampled, completed upwards or downwards, asked for by type.

Reference: MatthewRayfield/pokemon-gpt-2 (sprites as text, both directions, growth up and down); Radford et al. 2019
(GPT-2). Deviations: a vocabulary of one token a pixel instead of byte pairs, and marker tokens that are written for
the model while it samples, so that every row is legal; `sample_text` leaves it free, as the original does, and the
repair rules of `sprite_text` read what it wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.contracts import Device, Generator, Spec
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.images import check_images
from rlsuite.generators.tokens.cache import Cache, empty_cache
from rlsuite.generators.tokens.config import SpriteGptConfig
from rlsuite.generators.tokens.network import build_gpt2, logits, take_blocks
from rlsuite.generators.tokens.sampling import CHUNK, OnImages, generate, half_precision, paste, uniforms
from rlsuite.generators.tokens.sprite_text import CLEAR
from rlsuite.generators.tokens.sprite_tokens import N_PIXELS, PREFIX, Vocabulary, as_images, as_symbols
from rlsuite.generators.tokens.training import IGNORED, TokenState, cross_entropy
from rlsuite.runs.seeding import numpy_stream

UNTYPED = 0.1
"""Share of training windows whose type is hidden, so that sprites can be sampled without one."""
BEGINNINGS = 0.25
"""Share of training windows that begin with a sprite's first row; the others begin anywhere."""


class SpriteGpt(Generator):
    """Samples, completes and ranks sprites (RGBA).

    Args:
        config: Its section.
        seed: Of the initial weights.
    """

    kind = "sprite_gpt"
    config_class = SpriteGptConfig

    def __init__(self, config: SpriteGptConfig, *, seed: int = 0) -> None:
        super().__init__(config, seed=seed)
        self.vocabulary = Vocabulary(config.size, config.row_numbers, config.types)
        self.model = build_gpt2(len(self.vocabulary), config.context, config.layers, config.width, config.heads, seed)
        if config.checkpoint is not None:
            take_blocks(self.model, str(config.checkpoint))

    @property
    def spec(self) -> Spec:
        """What its images are."""
        side = self.config.size
        return Spec(self.kind, (side, side), 4, condition="label" if self.config.types else "none")

    def networks(self) -> Mapping[str, nn.Module]:
        """The transformer."""
        return {"model": self.model}

    def fit_state(self, data: ImageSet, *, seed: int, device: Device = "cpu") -> SpriteState:
        """Begin training.

        Raises:
            UserError: The images are of another size, or have no alpha.
        """
        data.require(self.spec)
        return SpriteState(self.to(device), data, seed=seed, device=device)

    def sample(
        self,
        n: int,
        *,
        seed: int,
        condition: Any = None,
        temperature: float | None = None,
        on_images: OnImages | None = None,
    ) -> Tensor:
        """N sprites (n, 4, size, size), top to bottom; ``on_images`` sees them after each row.

        ``condition``: a type, or one for each sprite.

        Raises:
            UserError: The model does not know the type.
        """
        types = self._types(condition, n)
        empty = torch.full((n, self.config.size, self.config.size), CLEAR, dtype=torch.uint8)
        made = self.grow(empty, 0, up=False, types=types, seed=seed, temperature=temperature, on_images=on_images)
        return as_images(made)

    def complete(
        self,
        images: Tensor,
        known: Tensor,
        *,
        n: int,
        seed: int,
        condition: Any = None,
        temperature: float | None = None,
    ) -> Tensor:
        """N completions of each sprite, (N * n, 4, size, size): whole rows are given, a stretch of them.

        What lies above the stretch is grown upwards, then what lies below downwards.

        Raises:
            UserError: The known part is not a stretch of whole rows, or lies so that the model, which learned no
                upward rows, cannot go on from it.
        """
        check_images(images, size=self.spec.size, channels=4)
        first, last = known_rows(known)
        if first > 0 and not self.config.directions:
            raise UserError(f"this sprite_gpt only writes downwards: row 0 must be known, the first known is {first}")
        symbols = as_symbols(images).repeat_interleave(n, dim=0)
        types = self._types(condition, len(images)).repeat_interleave(n)
        if first > 0:
            symbols = self.grow(
                symbols,
                self.config.size - first,
                up=True,
                types=types,
                seed=seed,
                temperature=temperature,
                back=self.config.size - 1 - last,
            )
        if last < self.config.size - 1:
            symbols = self.grow(symbols, last + 1, up=False, types=types, seed=seed, temperature=temperature)
        return paste(images, known, as_images(symbols))

    @torch.no_grad()
    def grow(
        self,
        symbols: Tensor,
        n_known: int,
        *,
        up: bool,
        types: Tensor,
        seed: int,
        temperature: float | None = None,
        back: int = 0,
        on_images: OnImages | None = None,
    ) -> Tensor:
        """Write the rows that are missing in one direction.

        Args:
            symbols: (n, size, size) uint8; the known rows are read, the others overwritten.
            n_known: Rows before the first missing one, counted in that direction.
            up: Whether to write from bottom to top.
            types: (n,) type tokens.
            seed: Of all draws.
            temperature: None draws one for each sprite from the section's range.
            back: Rows at the beginning of that direction that are not known either and must not be read.
            on_images: Is shown the sprites after each row.

        Returns:
            A filled copy.
        """
        filled, size = symbols.clone(), self.config.size
        stream = f"sprite/{'up' if up else 'down'}"
        chances = uniforms(len(symbols), size * size, seed, stream).view(len(symbols), size, size)
        heat = self._temperatures(len(symbols), seed, temperature)
        for part in torch.arange(len(symbols)).split(CHUNK):
            order = filled[part].flip(1) if up else filled[part]
            for _ in self._written(order, n_known, back, up, types[part], chances[part], heat[part]):
                filled[part] = order.flip(1) if up else order
                if on_images is not None:
                    on_images(as_images(filled))
        return filled

    def _written(
        self, order: Tensor, n_known: int, back: int, up: bool, types: Tensor, chances: Tensor, heat: Tensor
    ) -> Iterator[int]:
        """Fill rows ``n_known`` and on of (batch, size, size), rows in the order of writing; gives each one done."""
        vocabulary, n_rows = self.vocabulary, self.vocabulary.rows_in(self.config.context)
        at = n_known
        while at < self.config.size:
            first = max(back, 0 if at < n_rows else at - n_rows // 2)
            end = min(self.config.size, first + n_rows)
            begin = torch.full_like(types, vocabulary.start if first == 0 else vocabulary.go_on)
            before = [self._row(order, i, up) for i in range(first, at)]
            fed = torch.cat([types[:, None], begin[:, None], *before], dim=1).to(self.device)
            with half_precision(self.device, self.config):
                cache = empty_cache(self.model, len(order), PREFIX + (end - first) * vocabulary.row_length)
            for i in range(at, end):
                order[:, i] = self._one_row(fed, cache, i, up, chances[:, i], heat).cpu()
                fed = order[:, i, -1:].long().to(self.device)
                yield i
            at = end

    def _row(self, order: Tensor, place: int, up: bool) -> Tensor:
        pixels = order[:, place].long()
        return torch.cat([self._marker(len(order), place, up), pixels], dim=1)

    def _marker(self, batch: int, place: int, up: bool) -> Tensor:
        row = self.config.size - 1 - place if up else place
        n = int(self.vocabulary.row_numbers)
        return self.vocabulary.marker(row, up and self.config.directions).expand(batch, n)

    def _one_row(self, fed: Tensor, cache: Cache, place: int, up: bool, chances: Tensor, heat: Tensor) -> Tensor:
        with half_precision(self.device, self.config):
            made = generate(
                self.model,
                torch.cat([fed, self._marker(len(fed), place, up).to(fed)], dim=1),
                self.config.size,
                chances.to(self.device),
                temperature=heat.to(self.device),
                top_k=self.config.top_k,
                top_p=self.config.top_p,
                among=N_PIXELS,
                cache=cache,
            )
        return made.to(torch.uint8)

    @torch.no_grad()
    def sample_text(self, n: int, *, seed: int, condition: Any = None, temperature: float | None = None) -> list[str]:
        """What the model writes when every token is its own, n windows long at most: text for `repair`."""
        types, length = self._types(condition, n), self.config.context - PREFIX
        chances, heat = uniforms(n, length, seed, "sprite/free"), self._temperatures(n, seed, temperature)
        begin = torch.stack([types, torch.full_like(types, self.vocabulary.start)], dim=1)
        texts = []
        for part in torch.arange(n).split(CHUNK):
            made = generate(
                self.model,
                begin[part].to(self.device),
                length,
                chances[part].to(self.device),
                temperature=heat[part].to(self.device),
                top_k=self.config.top_k,
                top_p=self.config.top_p,
            )
            texts += ["\n".join(self.vocabulary.text(tokens)) for tokens in made.cpu()]
        return texts

    @torch.no_grad()
    def score(self, images: Tensor, condition: Any = None) -> Tensor:
        """Log-likelihood of each sprite in bits per pixel, negative; its markers' bits count."""
        check_images(images, size=self.spec.size, channels=4)
        symbols, types = as_symbols(images), self._types(condition, len(images))
        parts = zip(symbols.split(CHUNK), types.split(CHUNK), strict=True)
        return -torch.cat([self._bits(*part) for part in parts])

    def _bits(self, symbols: Tensor, types: Tensor) -> Tensor:
        """Bits per pixel, (n,); rows beyond the first window are read with half a window before them."""
        vocabulary, n_rows = self.vocabulary, self.vocabulary.rows_in(self.config.context)
        total, at = torch.zeros(len(symbols)), 0
        while at < self.config.size:
            first = 0 if at == 0 else at - n_rows // 2
            place = torch.full((len(symbols),), first)
            up = torch.zeros(len(symbols), dtype=torch.bool)
            tokens = vocabulary.windows(symbols, types, up, place, n_rows).to(self.device)
            skipped = PREFIX + (at - first) * vocabulary.row_length
            total += _nats(self.model, tokens, skipped).cpu()
            at = min(self.config.size, first + n_rows)
        return total / (self.config.size**2 * torch.log(torch.tensor(2.0)))

    def _types(self, condition: Any, n: int) -> Tensor:
        if condition is not None and not self.config.types:
            raise UserError("this sprite_gpt was trained without types; set generator.types to train with them")
        names: Sequence[str | None] = [condition] * n if condition is None or isinstance(condition, str) else condition
        if len(names) != n:
            raise UserError(f"sprite_gpt: {len(names)} types were given for {n} sprites")
        return torch.tensor([self.vocabulary.type_token(name) for name in names], dtype=torch.long)

    def _temperatures(self, n: int, seed: int, temperature: float | None) -> Tensor:
        if temperature is not None:
            return torch.full((n,), float(temperature))
        low, high = self.config.temperature
        return torch.from_numpy(numpy_stream(seed, "sprite/temperature").uniform(low, high, n)).float()


def _nats(model: Any, tokens: Tensor, skipped: int) -> Tensor:
    """Nats of each sequence's tokens from place ``skipped`` on, (batch,)."""
    inputs, targets = tokens[:, :-1].clamp(min=0), tokens[:, 1:]
    chances = logits(model, inputs).log_softmax(dim=-1)
    found = chances.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    counted = (targets != IGNORED) & (torch.arange(targets.shape[1], device=tokens.device) >= skipped - 1)
    return -(found * counted).sum(dim=1)


def known_rows(known: Tensor) -> tuple[int, int]:
    """First and last known row of a mask (N, 1, H, W) that is the same for all.

    Raises:
        UserError: It is not one stretch of whole rows.
    """
    rows = known[:, 0].bool()
    whole = rows.all(dim=2)
    if not torch.equal(whole, rows.any(dim=2)) or not bool((whole == whole[:1]).all()):
        raise UserError(
            "sprite_gpt completes whole rows: let `known` be 1 or 0 along each row, the same for all images"
        )
    places = whole[0].nonzero()[:, 0].tolist()
    if not places or places != list(range(places[0], places[-1] + 1)):
        raise UserError("sprite_gpt goes on from one stretch of rows: let `known` be 1 for rows that lie together")
    return places[0], places[-1]


class SpriteState(TokenState):
    """A sprite model's training: windows of rows, upwards or downwards, from anywhere in a sprite.

    Args:
        generator: The sprite model; its weights follow.
        data: What is learned from.
        seed: Of batches and windows.
        device: Where to compute.
    """

    config: SpriteGptConfig

    def __init__(self, generator: SpriteGpt, data: ImageSet, *, seed: int, device: Device) -> None:
        super().__init__(generator.config, generator.model, data, seed=seed, device=device)
        self.vocabulary = generator.vocabulary
        self.symbols = as_symbols(data.images)
        known = set(generator.config.types)
        kinds = data.labels.get("kind", [None] * len(data))
        self.types = torch.tensor([self.vocabulary.type_token(k if k in known else None) for k in kinds])
        self.n_rows = self.vocabulary.rows_in(generator.config.context)

    def loss(self) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Cross-entropy of the next batch's windows, and its share in bits per pixel."""
        rows = self.batches.rows().cpu()
        types = self.types[rows].where(self._draw(len(rows)) >= UNTYPED, torch.tensor(self.vocabulary.any_type))
        up = (self._draw(len(rows)) < 0.5) & torch.tensor(self.config.directions)
        latest = self.config.size - max(2, self.n_rows // 2)
        first = (self._draw(len(rows)) * (latest + 1)).long().clamp(max=latest)
        first = first.where(self._draw(len(rows)) >= BEGINNINGS, torch.zeros_like(first))
        tokens = self.vocabulary.windows(self.symbols[rows], types, up, first, self.n_rows).to(self.device)
        tokens = tokens[:, : self.config.context + 1]
        scores = logits(self.model, tokens[:, :-1].clamp(min=0))
        targets = tokens[:, 1:].clone()
        targets[:, 0] = IGNORED  # whether a window begins a sprite is given, not learned
        loss = cross_entropy(scores, targets)
        n_pixels = ((targets >= 0) & (targets < N_PIXELS)).sum()
        bits = loss.detach() * (targets != IGNORED).sum() / (n_pixels * torch.log(torch.tensor(2.0)))
        return loss, {"bits_per_pixel": bits}

    def _draw(self, n: int) -> Tensor:
        return torch.rand(n, generator=self.generator, device=self.device).cpu()
