"""Few colours: pictures snapped to a palette in CIELAB, with dither and the console's rule of four colours a block.

Reference: CIE 15 (L*a*b*, D65 white); IEC 61966-2-1 (sRGB); Bayer 1973 (ordered dither); NESdev Wiki, "PPU
attribute tables" (each 16x16 block uses one of few palettes of four colours, the first shared by all).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from rlsuite.errors import UserError
from rlsuite.generators.images import check_images

_WHITE = (0.95047, 1.0, 1.08883)
_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_DELTA = 6 / 29
CHUNK = 1 << 18
"""Pixels compared with the palette at once."""


def to_lab(rgb: Tensor) -> Tensor:
    """SRGB in [0, 1] to CIELAB, colours in the last dimension."""
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp(min=0) + 0.055) / 1.055) ** 2.4)
    xyz = linear @ torch.tensor(_TO_XYZ, dtype=rgb.dtype).T / torch.tensor(_WHITE, dtype=rgb.dtype)
    f = torch.where(xyz > _DELTA**3, xyz.clamp(min=1e-12) ** (1 / 3), xyz / (3 * _DELTA**2) + 4 / 29)
    x, y, z = f.unbind(-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=-1)


def snap_palette(
    images: Tensor,
    palette: Tensor,
    *,
    dither: Literal["none", "ordered"] = "none",
    strength: float = 12.0,
    colours_a_block: int | None = None,
    block: int = 16,
) -> Tensor:
    """Give every pixel the nearest of the palette's colours.

    Args:
        images: N x 3 x H x W in [0, 1].
        palette: (P, 3) in [0, 1].
        dither: ``ordered`` lets a 4x4 pattern decide between the two nearest colours.
        strength: Width of the pattern in units of L*.
        colours_a_block: Most colours in each block, one of them shared by the whole picture; None for no rule.
            4 with blocks of 16 is the NES background.
        block: Side of a block, pixels; at the right and lower edges blocks may be smaller.

    Returns:
        Images of the same shape, every pixel a colour of the palette.
    """
    check_images(images, channels=3)
    if palette.dim() != 2 or palette.shape[1] != 3 or not len(palette):
        raise UserError(f"snap_palette: a palette of shape (P, 3) is wanted, got {tuple(palette.shape)}")
    if colours_a_block is not None and colours_a_block < 1:
        raise UserError(f"snap_palette: {colours_a_block} colours a block were asked for; 1 or more are possible")
    return palette[palette_indices(images, palette, dither, strength, colours_a_block, block)].permute(0, 3, 1, 2)


def palette_indices(
    images: Tensor,
    palette: Tensor,
    dither: Literal["none", "ordered"] = "none",
    strength: float = 12.0,
    colours_a_block: int | None = None,
    block: int = 16,
) -> Tensor:
    """Which colour of the palette `snap_palette` gives each pixel, int64 N x H x W."""
    lab = to_lab(images.permute(0, 2, 3, 1).double())
    if dither == "ordered":
        lab = lab.clone()
        lab[..., 0] += _bayer(lab.shape[1], lab.shape[2]) * strength
    colours = to_lab(palette.double())
    if colours_a_block is None:
        return _nearest(lab, colours)
    found = torch.empty(lab.shape[:3], dtype=torch.long)
    for i, picture in enumerate(lab):
        found[i] = _blockwise(picture, colours, colours_a_block, block)
    return found


def _bayer(height: int, width: int) -> Tensor:
    """Thresholds in (-0.5, 0.5), tiled."""
    two = torch.tensor([[0.0, 2.0], [3.0, 1.0]])
    four = torch.cat([torch.cat([4 * two, 4 * two + 2], 1), torch.cat([4 * two + 3, 4 * two + 1], 1)])
    pattern = (four + 0.5) / 16 - 0.5
    return pattern.repeat(-(-height // 4), -(-width // 4))[:height, :width].double()


def _nearest(lab: Tensor, colours: Tensor) -> Tensor:
    flat = lab.reshape(-1, 3)
    return torch.cat([torch.cdist(part, colours).argmin(dim=1) for part in flat.split(CHUNK)]).view(lab.shape[:-1])


def _blockwise(lab: Tensor, colours: Tensor, most: int, block: int) -> Tensor:
    """One picture under the block rule: a shared colour, then in each block those that lower its error most."""
    free = _nearest(lab, colours)
    shared = int(torch.bincount(free.flatten(), minlength=len(colours)).argmax())
    found = torch.empty_like(free)
    for y in range(0, lab.shape[0], block):
        for x in range(0, lab.shape[1], block):
            part = lab[y : y + block, x : x + block]
            wanted = free[y : y + block, x : x + block].unique()
            chosen = _choose(part.reshape(-1, 3), colours, wanted, shared, most)
            found[y : y + block, x : x + block] = chosen[_nearest(part, colours[chosen])]
    return found


def _choose(pixels: Tensor, colours: Tensor, wanted: Tensor, shared: int, most: int) -> Tensor:
    """At most ``most`` colours for these pixels, ``shared`` among them: greedily the least squared error."""
    errors = torch.cdist(pixels, colours).square()
    chosen, best = [shared], errors[:, shared]
    rest = [c for c in wanted.tolist() if c != shared]
    while rest and len(chosen) < most:
        totals = torch.minimum(errors[:, rest], best[:, None]).sum(dim=0)
        pick = rest.pop(int(totals.argmin()))
        chosen.append(pick)
        best = torch.minimum(best, errors[:, pick])
    return torch.tensor(chosen)


def fit_palette(images: Tensor, n: int, seed: int = 0, n_pixels: int = 20_000) -> Tensor:
    """The n colours that stand best for these images (k-means in CIELAB; each is an average in sRGB), (n, 3).

    Raises:
        UserError: More colours than pixels.
    """
    from rlsuite.runs.seeding import numpy_stream

    pixels = check_images(images, channels=3).permute(0, 2, 3, 1).reshape(-1, 3)
    if not 1 <= n <= len(pixels):
        raise UserError(f"fit_palette: {n} colours of {len(pixels)} pixels were asked for")
    stream = numpy_stream(seed, "generators/palette")
    pixels = pixels[torch.from_numpy(stream.permutation(len(pixels))[:n_pixels])]
    lab, centres = to_lab(pixels.double()), to_lab(pixels.double())[:1]
    while len(centres) < n:  # the farthest pixel next: every colour of a small palette gets a centre
        centres = torch.cat([centres, lab[torch.cdist(lab, centres).amin(dim=1).argmax()][None]])
    owner = _nearest(lab, centres)
    for _ in range(20):
        counts = torch.bincount(owner, minlength=n).clamp(min=1)[:, None]
        centres = torch.zeros_like(centres).index_add_(0, owner, lab) / counts
        owner = _nearest(lab, centres)
    counts = torch.bincount(owner, minlength=n).clamp(min=1)[:, None]
    return torch.zeros(n, 3).index_add_(0, owner, pixels) / counts
