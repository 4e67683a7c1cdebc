"""What came out, read back: arithmetic and captions."""

import json

import pytest
import torch

from rlsuite import generators
from rlsuite.cli.app import call
from rlsuite.errors import UserError
from rlsuite.experiment import train
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.scores import (
    CaptionScore,
    caption_score,
    change_score,
    compositionality,
    readable,
    reranking,
    score_arithmetic,
)


def test_a_change_by_hand():
    before = {"hat": ["no", "no", "no", "no"], "hair": list("abab"), "skin": list("xxyy")}
    after = {"hat": ["yes", "yes", "no", "yes"], "hair": list("abbb"), "skin": list("xxyx")}
    found = change_score(before, after, "hat", "yes")
    assert found.appeared == 3 / 4
    assert found.stayed == 6 / 8  # hair: 3 of 4; skin: 3 of 4
    assert found.all_stayed == 2 / 4  # the first two
    assert found.success == 2 / 4
    assert found.n == 4
    with pytest.raises(UserError, match="there are hat, hair, skin"):
        change_score(before, after, "beard", "yes")
    with pytest.raises(UserError, match="as many pictures"):
        change_score(before, {name: [] for name in before}, "hat", "yes")
    assert change_score({"hat": ["no"]}, {"hat": ["yes"]}, "hat", "yes").success == 1


def test_captions_by_hand():
    said = [{"colour": "red", "shape": "ring", "size": "large"}, {"colour": "blue", "shape": "ring", "size": "small"}]
    found = caption_score({"colour": ["red", "blue"], "shape": ["ring", "cross"]}, said)
    assert found == CaptionScore({"colour": 1.0, "shape": 0.5}, 0.5, 2)


class Plane:
    """Decodes two numbers to a picture of two grey halves; a uniform prior."""

    class config:
        prior = "uniform"

    spec = generators.Spec("plane", (4, 4), 1, latent=2)

    def latent(self, n, seed):
        return torch.rand(n, 2, generator=torch.Generator().manual_seed(seed)) * 2 - 1

    def decode(self, latent):
        halves = (latent + 1) / 2
        return halves[:, :, None].expand(-1, 2, 2).reshape(-1, 1, 4, 1).expand(-1, 1, 4, 4)


class Halves:
    """Reads whether each half is light."""

    def read(self, images):
        return {
            name: ["light" if v > 0.5 else "dark" for v in part.mean(dim=(1, 2, 3)).tolist()]
            for name, part in (("top", images[:, :, :2]), ("bottom", images[:, :, 2:]))
        }


def test_arithmetic_adds_what_is_wanted_and_leaves_the_rest():
    found = score_arithmetic(Plane(), Halves(), "top", "light", n=50, n_exemplars=40, strength=3.0)
    assert found.n_exemplars == 40
    assert found.score.n == 50
    assert found.score.appeared > 0.95
    assert found.score.success > 0.7
    assert float(found.direction[0]) > 1
    assert abs(float(found.direction[1])) < 1
    assert (Halves().read(Plane().decode(found.before))["top"]) == ["dark"] * 50
    weak = score_arithmetic(Plane(), Halves(), "top", "light", n=50, n_exemplars=40, strength=0.0)
    assert weak.score.appeared == 0
    assert weak.score.all_stayed == 1


def test_too_few_exemplars_are_told():
    with pytest.raises(UserError, match="show it"):
        score_arithmetic(Plane(), Halves(), "top", "striped", n=10, n_drawn=20)
    with pytest.raises(UserError, match="there are top, bottom"):
        score_arithmetic(Plane(), Halves(), "middle", "light", n_drawn=20)


class Painter:
    """Draws the colour that a sentence begins with; never learned what green is."""

    def sample(self, n, *, seed, condition=None, temperature=None):
        grey = {"white": 1.0, "black": 0.0, "green": 0.0}
        return torch.stack([torch.full((1, 4, 4), grey[c.split()[0]]) for c in condition])


class Greys:
    def read(self, images):
        return {"colour": ["white" if v > 0.5 else "black" for v in images.mean(dim=(1, 2, 3)).tolist()]}


def captioned(captions):
    labels = {"colour": [c.split()[0] for c in captions]}
    images = torch.zeros(len(captions), 1, 4, 4, dtype=torch.uint8)
    return ImageSet("words", images, [str(i) for i in range(len(captions))], captions=captions, labels=labels)


def test_what_training_had_is_told_from_what_it_had_not():
    everything = captioned(["white cat", "black cat", "green cat", "white dog"])
    found = compositionality(Painter(), Greys(), everything, captioned(["white cat", "black cat"]), n_each=3)
    assert found.seen == CaptionScore({"colour": 1.0}, 1.0, 6)
    assert found.unseen == CaptionScore({"colour": 0.5}, 0.5, 6)
    with pytest.raises(UserError, match="hide_combinations"):
        compositionality(Painter(), Greys(), everything, everything)


