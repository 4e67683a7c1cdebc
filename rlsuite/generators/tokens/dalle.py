"""Text to image with one stream of text and image tokens.

Reference: Ramesh et al. 2021, "Zero-Shot Text-to-Image Generation". Both stages are one training: the first
``vae_steps`` steps train the discrete autoencoder, the others the transformer on its codes.
Deviations: sizes; transformer blocks of GPT-2; classifier-free guidance (Ho & Salimans 2022) as an option; no
byte-pair dropout; the step size follows a cosine instead of halving when the loss stalls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.contracts import Device, Generator, Spec
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.images import check_images, from_bytes
from rlsuite.generators.streams import seeded_weights
from rlsuite.generators.tokens.cache import empty_cache
from rlsuite.generators.tokens.captions import CaptionTokens
from rlsuite.generators.tokens.code_transformer import CodeTransformer, stream
from rlsuite.generators.tokens.config import DalleConfig
from rlsuite.generators.tokens.dvae import DiscreteAutoencoder, code_perplexity, ramp
from rlsuite.generators.tokens.sampling import CHUNK, OnImages, choose, half_precision, paste, unfinished, uniforms
from rlsuite.generators.tokens.training import TokenState
from rlsuite.runs.seeding import stream_seed
from rlsuite.runs.statetree import StateTree

BPE = "byte_pairs"
"""Under which name the provenance keeps the learned byte pairs."""
FIRST = 256
"""Pictures whose median colour the decoder begins at."""
WRAP = 2
"""Codes beyond the edge that a seamless picture's decoder sees."""


