"""Palettes by name, for the verbs that snap to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlsuite.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


def named_palette(name: str, images: Tensor) -> Tensor:
    """Colours (P, 3) in [0, 1]: ``nes`` (54), ``doom`` (256, of Freedoom), or a number of colours fitted to the images.

    Raises:
        UserError: There is no such palette.
    """
    import torch

    if name == "nes":
        from rlsuite.envs.mario.nes.colours import RGB

        return torch.unique(torch.from_numpy(RGB), dim=0).float() / 255
    if name == "doom":
        from rlsuite.generators.data.freedoom import palette

        return torch.unique(palette(), dim=0)
    if name.isdigit() and int(name):
        from rlsuite.generators.palette import fit_palette

        return fit_palette(images, int(name))
    raise UserError(f"--palette {name}: there are nes, doom, or a number of colours")


def snapped(images: Tensor, name: str, *, dither: bool, colours_a_block: int | None) -> Tensor:
    """The images in the colours of a named palette."""
    from rlsuite.generators.palette import snap_palette

    rule = "ordered" if dither else "none"
    return snap_palette(images, named_palette(name, images), dither=rule, colours_a_block=colours_a_block)
