"""The losses, the balance and the averages against numbers worked out by hand."""

import math

import pytest
import torch
from image_sets import random_set, stripes

from rlsuite import generators
from rlsuite.generators.augment import augment, diff_augment
from rlsuite.generators.config import AugmentConfig
from rlsuite.generators.gan.began import Equilibrium
from rlsuite.generators.gan.began_networks import CarryConv
from rlsuite.generators.gan.losses import fake_loss, generator_loss, real_loss
from rlsuite.generators.gan.networks import DcganDiscriminator, DcganGenerator, channels_at, n_stages
from rlsuite.generators.training import Batches, Ema

ZERO, FIVE = torch.zeros(1), torch.full((1,), 5.0)


def test_losses_at_known_logits():
    assert float(real_loss(ZERO, "vanilla")) == pytest.approx(math.log(2))
    assert float(fake_loss(FIVE, "vanilla")) == pytest.approx(math.log(1 + math.exp(5)))
    assert float(generator_loss(-FIVE, "vanilla")) == pytest.approx(math.log(1 + math.exp(5)))
    assert [float(f(FIVE, "hinge")) for f in (real_loss, fake_loss, generator_loss)] == [0, 6, -5]
    assert [float(f(FIVE, "lsgan")) for f in (real_loss, fake_loss, generator_loss)] == [16, 25, 16]


def test_the_balance_of_began():
    balance = Equilibrium(gamma=0.5, rate=0.1, device="cpu")
    convergence = balance.update(torch.tensor(2.0), torch.tensor(0.4))
    assert float(balance.k) == pytest.approx(0.1 * (0.5 * 2.0 - 0.4))
    assert float(convergence) == pytest.approx(2.0 + abs(0.5 * 2.0 - 0.4))
    balance.update(torch.tensor(0.0), torch.tensor(9.0))
    assert float(balance.k) == 0  # never below
    for _ in range(30):
        balance.update(torch.tensor(9.0), torch.tensor(0.0))
    assert float(balance.k) == 1  # never above


def test_the_carry_fades_from_input_to_output():
    layer, x = CarryConv(2, 2), torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(layer(x, torch.tensor(1.0)), x)
    half = 0.5 * x + 0.5 * layer(x, None)
    assert torch.allclose(layer(x, torch.tensor(0.5)), half, atol=1e-6)


def test_networks_have_the_published_shape():
    assert [channels_at(128, stage) for stage in range(1, n_stages(64) + 1)] == [128, 256, 512, 1024]
    g, d = DcganGenerator(100, 64, 3, 8, 5), DcganDiscriminator(64, 3, 8, 5)
    widths = [m.in_channels for m in g.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    assert widths == [64, 32, 16, 8]
    assert [m.out_channels for m in d.modules() if isinstance(m, torch.nn.Conv2d)] == [8, 16, 32, 64]
    with torch.no_grad():
        image = DcganGenerator(8, 32, 3, 4, 4)(torch.zeros(2, 8))
    assert image.shape == (2, 3, 32, 32)


def test_every_row_comes_once_before_any_comes_twice():
    batches = Batches(10, 5, torch.Generator().manual_seed(0))
    seen = torch.cat([batches.rows(), batches.rows()])
    assert sorted(seen.tolist()) == list(range(10))


def test_the_average_follows_with_its_decay():
    live, average = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        live.weight.fill_(1.0)
        average.weight.fill_(0.0)
    Ema(live, average, 0.75).update(10_000)
    assert average.weight.item() == pytest.approx(0.25)
    Ema(live, average, 0.75).update(0)  # early on the start is forgotten faster: decay 1 / 10
    assert average.weight.item() == pytest.approx(0.25 + 0.75 * 0.9)


def test_augmentation_keeps_shape_and_changes_each_image_its_own_way():
    images = stripes(8).floats() * 2 - 1
    generator = torch.Generator().manual_seed(0)
    turned = augment(images, AugmentConfig(flip=True, rotate=20, zoom=0.2, shift=0.1), generator)
    assert turned.shape == images.shape
    assert not torch.equal(turned, images)
    assert augment(images, AugmentConfig(), generator) is images
    flipped = augment(images, AugmentConfig(flip=True), generator)
    mirrored = [torch.equal(a, b.flip(-1)) and not torch.equal(a, b) for a, b in zip(flipped, images, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(flipped, images, strict=True)]
    assert all(m or k for m, k in zip(mirrored, kept, strict=True))
    assert any(mirrored)
    assert any(kept)


def test_diff_augment_lets_gradients_through():
    images = torch.zeros(4, 3, 16, 16, requires_grad=True)
    out = diff_augment(images, ("colour", "translation", "cutout"), torch.Generator().manual_seed(0))
    out.sum().backward()
    assert float(images.grad.abs().sum()) > 0
    one = torch.ones(64, 1, 16, 16)
    cut = diff_augment(one, ("cutout",), torch.Generator().manual_seed(0))
    assert set(cut.unique().tolist()) == {0.0, 1.0}
    assert float((cut == 0).float().mean(dim=(1, 2, 3)).max()) == 0.25  # at most half the side squared
    moved = diff_augment(one, ("translation",), torch.Generator().manual_seed(0))
    assert float((moved == 0).float().mean(dim=(1, 2, 3)).max()) <= 1 - (14 / 16) ** 2


@pytest.mark.slow
def test_a_dcgan_learns_more_than_the_mean_image():
    """Samples of a few seconds' training lie nearer to held-out images, feature-free, than the mean image does."""
    data, held_out = stripes(256, seed=0), stripes(64, seed=1)
    made = generators.make("dcgan", {"preset": "tiny", "width": 16, "learning_rate": 1e-3})
    made.fit(data, n_steps=400)
    samples, real = made.sample(64, seed=0).flatten(1), held_out.floats().flatten(1)
    mean = data.floats().mean(dim=0).flatten()[None]
    nearest = torch.cdist(real, samples).amin(dim=1).mean()
    assert nearest < torch.cdist(real, mean).mean() * 0.9


def test_began_sets_its_step_size_and_carry():
    made = generators.make("began", {"preset": "tiny", "batch_size": 2, "residual_steps": 4, "halve_every": 2})
    state = made.fit_state(random_set(8), seed=0)
    rates = [float(state.step()["learning_rate"]) for _ in range(5)]
    assert rates == [1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4]
    assert float(made.decoder.carry) == 0  # faded, in the average too
