"""The sprite model: contract, windows, growth in both directions, types, likelihood."""

import numpy as np
import pytest
import torch
from image_sets import random_set

from rlsuite import generators
from rlsuite.errors import UserError
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.tokens import sprite_text
from rlsuite.generators.tokens.network import build_gpt2
from rlsuite.generators.tokens.sprite_tokens import N_PIXELS, Vocabulary, as_images, as_symbols
from rlsuite.generators.tokens.training import IGNORED
from rlsuite.testing import check_generator

TINY = {"preset": "tiny", "batch_size": 4}


def sprites(n=24, size=8):
    """Two kinds: a bar on the left in red, a bar on the right in blue; the rest clear."""
    symbols = torch.full((n, size, size), sprite_text.CLEAR, dtype=torch.uint8)
    kinds = ["left" if i % 2 else "right" for i in range(n)]
    for i, kind in enumerate(kinds):
        half = slice(0, size // 2) if kind == "left" else slice(size // 2, size)
        symbols[i, :, half] = 48 if kind == "left" else 3
    images = (as_images(symbols) * 255).to(torch.uint8)
    return ImageSet("bars", images, [str(i) for i in range(n)], labels={"kind": kinds})


def learned(**options):
    made = generators.make(
        "sprite_gpt", {"preset": "tiny", "types": ["left", "right"], "learning_rate": 4e-3, **options}
    )
    made.fit(sprites(), n_steps=250, seed=0)
    return made


@pytest.fixture(scope="module")
def model():
    return learned()


def test_keeps_the_contract():
    claims = ["samples", "completes", "ranks"]
    data = random_set(size=8, channels=4)
    data = ImageSet("noise", (as_images(as_symbols(data.images)) * 255).round().to(torch.uint8), data.names)
    check_generator(lambda seed: generators.make("sprite_gpt", TINY, seed=seed), data, claims=claims)


def test_the_published_vocabulary_has_199_words():
    assert len(Vocabulary(64)) == 67 + 64 * 2 + 4


def test_windows_say_what_the_text_says():
    symbols = torch.from_numpy(np.random.default_rng(0).integers(0, 67, (1, 8, 8)).astype(np.uint8))
    vocabulary, lines = Vocabulary(8), sprite_text.sprite_lines(symbols[0].numpy())
    for up, expected in ((True, lines[:8]), (False, lines[8:])):
        tokens = vocabulary.windows(
            symbols, torch.tensor([vocabulary.any_type]), torch.tensor([up]), torch.tensor([0]), 8
        )
        assert vocabulary.text(tokens[0, 2:]) == expected
        assert tokens[0, 1] == vocabulary.start
        assert tokens[0, -1] == vocabulary.end


def test_a_window_that_runs_out_ends_and_then_counts_for_nothing():
    vocabulary, symbols = Vocabulary(8), torch.zeros((1, 8, 8), dtype=torch.uint8)
    tokens = vocabulary.windows(
        symbols, torch.tensor([vocabulary.any_type]), torch.tensor([False]), torch.tensor([6]), 4
    )
    assert tokens[0, 1] == vocabulary.go_on
    assert tokens[0, 2 + 2 * 9] == vocabulary.end
    assert (tokens[0, 2 + 2 * 9 + 1 :] == IGNORED).all()


def test_samples_are_of_the_type_asked_for(model):
    made = as_symbols(model.sample(8, seed=1, condition=["left", "right"] * 4, temperature=0.5))
    left = (made[:, :, :4] == 48).float().mean(dim=(1, 2))
    right = (made[:, :, 4:] == 3).float().mean(dim=(1, 2))
    assert (left[::2] > 0.9).all()
    assert (right[1::2] > 0.9).all()
    with pytest.raises(UserError, match="no type 'up'; known: left, right"):
        model.sample(1, seed=0, condition="up")


@pytest.mark.parametrize("context", [80, 40])
def test_rows_that_are_given_decide_those_above_and_below(context):
    model = learned(context=context)
    images, known = sprites(4).floats(), torch.zeros(4, 1, 8, 8)
    known[:, :, 3:6] = 1
    made = model.complete(images, known, n=2, seed=0, temperature=0.3)
    assert (as_symbols(made) == as_symbols(images).repeat_interleave(2, dim=0)).float().mean() > 0.9
    assert torch.equal(made[:, :, 3:6], images.repeat_interleave(2, dim=0)[:, :, 3:6])


def test_free_text_of_a_trained_model_is_legal(model):
    found = [
        sprite_text.repair(t.splitlines(), 8) for t in model.sample_text(4, seed=0, condition="left", temperature=0.3)
    ]
    assert all(f.n_legal >= 6 for f in found)


def test_likelihood_prefers_what_was_learned(model):
    real = model.score(sprites(4).floats(), ["right", "left"] * 2)
    noise = model.score(as_images(torch.randint(0, 67, (4, 8, 8), generator=torch.Generator().manual_seed(0))))
    assert (real > -0.2).all()
    assert (noise < -3).all()


@pytest.mark.parametrize("context", [80, 24])
def test_likelihood_counts_every_pixel_once_whatever_the_window(context):
    model = generators.make("sprite_gpt", {"preset": "tiny", "context": context})
    with torch.no_grad():
        for parameter in model.model.parameters():
            parameter.zero_()
    n_tokens = 8 * 9 + 1  # all tokens are equally likely now: every pixel, marker and the end cost the same
    bits = -model.score(sprites(2).floats())
    assert torch.allclose(bits, torch.full((2,), n_tokens * np.log2(len(Vocabulary(8))) / 64), atol=1e-4)


def test_masks_that_it_cannot_serve_are_refused(model):
    images, known = sprites(2).floats(), torch.zeros(2, 1, 8, 8)
    known[:, :, :, :4] = 1
    with pytest.raises(UserError, match="whole rows"):
        model.complete(images, known, n=1, seed=0)
    known[:] = 0
    known[:, :, ::2] = 1
    with pytest.raises(UserError, match="lie together"):
        model.complete(images, known, n=1, seed=0)


def test_earlier_versions_of_the_format_train():
    for options in ({"row_numbers": False, "directions": False}, {"directions": False}):
        made = generators.make("sprite_gpt", {"preset": "tiny", **options})
        made.fit(sprites(), n_steps=2)
        assert made.sample(2, seed=0).shape == (2, 4, 8, 8)
        assert len(made.sample_text(2, seed=0)) == 2


def test_the_blocks_of_a_gpt2_of_ones_own_are_taken_over(tmp_path):
    theirs = build_gpt2(50, 80, 2, 32, 2, seed=5)
    theirs.save_pretrained(tmp_path / "mine")
    options = {"preset": "tiny", "checkpoint": str(tmp_path / "mine")}
    made = generators.make("sprite_gpt", options)
    blocks, places = (getattr(made.model.transformer, name).state_dict() for name in ("h", "wpe"))
    assert all(torch.equal(v, blocks[k]) for k, v in theirs.transformer.h.state_dict().items())
    assert torch.equal(places["weight"], theirs.transformer.wpe.weight[:64])
    assert made.sample(2, seed=0).shape == (2, 4, 8, 8)
    with pytest.raises(UserError, match="n_layer is 2 there and 3 here"):
        generators.make("sprite_gpt", {**options, "layers": 3})
    with pytest.raises(UserError, match="its context is 80, not 90"):
        generators.make("sprite_gpt", {**options, "context": 90})


def test_pixels_come_first_in_the_vocabulary():
    assert int(Vocabulary(8).marker(0, False)) == N_PIXELS
