"""Runs the weights of transformers' GPT-2 and ImageGPT classes: whole sequences, or token by token with a cache.

Both classes hold the same parts under the same names and differ in normalisation and activation. Running them
here gives one fast attention for training, features and sampling, and any mask; the classes stay the storage, so
that checkpoints of that layout load. `tests/generators/test_token_network.py` compares the logits.

Reference: Radford et al. 2019 (GPT-2); Chen et al. 2020, "Generative Pretraining from Pixels".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.streams import seeded_weights


@dataclass
class Cache:
    """Keys and values of the tokens seen so far.

    Attributes:
        keys: (layers, batch, heads, length, head width).
        values: The same.
        n: Tokens stored.
    """

    keys: Tensor
    values: Tensor
    n: int = 0

    @classmethod
    def empty(cls, model: Any, batch: int, length: int) -> Cache:
        """Room for ``length`` tokens of ``batch`` sequences."""
        config = model.config
        shape = (config.n_layer, batch, config.n_head, length, config.n_embd // config.n_head)
        like = model.transformer.wte.weight
        return cls(like.new_zeros(shape), like.new_zeros(shape))


def build_gpt2(vocabulary: int, context: int, layers: int, width: int, heads: int, seed: int) -> nn.Module:
    """A GPT-2 with weights drawn from ``seed``."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=vocabulary, **_sizes(context, layers, width, heads))
    with seeded_weights(seed, "gpt2"):
        return GPT2LMHeadModel(config)


def build_image_gpt(colours: int, context: int, layers: int, width: int, heads: int, seed: int) -> nn.Module:
    """An ImageGPT with weights drawn from ``seed``; the output layer begins at zero, as published."""
    from transformers import ImageGPTConfig, ImageGPTForCausalImageModeling

    sizes = _sizes(context, layers, width, heads)
    config = ImageGPTConfig(vocab_size=colours + 1, activation_function="quick_gelu", **sizes)
    with seeded_weights(seed, "imagegpt"):
        model = ImageGPTForCausalImageModeling(config)
    nn.init.zeros_(model.lm_head.weight)
    return model


def _sizes(context: int, layers: int, width: int, heads: int) -> dict[str, Any]:
    dropouts = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    tokens = {"bos_token_id": None, "eos_token_id": None, "tie_word_embeddings": False}
    return {"n_positions": context, "n_layer": layers, "n_embd": width, "n_head": heads, **dropouts, **tokens}


def load_pretrained(path: str, kind: str) -> nn.Module:
    """A checkpoint of the user's own, from a folder in transformers' layout; nothing is downloaded.

    Args:
        path: The folder.
        kind: ``gpt2`` or ``imagegpt``.

    Raises:
        UserError: It is missing, broken, or of another kind.
    """
    from transformers import AutoConfig, GPT2LMHeadModel, ImageGPTForCausalImageModeling

    try:
        found = AutoConfig.from_pretrained(path, local_files_only=True).model_type
        if found != kind:
            raise UserError(f"{path}: a {kind} checkpoint is wanted, this is a {found}")
        classes: dict[str, Any] = {"gpt2": GPT2LMHeadModel, "imagegpt": ImageGPTForCausalImageModeling}
        return classes[kind].from_pretrained(path, local_files_only=True)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: no {kind} checkpoint could be read there: {error}") from error


def embed(model: Any, tokens: Tensor, first: int = 0) -> Tensor:
    """Token and position vectors, (batch, n, width); ``first`` is the first token's position."""
    place = torch.arange(first, first + tokens.shape[1], device=tokens.device)
    return model.transformer.wte(tokens) + model.transformer.wpe(place)


def run(
    model: Any, hidden: Tensor, *, causal: bool = True, cache: Cache | None = None, masks: Tensor | None = None
) -> Tensor:
    """Through all blocks and the last normalisation: (batch, n, width) to the same.

    Args:
        model: GPT-2 or ImageGPT.
        hidden: From `embed`.
        causal: Whether tokens see only what comes before.
        cache: What came before these tokens; they are added to it.
        masks: Who sees whom in each layer, (layers, length, length) bool, instead of ``causal``.
    """
    first = cache.n if cache is not None else 0
    last = first + hidden.shape[1]
    mask = _mask(hidden, cache) if causal and masks is None else None
    for layer, block in enumerate(model.transformer.h):
        mask = mask if masks is None else masks[layer, first:last, :last]
        hidden = _block(model.config, block, layer, hidden, mask, causal and masks is None, cache)
    if cache is not None:
        cache.n = last
    return _norm(model.transformer.ln_f, hidden)


