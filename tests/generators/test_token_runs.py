"""Token models as runs: what was learned is there again when the run is opened."""

import functools
import json

import pytest
import torch
import typer

from rlsuite.cli.app import call
from rlsuite.cli.complete import known_part
from rlsuite.experiment import train
from rlsuite.experiment.generating import load_generator
from rlsuite.generators import grid, load_images, write_png
from rlsuite.generators.images import read_image, to_bytes
from rlsuite.generators.tokens.dalle import Dalle


@pytest.fixture
def cheap_scores(monkeypatch):
    """Features of a large network are not what these tests are about."""
    from rlsuite.experiment import generator_scores

    monkeypatch.setattr(generator_scores, "score_generator", lambda assembly: {})


def test_a_run_keeps_the_words_that_text_to_image_learned(tmp_path, cheap_scores):
    experiment = {
        "name": "words",
        "budget": {"train_steps": 3},
        "generator": {"kind": "dalle", "preset": "tiny", "batch_size": 4},
        "data": {"id": "shapes", "n_shapes": 24},
        "video": {"final": False},
    }
    run = train(experiment, runs_dir=tmp_path, quiet=True)
    model = load_generator(run.path)
    assert model.sample(1, seed=0, condition="a red circle").shape == (1, 3, 16, 16)
    assert model.provenance["data"] == "shapes"


