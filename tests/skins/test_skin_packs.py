"""Packs: written, read back, and refused when a stranger made them badly or with intent."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rlsuite.errors import DataError, UserError
from rlsuite.skins.contracts import Slot
from rlsuite.skins.pack import CARD, AssetPack, check_fit, load_pack
from rlsuite.skins.sheet import write_sheet
from rlsuite.skins.wearing import first_looks, open_pools

PALETTE = np.array([[0, 0, 0], [255, 0, 0], [0, 0, 255]], np.uint8)


def picture(colour: tuple[int, int, int] = (255, 0, 0), size: tuple[int, int] = (8, 4)) -> np.ndarray:
    return np.full((*size, 4), (*colour, 255), np.uint8)


def holed() -> np.ndarray:
    pixels = picture((0, 0, 255), (4, 4))
    pixels[:2] = 0
    return pixels


SLOTS = {
    "wall_A": Slot("wall_A", picture(), "wall", PALETTE),
    "sprite_B": Slot("sprite_B", holed(), "sprite", PALETTE, alpha=True),
}


def a_pack(n: int = 2) -> AssetPack:
    looks = [{"wall_A": picture((0, 0, 255) if k % 2 else (255, 0, 0)), "sprite_B": holed()} for k in range(n)]
    for k, look in enumerate(looks):
        look["wall_A"][0, 0, :3] = PALETTE[k % 3]
        look["wall_A"][1, k % 4, :3] = PALETTE[2]
    return AssetPack("doom/a", "doom", looks, {"generator": "dcgan", "seed": 3})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return a_pack().save(tmp_path / "pack")


def edit(folder: Path, change) -> None:
    card = json.loads((folder / CARD).read_text())
    change(card)
    (folder / CARD).write_text(json.dumps(card))


def test_a_saved_pack_comes_back_bit_for_bit(folder: Path) -> None:
    first, again = a_pack(), load_pack(folder)
    assert (again.level, again.engine, again.provenance) == ("doom/a", "doom", {"generator": "dcgan", "seed": 3})
    for a, b in zip(first.looks, again.looks, strict=True):
        assert a.keys() == b.keys()
        assert all(np.array_equal(a[name], b[name]) for name in a)
    assert [first.digest(k) for k in (0, 1)] == [again.digest(k) for k in (0, 1)]
    assert again.digest(0) != again.digest(1)
    check_fit(again, SLOTS, engine="doom", level="doom/a")
    assert not list(folder.parent.glob(".*")), "nothing half-written is left"


def test_saving_anew_replaces_a_pack_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    a_pack(3).save(folder)
    assert len(load_pack(folder)) == 3
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("dear")
    with pytest.raises(UserError, match="is not empty and no pack"):
        a_pack().save(tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter1.txt").read_text() == "dear"


@pytest.mark.parametrize(
    "name",
    ["../secret.png", "/etc/passwd", "a/../../b.png", "sub/a.png", "..\\a.png", ".hidden.png", "a.pkl", "", 7, None],
)
def test_paths_that_lead_out_are_refused(folder: Path, name: object) -> None:
    Image.fromarray(picture()).save(folder.parent / "secret.png")
    digest = hashlib.sha256((folder.parent / "secret.png").read_bytes()).hexdigest()
    edit(folder, lambda card: card["looks"][0]["wall_A"].update(file=name, sha256=digest))
    with pytest.raises(DataError, match="refused"):
        load_pack(folder)


def test_links_are_refused(folder: Path) -> None:
    file = next(folder.glob("000-*wall*.png"))
    file.rename(folder.parent / "elsewhere.png")
    file.symlink_to(folder.parent / "elsewhere.png")
    with pytest.raises(DataError, match="a link is refused"):
        load_pack(folder)


def test_missing_changed_and_foreign_files_are_named(folder: Path) -> None:
    file = next(folder.glob("000-*wall*.png"))
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    with pytest.raises(DataError, match=r"000-.*wall.*its hash differs"):
        load_pack(folder)
    file.unlink()
    with pytest.raises(DataError, match="is missing"):
        load_pack(folder)
    Image.fromarray(picture()[..., :3]).save(file, "GIF")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    edit(folder, lambda card: card["looks"][0]["wall_A"].update(sha256=digest))
    with pytest.raises(DataError, match="no PNG can be read"):
        load_pack(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda card: card.update(format=2), "format 1 is wanted, found 2"),
        (lambda card: card.update(looks=[]), "at least one look"),
        (lambda card: card.update(looks=[{}]), "at least one look"),
        (lambda card: card.update(level=3), "level, engine"),
        (lambda card: card.update(provenance=[1]), "provenance must be a mapping"),
        (lambda card: card["looks"][1].pop("wall_A"), "look 1 has other slots"),
        (lambda card: card["looks"][0]["wall_A"].update(size=[9, 9]), "8x4 pixels, pack.json says"),
        (lambda card: card["looks"][0].update(wall_A="a.png"), "refused"),
    ],
)
def test_a_broken_card_is_refused(folder: Path, change, words: str) -> None:
    edit(folder, change)
    with pytest.raises(DataError, match=words):
        load_pack(folder)


def test_what_is_no_pack_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no pack\.json"):
        load_pack(tmp_path)
    (folder / CARD).write_text("[" * 100_000)
    with pytest.raises(DataError, match="no JSON"):
        load_pack(folder)
    shutil.rmtree(folder)
    with pytest.raises(DataError, match="is no pack"):
        load_pack(folder)


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("wall_A", picture(size=(4, 4)), "look 0, wall_A: 8x4 pixels are wanted, found 4x4"),
        ("wall_A", picture((1, 2, 3)), "1 of its 1 colours are not in the engine's palette of 3"),
        ("wall_A", np.zeros((8, 4, 4), np.uint8), "no holes"),
        ("sprite_B", picture((0, 0, 255), (4, 4)), "holes where the original has them"),
        ("sprite_B", np.full((4, 4, 4), 100, np.uint8), "0 or 255"),
        ("wall_A", np.zeros((8, 4, 3), np.uint8), r"uint8 \(height, width, 4\) is wanted"),
    ],
)
def test_pictures_that_do_not_fit_their_slot_are_refused(name: str, wrong: np.ndarray, words: str) -> None:
    pack = a_pack(1)
    with pytest.raises(UserError, match=words):
        check_fit(AssetPack("doom/a", "doom", [{**pack.looks[0], name: wrong}]), SLOTS, engine="doom", level="doom/a")


def test_another_levels_or_engines_pack_is_refused() -> None:
    with pytest.raises(UserError, match=r"made for doom/a \(doom\); mario/1-1/dense runs on nes"):
        check_fit(a_pack(), {}, engine="nes", level="mario/1-1/dense")
    more = SLOTS | {"wall_C": Slot("wall_C", picture(), "wall", PALETTE)}
    with pytest.raises(UserError, match=r"too few pictures for doom/b: 1 of 3 are missing \(wall_C\)"):
        check_fit(a_pack(), more, engine="doom", level="doom/b")


class Section:
    def __init__(self, packs, test_packs=(), pool=None, held_out=0):
        self.packs, self.test_packs, self.pool, self.held_out = packs, test_packs, pool, held_out


def test_pools_are_parted_and_never_share_a_look(tmp_path: Path) -> None:
    a = a_pack(6).save(tmp_path / "a")
    pools = open_pools(Section([a], held_out=2, pool=3))
    assert [len(p) for p in pools.train] == [3]
    assert [len(p) for p in pools.test] == [2]
    train = {p.digest(k) for p in pools.train for k in range(len(p))}
    test = {p.digest(k) for p in pools.test for k in range(len(p))}
    assert len(train) == 3
    assert not train & test
    with pytest.raises(UserError, match="a look lies in both"):
        open_pools(Section([a], test_packs=[a]))
    with pytest.raises(UserError, match="7 looks are wanted, the packs hold 6"):
        open_pools(Section([a], pool=7))
    with pytest.raises(UserError, match="leaves none to train on"):
        open_pools(Section([a], held_out=6))


def test_the_first_looks_come_from_all_packs_in_turn() -> None:
    assert [len(p) for p in first_looks([a_pack(3), a_pack(1), a_pack(3)], 5)] == [2, 1, 2]


def test_a_sheet_shows_every_look(tmp_path: Path) -> None:
    sheet = np.asarray(Image.open(write_sheet(tmp_path / "sheet.png", a_pack(3), SLOTS)))
    assert sheet.shape == (2 * 64, 4 * 64, 3)
