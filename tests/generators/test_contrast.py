"""The contrastive scorer: loss by hand, towers, labels without training, reranking, checkpoints of one's own."""

import json
import math
import sys
import types

import pytest
import torch
from image_sets import random_set

from rlsuite import generators
from rlsuite.errors import UserError
from rlsuite.generators.contrast import towers
from rlsuite.generators.contrast.losses import info_nce, ranks, top
from rlsuite.generators.contrast.training import caption_variants
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.testing import check_generator

TINY = {"preset": "tiny"}
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


def captioned(n=32, size=16):
    """Plain pictures of four colours, and what they are called."""
    names = [list(COLOURS)[i % 4] for i in range(n)]
    images = torch.tensor([COLOURS[name] for name in names], dtype=torch.uint8)[:, :, None, None]
    captions = [f"a {name} picture" for name in names]
    return ImageSet("colours", images.expand(n, 3, size, size).contiguous(), [str(i) for i in range(n)], captions)


def of_noise(n=24):
    noise = random_set(n)
    return ImageSet("noise", noise.images, noise.names, [f"noise number {i}" for i in range(n)])


@pytest.fixture(scope="module")
def trained():
    model = generators.make("contrast", {**TINY, "learning_rate": 3e-3, "batch_size": 16})
    model.fit(captioned(), n_steps=60)
    return model


@pytest.fixture
def cheap_features(monkeypatch):
    """1,280 numbers of a picture without a large network: its pixels, repeated."""

    def features(images):
        flat = torch.nn.functional.adaptive_avg_pool2d(images, 8).flatten(1)
        return flat.repeat(1, 7)[:, :1280]

    monkeypatch.setattr(towers, "lite0_features", features)


def test_equal_similarities_cost_ln_n():
    same = torch.ones(8, 5)
    assert float(info_nce(same, same, 14.3)) == pytest.approx(math.log(8), rel=1e-5)


def test_the_loss_by_hand():
    images, texts = torch.eye(2) * 3, torch.eye(2)  # lengths do not count
    scores = 2.0 * torch.eye(2)
    wanted = -math.log(math.exp(2) / (math.exp(2) + 1))
    assert float(info_nce(images, texts, 2.0)) == pytest.approx(wanted, rel=1e-5)
    assert torch.equal(ranks(scores, torch.tensor([0, 0])), torch.tensor([0.0, 1.0]))
    assert float(info_nce(images, texts, 2.0, torch.ones(2, 2, dtype=torch.bool))) == pytest.approx(0, abs=1e-6)


def test_ties_gain_nothing():
    assert top(torch.zeros(3, 10), torch.tensor([0, 4, 9]), 1) == 0
    assert top(torch.eye(10)[:3], torch.tensor([0, 1, 2]), 1) == 1


@pytest.mark.parametrize("options", [{}, {"towers": "frozen", "text": "words", "views": 2}])
def test_the_loss_begins_at_ln_n(options, cheap_features):
    model = generators.make("contrast", {**TINY, **options, "width": 128, "batch_size": 16})
    data = of_noise()
    assert float(model.fit_state(data, seed=0).step()["loss"]) == pytest.approx(math.log(16), abs=0.1)


@pytest.mark.parametrize("options", [{}, {"towers": "frozen", "text": "words", "views": 2, "augment": {"flip": True}}])
def test_keeps_the_contract(options, cheap_features):
    check_generator(
        lambda seed: generators.make("contrast", {**TINY, **options, "batch_size": 4}, seed=seed),
        of_noise(),
        claims=["encodes", "ranks"],
        condition="noise number 3",
    )


def test_pictures_find_their_sentences(trained):
    data = captioned(8)
    labels = list(COLOURS)
    found = trained.classify(data.floats(), labels, prompts=["a {} picture"])
    assert torch.allclose(found.sum(dim=1), torch.ones(8), atol=1e-5)
    assert found.argmax(dim=1).tolist() == [0, 1, 2, 3] * 2
    assert set(trained.retrieve(data.floats(), "a blue picture", 2).tolist()) == {2, 6}
    scores = trained.own_scores(data, data, seed=0)
    assert scores["zero_shot_top1"] == 1
    assert scores["zero_shot_chance5"] == 1


def test_other_sizes_and_channels_are_scored_too(trained):
    large = captioned(4, size=40).floats()
    assert trained.score(large, "a red picture").argmax() == 0
    assert trained.encode(torch.ones(2, 4, 24, 24)).shape == (2, 16)
    assert trained.encode(torch.ones(0, 3, 16, 16)).shape == (0, 16)
    assert torch.allclose(trained.encode(large).norm(dim=1), torch.ones(4), atol=1e-5)


def test_the_best_of_many_samples_fit_the_sentence_better(trained):
    class AnyColour:
        def sample(self, n, *, seed, condition=None, temperature=None):
            return captioned(n).floats()

    best = generators.best_of(AnyColour(), trained, 32, 4, seed=0, condition="a green picture")
    assert torch.equal(best, captioned(2).floats()[1:2].expand(4, -1, -1, -1))


