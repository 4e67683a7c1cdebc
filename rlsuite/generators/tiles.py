"""Pictures cut into a set of tiles, and tiles made to join without a seam."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rlsuite.errors import UserError
from rlsuite.generators.images import check_images, to_bytes


@dataclass(frozen=True)
class TileSet:
    """Distinct tiles and where they lay.

    Attributes:
        tiles: K x C x S x S in [0, 1], the most frequent first.
        counts: How often each was used, (K,).
        maps: Tile number at each place of each picture, N x rows x columns.
    """

    tiles: Tensor
    counts: Tensor
    maps: Tensor

    def paint(self) -> Tensor:
        """The pictures put together again, N x C x H x W."""
        n, rows, columns = self.maps.shape
        c, s = self.tiles.shape[1:3]
        laid = self.tiles[self.maps].view(n, rows, columns, c, s, s)
        return laid.permute(0, 3, 1, 4, 2, 5).reshape(n, c, rows * s, columns * s)


def cut_tiles(
    images: Tensor, size: int = 16, *, offset: tuple[int, int] | None = None, most: int | None = None
) -> TileSet:
    """Cut pictures on a grid and keep each distinct tile once.

    Args:
        images: N x C x H x W in [0, 1].
        size: Side of a tile, pixels.
        offset: Where the grid begins (down, right); None finds the offset with the fewest distinct tiles, which
            is where the artist's grid lies.
        most: Keep this many tiles and replace every other by the nearest of them; None keeps all.

    Raises:
        UserError: A tile is larger than the pictures.
    """
    check_images(images)
    if size < 1 or min(images.shape[2:]) < size:
        raise UserError(f"cut_tiles: no tile of {size} pixels fits in {images.shape[2]}x{images.shape[3]}")
    if most is not None and most < 1:
        raise UserError(f"cut_tiles: {most} tiles were asked for; 1 or more are possible")
    pixels = to_bytes(images)
    if offset is None:
        offset = find_offset(pixels, size)
    cells, shape = _cells(pixels, size, offset)
    distinct, owner, counts = torch.unique(cells, dim=0, return_inverse=True, return_counts=True)
    order = counts.argsort(descending=True, stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    tiles, counts, owner = distinct[order], counts[order], place[owner]
    if most is not None and most < len(tiles):
        tiles, counts, owner = _merge(tiles, owner, most)
    return TileSet(tiles.view(-1, images.shape[1], size, size).float() / 255, counts, owner.view(shape))


def find_offset(pixels: Tensor, size: int, most_cells: int = 4096) -> tuple[int, int]:
    """The grid offset with the smallest share of distinct tiles (of up to ``most_cells``); (0, 0) of equals."""
    best, found = 2.0, (0, 0)
    height, width = pixels.shape[-2:]
    for dy in range(size if height > size else 1):
        for dx in range(size if width > size else 1):
            if dy + size > height or dx + size > width:
                continue
            cells = _cells(pixels, size, (dy, dx))[0][:most_cells]
            share = len(torch.unique(cells, dim=0)) / len(cells)
            if share < best - 1e-9:
                best, found = share, (dy, dx)
    return found


def make_seamless(images: Tensor, band: float = 0.25) -> Tensor:
    """Let opposite edges meet: towards the edges each picture fades into itself rolled by half a side.

    Args:
        images: N x C x H x W in [0, 1].
        band: Share of the side that fades at each edge, up to 0.5.
    """
    check_images(images)
    if not 0 < band <= 0.5:
        raise UserError(f"make_seamless: band {band} does not lie in (0, 0.5]")
    for dim in (2, 3):
        n = images.shape[dim]
        weight = _fade(n, band).view([-1, 1] if dim == 2 else [1, -1])
        images = images * weight + images.roll(n // 2, dim) * (1 - weight)
    return images


def seam_score(images: Tensor) -> Tensor:
    """Mean step over the wrapped edge, divided by the mean step inside, (N,); 1 or less: no seam to be seen."""
    scores = []
    for dim in (2, 3):
        inside = images.diff(dim=dim).abs().mean(dim=(1, 2, 3))
        edge = (images.select(dim, 0) - images.select(dim, -1)).abs().mean(dim=(1, 2))
        scores.append(edge / inside.clamp(min=1e-6))
    return torch.stack(scores).amax(dim=0)


def _fade(n: int, band: float) -> Tensor:
    """0 at both ends, 1 in the middle, a raised cosine between."""
    distance = torch.minimum(torch.arange(n), torch.arange(n - 1, -1, -1)).float()
    t = (distance / max(1.0, round(n * band))).clamp(0, 1)
    return 0.5 - 0.5 * torch.cos(torch.pi * t)


def _cells(pixels: Tensor, size: int, offset: tuple[int, int]) -> tuple[Tensor, tuple[int, int, int]]:
    """Every whole tile as a row of bytes, and (N, rows, columns)."""
    dy, dx = offset
    n, c, h, w = pixels[..., dy:, dx:].shape
    rows, columns = h // size, w // size
    whole = pixels[..., dy : dy + rows * size, dx : dx + columns * size]
    cells = whole.reshape(n, c, rows, size, columns, size).permute(0, 2, 4, 1, 3, 5)
    return cells.reshape(n * rows * columns, c * size * size), (n, rows, columns)


def _merge(tiles: Tensor, owner: Tensor, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """Keep the first ``most`` tiles; the others become the nearest kept one."""
    kept = tiles[:most]
    nearest = torch.cdist(tiles.float(), kept.float()).argmin(dim=1)
    nearest[:most] = torch.arange(most)
    owner = nearest[owner]
    return kept, torch.bincount(owner, minlength=most), owner