def tiny(kind, **more):
    return {
        "name": kind,
        "budget": {"train_steps": 3},
        "generator": {"kind": kind, "preset": "tiny", "batch_size": 4, **more},
        "data": {"id": "shapes", "n_shapes": 60, "held_out": 0.3},
        "video": {"final": False},
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A scorer's and an image GPT's run, and a folder of three pictures."""
    from rlsuite.experiment import generator_scores

    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generator_scores, "score_generator", lambda assembly: {})
        found = {k: str(train(tiny(k), runs_dir=root, quiet=True).path) for k in ("contrast", "image_gpt", "dalle")}
    for i, image in enumerate(torch.rand(3, 3, 20, 20, generator=torch.Generator().manual_seed(0))):
        write_png(root / "pictures" / f"{i}.png", image)
    return {**found, "pictures": str(root / "pictures"), "root": root}


def asked(capsys, *words):
    assert call([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_pictures_are_ranked_by_a_sentence(runs, capsys, tmp_path):
    sheet = str(tmp_path / "ranked.png")
    found = asked(
        capsys, "rank", runs["contrast"], runs["pictures"], "--text", "a red circle", "--best", "2", "-o", sheet
    )
    scores = [row["score"] for row in found["pictures"]]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 2
    assert {row["id"] for row in found["pictures"]} < {"0.png", "1.png", "2.png"}
    assert found["picture"] == sheet
    model = load_generator(runs["contrast"])
    images = load_images({"id": "folder", "path": runs["pictures"]}, model.spec).floats()
    assert scores[0] == pytest.approx(float(model.score(images, "a red circle").max()), abs=1e-5)


def test_pictures_are_labelled_without_training(runs, capsys):
    found = asked(capsys, "rank", runs["contrast"], runs["pictures"], "--labels", "red,blue", "--prompt", "a {} circle")
    assert [row["id"] for row in found["pictures"]] == ["0.png", "1.png", "2.png"]
    assert all(row["label"] in ("red", "blue") and row["probability"] >= 0.5 for row in found["pictures"])


def test_what_another_run_draws_is_ranked(runs, capsys, tmp_path):
    words = ("rank", runs["contrast"], "--of", runs["image_gpt"], "--text", "a red circle", "-n", "3", "--best", "1")
    found = asked(capsys, *words, "-o", str(tmp_path / "best.png"))
    assert found["n"] == 3
    assert len(found["pictures"]) == 1


def test_every_layer_is_probed(runs, capsys, tmp_path):
    picture = str(tmp_path / "curve.png")
    words = ("probe", runs["image_gpt"], "--label", "colour", "--compare", "--few", "2", "-o", picture)
    found = asked(capsys, *words, "--fine-tune", "2")
    assert 0 <= found["fine_tuned"] <= 1
    assert len(found["accuracies"]) == 4
    assert set(found["baselines"]) == {"pixels", "random features, best depth"}
    assert set(found["few"]) == {"2 labels a class"}
    assert found["accuracies"][found["best"]] == max(found["accuracies"])
    assert (tmp_path / "curve.png").stat().st_size > 1000


def test_what_cannot_be_ranked_or_probed_is_told(runs, capsys):
    assert call(["rank", runs["contrast"], runs["pictures"]]) == 2
    assert "give one" in capsys.readouterr().err
    assert call(["rank", runs["image_gpt"], runs["pictures"], "--labels", "a,b"]) == 2
    assert "knows no labels" in capsys.readouterr().err
    assert call(["rank", runs["contrast"]]) == 2
    assert call(["probe", runs["contrast"], "--label", "colour", "--fine-tune", "2"]) == 2
    assert "image_gpt is wanted" in capsys.readouterr().err
    assert call(["probe", runs["image_gpt"]]) == 2
    assert "say which with --label" in capsys.readouterr().err


def test_several_sentences_are_drawn_a_row_each(runs, capsys, tmp_path):
    sheet = tmp_path / "rows.png"
    words = ("--condition", "a red circle", "--condition", "a blue ring")
    found = asked(capsys, "sample", runs["dalle"], "-n", "3", *words, "--scale", "1", "-o", str(sheet))
    assert found["n"] == 6
    model = load_generator(runs["dalle"])
    wanted = model.sample(6, seed=0, condition=["a red circle"] * 3 + ["a blue ring"] * 3)
    assert torch.equal(read_image(sheet), to_bytes(grid(wanted, 3)[None]).float() / 255)
    found = asked(capsys, "sample", runs["dalle"], "-n", "3", "--best", "2", *words, "-o", str(sheet))
    assert found["n"] == 4


def test_the_sheet_is_written_while_a_token_model_draws(runs, capsys, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr("rlsuite.cli.sample.write_sheet", lambda images, path, **_: written.append(images) or path)
    asked(capsys, "sample", runs["image_gpt"], "-n", "2", "--preview", "-o", str(tmp_path / "x.png"))
    assert len(written) == 8 + 1
    assert torch.equal(written[-1], written[-2])
    assert not torch.equal(written[0], written[-1])


def test_several_pictures_are_completed_as_sentences_say(runs, capsys, tmp_path, monkeypatch):
    pictures = [f"{runs['pictures']}/{i}.png" for i in range(2)]
    sheet, given, plain = tmp_path / "completed.png", [], Dalle.complete

    @functools.wraps(plain)
    def complete(self, images, known, **options):
        given.append(options)
        return plain(self, images, known, **options)

    monkeypatch.setattr(Dalle, "complete", complete)
    sentences = ["a red circle", "a blue ring"]
    words = ("--temperature", "0.5", "-n", "3", "--scale", "1", "-o", str(sheet))
    asked(capsys, "complete", runs["dalle"], *pictures, *(w for s in sentences for w in ("--condition", s)), *words)
    assert given == [{"n": 3, "seed": 0, "condition": sentences, "temperature": 0.5}]
    assert read_image(sheet).shape[2:] == (2 * 17 - 1, 4 * 17 - 1)
    asked(capsys, "complete", runs["dalle"], *pictures, "--condition", sentences[1], *words)
    assert given[1]["condition"] == sentences[1:] * 2


def test_what_a_model_cannot_be_given_is_told(runs, capsys):
    picture = f"{runs['pictures']}/0.png"
    assert call(["complete", runs["image_gpt"], picture, "--condition", "red"]) == 2
    assert "image_gpt: `complete` takes no --condition" in capsys.readouterr().err
    assert call(["complete", runs["dalle"], picture, "--condition", "red", "--condition", "blue"]) == 2
    assert "2 conditions for 1 pictures" in capsys.readouterr().err


def test_what_is_kept_of_a_picture_is_a_side_or_a_mask(tmp_path):
    assert known_part("top:0.5", (4, 4))[0, 0].sum(dim=1).tolist() == [4, 4, 0, 0]
    assert known_part("right:0.25", (4, 4))[0, 0].sum(dim=0).tolist() == [0, 0, 0, 4]
    mask = torch.zeros(1, 3, 4, 4)
    mask[..., 0] = 1
    assert known_part(str(write_png(tmp_path / "mask.png", mask[0])), (4, 4))[0, 0].sum(dim=0).tolist() == [4, 0, 0, 0]
    for text in ("tp:0.5", "top:1.5", "top:half"):
        with pytest.raises(typer.BadParameter, match="write what is given as top"):
            known_part(text, (4, 4))
