"""Pictures against a renderer written pixel by pixel, and their averaging against plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.batch import NesBatch
from rlsuite.envs.mario.nes.colours import LUMA, RGB
from rlsuite.envs.mario.nes.image import ImageSpec, Painter, area_weights
from rlsuite.envs.mario.nes.ppu import down
from rlsuite.envs.mario.nes.rom import Rom
from rlsuite.errors import DataError

ROWS = np.zeros(1, np.int32)
LINES = slice(16, 104)  # the reference is slow; most sprites lie here


def scene(rom: Rom, seed: int, *, mask: int = 0x1E, tall: bool = False, scroll: int | None = None) -> NesBatch:
    """A machine with random video memory, sprites, colours and a scroll position that changes at line 32."""
    rng = np.random.default_rng(seed)
    batch = NesBatch(rom, 1)
    batch.vram[0] = torch.from_numpy(rng.integers(0, 256, 2048, dtype=np.uint8))
    batch.palette[0] = torch.from_numpy(rng.integers(0, 64, 32, dtype=np.uint8))
    oam = rng.integers(0, 256, (64, 4), dtype=np.uint8)
    oam[:, 0] = rng.integers(20, 90, 64)  # crowded: more than eight on most of these scanlines
    oam[40:, 0] = rng.integers(0, 256, 24)
    oam[:8, 3] = rng.integers(0, 8, 8)  # some at the left edge
    batch.oam[0] = torch.from_numpy(oam.view(np.int32).reshape(64))
    positions = rng.integers(0, 512, 2) if scroll is None else (scroll, scroll)
    for line in range(at.SCREEN_H):
        x = int(positions[int(line >= 32)])
        v = (line & 7) << 12 | (line >> 3) << 5 | (x >> 3) & 31 | (x >> 8) << 10
        batch.lines[0, line] = v | (x & 7) << 15 | (seed & 1) << 18 | (~seed & 1) << 19 | int(tall) << 20 | mask << 21
    return batch


def reference(batch: NesBatch) -> np.ndarray:
    """What a PPU shows, one pixel at a time (colour numbers)."""
    vram, palette = batch.vram[0].numpy(), batch.palette[0].numpy()
    chr = batch.rom.chr
    sprites = batch.oam[0].numpy().view(np.uint8).reshape(64, 4).astype(int)
    out = np.zeros((240, 256), np.uint8)

    def pixel(table: int, tile: int, x: int, y: int) -> int:
        where = table * 4096 + tile * 16 + y
        return (chr[where] >> (7 - x)) & 1 | ((chr[where + 8] >> (7 - x)) & 1) << 1

    for line in range(LINES.start, LINES.stop):
        word = int(batch.lines[0, line])
        v, fine_x, mask, height = word & 0x7FFF, (word >> 15) & 7, (word >> 21) & 31, 8 + 8 * ((word >> 20) & 1)
        shown = [s for s in range(64) if sprites[s, 0] + 1 <= line < sprites[s, 0] + 1 + height][:8]
        for x in range(256):
            at_x = (v & 31) * 8 + fine_x + x
            nametable = ((v >> 10) & 3) ^ ((at_x >> 8) & 1)
            column, row = (at_x >> 3) & 31, (v >> 5) & 31
            base = (nametable & 1) * 1024
            back = pixel((word >> 18) & 1, int(vram[base + row * 32 + column]), at_x & 7, v >> 12)
            attribute = vram[base + 960 + (row >> 2) * 8 + (column >> 2)] >> ((row & 2) * 2 + (column & 2))
            if not mask & 8 or (x < 8 and not mask & 2):
                back = 0
            colour = palette[(attribute & 3) * 4 + back] if back else palette[0]
            for s in shown if mask & 16 and (x >= 8 or mask & 4) else ():
                top, tile, flags, left = sprites[s]
                if not left <= x < left + 8:
                    continue
                y = line - top - 1
                y = height - 1 - y if flags & 0x80 else y
                own_x = 7 - (x - left) if flags & 0x40 else x - left
                if height == 16:
                    front = pixel(tile & 1, (tile & 0xFE) + y // 8, own_x, y % 8)
                else:
                    front = pixel((word >> 19) & 1, tile, own_x, y)
                if front:
                    if not (back and flags & 0x20):
                        colour = palette[16 + (flags & 3) * 4 + front]
                    break
            out[line, x] = colour & (0x30 if mask & 1 else 0x3F)
    return out


def paint(batch: NesBatch, spec: ImageSpec) -> np.ndarray:
    out = torch.zeros((1, *spec.shape), dtype=torch.uint8)
    Painter(batch, spec, 1).paint(ROWS, out)
    return out[0].numpy()


@pytest.mark.parametrize(
    ("seed", "kwargs"),
    [
        (0, {}), (1, {}), (2, {"tall": True}), (3, {"mask": 0x18}), (4, {"mask": 0x1A}), (5, {"mask": 0x1D}),
        (6, {"mask": 0x0E}), (7, {"mask": 0x16}), (8, {"scroll": 0}), (9, {"mask": 0}),
    ],
)  # fmt: skip
def test_every_pixel_is_right(test_rom: Rom, seed: int, kwargs: dict) -> None:
    batch = scene(test_rom, seed, **kwargs)
    assert np.array_equal(paint(batch, ImageSpec("index"))[0][LINES], reference(batch)[LINES])


@pytest.mark.parametrize(
    ("size", "crop"), [((84, 84), (32, 20, 8, 8)), ((42, 42), (32, 20, 8, 8)), ((60, 64), (0, 0, 0, 0))]
)
def test_averaged_gray_is_within_one_level_of_exact(
    test_rom: Rom, size: tuple[int, int], crop: tuple[int, ...]
) -> None:
    batch = scene(test_rom, 1)
    top, bottom, left, right = crop
    gray = LUMA[paint(batch, ImageSpec("index"))[0]].astype(float)[top : 240 - bottom, left : 256 - right]

    def exact(n_source: int, n_out: int) -> np.ndarray:
        edges = np.arange(n_out + 1) * n_source / n_out
        low, high = np.arange(n_source), np.arange(n_source) + 1
        overlap = np.minimum(high, edges[1:, None]) - np.maximum(low, edges[:-1, None])
        return overlap.clip(0) / (n_source / n_out)

    want = exact(gray.shape[0], size[0]) @ gray @ exact(gray.shape[1], size[1]).T
    got = paint(batch, ImageSpec("gray", size, crop))[0].astype(float)  # type: ignore[arg-type]
    assert np.abs(got - want).max() <= 1.5
    assert np.abs(got - want).mean() < 0.4


def test_rgb_is_three_grays(test_rom: Rom) -> None:
    batch = scene(test_rom, 2)
    whole = paint(batch, ImageSpec("rgb"))
    assert np.array_equal(np.moveaxis(whole, 0, -1), RGB[paint(batch, ImageSpec("index"))[0]])
    assert paint(batch, ImageSpec("rgb", (84, 84))).shape == (3, 84, 84)


def test_weights_add_up() -> None:
    for n_source, n_out in ((188, 84), (240, 84), (240, 42), (256, 64), (7, 7), (188, 35)):
        spans = area_weights(n_source, n_out, 10, 256)
        assert all(weights.sum() == 256 and (weights >= 0).all() for _, weights in spans)
        assert spans[0][0] == 10
        assert spans[-1][0] + len(spans[-1][1]) == 10 + n_source


def test_the_brighter_of_two_frames(test_rom: Rom) -> None:
    spec, size = ImageSpec("gray", (240, 256), brighter_of_two=True), ImageSpec("gray", (240, 256))
    batch = scene(test_rom, 3)
    painter, out = Painter(batch, spec, 1), torch.zeros((1, 1, 240, 256), dtype=torch.uint8)
    first = paint(batch, size)
    painter.keep(ROWS)
    other = scene(test_rom, 6)
    for name in ("vram", "oam", "palette", "lines"):
        getattr(batch, name).copy_(getattr(other, name))
    painter.paint(ROWS, out)
    assert np.array_equal(out[0].numpy(), np.maximum(first, paint(batch, size)))


def test_a_look_changes_the_picture_and_nothing_else(test_rom: Rom) -> None:
    batch = scene(test_rom, 4)
    before = paint(batch, ImageSpec("index"))
    look = np.random.default_rng(9).integers(0, 256, 8192, dtype=np.uint8)
    batch.set_tiles(np.stack([test_rom.chr, look]))
    assert np.array_equal(paint(batch, ImageSpec("index")), before)
    batch.skins[0] = 1
    assert not np.array_equal(paint(batch, ImageSpec("index")), before)
    assert np.array_equal(batch.chr.numpy(), test_rom.chr), "the program goes on reading the game's own tiles"


@pytest.mark.parametrize(
    ("bank", "words"),
    [
        (np.zeros((2, 8192), np.uint8), "tile set 0 must be the game's own"),
        (np.zeros((2, 100), np.uint8), r"uint8 \(n, 8192\), got uint8 \(2, 100\)"),
        (np.zeros((2, 8192), np.float32), "got float32"),
    ],
)
def test_a_wrong_bank_of_looks_is_refused(test_rom: Rom, bank: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        NesBatch(test_rom, 1).set_tiles(bank)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"crop": (100, 140, 0, 0), "size": (84, 84)}, "leaves nothing"),
        ({"crop": (8, 0, 0, 0)}, "crop and brighter_of_two need a size"),
        ({"colours": "index", "size": (84, 84)}, "cannot be averaged"),
        ({"size": (84, 20)}, r"width in 37\.\.256"),
        ({"size": (300, 84)}, r"height must lie in 1\.\.240"),
    ],
)
def test_impossible_pictures_are_refused(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ImageSpec(**arguments)


def test_scrolling_down_wraps_as_the_ppu_does() -> None:
    def one_line(v: int) -> int:  # NESdev Wiki, "PPU scrolling", "Y increment"
        if v & 0x7000 != 0x7000:
            return v + 0x1000
        y = (v & 0x03E0) >> 5
        v &= ~0x7000
        if y == 29:
            y, v = 0, v ^ 0x0800
        elif y == 31:
            y = 0
        else:
            y += 1
        return v & ~0x03E0 | y << 5

    for start in (0, 0x0420, 0x73A5, 0x23C0, 0x73E0, 0x6C1F):
        v = start
        for n in range(1, 241):
            v = one_line(v)
            if n in (1, 2, 7, 8, 9, 100, 239, 240):
                assert down(start, n) == v, (hex(start), n)
