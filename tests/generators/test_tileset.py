"""Tile sets: cut, snapped, seamless, no tile twice, and readable by others."""

import json

import numpy as np
import pytest
import torch
from image_sets import random_set
from PIL import Image

from rlsuite import generators
from rlsuite.cli.app import call
from rlsuite.errors import DataError, UserError
from rlsuite.generators.contracts import Spec
from rlsuite.generators.images import read_image
from rlsuite.generators.tileset import make_tiles, map_json, tileset_json, violations, write_tiles

PALETTE = torch.tensor([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255], [0, 255, 0], [255, 255, 0]]) / 255.0


def test_violations_are_counted_by_hand():
    tile = torch.zeros(1, 3, 16, 16)  # black
    tile[0, :, 0, :5] = PALETTE[1:6].T  # and five more colours
    assert violations(tile, PALETTE, None) == 0
    assert violations(tile, PALETTE, 6) == 0
    assert violations(tile, PALETTE, 4) == 1
    tile[0, :, 15, 15] = 0.5  # no colour of the palette, and a seventh in the block
    assert violations(tile, PALETTE, None) == 1
    assert violations(tile, PALETTE, 6) == 2
    assert violations(torch.cat([tile, tile]), PALETTE, 6) == 4


def test_pictures_become_tiles_under_the_rule():
    images = torch.nn.functional.interpolate(random_set(30, size=4).floats(), size=16, mode="bicubic").clamp(0, 1)
    made = make_tiles(images, PALETTE, most=10)
    assert made.tiles.shape == (10, 3, 16, 16)
    assert made.maps is None
    assert made.measures["violations"] == 0
    assert violations(made.tiles, PALETTE, 4) == 0
    shared = [set(map(tuple, (t * 255).round().int().flatten(1).T.tolist())) for t in made.tiles]
    assert all(len(colours) <= 4 for colours in shared)
    free = make_tiles(images, PALETTE, most=10, colours_a_block=None)
    assert violations(free.tiles, PALETTE, 4) > 0  # the rule did something


@pytest.mark.parametrize("size", [8, 24, 32])
def test_the_rule_holds_for_tiles_of_any_size(size):
    images = torch.nn.functional.interpolate(random_set(5, size=4).floats(), size=size, mode="bicubic").clamp(0, 1)
    made = make_tiles(images, PALETTE, size=size)
    assert made.measures["violations"] == 0
    assert made.tiles.shape[2:] == (size, size)


def test_the_rules_shared_colour_is_one_for_the_whole_set():
    """Two tiles: what most of the first is made of is also in the second's four, though it is hardly there."""
    images = torch.zeros(2, 3, 16, 16)
    images[1] = PALETTE[1][:, None, None]
    images[1, :, :4], images[1, :, 4:8], images[1, :, 8:10] = (PALETTE[i][:, None, None] for i in (2, 3, 4))
    images[0, :, 0, 0] = 1.0
    made = make_tiles(images, PALETTE, seamless=False)
    colours = {tuple(c) for c in (made.tiles[1] * 255).round().int().flatten(1).T.tolist()}
    assert colours == {(255, 255, 255), (255, 0, 0), (0, 0, 255)}  # the fourth is black, which it does not use


def test_seams_go_and_tiles_that_are_alike_are_one():
    ramp = torch.linspace(0, 1, 16).expand(1, 3, 16, 16).contiguous()
    greys = torch.linspace(0, 1, 64)[:, None].expand(-1, 3).contiguous()
    made = make_tiles(torch.cat([ramp, ramp, ramp.transpose(2, 3)]), greys, colours_a_block=None)
    assert len(made.tiles) == 2
    assert made.measures["distinct_share"] == pytest.approx(2 / 3)
    assert made.measures["seam_worst"] < 1.25  # the wrapped step is no larger than those inside
    left = make_tiles(ramp, greys, colours_a_block=None, seamless=False)
    assert left.measures["seam_worst"] > 5