@torch.no_grad()
def layer_inputs(model: Any, tokens: Tensor, *, causal: bool = True) -> list[Tensor]:
    """The normalised input of each block and of the output layer, averaged over positions: (batch, width) each.

    Reference: Chen et al. 2020, section 3.3 (the features of a linear probe).
    """
    hidden, found = embed(model, tokens), []
    for layer, block in enumerate(model.transformer.h):
        found.append(_norm(block.ln_1, hidden).mean(dim=1))
        hidden = _block(model.config, block, layer, hidden, None, causal, None)
    return [*found, _norm(model.transformer.ln_f, hidden).mean(dim=1)]


def logits(model: Any, tokens: Tensor, *, causal: bool = True, cache: Cache | None = None) -> Tensor:
    """Scores of the next token at each place, (batch, n, vocabulary)."""
    first = cache.n if cache is not None else 0
    return model.lm_head(run(model, embed(model, tokens, first), causal=causal, cache=cache))


def _mask(hidden: Tensor, cache: Cache | None) -> Tensor | None:
    """Who sees whom where `is_causal` cannot say it: several tokens after others."""
    n = hidden.shape[1]
    if cache is None or cache.n == 0 or n == 1:
        return None
    seen = torch.ones(n, cache.n + n, dtype=torch.bool, device=hidden.device)
    return seen.tril(diagonal=cache.n)


def _block(
    config: Any, block: Any, layer: int, hidden: Tensor, mask: Tensor | None, causal: bool, cache: Cache | None
) -> Tensor:
    attention = _linear(block.attn.c_attn, _norm(block.ln_1, hidden))
    mixed = _attend(config, layer, attention, mask, causal, cache)
    hidden = hidden + _linear(block.attn.c_proj, mixed)
    inner = _activate(config.activation_function, _linear(block.mlp.c_fc, _norm(block.ln_2, hidden)))
    return hidden + _linear(block.mlp.c_proj, inner)


def _attend(
    config: Any, layer: int, projected: Tensor, mask: Tensor | None, causal: bool, cache: Cache | None
) -> Tensor:
    batch, n, _ = projected.shape
    q, k, v = projected.view(batch, n, 3, config.n_head, config.n_embd // config.n_head).permute(2, 0, 3, 1, 4)
    alone = cache is None or cache.n == 0
    if cache is not None:
        end = cache.n + n
        cache.keys[layer, :, :, cache.n : end] = k
        cache.values[layer, :, :, cache.n : end] = v
        k, v = cache.keys[layer, :, :, :end], cache.values[layer, :, :, :end]
    scale = q.shape[-1] ** -0.5 if config.scale_attn_weights else 1.0
    scale /= layer + 1 if config.scale_attn_by_inverse_layer_idx else 1
    whole = causal and alone and n > 1
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=whole, scale=scale)
    return mixed.transpose(1, 2).reshape(batch, n, config.n_embd)


def _linear(layer: Any, x: Tensor) -> Tensor:
    """Transformers' Conv1D: weight (in, out)."""
    return torch.addmm(layer.bias, x.reshape(-1, x.shape[-1]), layer.weight).view(*x.shape[:-1], layer.weight.shape[1])


def _norm(layer: Any, x: Tensor) -> Tensor:
    if isinstance(layer, nn.LayerNorm):
        return F.layer_norm(x, layer.normalized_shape, layer.weight, layer.bias, layer.eps)
    return F.rms_norm(x, (x.shape[-1],), layer.weight, layer.eps)


def _activate(name: str, x: Tensor) -> Tensor:
    if name in ("gelu_new", "gelu_pytorch_tanh"):
        return F.gelu(x, approximate="tanh")
    if name == "quick_gelu":
        return x * torch.sigmoid(1.702 * x)
    if name == "gelu":
        return F.gelu(x)
    raise UserError(f"the checkpoint's activation {name} is not one of gelu, gelu_new, quick_gelu")
