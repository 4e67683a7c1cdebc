"""CycleGAN and pix2pix: contract, losses' parts, pool, edges, schedule."""

import dataclasses

import pytest
import torch
from image_sets import random_set

from rlsuite import generators, registry
from rlsuite.errors import UserError
from rlsuite.generators.translate.networks import NoiseDropout, ResnetTranslator, UNet, edges_of
from rlsuite.generators.translate.pool import ImagePool
from rlsuite.testing import check_generator

TINY = {"preset": "tiny", "batch_size": 2}


def two_domains(aligned=False):
    data = random_set(12)
    return dataclasses.replace(data, partners=255 - data.images, aligned=aligned)


@pytest.mark.parametrize("kind", ["cyclegan", "pix2pix"])
def test_keeps_the_contract(kind):
    claims = registry.generators.get(kind).tags["capabilities"]
    check_generator(lambda seed: generators.make(kind, TINY, seed=seed), two_domains(), claims=claims)


def test_both_directions_and_strength():
    made = generators.make("cyclegan", TINY)
    images = random_set(2).floats()
    there, back = made.transform(images, to="b"), made.transform(images, to="a")
    assert not torch.equal(there, back)
    half = made.transform(images, to="b", strength=0.5)
    assert torch.allclose(half, (images + there) / 2, atol=1e-6)
    with pytest.raises(UserError, match="not to 'c'"):
        made.transform(images, to="c")


def test_parts_of_the_loss_can_be_left_out():
    alone = generators.make("cyclegan", {**TINY, "gan_coef": 0, "identity_coef": 0}).fit(two_domains(), n_steps=1)
    assert set(alone.metrics) == {"loss_cycle", "learning_rate"}
    gan = generators.make("cyclegan", {**TINY, "cycle_coef": 0}).fit(two_domains(), n_steps=1)
    assert {"loss_g", "loss_d"} <= set(gan.metrics)


def test_translations_are_scored_by_the_hidden_partners():
    made = generators.make("cyclegan", TINY)
    scores = made.own_scores(two_domains(), two_domains(aligned=True), 0)
    data = two_domains()
    assert scores["l1_untranslated"] == pytest.approx(
        float((data.floats() - data.partners.float() / 255).abs().mean()), abs=1e-6
    )
    assert made.own_scores(two_domains(), two_domains(aligned=False), 0) == {}


def test_data_that_do_not_suit():
    with pytest.raises(UserError, match="two domains"):
        generators.make("cyclegan", TINY).fit(random_set(), n_steps=1)
    with pytest.raises(UserError, match="belong together"):
        generators.make("pix2pix", {**TINY, "source": "partners"}).fit(two_domains(), n_steps=1)
    with pytest.raises(UserError, match="multiple of 4"):
        generators.make("cyclegan", {"size": 18})


def test_the_rate_is_constant_and_then_falls_to_nothing():
    config = {**TINY, "constant_steps": 2, "decay_steps": 2, "learning_rate": 0.01}
    state = generators.make("pix2pix", config).fit_state(random_set(8), seed=0)
    rates = [float(state.step()["learning_rate"]) for _ in range(5)]
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.005, 0.0])


def test_the_pool_gives_old_images_for_half_the_new_ones():
    pool = ImagePool(50, torch.Generator().manual_seed(0))
    first = pool.swap(torch.zeros(50, 1))
    assert torch.equal(first, torch.zeros(50, 1))  # it fills
    returned = torch.cat([pool.swap(torch.ones(1, 1)) for _ in range(60)])
    assert 12 < int((returned == 0).sum()) < 45
    assert torch.equal(ImagePool(0, torch.Generator()).swap(first), first)


def test_edges_are_drawn_where_colours_change():
    picture = torch.zeros(1, 3, 8, 8)
    picture[..., 4:] = 1
    lines = edges_of(picture)
    assert set(lines[0, 0, 4, [0, 1, 6, 7]].tolist()) == {1.0}
    assert (lines[0, 0, :, 3:5] == 0).all()


def test_networks_have_the_published_size():
    """11.38 M parameters for the generator of nine blocks (junyanz' count for 256 pixels)."""
    with torch.random.fork_rng():
        network = ResnetTranslator(3, 64, 9, "transposed")
        small = UNet(16, 3, 4, 0.5)
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 2) == 11.38
    dropouts = [m.share for m in small.modules() if isinstance(m, NoiseDropout)]
    assert dropouts == [0.0, 0.5, 0.5]  # none in the innermost layer
    assert small(torch.zeros(2, 3, 16, 16)).shape == (2, 3, 16, 16)


def test_dropout_is_noise_of_its_own_stream():
    layer = NoiseDropout(0.5).train()
    layer.generator = torch.Generator().manual_seed(0)
    out = layer(torch.ones(10_000))
    assert set(out.unique().tolist()) == {0.0, 2.0}
    assert float(out.mean()) == pytest.approx(1.0, abs=0.05)
    assert torch.equal(layer.eval()(torch.ones(4)), torch.ones(4))


@pytest.mark.slow
def test_a_tiny_pix2pix_beats_its_input():
    data = generators.load_images({"id": "shapes", "n_shapes": 200}, generators.make("pix2pix", TINY).spec)
    train, held_out = data.split(0.2)
    made = generators.make("pix2pix", {"preset": "tiny", "learning_rate": 1e-3, "constant_steps": 400})
    made.fit(train, n_steps=300)
    scores = made.own_scores(train, held_out, 0)
    assert scores["l1_to_b"] < 0.7 * scores["l1_untranslated"]
