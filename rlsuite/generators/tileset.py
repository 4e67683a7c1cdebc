"""Generated pictures made into a tile set that an editor opens: few colours, no seams, no tile twice.

Reference: Tiled's JSON formats (tileset ``.tsj`` and map ``.tmj``, version 1.10); NESdev Wiki, "PPU attribute tables".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rlsuite.errors import UserError
from rlsuite.generators.images import check_images, grid, to_bytes, write_png
from rlsuite.generators.palette import snap_palette
from rlsuite.generators.tiles import cut_tiles, find_offset, make_seamless, seam_score

BLOCK = 16
"""Side of the console's blocks, pixels."""
COLUMNS = 8
"""Tiles in a row of the sheet."""
SAME = 0.02
"""Tiles of one picture each that differ by less than this (root mean square) count as one."""
TILED = "1.10"


@dataclass(frozen=True)
class MadeTiles:
    """A tile set and what was measured on it.

    Attributes:
        tiles: K x 3 x S x S in [0, 1], every pixel a colour of ``palette``.
        maps: Tile number at each place of the pictures that were cut, N x rows x columns; None if each picture
            was one tile.
        palette: The colours in use, (P, 3) in [0, 1].
        colours_a_block: The rule that holds in every block of 16 pixels, or None.
        measures: ``seam_median`` and ``seam_worst`` (`tiles.seam_score`), ``violations`` of palette and rule,
            ``distinct_share`` of the tiles that were cut, ``spread`` (mean distance to the nearest other tile).
    """

    tiles: Tensor
    maps: Tensor | None
    palette: Tensor
    colours_a_block: int | None
    measures: Mapping[str, float]


def make_tiles(
    images: Tensor,
    palette: Tensor,
    *,
    size: int = 16,
    most: int = 64,
    seamless: bool = True,
    colours_a_block: int | None = 4,
    dither: bool = False,
) -> MadeTiles:
    """Make a tile set of generated pictures.

    Pictures of the tile's size become a tile each: seamless, snapped, the most different ones kept. Larger ones are
    screens: their grid is found, they are snapped on it, cut, and laid again with the tiles that were kept. The rule
    of few colours holds with one shared colour for the whole set, so that it holds however tiles are laid.

    Args:
        images: N x 3 x H x W in [0, 1].
        palette: (P, 3) in [0, 1].
        size: Side of a tile, pixels.
        most: Tiles kept at most.
        seamless: Let opposite edges meet (of tiles, not of screens).
        colours_a_block: Most colours in each block of 16 pixels (of a tile, if its side is no multiple of 16);
            None for no rule.
        dither: Ordered dither between palette colours.

    Raises:
        UserError: Tiles are larger than the pictures, or there are no pictures.
    """
    check_images(images, channels=3)
    if not len(images) or most < 1:
        raise UserError(f"a tile set needs pictures and room: {len(images)} pictures for {most} tiles were given")
    if size < 1 or min(images.shape[2:]) < size:
        raise UserError(f"no tile of {size} pixels fits in pictures of {images.shape[2]}x{images.shape[3]}")
    screens = max(images.shape[2:]) > size
    images = _on_grid(images, size) if screens else make_seamless(images) if seamless else images
    snapped = _snap_together(images, palette, size, colours_a_block, dither)
    if screens:
        cut = cut_tiles(snapped, size, offset=(0, 0), most=most)
        tiles, maps, n_cut = cut.tiles, cut.maps, cut.maps.numel()
        distinct = len(cut_tiles(snapped, size, offset=(0, 0)).tiles)
    else:
        apart = _apart(snapped)
        tiles, maps, n_cut, distinct = snapped[_varied(snapped[apart], apart, most)], None, len(snapped), len(apart)
    used = torch.unique(to_bytes(tiles).permute(0, 2, 3, 1).reshape(-1, 3), dim=0).float() / 255
    seams = seam_score(tiles)
    measures = {
        "seam_median": float(seams.median()),
        "seam_worst": float(seams.max()),
        "violations": float(violations(tiles, palette, colours_a_block)),
        "distinct_share": distinct / n_cut,
        "spread": _spread(tiles),
    }
    return MadeTiles(tiles, maps, used, colours_a_block, measures)


def violations(tiles: Tensor, palette: Tensor, colours_a_block: int | None, block: int = BLOCK) -> int:
    """Pixels that are no colour of the palette, and blocks with more colours than the rule allows, added up."""
    pixels = to_bytes(tiles).permute(0, 2, 3, 1).long()
    codes = (pixels * torch.tensor([65536, 256, 1])).sum(dim=-1)
    allowed = (to_bytes(palette).long() * torch.tensor([65536, 256, 1])).sum(dim=-1)
    found = int((~torch.isin(codes, allowed)).sum())
    if colours_a_block is None:
        return found
    for tile in codes:
        for rows in tile.split(block):
            found += sum(len(part.unique()) > colours_a_block for part in rows.split(block, dim=1))
    return found


def write_tiles(made: MadeTiles, folder: Path, provenance: Mapping[str, Any], name: str = "tiles") -> list[Path]:
    """Write ``tiles.png`` (no gaps), ``tiles.tsj`` for Tiled with everything that is known, a preview, and a map for
    each screen.

    Raises:
        UserError: The place cannot be written.
    """
    sheet = write_png(folder / f"{name}.png", grid(made.tiles, COLUMNS, gap=0, background=0.0))
    paths = [sheet, write_png(folder / "preview.png", _preview(made), 2)]
    paths.append(_write_json(folder / f"{name}.tsj", tileset_json(made, provenance, name)))
    for i, places in enumerate(() if made.maps is None else made.maps):
        paths.append(_write_json(folder / f"screen_{i:03d}.tmj", map_json(places, made.tiles.shape[-1], name)))
    return paths