class Dalle(Generator):
    """Samples from text, completes, encodes (codes), ranks (likelihood given the text).

    Args:
        config: Its section.
        seed: Of the initial weights.
    """

    kind = "dalle"
    config_class = DalleConfig

    def __init__(self, config: DalleConfig, *, seed: int = 0) -> None:
        super().__init__(config, seed=seed)
        self.side = config.size // 2**config.halvings
        with seeded_weights(seed, "dalle/vae"):
            self.vae = DiscreteAutoencoder(
                config.channels,
                config.vae_width,
                config.halvings,
                config.codes,
                config.quantizer,
                config.levels,
                config.residual_gain,
            )
        self.model = CodeTransformer(config, self.side, seed)
        self._captions: CaptionTokens | None = None

    @property
    def spec(self) -> Spec:
        """What its images are."""
        return Spec(self.kind, (self.config.size, self.config.size), self.config.channels, condition="text")

    def networks(self) -> Mapping[str, nn.Module]:
        """Autoencoder and transformer."""
        return {"vae": self.vae, "model": self.model}

    @property
    def captions(self) -> CaptionTokens:
        """Turns text into tokens.

        Raises:
            UserError: Nothing was learned yet.
        """
        if self._captions is None:
            if BPE not in self.provenance:
                raise UserError("this dalle has not been trained: it knows no text yet")
            config = self.config
            self._captions = CaptionTokens(self.provenance[BPE], config.text_vocabulary, config.text_length)
        return self._captions

    def load_state_dict(self, tree: StateTree) -> None:
        """Bring `state_dict` back, byte pairs included."""
        super().load_state_dict(tree)
        self._captions = None

    def fit_state(self, data: ImageSet, *, seed: int, device: Device = "cpu") -> DalleState:
        """Begin training.

        Raises:
            UserError: The images are of another size, or have no captions.
        """
        data.require(self.spec)
        if BPE not in self.provenance:  # fresh: not a training that goes on
            self.vae.begin_at(from_bytes(data.images[:FIRST]))
        learned = CaptionTokens.learn(data.captions or (), self.config.text_vocabulary, self.config.text_length)
        self.provenance = {**self.provenance, BPE: learned.to_text()}
        self._captions = learned
        return DalleState(self.to(device), data, seed=seed, device=device)

    def sample(
        self,
        n: int,
        *,
        seed: int,
        condition: Any = None,
        temperature: float | None = None,
        on_images: OnImages | None = None,
    ) -> Tensor:
        """N images of one text, or of a list of n; without text, of anything. ``on_images`` sees each row of codes."""
        free, texts = torch.full((n, self.side**2), -1, dtype=torch.long), self.texts(condition, n)
        return self.decode_codes(self.fill(free, texts, seed=seed, temperature=temperature, on_images=on_images))

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
        """N completions of each image, (N * n, C, H, W).

        As published, what is unknown is a rectangle that reaches the bottom right corner. Other masks are an
        extension: what is known but comes later in raster order is kept without having been seen.
        """
        check_images(images, size=self.spec.size, channels=self.config.channels)
        whole = -F.max_pool2d(-known.float(), 2**self.config.halvings)[:, 0].flatten(1) > 0.5
        codes = self.encode(images).flatten(1).where(whole, torch.tensor(-1)).repeat_interleave(n, dim=0)
        texts = self.texts(condition, len(images)).repeat_interleave(n, dim=0)
        made = self.decode_codes(self.fill(codes, texts, seed=seed, temperature=temperature))
        return paste(images, known, made)

    def sample_seamless(
        self, n: int, *, seed: int, condition: Any = None, temperature: float | None = None, tries: int = 4
    ) -> Tensor:
        """N images whose opposite edges meet: the codes around the edges are drawn anew with both sides in view.

        Rolled by half a side the edges lie in a cross in the middle. It is repainted ``tries`` times, and the codes
        that the model finds likeliest are kept, since what comes later in raster order was not seen while drawing.
        The autoencoder then decodes them as if they were laid side by side.
        """
        texts, half, band = self.texts(condition, n), self.side // 2, max(1, self.side // 8)
        free = torch.full((n, self.side**2), -1, dtype=torch.long)
        codes = self.fill(free, texts, seed=seed, temperature=temperature).view(-1, self.side, self.side)
        rolled = codes.roll((half, half), (1, 2))
        rolled[:, half - band : half + band] = -1
        rolled[:, :, half - band : half + band] = -1
        rolled, texts = rolled.flatten(1).repeat_interleave(tries, dim=0), texts.repeat_interleave(tries, dim=0)
        made = self.fill(rolled, texts, seed=stream_seed(seed, "seamless"), temperature=temperature)
        best = self._likelihood(made, texts).view(n, tries).argmax(dim=1)
        chosen = made.view(n, tries, self.side, self.side)[torch.arange(n), best].roll((-half, -half), (1, 2))
        return self._decode_wrapped(chosen)

    def encode(self, images: Tensor) -> Tensor:
        """Codes (n, side, side) int64."""
        check_images(images, size=self.spec.size, channels=self.config.channels)
        self.vae.eval()
        parts = [self.vae.encode(part.to(self.device)).cpu() for part in images.split(CHUNK)]
        return torch.cat(parts)

    @torch.no_grad()
    def decode_codes(self, codes: Tensor) -> Tensor:
        """Images (n, C, H, W) of codes (n, side squared)."""
        grids = codes.view(-1, self.side, self.side)
        parts = [self.vae.decode(part.to(self.device)).cpu() for part in grids.split(CHUNK)]
        return torch.cat(parts)

    @torch.no_grad()
    def _decode_wrapped(self, grids: Tensor) -> Tensor:
        """Images of codes (n, side, side) that see the opposite edge beyond their own."""
        beside = F.pad(grids[:, None].double(), [WRAP] * 4, mode="circular")[:, 0].long()
        parts = [self.vae.decode(part.to(self.device)).cpu() for part in beside.split(CHUNK)]
        cut = WRAP * 2**self.config.halvings
        return torch.cat(parts)[..., cut:-cut, cut:-cut].contiguous()

    @torch.no_grad()
    def fill(
        self,
        codes: Tensor,
        texts: Tensor,
        *,
        seed: int,
        temperature: float | None = None,
        on_images: OnImages | None = None,
    ) -> Tensor:
        """Draw every code that is -1, in raster order; ``texts`` (n, text length)."""
        chances, filled = uniforms(len(codes), self.side**2, seed, "dalle"), codes.clone()
        for part in torch.arange(len(codes)).split(CHUNK):

            def watch(drawn: Tensor, part: Tensor = part) -> None:
                filled[part] = drawn.cpu()
                if on_images is not None:
                    there = (filled >= 0).view(-1, self.side, self.side)
                    on_images(unfinished(self.decode_codes(filled.clamp(min=0)), there))

            shown = None if on_images is None else watch
            with half_precision(self.device, self.config):
                filled[part] = self._fill(codes[part], texts[part], chances[part], temperature, shown).cpu()
        return filled

    def _fill(
        self,
        codes: Tensor,
        texts: Tensor,
        chances: Tensor,
        temperature: float | None,
        watch: Callable[[Tensor], None] | None,
    ) -> Tensor:
        config, model, n = self.config, self.model, len(codes)
        guided = config.guidance != 1.0
        both = torch.cat([texts, self.captions([None] * n)]) if guided else texts
        fed = F.pad(both, (1, 0), value=model.start).to(self.device)
        cache = empty_cache(model.gpt, len(fed), model.length)
        codes, chances = codes.clone().to(self.device), chances.to(self.device)
        for i in range(codes.shape[1]):
            scores = model.code_scores(model.hidden(fed, cache)[:, -1]).float()
            if guided:
                with_text, without = scores.chunk(2)
                scores = without + config.guidance * (with_text - without)
            heat = 1.0 if temperature is None else temperature
            drawn = choose(scores, chances[:, i], temperature=heat, top_k=config.top_k, top_p=config.top_p)
            codes[:, i] = torch.where(codes[:, i] < 0, drawn, codes[:, i])
            fed = (codes[:, i : i + 1] + model.first_code).repeat(1 + guided, 1)
            if watch is not None and (i + 1) % self.side == 0:
                watch(codes)
        return codes

    def score(self, images: Tensor, condition: Any = None) -> Tensor:
        """Log-likelihood of the codes given the text, mean nats per code, (n,)."""
        return self._likelihood(self.encode(images).flatten(1), self.texts(condition, len(images)))

    @torch.no_grad()
    def _likelihood(self, codes: Tensor, texts: Tensor) -> Tensor:
        found = []
        for part in torch.arange(len(codes)).split(CHUNK):
            tokens, targets = stream(self.model, texts[part], codes[part])
            hidden = self.model.hidden(tokens.to(self.device))[:, self.model.n_text :]
            chances = self.model.code_scores(hidden).log_softmax(dim=-1)
            at = (targets[:, self.model.n_text :, None] - self.model.first_code).to(self.device)
            found.append(chances.gather(-1, at)[..., 0].mean(dim=1).cpu())
        return torch.cat(found)

    def texts(self, condition: Any, n: int) -> Tensor:
        """Text tokens (n, text length) of one text for all, a list of n, or None.

        Raises:
            UserError: The list is of another length.
        """
        one = condition is None or isinstance(condition, str)
        wanted: Sequence[str | None] = [condition] * n if one else list(condition or ())
        if len(wanted) != n:
            raise UserError(f"dalle: {len(wanted)} texts were given for {n} images")
        return self.captions(wanted)