def test_screens_are_cut_on_their_grid_and_laid_again():
    tiles = PALETTE[torch.randint(0, 4, (3, 8, 8), generator=torch.Generator().manual_seed(0))].permute(0, 3, 1, 2)
    places = torch.tensor([[[0, 1, 2], [2, 1, 1]]])
    screen = tiles[places[0]].permute(2, 0, 3, 1, 4).reshape(1, 3, 16, 24)
    shifted = torch.nn.functional.pad(screen, (3, 0, 5, 0), mode="circular")
    made = make_tiles(shifted, PALETTE, size=8, most=3)
    assert len(made.tiles) == 3
    assert made.maps is not None
    assert torch.equal(made.tiles[made.maps[0]].permute(2, 0, 3, 1, 4).reshape(3, 16, 24), screen[0])
    assert made.maps.shape == (1, 2, 3)


def test_what_is_written_is_read_again(tmp_path):
    made = make_tiles(random_set(12).floats(), PALETTE, most=9)
    paths = write_tiles(made, tmp_path, {"generator": "dcgan", "seed": 3, "licence": "CC0"})
    assert [p.name for p in paths] == ["tiles.png", "preview.png", "tiles.tsj"]
    told = json.loads((tmp_path / "tiles.tsj").read_text())
    assert (told["tilecount"], told["columns"], told["tilewidth"]) == (9, 8, 16)
    sheet = read_image(tmp_path / told["image"])
    assert sheet.shape == (1, 3, told["imageheight"], told["imagewidth"])
    for i in range(9):
        y, x = i // 8 * 16, i % 8 * 16
        assert torch.allclose(sheet[0, :, y : y + 16, x : x + 16], made.tiles[i], atol=1 / 255)
    known = {p["name"]: (p["type"], p["value"]) for p in told["properties"]}
    assert known["seed"] == ("int", 3)
    assert known["licence"] == ("string", "CC0")
    assert known["colours_a_block"] == ("int", 4)
    assert set(known["palette"][1].split()) <= {"#000000", "#ffffff", "#ff0000", "#0000ff", "#00ff00", "#ffff00"}


def test_maps_count_from_one():
    told = map_json(torch.tensor([[0, 2], [1, 0]]), 16)
    assert told["layers"][0]["data"] == [1, 3, 2, 1]
    assert (told["width"], told["height"], told["tilesets"][0]["source"]) == (2, 2, "tiles.tsj")
    assert tileset_json(make_tiles(random_set(4).floats(), PALETTE), {})["type"] == "tileset"


def test_mistakes_are_told():
    with pytest.raises(UserError, match="no tile of 32"):
        make_tiles(random_set(2).floats(), PALETTE, size=32)
    with pytest.raises(UserError, match="0 pictures"):
        make_tiles(torch.empty(0, 3, 16, 16), PALETTE)


def test_a_set_of_tiles_is_cut_at_the_pictures_own_resolution(tmp_path):
    numbers = np.arange(8 * 12 * 3).reshape(8, 12, 3).astype(np.uint8)
    Image.fromarray(numbers).save(tmp_path / "a.png")
    Image.fromarray(numbers).save(tmp_path / "same.png")
    Image.fromarray(np.full((8, 8, 3), 7, np.uint8)).save(tmp_path / "plain.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    found = generators.load_images({"id": "tiles", "path": str(tmp_path)}, Spec("test", (4, 4), 3))
    assert found.images.shape == (6, 3, 4, 4)
    assert torch.equal(found.images[1].permute(1, 2, 0), torch.from_numpy(numbers[:4, 4:8]))
    assert found.names[0] == "a.png#0"
    assert len(found.problems) == 1
    shifted = {"id": "tiles", "path": str(tmp_path), "offset": [0, 4]}
    assert len(generators.load_images(shifted, Spec("test", (8, 8), 3))) == 1
    with pytest.raises(DataError, match="no tile was found"):
        generators.load_images({"id": "tiles", "path": str(tmp_path), "shrink": 4}, Spec("test", (4, 4), 3))


def test_the_verb_writes_a_set(tmp_path, capsys):
    made = generators.make("dcgan", {"preset": "tiny"})
    made.provenance = {"data": "noise", "licence": "CC0"}
    made.save(tmp_path / "bundle")
    words = ["tiles", str(tmp_path / "bundle"), "--out", str(tmp_path / "set"), "-n", "20", "--most", "6", "--json"]
    assert call(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["n_tiles"] <= 6
    assert told["violations"] == 0
    known = json.loads((tmp_path / "set" / "tiles.tsj").read_text())["properties"]
    assert {"name": "data", "type": "string", "value": "noise"} in known