def tileset_json(made: MadeTiles, provenance: Mapping[str, Any], name: str = "tiles") -> dict[str, Any]:
    """The set as Tiled's JSON: geometry, and as properties palette, rule, measures and provenance."""
    size, rows = int(made.tiles.shape[-1]), -(-len(made.tiles) // COLUMNS)
    seams = seam_score(made.tiles)
    colours = ["#" + bytes(colour).hex() for colour in to_bytes(made.palette).tolist()]
    known = {"palette": " ".join(colours), "colours_a_block": made.colours_a_block or 0, **made.measures, **provenance}
    return {
        "type": "tileset",
        "version": TILED,
        "name": name,
        "image": f"{name}.png",
        "imagewidth": COLUMNS * size,
        "imageheight": rows * size,
        "tilewidth": size,
        "tileheight": size,
        "tilecount": len(made.tiles),
        "columns": COLUMNS,
        "margin": 0,
        "spacing": 0,
        "properties": [_property(key, value) for key, value in known.items()],
        "tiles": [{"id": i, "properties": [_property("seam", round(float(seam), 4))]} for i, seam in enumerate(seams)],
    }


def map_json(places: Tensor, size: int, name: str = "tiles") -> dict[str, Any]:
    """A screen laid from the set as Tiled's JSON; ``places`` (rows, columns) are tile numbers from 0."""
    rows, columns = places.shape
    layer = {
        "type": "tilelayer",
        "id": 1,
        "name": "tiles",
        "x": 0,
        "y": 0,
        "width": columns,
        "height": rows,
        "opacity": 1,
        "visible": True,
        "data": (places.flatten() + 1).tolist(),  # Tiled counts from 1; 0 is nothing
    }
    return {
        "type": "map",
        "version": TILED,
        "orientation": "orthogonal",
        "renderorder": "right-down",
        "infinite": False,
        "width": columns,
        "height": rows,
        "tilewidth": size,
        "tileheight": size,
        "nextlayerid": 2,
        "nextobjectid": 1,
        "layers": [layer],
        "tilesets": [{"firstgid": 1, "source": f"{name}.tsj"}],
    }


def _on_grid(images: Tensor, size: int) -> Tensor:
    """Screens cut down to whole tiles of the grid on which fewest tiles differ."""
    dy, dx = find_offset(to_bytes(images), size)
    rows, columns = (images.shape[2] - dy) // size, (images.shape[3] - dx) // size
    return images[:, :, dy : dy + rows * size, dx : dx + columns * size].contiguous()


def _snap_together(images: Tensor, palette: Tensor, size: int, most: int | None, dither: bool) -> Tensor:
    """Snap all pictures as one, so that they share the rule's shared colour."""
    n, c, h, w = images.shape
    column = images.permute(1, 0, 2, 3).reshape(1, c, n * h, w)
    rule = "ordered" if dither else "none"
    block = BLOCK if size % BLOCK == 0 else size  # a block may not reach into the next tile
    snapped = snap_palette(column, palette, dither=rule, colours_a_block=most, block=block)
    return snapped.view(c, n, h, w).permute(1, 0, 2, 3).contiguous()


def _apart(tiles: Tensor) -> Tensor:
    """Rows of tiles of which none is nearly an earlier one."""
    flat = tiles.flatten(1)
    near = torch.cdist(flat, flat) / flat.shape[1] ** 0.5 < SAME
    kept: list[int] = []
    for i in range(len(tiles)):
        if not bool(near[i, kept].any()):
            kept.append(i)
    return torch.tensor(kept)


def _varied(tiles: Tensor, rows: Tensor, most: int) -> Tensor:
    """At most ``most`` of the rows: each time the tile that is farthest from all chosen ones; in the given order."""
    flat = tiles.flatten(1)
    chosen = [int((flat - flat.mean(dim=0)).square().sum(dim=1).argmin())]  # the most ordinary one first
    distance = (flat - flat[chosen[0]]).square().sum(dim=1)
    while len(chosen) < min(most, len(tiles)):
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (flat - flat[chosen[-1]]).square().sum(dim=1))
    return rows[torch.tensor(sorted(chosen))]


def _spread(tiles: Tensor) -> float:
    """Mean distance (root mean square of pixels) of each tile to the nearest other one."""
    if len(tiles) < 2:
        return 0.0
    flat = tiles.flatten(1)
    distances = torch.cdist(flat, flat).fill_diagonal_(torch.inf)
    return float(distances.amin(dim=1).mean() / flat.shape[1] ** 0.5)


def _preview(made: MadeTiles) -> Tensor:
    """The first tiles laid three by three: a seam would show."""
    return grid(made.tiles[:24].repeat(1, 1, 3, 3), 6, gap=4)


def _property(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"name": name, "type": "bool", "value": value}
    if isinstance(value, int):
        return {"name": name, "type": "int", "value": value}
    if isinstance(value, float):
        return {"name": name, "type": "float", "value": value}
    return {"name": name, "type": "string", "value": str(value)}


def _write_json(path: Path, value: Mapping[str, Any]) -> Path:
    try:
        path.write_text(json.dumps(value, indent=1), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: could not be written: {error}") from error
    return path
