"""Engines' picture formats round trip; pictures fit their slots; any generator feeds any slot."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlsuite import generators, registry
from rlsuite.errors import DataError, UserError
from rlsuite.skins import nes
from rlsuite.skins.contracts import Slot
from rlsuite.skins.doom_art import (
    ArtBook,
    map_lumps,
    read_wad,
    rename_textures,
    to_png,
    used_textures,
    used_things,
    write_wad,
)
from rlsuite.skins.fitting import fit
from rlsuite.skins.making import groups_of
from rlsuite.skins.pack import misfit
from rlsuite.skins.sources import pictures


@given(st.integers(0, 2**32 - 1))
def test_tiles_round_trip(seed: int) -> None:
    tiles = np.random.default_rng(seed).integers(0, 256, 8192, dtype=np.uint8)
    values = nes.decode(tiles)
    assert values.max() <= 3
    assert np.array_equal(nes.encode(values), tiles)


def test_a_tile_by_hand() -> None:
    tiles = np.zeros(8192, np.uint8)
    tiles[16 * 5 : 16 * 5 + 16] = [0b10000001, *[0] * 7, 0b10000000, *[0] * 7]  # planes of tile 5, row 0
    assert nes.decode(tiles)[5, 0].tolist() == [3, 0, 0, 0, 0, 0, 0, 1]
    four = np.arange(4 * 64).reshape(4, 8, 8)
    joined = nes.join(four)
    assert joined[0, 8] == four[1, 0, 0], "the second tile lies to the right"
    assert joined[8, 0] == four[2, 0, 0], "the third below"
    assert np.array_equal(nes.split(joined), four)


def test_retiling_keeps_holes_and_other_tiles() -> None:
    own = np.random.default_rng(0).integers(0, 256, 8192, dtype=np.uint8)
    values = nes.decode(own)
    white = np.full((16, 16, 4), 255, np.uint8)
    new = nes.decode(nes.retile(own, {"background_b4": white}))
    first = 256 + 0xB4
    assert np.array_equal(new[first : first + 4], np.where(values[first : first + 4] > 0, 1, 0))
    others = np.ones(512, bool)
    others[first : first + 4] = False
    assert np.array_equal(new[others], values[others])
    same = {f"background_{0xB4:02x}": nes.paint(nes.join(values[first : first + 4]))}
    assert np.array_equal(nes.retile(own, same), own), "its own picture changes nothing"
    assert not set(nes.cells(values)) & {0xFC, 0x100, 0x12C, 0x1EC}, "letters, the title and the screen's split stay"


TEXTMAP = b"""thing { x = 1.0; type = 3001; } thing // 1
{ type = 2018; } sidedef { texturemiddle = "BRICK1"; texturetop="-"; sector = 0; }
sector { texturefloor = "FLAT1"; textureceiling = "F_SKY1"; heightfloor = 0; }"""


def test_maps_are_read_and_renamed_in_both_formats(tmp_path) -> None:
    udmf = [("MAP01", b""), ("TEXTMAP", TEXTMAP), ("ENDMAP", b"")]
    side, sector = bytearray(30), bytearray(26)
    side[4:7], side[20:26] = b"DOR", b"BRICK1"
    sector[4:9], sector[12:18] = b"FLAT1", b"F_SKY1"
    binary = [
        ("E1M1", b""),
        ("THINGS", bytes(6) + b"\xb9\x0b" + bytes(2)),
        ("SIDEDEFS", bytes(side)),
        ("SECTORS", bytes(sector)),
    ]
    path = write_wad(tmp_path / "a.wad", [*udmf, *binary, ("OTHER", b"x")])
    lumps = read_wad(path)
    assert map_lumps(lumps, "map01") == udmf
    assert map_lumps(lumps, "E1M1") == binary
    for level, things in ((udmf, [3001, 2018]), (binary, [3001])):
        walls, flats = used_textures(level)
        assert set(walls) - {"DOR"} == {"BRICK1"}
        assert set(flats) == {"FLAT1", "F_SKY1"}
        assert used_things(level) == things
        new = rename_textures(level, {"BRICK1": "W0000001"}, {"FLAT1": "W0000002"})
        assert [name for name, _ in new] == [name for name, _ in level]
        walls, flats = used_textures(new)
        assert "W0000001" in walls
        assert set(flats) == {"W0000002", "F_SKY1"}
    new = dict(rename_textures(udmf, {"BRICK1": "X"}, {}))["TEXTMAP"]
    assert new == TEXTMAP.replace(b"BRICK1", b"X"), "nothing else of the map changes"


def test_broken_wads_are_refused(tmp_path) -> None:
    (tmp_path / "a.wad").write_bytes(b"GIF89a" + bytes(20))
    with pytest.raises(DataError, match="is not a WAD"):
        read_wad(tmp_path / "a.wad")
    path = write_wad(tmp_path / "b.wad", [("A", b"123")])
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match="cut short"):
        read_wad(path)
    with pytest.raises(DataError, match="eight characters"):
        write_wad(tmp_path / "c.wad", [("NINECHARS", b"")])
    with pytest.raises(DataError, match="no palette"):
        ArtBook(write_wad(tmp_path / "d.wad", [("A", b"123")]))


def test_sprites_keep_their_offsets(tmp_path) -> None:
    sprite = np.zeros((3, 2, 4), np.uint8)
    sprite[1:] = 255
    path = write_wad(
        tmp_path / "a.wad",
        [("PLAYPAL", bytes(range(256)) * 3), ("S_START", b""), ("TROOA1", to_png(sprite, (5, -7))), ("S_END", b"")],
    )
    found, offsets = ArtBook(path).sprites("TROO")["TROOA1"]
    assert np.array_equal(found, sprite)
    assert offsets == (5, -7)


def test_a_doom_picture_by_hand(tmp_path) -> None:
    palette = np.arange(768, dtype=np.uint16).astype(np.uint8).tobytes()
    column = bytes([1, 2, 0, 7, 9, 0, 255])  # from row 1, two pixels: colours 7 and 9
    lump = np.array([1, 4, 3, 6], "<i2").tobytes() + np.array([12], "<u4").tobytes() + column
    book = ArtBook(write_wad(tmp_path / "a.wad", [("PLAYPAL", palette)]))
    picture, offsets = book.picture(lump)
    assert offsets == (3, 6)
    assert picture[:, 0].tolist() == [[0, 0, 0, 0], [21, 22, 23, 255], [27, 28, 29, 255], [0, 0, 0, 0]]


RNG = np.random.default_rng(7)
DOOM = RNG.integers(0, 256, (64, 3), dtype=np.uint8)


def slot(name: str, kind: str, size: tuple[int, int], palette=None, alpha: bool = False, group: str = "") -> Slot:
    colours = DOOM if palette is None else palette
    pixels = np.full((*size, 4), 255, np.uint8)
    pixels[..., :3] = colours[RNG.integers(0, len(colours), size)]
    if alpha:
        pixels[: size[0] // 3] = 0
    return Slot(name, pixels, kind, palette, alpha, not alpha, group)


GREYS = np.repeat(nes.LEVELS[1:, None], 3, 1)
SLOTS = {
    s.name: s
    for s in (
        slot("wall_A", "wall", (64, 32), DOOM),
        slot("flat_B", "flat", (64, 64), DOOM),
        slot("sprite_C1", "sprite", (20, 13), DOOM, True, "C"),
        slot("sprite_C2", "sprite", (17, 9), DOOM, True, "C"),
        slot("background_b4", "tile", (16, 16), GREYS, True),
        slot("sky", "sky", (24, 24)),
    )
}


@pytest.mark.parametrize("name", SLOTS)
def test_dial_0_is_the_original_and_1_is_not(name: str) -> None:
    picture = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))
    target = SLOTS[name]
    assert np.array_equal(fit(picture, target, 0.0), target.original)
    assert not np.array_equal(fit(picture, target, 1.0), target.original)
    for dial in (0.0, 0.3, 1.0):
        assert misfit(fit(picture, target, dial), target) is None
    with pytest.raises(UserError, match="dial 2"):
        fit(picture, target, 2.0)


def captioned() -> generators.ImageSet:
    images = torch.randint(0, 256, (16, 3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return generators.ImageSet("walls", images, [str(i) for i in range(16)], ["a wall of stone"] * 16)


@pytest.mark.parametrize("kind", registry.generators.ids())
def test_any_generator_feeds_any_slot(kind: str) -> None:
    """Every kind with fresh weights, as small as it comes, into walls, flats, sprites, tiles, skies."""
    entry = registry.generators.get(kind)
    if entry.missing:
        pytest.skip(f"{kind} needs {entry.missing}")
    generator = generators.make(kind, {"preset": "tiny"} | ({"vae_steps": 1} if kind == "dalle" else {}), seed=1)
    groups = groups_of(SLOTS)
    if not isinstance(
        generator, generators.Samples | generators.Decodes | generators.Transforms | generators.Completes
    ):
        with pytest.raises(UserError, match=f"{kind} cannot make a skin"):
            pictures(generator, groups, 2, seed=5)
        return
    if kind == "dalle":  # it learns its words from captions
        generator.fit(captioned(), n_steps=2)
    assert set(groups) == {"wall_A", "flat_B", "C", "background_b4", "sky"}
    condition = "a wall" if generator.spec.condition == "text" else None
    looks = pictures(generator, groups, 2, seed=5, condition=condition)
    assert len(looks) == 2
    filled = [{name: fit(look[s.group or name], s) for name, s in SLOTS.items()} for look in looks]
    for look in filled:
        assert {name: misfit(picture, SLOTS[name]) for name, picture in look.items()} == dict.fromkeys(SLOTS)
    again = pictures(generator, groups, 2, seed=5, condition=condition)
    assert all(torch.equal(look[g], same[g]) for look, same in zip(looks, again, strict=True) for g in groups)
    assert any(not torch.equal(looks[0][g], looks[1][g]) for g in groups), "the looks differ"


def test_a_generator_that_lacks_the_capability_is_refused() -> None:
    generator = generators.make("dcgan", {"preset": "tiny"})
    with pytest.raises(UserError, match="dcgan cannot make a skin by complete; it samples, decodes"):
        pictures(generator, groups_of(SLOTS), 1, seed=0, how="complete")
    with pytest.raises(UserError, match="'paint' is unknown"):
        pictures(generator, groups_of(SLOTS), 1, seed=0, how="paint")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SLOTS)
def test_a_finished_look_turns_back_to_the_original(name: str) -> None:
    from rlsuite.skins.fitting import mix

    target = SLOTS[name]
    picture = fit(torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(1)), target)
    assert np.array_equal(mix(picture, target, 0.0), target.original)
    assert np.array_equal(mix(picture, target, 1.0), picture)
    half = mix(picture, target, 0.5)
    assert misfit(half, target) is None
    far = [np.abs(half.astype(int) - other).sum() for other in (target.original, picture)]
    assert min(far) > 0
