"""What attention needs of the tokens seen so far, so that drawing the next one does not read them again.

Drawing waits for memory: each new token reads everything that is kept of all before it. With few heads it is
cheaper to keep what keys and values are made of (the block's normalised input, half as many numbers) and to move
the two matrices to the other side of the product: ``(x_q W_q) (x W_k)^T = (x_q W_q W_k^T) x^T``, and
``p (x W_v) W_o = (p x) (W_v W_o)``. The key's bias adds the same to all of a query's products, so softmax drops it.

Reference: DeepSeek-AI 2024, "DeepSeek-V2", section 2.1.2 (the same rearrangement, of a compressed input).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from rlsuite.generators.tokens.network import activated, attend, attention_scale, join_heads, linear, norm, split_heads

FEW_HEADS = 4
"""Up to here inputs are kept: the products grow with the heads, what is read does not."""


class Cache(Protocol):
    """Of every layer.

    Attributes:
        n: Tokens stored.
    """

    n: int

    @property
    def step(self) -> Callable[[Any, Tensor], Tensor] | None:
        """Takes one token of each sequence through all blocks, (batch, width) to the same; None: `network.run` does."""
        ...

    def attend(self, attention: Any, layer: int, x: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """Store the new tokens' normalised inputs (batch, n, width), and let them attend to all so far.

        Args:
            attention: The block's.
            layer: Which.
            x: The inputs.
            mask: Who sees whom, (n, stored) bool.
            causal: Whether without a mask the tokens see only what comes before.
        """
        ...


def empty_cache(model: Any, batch: int, length: int) -> Cache:
    """Room for ``length`` tokens of ``batch`` sequences."""
    weight = model.transformer.wte.weight
    few = weight.device.type == "cpu" and model.config.n_head <= FEW_HEADS
    return InputCache(model, batch, length) if few else KeyValueCache(model, batch, length)


class KeyValueCache:
    """Keeps keys and values, (layers, batch, heads, length, head width) each.

    Args:
        model: GPT-2 or ImageGPT.
        batch: Sequences.
        length: Tokens of each, at most.
    """

    step = None

    def __init__(self, model: Any, batch: int, length: int) -> None:
        config, like = model.config, model.transformer.wte.weight
        shape = (config.n_layer, batch, config.n_head, length, config.n_embd // config.n_head)
        self.config, self.n = config, 0
        kind = like.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else like.dtype
        self.keys, self.values = (like.new_empty(shape, dtype=dtype) for _ in range(2))

    def attend(self, attention: Any, layer: int, x: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """See `Cache`."""
        q, k, v = split_heads(self.config, linear(attention.c_attn, x), 3)
        end, whole = self.n + x.shape[1], causal and mask is None and x.shape[1] > 1
        self.keys[layer, :, :, self.n : end] = k
        self.values[layer, :, :, self.n : end] = v
        k, v = self.keys[layer, :, :, :end], self.values[layer, :, :, :end]
        scale = attention_scale(self.config, layer)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=whole, scale=scale)
        return linear(attention.c_proj, join_heads(mixed))


class Folded(NamedTuple):
    """A layer's attention with the key's and value's matrices moved to the query and the output.

    Attributes:
        query: (width, heads * width).
        query_bias: (heads * width,).
        out: (heads * width, width).
        out_bias: (width,).
        scale: Of the products.
    """

    query: Tensor
    query_bias: Tensor
    out: Tensor
    out_bias: Tensor
    scale: float


class InputCache:
    """Keeps what keys and values are made of, (layers, batch, length, width).

    Args:
        model: GPT-2 or ImageGPT.
        batch: Sequences.
        length: Tokens of each, at most.
    """

    def __init__(self, model: Any, batch: int, length: int) -> None:
        config, like = model.config, model.transformer.wte.weight
        self.config, self.n = config, 0
        self.inputs = [like.new_empty(batch, length, config.n_embd) for _ in model.transformer.h]
        self.folded = [_fold(config, layer, block.attn) for layer, block in enumerate(model.transformer.h)]

    def attend(self, attention: Any, layer: int, x: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """See `Cache`."""
        batch, n, width = x.shape
        if self.n == 0 and n > 1:
            self.inputs[layer][:, :n] = x
            return attend(self.config, attention, layer, x, mask, causal)
        mixed = self._mix(layer, x, mask)
        return torch.addmm(self.folded[layer].out_bias, mixed, self.folded[layer].out).view(batch, n, width)

    def _mix(self, layer: int, x: Tensor, mask: Tensor | None) -> Tensor:
        """Store inputs (batch, n, width), and what each head sees of all so far, (batch * n, heads * width)."""
        (batch, n, width), heads, folded = x.shape, self.config.n_head, self.folded[layer]
        self.inputs[layer].narrow(1, self.n, n).copy_(x)
        kept = self.inputs[layer].narrow(1, 0, self.n + n)[:, None]
        q = torch.addmm(folded.query_bias, x.reshape(-1, width), folded.query).view(batch, 1, n * heads, width)
        rows = None if mask is None else mask.repeat_interleave(heads, dim=0)
        mixed = F.scaled_dot_product_attention(q, kept, kept, attn_mask=rows, scale=folded.scale)
        return mixed.view(batch * n, heads * width)

    @torch.no_grad()
    def step(self, model: Any, hidden: Tensor) -> Tensor:
        """The next token of each sequence, (batch, width), through all blocks; ``hidden`` is overwritten.

        The same as `network.run` with this cache, in fewer calls: a small model's step is short beside them.
        """
        for layer, (block, folded) in enumerate(zip(model.transformer.h, self.folded, strict=True)):
            mixed = self._mix(layer, norm(block.ln_1, hidden)[:, None], None)
            hidden.add_(folded.out_bias).addmm_(mixed, folded.out)
            x = norm(block.ln_2, hidden)
            inner, scale = activated(self.config.activation_function, block.mlp.c_fc, x)
            hidden.add_(block.mlp.c_proj.bias).addmm_(inner, block.mlp.c_proj.weight, alpha=scale)
        self.n += 1
        return norm(model.transformer.ln_f, hidden)


@torch.no_grad()
def _fold(config: Any, layer: int, attention: Any) -> Folded:
    width, heads = config.n_embd, config.n_head
    query, key, value = attention.c_attn.weight.view(width, 3, heads, -1).unbind(1)
    query_bias, _, value_bias = attention.c_attn.bias.view(3, heads, -1).unbind(0)
    out = attention.c_proj.weight.view(heads, -1, width)
    return Folded(
        torch.einsum("ihd,ohd->iho", query, key).reshape(width, -1),
        torch.einsum("hd,ohd->ho", query_bias, key).reshape(-1),
        torch.einsum("ihd,hdo->hio", value, out).reshape(-1, width),
        value_bias.reshape(-1) @ attention.c_proj.weight + attention.c_proj.bias,
        attention_scale(config, layer),
    )
