"""Generative image models behind one interface, and what can be asked of any of them.

::

    from rlsuite import generators

    g = generators.make("dcgan", {"preset": "tiny"})
    g.fit(generators.load_images({"id": "folder", "path": "drawings"}, g.spec), n_steps=1000)
    g.sample(16, seed=0)                      # float32, 16 x 3 x 16 x 16, in [0, 1]
    isinstance(g, generators.Decodes)         # can it interpolate?
    g.save("my-dcgan"); generators.load("my-dcgan")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlsuite.lazy import open_on_use

if TYPE_CHECKING:
    from rlsuite.generators.contracts import (
        CAPABILITIES,
        Completes,
        Decodes,
        Edits,
        Encodes,
        FitReport,
        FitState,
        Generator,
        Ranks,
        Samples,
        Spec,
        Transforms,
        capabilities,
    )
    from rlsuite.generators.data.imageset import ImageSet
    from rlsuite.generators.data.loading import load_images
    from rlsuite.generators.images import check_images, grid, read_image, write_png
    from rlsuite.generators.latents import (
        arithmetic,
        best_of,
        corner_grid,
        interpolate,
        neighbours,
        walk,
    )
    from rlsuite.generators.making import load, make
    from rlsuite.generators.measures import Quality, quality
    from rlsuite.generators.palette import fit_palette, snap_palette
    from rlsuite.generators.projection import project
    from rlsuite.generators.scores import caption_score, change_score, compositionality, score_arithmetic
    from rlsuite.generators.tiles import TileSet, cut_tiles, make_seamless, seam_score
    from rlsuite.generators.tileset import make_tiles, write_tiles
    from rlsuite.generators.transfer import estimate_change, transfer_edit

_HOMES = {
    "contracts": (
        "CAPABILITIES Completes Decodes Edits Encodes FitReport FitState Generator Ranks Samples Spec Transforms "
        "capabilities"
    ),
    "data.imageset": "ImageSet",
    "data.loading": "load_images",
    "images": "check_images grid read_image write_png",
    "latents": "arithmetic best_of corner_grid interpolate neighbours walk",
    "making": "load make",
    "measures": "Quality quality",
    "palette": "fit_palette snap_palette",
    "projection": "project",
    "scores": "caption_score change_score compositionality score_arithmetic",
    "tiles": "TileSet cut_tiles make_seamless seam_score",
    "tileset": "make_tiles write_tiles",
    "transfer": "estimate_change transfer_edit",
}

__all__ = [
    "CAPABILITIES",
    "Completes",
    "Decodes",
    "Edits",
    "Encodes",
    "FitReport",
    "FitState",
    "Generator",
    "ImageSet",
    "Quality",
    "Ranks",
    "Samples",
    "Spec",
    "TileSet",
    "Transforms",
    "arithmetic",
    "best_of",
    "capabilities",
    "caption_score",
    "change_score",
    "check_images",
    "compositionality",
    "corner_grid",
    "cut_tiles",
    "estimate_change",
    "fit_palette",
    "grid",
    "interpolate",
    "load",
    "load_images",
    "make",
    "make_seamless",
    "make_tiles",
    "neighbours",
    "project",
    "quality",
    "read_image",
    "score_arithmetic",
    "seam_score",
    "snap_palette",
    "transfer_edit",
    "walk",
    "write_png",
    "write_tiles",
]


__getattr__ = open_on_use(__name__, _HOMES)
