"""Skins of MuJoCo levels: floor, sky and body textures of what is drawn (films, rendered observations)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rlsuite.errors import UserError
from rlsuite.skins.contracts import Look, Pixels, ShowsTextures, Slot

PLANE, CUBE, SKY = 0, 1, 2
"""``mjtTexture``: a flat texture; six faces for a body; six faces for the sky."""
KINDS = {PLANE: "floor", CUBE: "body", SKY: "sky"}


class MujocoTailor:
    """Knows MuJoCo's textures."""

    engine = "mujoco"

    def fits(self, env: Any) -> bool:
        """Whether MuJoCo draws the level."""
        return isinstance(env, ShowsTextures)

    def slots(self, env: Any) -> dict[str, Slot]:
        """A slot per texture; of cubes and skies one face, which all six show.

        Raises:
            UserError: The model has no texture.
        """
        found = {}
        for number, name in names(env.model).items():
            texels = read(env.model, number)
            face = texels[: min(texels.shape[:2])] if texels.shape[0] != texels.shape[1] else texels
            solid = np.full((*face.shape[:2], 1), 255, np.uint8)
            kind = KINDS[int(env.model.tex_type[number])]
            found[name] = Slot(name, np.concatenate([face[..., :3], solid], axis=-1), kind)
        if not found:
            raise UserError("this MuJoCo model has no textures, so a skin has nothing to paint")
        return found

    def wear(
        self, env: Any, looks: Sequence[Look], *, seed: int | None, every: int, choices: Sequence[int] | None = None
    ) -> None:
        """Give the camera the looks' textures."""
        looks = looks if choices is None else [looks[k] for k in choices]
        numbers = {name: number for number, name in names(env.model).items()}
        env.set_textures(
            [{numbers[name]: fill(env.model, numbers[name], p) for name, p in look.items()} for look in looks],
            seed=seed,
        )


def names(model: Any) -> dict[int, str]:
    """Number of each texture to its slot's name."""
    return {i: model.texture(i).name or KINDS[int(model.tex_type[i])] for i in range(model.ntex)}


def read(model: Any, number: int) -> Pixels:
    """A texture's texels, (height, width, channels)."""
    shape = int(model.tex_height[number]), int(model.tex_width[number]), int(model.tex_nchannel[number])
    first = int(model.tex_adr[number])
    return np.array(model.tex_data[first : first + int(np.prod(shape))]).reshape(shape)


def fill(model: Any, number: int, picture: Pixels) -> Pixels:
    """A picture of a slot as the texture's texels: every face shows it."""
    height, width, channels = read(model, number).shape
    repeated = np.tile(picture[..., :channels], (-(-height // picture.shape[0]), -(-width // picture.shape[1]), 1))
    return np.ascontiguousarray(repeated[:height, :width])
