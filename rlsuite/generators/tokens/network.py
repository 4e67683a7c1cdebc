"""Runs the weights of transformers' GPT-2 and ImageGPT classes: whole sequences, or token by token with a cache.

Both classes hold the same parts under the same names and differ in normalisation and activation. Running them
here gives one fast attention for training, features and sampling, and any mask; the classes stay the storage, so
that checkpoints of that layout load. `tests/generators/test_token_network.py` compares the logits.

Reference: Radford et al. 2019 (GPT-2); Chen et al. 2020, "Generative Pretraining from Pixels".
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlsuite.errors import UserError
from rlsuite.generators.streams import seeded_weights

if TYPE_CHECKING:
    from rlsuite.generators.tokens.cache import Cache

QUICK_GELU = 1.702
"""Slope of the sigmoid in quick-GELU(x) = x sigmoid(1.702 x)."""


_COMPILED: ContextVar[bool] = ContextVar("compiled blocks", default=False)


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


def take_blocks(model: Any, path: str) -> None:
    """Overwrite a GPT-2's blocks and places with those of a checkpoint; its words stay as they are.

    Args:
        model: Of the same width, layers and heads, and of no longer context.
        path: See `load_pretrained`.

    Raises:
        UserError: It cannot be read, or its sizes differ.
    """
    theirs: Any = load_pretrained(path, "gpt2")
    for name in ("n_embd", "n_layer", "n_head"):
        found, wanted = getattr(theirs.config, name), getattr(model.config, name)
        if found != wanted:
            raise UserError(f"{path}: {name} is {found} there and {wanted} here; set width, layers and heads to its")
    n_places = model.config.n_positions
    if theirs.config.n_positions < n_places:
        raise UserError(f"{path}: its context is {theirs.config.n_positions}, not {n_places}; set context to that")
    ours, given = model.transformer, theirs.transformer
    ours.h.load_state_dict(given.h.state_dict())
    ours.ln_f.load_state_dict(given.ln_f.state_dict())
    with torch.no_grad():
        ours.wpe.weight.copy_(given.wpe.weight[:n_places])


@contextlib.contextmanager
def compiled_blocks(wanted: bool) -> Iterator[None]:
    """Within it, `run` sends whole sequences through a block that ``torch.compile`` has translated.

    All blocks of a model share the one translation.
    """
    token = _COMPILED.set(wanted)
    try:
        yield
    finally:
        _COMPILED.reset(token)


@functools.cache
def _compiled_block() -> Callable[..., Tensor]:
    return torch.compile(_block, fullgraph=True)


def embed(model: Any, tokens: Tensor, first: int = 0) -> Tensor:
    """Token and position vectors, (batch, n, width); ``first`` is the first token's position."""
    return model.transformer.wte(tokens) + model.transformer.wpe.weight.narrow(0, first, tokens.shape[1])


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
    if cache is not None and cache.step is not None and hidden.shape[1] == 1 and masks is None:
        return cache.step(model, hidden[:, 0])[:, None]
    first = cache.n if cache is not None else 0
    last = first + hidden.shape[1]
    mask = _mask(hidden, cache) if causal and masks is None else None
    through = _compiled_block() if _COMPILED.get() and cache is None else _block
    for layer, block in enumerate(model.transformer.h):
        mask = mask if masks is None else masks[layer, first:last, :last]
        hidden = through(model.config, block, layer, hidden, mask, causal and masks is None, cache)
    if cache is not None:
        cache.n = last
    return norm(model.transformer.ln_f, hidden)


@torch.no_grad()
def layer_inputs(model: Any, tokens: Tensor, *, causal: bool = True) -> list[Tensor]:
    """The normalised input of each block and of the output layer, averaged over positions: (batch, width) each.

    Reference: Chen et al. 2020, section 3.3 (the features of a linear probe).
    """
    hidden, found = embed(model, tokens), []
    for layer, block in enumerate(model.transformer.h):
        found.append(norm(block.ln_1, hidden).mean(dim=1))
        hidden = _block(model.config, block, layer, hidden, None, causal, None)
    return [*found, norm(model.transformer.ln_f, hidden).mean(dim=1)]


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
    x = norm(block.ln_1, hidden)
    if cache is None:
        hidden = hidden + attend(config, block.attn, layer, x, mask, causal)
    else:
        hidden = hidden + cache.attend(block.attn, layer, x, mask, causal)
    return hidden + _mlp(config.activation_function, block.mlp, norm(block.ln_2, hidden))