class DalleState(TokenState):
    """Both stages of a training.

    Args:
        generator: The model; its weights follow.
        data: What is learned from, with captions.
        seed: Of batches and noise.
        device: Where to compute.
    """

    config: DalleConfig

    def __init__(self, generator: Dalle, data: ImageSet, *, seed: int, device: Device) -> None:
        super().__init__(generator.config, generator.model, data, seed=seed, device=device)
        self.owner = generator
        self.vae: Any = self.train_beside(generator.vae, "vae")
        rate = generator.config.vae_learning_rate
        self.optimizers["vae"] = torch.optim.AdamW(self.vae.parameters(), rate, weight_decay=1e-4, foreach=True)
        self.texts, self.no_text = generator.captions(data.captions or ()), generator.captions([None])
        self.used = torch.full((generator.config.codes,), 1.0 / generator.config.codes)
        self._codes: Tensor | None = None

    def step(self) -> Mapping[str, Tensor | float]:
        """One step of the stage that is on."""
        if self.n_steps < self.config.vae_steps:
            return self._vae_step()
        return super().step()

    @property
    def transformer_steps(self) -> int:
        """Steps since the first stage was over."""
        return max(0, self.n_steps - self.config.vae_steps)

    def end_step(self) -> None:
        """Count the step; only the networks of this stage are averaged."""
        first = self.n_steps < self.config.vae_steps
        self.n_steps += 1
        model, vae = self.emas
        (vae if first else model).update(self.n_steps if first else self.transformer_steps)

    def _vae_step(self) -> Mapping[str, Tensor | float]:
        config, optimizer, at = self.config, self.optimizers["vae"], self.n_steps
        heat = ramp(at, 1.0, 1 / 16, config.temperature_steps, cosine=True)
        beta = ramp(at, 0.0, config.beta, config.beta_steps)
        for group in optimizer.param_groups:
            rate = config.vae_learning_rate
            group["lr"] = ramp(at, rate, rate / 80, config.vae_steps, cosine=True)
        images = (self.real() + 1) / 2
        shape = (len(images), config.codes, self.owner.side, self.owner.side)
        gumbel = config.quantizer == "gumbel"
        noise = torch.rand(shape, generator=self.generator, device=self.device) if gumbel else None
        with self.autocast():
            parts = self.vae.loss(images, noise, heat, beta)
        self.descend_clipped(optimizer, parts["loss"], self.vae, config.clip)
        self.used = self.used.lerp(parts["used"].detach().cpu(), 0.05)
        self.end_step()
        shown = {k: parts[k].detach() for k in ("loss", "reconstruction", "kl")}
        return {**shown, "code_perplexity": code_perplexity(self.used), "stage": 1.0, "relaxation": heat}

    @property
    def codes(self) -> Tensor:
        """Codes of all training images, (n, side squared); made once, when the first stage is over."""
        if self._codes is None:
            parts = [self.owner.encode(from_bytes(part.cpu())) for part in self.images.split(256)]
            self._codes = torch.cat(parts).flatten(1)
        return self._codes

    def loss(self) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Text and code losses, each per token, weighted 1 to ``image_weight``."""
        rows = self.batches.rows().cpu()
        hidden_text = torch.rand(len(rows), generator=self.generator, device=self.device).cpu()
        texts = torch.where((hidden_text < self.config.text_dropout)[:, None], self.no_text, self.texts[rows])
        tokens, targets = (t.to(self.device) for t in stream(self.model, texts, self.codes[rows]))
        hidden, n_text = self.model.hidden(tokens), self.config.text_length
        said = self.model.text_scores(hidden[:, :n_text]).flatten(0, 1).float()
        drawn = self.model.code_scores(hidden[:, n_text:]).flatten(0, 1).float()
        text = F.cross_entropy(said, targets[:, :n_text].flatten())
        image = F.cross_entropy(drawn, targets[:, n_text:].flatten() - self.model.first_code)
        weight = self.config.image_weight
        loss = (text + weight * image) / (1 + weight)
        return loss, {"loss_text": text.detach(), "loss_image": image.detach(), "stage": torch.tensor(2.0)}

    def state_dict(self) -> StateTree:
        """Everything that going on bit for bit needs."""
        return {**super().state_dict(), "used": self.used}

    def load_state_dict(self, tree: StateTree) -> None:
        """Bring `state_dict` back."""
        super().load_state_dict(tree)
        self.used, self._codes = tree["used"].clone(), None
