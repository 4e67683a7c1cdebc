"""Weights of transformers' classes, run here: same logits, same tokens, any mask."""

import functools
from typing import Any

import pytest
import torch

from rlsuite.errors import UserError
from rlsuite.generators.tokens import network
from rlsuite.generators.tokens.cache import InputCache, KeyValueCache, empty_cache
from rlsuite.generators.tokens.sampling import choose, generate, logits_of_last, uniforms

TOKENS = torch.randint(0, 20, (3, 12), generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["gpt2", "imagegpt"])
def model(request):
    build = network.build_gpt2 if request.param == "gpt2" else network.build_image_gpt
    made: Any = build(21, 16, layers=3, width=32, heads=4, seed=0).eval()
    with torch.no_grad():
        generator = torch.Generator().manual_seed(1)
        made.lm_head.weight.normal_(generator=generator)
        for name, parameter in made.named_parameters():
            if name.endswith("bias"):  # transformers begins with zeros, which would hide a lost one
                parameter.normal_(std=0.3, generator=generator)
    return made


def test_logits_equal_transformers(model):
    with torch.no_grad():
        assert torch.allclose(network.logits(model, TOKENS), model(TOKENS).logits, atol=1e-4)


@pytest.mark.parametrize("kind", [KeyValueCache, InputCache])
def test_token_by_token_equals_all_at_once(model, kind):
    with torch.no_grad():
        whole = network.logits(model, TOKENS)
        cache = kind(model, 3, 12)
        parts = [network.logits(model, TOKENS[:, a:b], cache=cache) for a, b in ((0, 5), (5, 6), (6, 10), (10, 12))]
    assert torch.allclose(torch.cat(parts, dim=1), whole, atol=1e-4)


def test_many_heads_keep_keys_and_values():
    few, many = (network.build_gpt2(21, 16, layers=1, width=48, heads=heads, seed=0) for heads in (4, 6))
    assert isinstance(empty_cache(few, 1, 4), InputCache)
    assert isinstance(empty_cache(many, 1, 4), KeyValueCache)


def test_without_causality_later_tokens_matter(model):
    other = TOKENS.clone()
    other[:, -1] = (other[:, -1] + 1) % 20
    with torch.no_grad():
        for causal in (True, False):
            same = torch.allclose(
                network.logits(model, TOKENS, causal=causal)[:, 0], network.logits(model, other, causal=causal)[:, 0]
            )
            assert same == causal


def test_greedy_tokens_equal_transformers_generate(model):
    ours = generate(model, TOKENS[:, :4], 8, uniforms(3, 8, 0, "t"), temperature=0)
    seen = torch.ones(3, 4, dtype=torch.long)
    theirs = model.generate(TOKENS[:, :4], attention_mask=seen, max_new_tokens=8, do_sample=False, pad_token_id=0)
    assert torch.equal(ours, theirs[:, 4:])


def test_a_checkpoint_of_ones_own_loads(model, tmp_path):
    kind = model.config.model_type
    model.save_pretrained(tmp_path / "mine")
    loaded = network.load_pretrained(str(tmp_path / "mine"), kind)
    with torch.no_grad():
        assert torch.equal(network.logits(loaded, TOKENS), network.logits(model, TOKENS))
    with pytest.raises(UserError, match="checkpoint is wanted"):
        network.load_pretrained(str(tmp_path / "mine"), "imagegpt" if kind == "gpt2" else "gpt2")
    with pytest.raises(UserError, match="no gpt2 checkpoint"):
        network.load_pretrained(str(tmp_path / "nothing"), "gpt2")


def test_a_translated_block_computes_the_same(model, monkeypatch):
    """Dynamo follows it in one piece; whether the result is faster is for CUDA to say."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    network._compiled_block.cache_clear()
    try:
        found = []
        for wanted in (False, True):
            model.zero_grad()
            with network.compiled_blocks(wanted):
                scores = network.logits(model, TOKENS)
            scores.square().mean().backward()
            found.append((scores.detach(), model.transformer.h[0].attn.c_attn.weight.grad.clone()))
        assert network._compiled_block.cache_info().currsize == 1
    finally:
        network._compiled_block.cache_clear()
    for plain, translated in zip(*found, strict=True):
        torch.testing.assert_close(translated, plain)


def test_half_precision_keeps_half_as_many_bytes():
    model = network.build_gpt2(20, 12, 2, 48, 6, 0).eval()
    exact = logits_of_last(model, TOKENS[:, :4], empty_cache(model, 3, 8))
    with torch.autocast("cpu", torch.bfloat16):
        cache = empty_cache(model, 3, 8)
        rough = logits_of_last(model, TOKENS[:, :4], cache)
        made = generate(model, TOKENS[:, :4], 4, uniforms(3, 4, 0, "t"))
    assert isinstance(cache, KeyValueCache)
    assert cache.keys.dtype == torch.bfloat16
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, atol=0.02, rtol=0.05)
    assert made.shape == (3, 4)


def test_draws_follow_the_distribution_and_the_masks():
    scores, u = torch.tensor([[0.0, 1.0, 2.0, -1.0]]).expand(4000, 4), torch.rand(4000, generator=torch.Generator())
    shares = torch.bincount(choose(scores, u), minlength=4) / 4000
    assert torch.allclose(shares, scores[0].softmax(0), atol=0.03)
    assert set(choose(scores, u, top_k=2).tolist()) == {1, 2}
    assert set(choose(scores, u, top_p=0.5).tolist()) == {2}
    assert set(choose(scores, u, allowed=torch.tensor([True, False, False, True])).tolist()) == {0, 3}
    assert (choose(scores, u, temperature=0) == 2).all()
    assert set(choose(scores, u, temperature=torch.zeros(4000)).tolist()) == {2}
    edge = choose(scores, torch.ones(4000), allowed=torch.tensor([True, True, False, False]))
    assert set(edge.tolist()) == {1}


def test_the_first_sequences_do_not_depend_on_how_many_there_are():
    assert torch.equal(uniforms(2, 5, 3, "a"), uniforms(7, 5, 3, "a")[:2])
