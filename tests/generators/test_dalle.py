"""Text to image: formulas by hand, masks by counting, both stages, guidance, completion."""

import math

import pytest
import torch
from image_sets import random_set

from rlsuite import generators
from rlsuite.errors import UserError
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.tokens import dvae
from rlsuite.generators.tokens.captions import CaptionTokens
from rlsuite.generators.tokens.dalle_masks import attention_masks, layer_mask, pattern_of
from rlsuite.testing import check_generator

TINY = {"preset": "tiny", "batch_size": 4}
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def captioned(n=48, size=16):
    """Plain pictures of three colours, and what they are called."""
    names = [list(COLOURS)[i % 3] for i in range(n)]
    images = torch.tensor([COLOURS[name] for name in names], dtype=torch.uint8)[:, :, None, None]
    captions = [f"A {name} picture" for name in names]
    return ImageSet("colours", images.expand(n, 3, size, size).contiguous(), [str(i) for i in range(n)], captions)


@pytest.mark.parametrize("options", [{}, {"quantizer": "fsq", "attention": "sparse", "guidance": 2.0}])
def test_keeps_the_contract(options):
    noise = random_set(24)
    data = ImageSet("noise", noise.images, noise.names, [f"noise number {i}" for i in range(24)])
    check_generator(
        lambda seed: generators.make("dalle", {**TINY, **options}, seed=seed),
        data,
        claims=["samples", "completes", "encodes", "ranks"],
        condition="noise number 3",
    )


def test_both_stages_learn():
    model, seen = generators.make("dalle", {**TINY, "vae_steps": 30, "learning_rate": 4e-3, "warmup_steps": 2}), []
    model.fit(
        captioned(), n_steps=60, on_step=lambda n, metrics: seen.append({k: float(v) for k, v in metrics.items()})
    )
    assert [m["stage"] for m in seen] == [1.0] * 30 + [2.0] * 30
    assert seen[29]["reconstruction"] < seen[0]["reconstruction"]
    assert seen[59]["loss_image"] < seen[30]["loss_image"]
    assert seen[59]["loss_text"] < seen[30]["loss_text"]
    assert 1 <= seen[29]["code_perplexity"] <= 27


def test_the_second_stage_warms_up_anew():
    model = generators.make("dalle", {**TINY, "vae_steps": 3, "warmup_steps": 4, "learning_rate": 0.1})
    rates = []
    model.fit(captioned(), n_steps=8, on_step=lambda n, metrics: rates.append(metrics.get("learning_rate")))
    assert rates[:3] == [None] * 3
    assert rates[3:] == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1])


def test_the_text_decides_the_codes(monkeypatch):
    stage_2 = {"vae_steps": 1, "learning_rate": 4e-3, "batch_size": 12, "text_dropout": 0.0}
    model, data = generators.make("dalle", {**TINY, **stage_2}), captioned()

    def encode(images):  # what a perfect autoencoder would say: one code a colour
        return images.mean(dim=(2, 3)).argmax(dim=1)[:, None, None].expand(-1, 4, 4)

    monkeypatch.setattr(model, "encode", encode)
    model.fit(data, n_steps=100)
    texts = [f"a {name} picture" for name in COLOURS]
    made = model.fill(torch.full((3, 16), -1), model.texts(texts, 3), seed=0, temperature=0.0)
    assert made.tolist() == [[i] * 16 for i in range(3)]
    images = data.floats(slice(0, 3))
    assert (model.score(images, texts) > model.score(images, texts[1:] + texts[:1])).all()


def test_without_captions_there_is_nothing_to_learn():
    with pytest.raises(UserError, match="captions"):
        generators.make("dalle", TINY).fit(random_set(), n_steps=1)
    with pytest.raises(UserError, match="not been trained"):
        generators.make("dalle", TINY).sample(1, seed=0, condition="a cat")


def test_captions_are_cut_filled_and_lower_case():
    tokens = CaptionTokens.learn(["a red cat", "a blue cat"], 300, 5)
    short, upper, empty, long = tokens(["a cat", "A CAT", None, "a red cat " * 9])
    assert torch.equal(short, upper)
    assert empty.tolist() == [300, 301, 302, 303, 304]
    assert short[-1] == 304
    assert (long < 300).all()
    assert torch.equal(CaptionTokens(tokens.to_text(), 300, 5)(["a cat"])[0], short)


