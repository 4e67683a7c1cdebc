"""Image GPT: contract, palette, completion, features, likelihood, both objectives, checkpoints of one's own."""

import dataclasses
import json

import pytest
import torch
from image_sets import random_set, stripes

from rlsuite import generators
from rlsuite.errors import UserError
from rlsuite.generators.tokens.colours import Colours
from rlsuite.generators.tokens.fine_tune import fine_tune
from rlsuite.generators.tokens.probe import probe, probe_layers
from rlsuite.testing import check_generator

TINY = {"preset": "tiny", "batch_size": 4}


def few_colours(n=24, size=8, channels=3):
    """Pictures of four colours, so that the palette is exact."""
    data = random_set(n, size, channels)
    data.images[:] = data.images // 128 * 255
    return data


@pytest.mark.parametrize("channels", [1, 3])
def test_keeps_the_contract(channels):
    check_generator(
        lambda seed: generators.make("image_gpt", {**TINY, "channels": channels}, seed=seed),
        few_colours(channels=channels),
        claims=["samples", "completes", "encodes", "ranks"],
    )


@pytest.fixture(scope="module")
def trained():
    model = generators.make("image_gpt", {"preset": "tiny", "channels": 3})
    model.fit(stripes(size=8), n_steps=300)
    return model


def test_likelihood_prefers_what_was_learned(trained):
    real = trained.score(stripes(16, size=8, seed=1).floats()).mean()
    noise = trained.score(random_set(16, 8).floats()).mean()
    assert real > noise + 1


def test_completions_go_on_with_the_stripes(trained):
    images, known = stripes(8, size=8, seed=2).floats(), torch.zeros(8, 1, 8, 8)
    known[:, :, :4] = 1
    made = trained.complete(images, known, n=2, seed=0, temperature=0.5)
    below, above = made[:, :, 4:].mean(dim=(1, 2)), made[:, :, :4].mean(dim=(1, 2))
    alike = torch.stack([torch.corrcoef(torch.stack([a, b]))[0, 1] for a, b in zip(above, below, strict=True)])
    assert alike.nanmean() > 0.7


def test_only_what_comes_first_can_be_known(trained):
    images, known = stripes(2, size=8).floats(), torch.zeros(2, 1, 8, 8)
    known[:, :, 4:] = 1
    with pytest.raises(UserError, match="raster"):
        trained.complete(images, known, n=1, seed=0)


def test_bert_learns_but_does_not_sample():
    model = generators.make("image_gpt", {**TINY, "objective": "bert"})
    first = model.fit(stripes(size=8), n_steps=1).metrics["loss"]
    assert model.fit(stripes(size=8), n_steps=60).metrics["loss"] < first
    assert model.encode(stripes(3, size=8).floats()).shape == (3, 32)
    with pytest.raises(UserError, match="bert cannot sample"):
        model.sample(1, seed=0)
    with pytest.raises(UserError, match="no likelihood"):
        model.score(stripes(3, size=8).floats())


def test_features_of_every_depth_feed_a_probe(trained):
    data, labels = stripes(60, size=8), [str(i % 2) for i in range(60)]
    data.images[1::2, :, :2] = 255  # every second has a white bar on top
    features = trained.features(data.floats())
    assert [tuple(f.shape) for f in features] == [(60, 32)] * 4
    curve = probe_layers([f[:40] for f in features], labels[:40], [f[40:] for f in features], labels[40:])
    assert len(curve.accuracies) == 4
    assert max(curve.accuracies) == curve.accuracies[curve.best] > 0.9
    with pytest.raises(UserError, match="two classes"):
        probe(features[0], ["a"] * 60, features[0], ["a"] * 60)


def test_the_palette_keeps_few_colours_exactly():
    data = few_colours()
    colours = Colours(16, 3)
    colours.learn(data.images, seed=0)
    assert torch.equal(colours.images(colours.numbers(data.floats())), data.floats())
    many = Colours(16, 3)
    many.learn(random_set(24, 8).images, seed=0)
    assert len(torch.unique(many.numbers(random_set(24, 8).floats()))) == 16


def test_a_checkpoint_in_the_published_layout_is_taken_over(tmp_path, trained):
    folder = tmp_path / "mine"
    trained.model.save_pretrained(folder)
    clusters = trained.colours.centres.tolist()
    (folder / "preprocessor_config.json").write_text(json.dumps({"clusters": clusters}))
    model = generators.make("image_gpt", {"preset": "tiny", "checkpoint": str(folder)})
    assert torch.equal(model.sample(2, seed=0), trained.sample(2, seed=0))
    with pytest.raises(UserError, match="n_embd is 32 there and 64 here"):
        generators.make("image_gpt", {"preset": "tiny", "width": 64, "checkpoint": str(folder)})


def labelled(n, seed=0):
    """Stripes, labelled by how bright their first pixel is."""
    data = stripes(n, size=8, seed=seed)
    first = data.images[:, :, 0, 0].float().mean(dim=1)
    return dataclasses.replace(data, labels={"first": ["light" if v > 127 else "dark" for v in first.tolist()]})


def test_all_layers_learn_a_label_from_labels_and_pixels(trained):
    before = [p.clone() for p in trained.model.parameters()]
    seen = []
    options = {"n_steps": 60, "learning_rate": 3e-3}
    found = fine_tune(trained, labelled(64), labelled(32, 1), "first", **options, watch=lambda *at: seen.append(at))
    assert found.accuracy > 0.9
    assert [taken for taken, _ in seen] == list(range(1, 61))
    assert all(torch.equal(a, b) for a, b in zip(before, trained.model.parameters(), strict=True))
    said = found.classifier.predict(labelled(32, 1).floats())
    assert sum(a == b for a, b in zip(said, labelled(32, 1).labels["first"], strict=True)) / 32 == found.accuracy
    again = fine_tune(trained, labelled(64), labelled(32, 1), "first", **options)
    for a, b in zip(found.classifier.parameters(), again.classifier.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_joint_loss_keeps_the_likelihood(trained):
    images = stripes(16, size=8, seed=2).floats()
    tokens, pixels = trained.tokens(images), trained.colours.numbers(images).flatten(1).long()
    losses = {}
    for joint in (0.0, 1.0):
        found = fine_tune(trained, labelled(64), labelled(32, 1), "first", n_steps=40, joint=joint, learning_rate=1e-2)
        scores = found.classifier(tokens)[1]
        losses[joint] = float(torch.nn.functional.cross_entropy(scores.detach().flatten(0, 1), pixels.flatten()))
    assert losses[1.0] < losses[0.0]


def test_what_cannot_be_fine_tuned_is_told(trained):
    with pytest.raises(UserError, match="no label 'shape'; it has first"):
        fine_tune(trained, labelled(8), labelled(8), "shape")
    one = dataclasses.replace(labelled(8), labels={"first": ["light"] * 8})
    with pytest.raises(UserError, match="two or more"):
        fine_tune(trained, one, one, "first")
    hidden = generators.make("image_gpt", {"preset": "tiny", "channels": 3, "objective": "bert"})
    with pytest.raises(UserError, match="autoregressive"):
        fine_tune(hidden, labelled(8), labelled(8), "first")