def attend(config: Any, attention: Any, layer: int, x: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
    """Self-attention of whole sequences, (batch, n, width) to the same."""
    q, k, v = split_heads(config, linear(attention.c_attn, x), 3)
    whole = causal and mask is None
    scale = attention_scale(config, layer)
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=whole, scale=scale)
    return linear(attention.c_proj, join_heads(mixed))


def split_heads(config: Any, projected: Tensor, parts: int) -> Tensor:
    """(batch, n, parts * width) to (parts, batch, heads, n, head width), a view."""
    batch, n, _ = projected.shape
    return projected.view(batch, n, parts, config.n_head, config.n_embd // config.n_head).permute(2, 0, 3, 1, 4)


def join_heads(mixed: Tensor) -> Tensor:
    """(batch, heads, n, head width) to (batch, n, width)."""
    return mixed.transpose(1, 2).flatten(2)


def attention_scale(config: Any, layer: int) -> float:
    """What the products of queries and keys are multiplied by."""
    scale = (config.n_embd // config.n_head) ** -0.5 if config.scale_attn_weights else 1.0
    return scale / (layer + 1 if config.scale_attn_by_inverse_layer_idx else 1)


def _mlp(activation: str, mlp: Any, x: Tensor) -> Tensor:
    inner, scale = activated(activation, mlp.c_fc, x)
    return linear(mlp.c_proj, inner, scale)


def activated(name: str, layer: Any, x: Tensor) -> tuple[Tensor, float]:
    """The inner layer's activations, and what they are still to be multiplied by.

    Quick-GELU(x) is silu(s x) / s: the matrix products themselves multiply, and no pass over x is left.

    Raises:
        UserError: The activation is unknown.
    """
    if name == "quick_gelu":
        return F.silu(linear(layer, x, QUICK_GELU, QUICK_GELU)), 1 / QUICK_GELU
    inner = linear(layer, x)
    if name in ("gelu_new", "gelu_pytorch_tanh"):
        return (F.gelu(inner, approximate="tanh") if torch.is_grad_enabled() else _gelu_tanh_(inner)), 1.0
    if name == "gelu":
        return F.gelu(inner), 1.0
    raise UserError(f"the checkpoint's activation {name} is not one of gelu, gelu_new, quick_gelu")


def _gelu_tanh_(x: Tensor) -> Tensor:
    """GELU's tanh form as x times a sigmoid, which takes half the time of the tanh on a CPU; x itself is kept."""
    slope = 2 * (2 / torch.pi) ** 0.5
    return x.square().mul_(slope * 0.044715).add_(slope).mul_(x).sigmoid_().mul_(x)


def linear(layer: Any, x: Tensor, scale: float = 1.0, bias_scale: float = 1.0) -> Tensor:
    """Transformers' Conv1D, weight (in, out): ``scale * x @ weight + bias_scale * bias``."""
    weight = layer.weight
    made = torch.addmm(layer.bias, x.reshape(-1, x.shape[-1]), weight, alpha=scale, beta=bias_scale)
    return made.view(*x.shape[:-1], weight.shape[1])


def norm(layer: Any, x: Tensor) -> Tensor:
    """GPT-2's or ImageGPT's normalisation."""
    if isinstance(layer, nn.LayerNorm):
        return torch.layer_norm(x, layer.normalized_shape, layer.weight, layer.bias, layer.eps)
    if torch.is_grad_enabled():
        return F.rms_norm(x, (x.shape[-1],), layer.weight, layer.eps)
    return (x * x.square().mean(dim=-1, keepdim=True).add_(layer.eps).rsqrt_()).mul_(layer.weight)