def test_codes_see_what_the_pattern_says():
    before, side = 3, 5
    n = before + side**2
    for layer, name in ((1, "row"), (2, "column"), (3, "row"), (6, "column"), (7, "row"), (8, "window")):
        assert pattern_of(layer, 8) == name
    for name in ("row", "column", "window", "full"):
        mask = layer_mask(name, before, side, window=3)
        assert mask[:before, :before].equal(torch.ones(before, before).tril().bool())
        assert mask[before:, :before].all()
        assert not mask.triu(1).any()
    among = {
        name: layer_mask(name, before, side, window=3)[before:, before:].sum() for name in ("row", "column", "full")
    }
    assert among["full"] == 25 * 26 // 2
    assert among["column"] == side * (1 + 2 + 3 + 4 + 5)
    assert among["row"] == 1 + 2 + 3 + 4 + 5 * 21
    centre = layer_mask("window", before, side, window=3)[before + 12, before:]
    assert centre.nonzero()[:, 0].tolist() == [6, 7, 8, 11, 12]
    assert attention_masks(4, before, side).shape == (4, n, n)


def test_logit_laplace_is_a_density():
    x = torch.linspace(0.5, 99.5, 1000, dtype=torch.float64) / 100  # of the squeezed variable
    maps = torch.stack([torch.full_like(x, 0.3), torch.full_like(x, math.log(0.7))])[None, :, :, None].float()
    image = ((x - dvae.EPSILON) / (1 - 2 * dvae.EPSILON))[None, None, :, None].float()
    density = torch.stack(
        [torch.exp(-dvae.logit_laplace(image[:, :, i : i + 1], maps[:, :, i : i + 1])) for i in range(len(x))]
    )
    assert abs(float(density.mean()) * 0.99 - 1) < 0.02


def test_schedules_and_perplexity():
    assert dvae.ramp(0, 1, 1 / 16, 100, cosine=True) == 1
    assert dvae.ramp(50, 1, 0, 100, cosine=True) == pytest.approx(0.5)
    assert dvae.ramp(900, 0, 6.6, 100) == 6.6
    assert float(dvae.code_perplexity(torch.full((8,), 1 / 8))) == pytest.approx(8, rel=1e-4)
    assert float(dvae.code_perplexity(torch.tensor([1.0, 0, 0]))) == pytest.approx(1, rel=1e-4)


