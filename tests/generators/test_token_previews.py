"""Token models show what they draw while they draw it."""

import pytest
import torch
from image_sets import random_set

from rlsuite import generators
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.tokens import sampling

KINDS = {"image_gpt": (8, 3), "sprite_gpt": (8, 4), "dalle": (16, 3)}


def learned(kind):
    size, channels = KINDS[kind]
    noise = random_set(12, size, channels)
    model = generators.make(kind, {"preset": "tiny", "batch_size": 4})
    model.fit(ImageSet("noise", noise.images, noise.names, ["a noise"] * 12), n_steps=3)
    return model


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_row_is_shown_and_the_last_is_the_picture(kind, monkeypatch):
    monkeypatch.setattr(sampling, "CHUNK", 2)
    model, shown = learned(kind), []
    made = model.sample(3, seed=0, on_images=shown.append)
    n_rows = 4 if kind == "dalle" else KINDS[kind][0]
    assert len(shown) % n_rows == 0
    assert all(images.shape == made.shape for images in shown)
    assert torch.equal(shown[-1], made)
    assert torch.equal(made, model.sample(3, seed=0))


@pytest.mark.parametrize("kind", ["image_gpt", "dalle"])
def test_what_is_not_drawn_yet_is_grey(kind):
    model, shown = learned(kind), []
    model.sample(2, seed=0, on_images=shown.append)
    height = KINDS[kind][0]
    for i, images in enumerate(shown[:-1], 1):
        drawn = height * i // len(shown)
        assert (images[:, :, drawn:] == 0.5).all()
        assert not (images[:, :, :drawn] == 0.5).all()


def test_a_block_of_pixels_stands_for_a_code():
    there = torch.tensor([[[True, False], [False, False]]])
    images = sampling.unfinished(torch.ones(1, 3, 4, 4), there)
    assert images[0, 0].tolist() == [[1, 1, 0.5, 0.5], [1, 1, 0.5, 0.5], [0.5] * 4, [0.5] * 4]