def test_a_bundle_knows_its_words(trained, tmp_path):
    trained.save(tmp_path / "bundle")
    loaded = generators.load(tmp_path / "bundle")
    images = captioned(4).floats()
    assert torch.equal(loaded.score(images, "a red picture"), trained.score(images, "a red picture"))


def test_a_preview_shows_what_captions_find(trained):
    data = captioned(12)
    sheet = trained.preview(data, n=9)
    assert sheet.shape == (9, 3, 16, 16)
    assert torch.equal(sheet[0], sheet[1])  # the first row: a red one, then red ones
    with pytest.raises(UserError, match="captioned"):
        trained.preview(None)


def test_captions_are_shortened():
    assert caption_variants("a red circle", 4) == ["a red circle"] * 4
    whole, first, *mixed = caption_variants("grinning cat; animal, cat, face", 4)
    assert (whole, first) == ("grinning cat; animal, cat, face", "grinning cat")
    assert all(set(m.split(", ")) < {"grinning cat", "animal", "cat", "face"} for m in mixed)
    assert caption_variants("a; b; c; d", 4) == caption_variants("a; b; c; d", 4)


def test_aligned_partners_are_further_pictures():
    data = captioned(8)
    both = ImageSet("pairs", data.images, data.names, data.captions, partners=255 - data.images, aligned=True)
    state = generators.make("contrast", TINY).fit_state(both, seed=0)
    assert len(state.pictures) == 2
    state.step()


def test_mistakes_are_told(trained):
    images = captioned(3).floats()
    with pytest.raises(UserError, match="give one"):
        trained.score(images)
    with pytest.raises(UserError, match="one sentence or 3"):
        trained.score(images, ["a", "b"])
    with pytest.raises(UserError, match="prompt holds"):
        trained.classify(images, ["red"], prompts=["a picture"])
    with pytest.raises(UserError, match="has no captions"):
        generators.make("contrast", TINY).fit(random_set(), n_steps=1)
    with pytest.raises(UserError, match="not been trained"):
        generators.make("contrast", TINY).encode_texts(["a cat"])
    with pytest.raises(UserError, match="needs a checkpoint"):
        generators.make("contrast", {**TINY, "towers": "clip"})


def clip_folder(folder):
    """A small checkpoint in the published layout, with random weights and a vocabulary of letters."""
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    letters = [chr(i) for i in range(97, 123)]
    words = [*letters, *[f"{c}</w>" for c in letters], "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=10).save_pretrained(folder)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**sizes, "vocab_size": len(words), "max_position_embeddings": 10, "eos_token_id": len(words) - 1}
    vision = {**sizes, "image_size": 16, "patch_size": 4}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)).eval()
    model.save_pretrained(folder)
    return model


def test_a_clip_checkpoint_of_ones_own_scores_as_transformers_does(tmp_path):
    theirs = clip_folder(tmp_path)
    ours = generators.make("contrast", {**TINY, "towers": "clip", "checkpoint": str(tmp_path)})
    images, texts = random_set(3).floats(), ["a cat", "dog"]
    pixels = (images - torch.tensor(towers.CLIP_MEAN)[:, None, None]) / torch.tensor(towers.CLIP_STD)[:, None, None]
    tokens = ours.towers.prepare_texts(texts)
    with torch.no_grad():
        wanted = theirs(input_ids=tokens, pixel_values=pixels).logits_per_image
    found = ours.towers.scale.detach() * ours.encode(images) @ ours.encode_texts(texts).T
    assert torch.allclose(found, wanted, atol=1e-3)
    with pytest.raises(UserError, match="no clip checkpoint"):
        generators.make("contrast", {**TINY, "towers": "clip", "checkpoint": str(tmp_path / "none")})


def test_open_clip_is_asked_where_it_is_installed(monkeypatch, tmp_path):
    options = {**TINY, "towers": "open_clip", "checkpoint": str(tmp_path / "weights.pt")}
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(UserError, match="open-clip-torch"):
        generators.make("contrast", options)

    class Model(torch.nn.Module):
        logit_scale = torch.tensor(2.0)

        def encode_image(self, pixels):
            return pixels.mean(dim=(2, 3))

        def encode_text(self, tokens):
            return tokens.float()

    library = types.ModuleType("open_clip")
    library.create_model_and_transforms = lambda name, pretrained: (Model(), None, None)
    library.get_tokenizer = lambda name: (
        lambda texts: torch.tensor([[t == c for c in ("red", "green", "blue")] for t in texts])
    )
    library.get_model_preprocess_cfg = lambda model: {"size": (8, 8), "mean": (0.0,) * 3, "std": (1.0,) * 3}
    monkeypatch.setitem(sys.modules, "open_clip", library)
    model = generators.make("contrast", options)
    scores = torch.stack([model.score(captioned(3).floats(), name) for name in ("red", "green", "blue")])
    assert torch.allclose(scores, torch.eye(3), atol=1e-5)
    with pytest.raises(UserError, match="used as it is"):
        model.fit(captioned(), n_steps=1)