def test_fsq_does_not_put_all_pictures_into_one_code():
    """Pictures with a bright ground and a dark spot: the ground alone would drive the coordinates to one side."""
    images = torch.full((32, 3, 16, 16), 0.95)
    for i in range(32):
        images[i, :, (i % 4) * 4 : (i % 4) * 4 + 4, (i // 8) * 4 : (i // 8) * 4 + 4] = 0.1
    torch.manual_seed(0)
    vae = dvae.DiscreteAutoencoder(3, 8, 2, 64, "fsq", (4, 4, 4)).train()
    vae.begin_at(images)
    optimizer = torch.optim.Adam(vae.parameters(), 3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        parts = vae.loss(images, None, 1.0, 0.0)
        parts["loss"].backward()
        optimizer.step()
    assert dvae.code_perplexity(parts["used"]) > 2
    vae.eval()
    torch.testing.assert_close(vae.encoder(images[:1]), vae.encoder(images)[:1], atol=1e-4, rtol=1e-4)


def test_fsq_charges_coordinates_that_say_the_same(monkeypatch):
    vae = dvae.DiscreteAutoencoder(3, 8, 1, 16, "fsq", (4, 4)).train()
    last = vae.encoder.net[-2]
    assert isinstance(last, torch.nn.Conv2d)
    with torch.no_grad():
        last.weight[1] = -last.weight[0]
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    charged = vae.loss(images, None, 1.0, 0.0)["loss"].detach()
    monkeypatch.setattr(dvae, "DECORRELATION", 0.0)
    assert float(charged - vae.loss(images, None, 1.0, 0.0)["loss"].detach()) == pytest.approx(0.1, rel=0.02)


def test_residual_blocks_have_the_published_gain_unless_told():
    published = dvae.DiscreteAutoencoder(3, 8, 2, 16, "gumbel", ())
    gains = {m.gain for m in published.modules() if isinstance(m, dvae.Residual)}
    assert gains == {1 / 36}  # three groups of two blocks
    told = dvae.DiscreteAutoencoder(3, 8, 2, 16, "gumbel", (), gain=0.5)
    assert {m.gain for m in told.modules() if isinstance(m, dvae.Residual)} == {0.5}


def test_the_decoder_begins_at_the_median_colour():
    images = torch.full((4, 3, 8, 8), 0.3)
    images[:, :, :2] = 0.9
    vae = dvae.DiscreteAutoencoder(3, 8, 1, 64, "fsq", (4, 4, 4))
    vae.begin_at(images)
    torch.nn.init.zeros_(vae.decoder.net[-1].weight)
    torch.testing.assert_close(vae.decode(torch.zeros(1, 4, 4, dtype=torch.long)), torch.full((1, 3, 8, 8), 0.3))


def test_going_on_does_not_begin_again():
    model = generators.make("dalle", {**TINY, "quantizer": "fsq"})
    model.fit(captioned(), n_steps=3)
    learned = {k: v.clone() for k, v in model.vae.state_dict().items()}
    model.fit_state(captioned(), seed=0)
    assert all(torch.equal(v, learned[k]) for k, v in model.vae.state_dict().items())


def test_kl_of_uniform_codes_is_nothing():
    vae = dvae.DiscreteAutoencoder(3, 8, 2, 16, "gumbel", ())
    torch.nn.init.zeros_(vae.encoder.net[-1].weight)
    torch.nn.init.zeros_(vae.encoder.net[-1].bias)
    parts = vae.loss(torch.rand(2, 3, 16, 16), torch.rand(2, 16, 4, 4), 1.0, 1.0)
    assert float(parts["kl"].detach()) == pytest.approx(0, abs=1e-5)


def test_what_is_known_stays_and_the_corner_is_filled():
    model = generators.make("dalle", TINY)
    data = captioned(12)
    model.fit(data, n_steps=3)
    images, known = data.floats(slice(0, 2)), torch.ones(2, 1, 16, 16)
    known[:, :, 8:, 8:] = 0
    made = model.complete(images, known, n=3, seed=0, condition="a red picture")
    assert made.shape == (6, 3, 16, 16)
    assert torch.equal(made * known.repeat_interleave(3, 0), (images * known).repeat_interleave(3, 0))


def test_seamless_pictures_are_drawn_anew_around_their_edges(monkeypatch):
    model = generators.make("dalle", {**TINY, "vae_steps": 2})
    model.fit(captioned(), n_steps=4)
    texts, side = model.texts("red", 6), model.side
    first = model.fill(torch.full((6, side**2), -1), texts, seed=0).view(6, side, side)
    kept = []
    monkeypatch.setattr(model, "_decode_wrapped", lambda codes: kept.append(codes) or torch.zeros(1))
    likelihoods = []
    for tries in (1, 16):
        model.sample_seamless(6, seed=0, condition="red", tries=tries)
        rolled = kept[-1].roll((side // 2, side // 2), (1, 2)).flatten(1)
        likelihoods.append(model._likelihood(rolled, texts))
    inner = slice(1, side - 1)
    assert torch.equal(kept[-1][:, inner, inner], first[:, inner, inner])
    assert not torch.equal(kept[-1], first)
    assert likelihoods[1].mean() > likelihoods[0].mean()
    monkeypatch.undo()
    made = model.sample_seamless(6, seed=0, condition="red")
    assert made.shape == (6, 3, 16, 16)
    assert torch.equal(made, model.sample_seamless(6, seed=0, condition="red"))
    assert not torch.equal(made, model.sample_seamless(6, seed=1, condition="red"))


def test_the_decoder_of_a_seamless_picture_sees_the_opposite_edge():
    model = generators.make("dalle", TINY)
    codes = torch.arange(model.side**2).view(1, model.side, model.side) % 5
    made = model._decode_wrapped(codes)
    rolled = model._decode_wrapped(codes.roll(1, 2))
    assert torch.allclose(made.roll(2**model.config.halvings, 3), rolled, atol=1e-5)
    assert not torch.allclose(made, model.decode_codes(codes.flatten(1)), atol=1e-5)