class Guesser:
    """Draws black or white, half of each, whatever was asked for."""

    def sample(self, n, *, seed, condition=None, temperature=None):
        return torch.tensor([i % 2 for i in range(n)], dtype=torch.float).reshape(n, 1, 1, 1).expand(n, 1, 4, 4)


class Brightness:
    def score(self, images, condition=None):
        return images.mean(dim=(1, 2, 3)) * (1 if condition.startswith("white") else -1)


def test_a_scorer_chooses_what_was_asked_for():
    said = {"white cat": {"colour": "white"}, "black cat": {"colour": "black"}}
    found = reranking(Guesser(), Brightness(), Greys(), said, n=8, k=2)
    assert found.random == CaptionScore({"colour": 0.5}, 0.5, 16)
    assert found.best == CaptionScore({"colour": 1.0}, 1.0, 4)
    assert found.shuffled == CaptionScore({"colour": 0.0}, 0.0, 4)
    for options in ({"n": 2, "k": 3}, {"n": 2, "k": 0}):
        with pytest.raises(UserError, match="1 <= k <= n"):
            reranking(Guesser(), Brightness(), Greys(), said, **options)
    with pytest.raises(UserError, match="two sentences"):
        reranking(Guesser(), Brightness(), Greys(), {"white cat": {"colour": "white"}})


def test_labels_that_can_be_taught():
    images, names = torch.zeros(40, 1, 4, 4, dtype=torch.uint8), [str(i) for i in range(40)]
    labels = {"half": ["a", "b"] * 20, "one": ["a"] * 40, "many": names, "rare": ["a"] * 35 + ["b"] * 5}
    assert readable(ImageSet("x", images, names, labels=labels)) == ["half"]


def config(kind, **data):
    return {
        "name": kind,
        "budget": {"train_steps": 1},
        "generator": {"kind": kind, "preset": "tiny", "batch_size": 4, "n_scored": 2},
        "data": {"id": "shapes", "n_shapes": 240, "held_out": 0.1, **data},
        "video": {"final": False},
    }


@pytest.fixture
def unscored(monkeypatch):
    from rlsuite.experiment import generator_scores

    monkeypatch.setattr(generator_scores, "score_generator", lambda assembly: {})


def test_the_verb_scores_captions(tmp_path, capsys, unscored):
    run = train(config("gan_cls", hide_combinations=True), runs_dir=tmp_path, quiet=True)
    assert call(["score", str(run.path), "--lessons", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["reader_accuracy"]) == {"colour", "shape", "place", "size"}
    assert [row["captions"] for row in found["scores"]] == ["seen", "unseen"]
    assert found["scores"][1]["n"] == 4 * 60  # a quarter of 40 combinations, in 6 places and sizes each


def test_the_verb_scores_arithmetic(tmp_path, capsys, unscored):
    run = train(config("dcgan"), runs_dir=tmp_path, quiet=True)
    assert call(["score", str(run.path), "--lessons", "1"]) == 2
    assert "size=large|small" in capsys.readouterr().err
    assert call(["score", str(run.path), "--lessons", "1", "--add", "size=huge"]) == 2
    assert "size=large|small" in capsys.readouterr().err


def test_emoji_name_their_tone_and_some_are_hidden():
    """A tone is hidden where code + 2 * place divides by 4."""
    from rlsuite.generators.data.named import _emoji_rows

    def rows(code, tones):
        variants = {tone: {"image": f"{code}-{tone}.png"} for tone in tones}
        entry = {"unified": code, "name": "HAND", "category": "People", "image": f"{code}.png"}
        files = {f"noto/{name}.png": b"" for name in (code, *(f"{code}-{tone}" for tone in tones))}
        files["noto/emoji.json"] = json.dumps([{**entry, "skin_variations": variants}]).encode()
        files["annotations.json"] = b'{"annotations": {"annotations": {}}}'
        return _emoji_rows(files, (), skin_tones=True, styles=("noto",))

    found = rows("270C", ["1F3FB", "1F3FC", "1F3FB-1F3FF"])  # 9996 is a multiple of 4: every second tone is hidden
    assert [row["caption"] for row in found] == [
        "hand",
        "hand: light skin tone",
        "hand: medium-light skin tone",
        "hand: light and dark skin tone",
    ]
    assert [row["tone"] for row in found] == ["none", "light", "medium-light", "light and dark"]
    assert [bool(row["hidden"]) for row in found] == [False, False, True, False]
    assert {row["name"].partition("#")[0] for row in found} == {"270C"}  # one group: a split keeps them together
    assert not any(row["hidden"] for row in rows("1F44B", ["1F3FB", "1F3FC"]))
