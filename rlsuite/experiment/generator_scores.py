"""The quality figures a generator's run ends with."""

from __future__ import annotations

from typing import Any

from rlsuite.experiment.generating import GeneratorAssembly
from rlsuite.generators.contracts import Samples
from rlsuite.generators.data.reading import evenly
from rlsuite.generators.measures import quality
from rlsuite.runs.seeding import stream_seed


def score_generator(assembly: GeneratorAssembly) -> dict[str, Any]:
    """FD-lite0, KID, precision, recall and copies of a generator's samples; its own figures where it has some.

    A generator may have ``own_scores(data, held_out, seed) -> dict`` for what only it can be asked.

    Returns:
        Plain numbers; ``against`` says whether the real images were held out.
    """
    generator, data, held_out = assembly.generator, assembly.data, assembly.held_out
    seed = stream_seed(assembly.experiment.seed, "generator/scores")
    own = getattr(generator, "own_scores", None)
    found: dict[str, Any] = dict(own(data, held_out, seed)) if own is not None else {}
    if not isinstance(generator, Samples) or generator.spec.condition != "none" or generator.spec.n_frames is not None:
        return found
    n = generator.config.n_scored
    real = held_out if len(held_out) >= 2 else data
    rows = list(evenly(len(real), n))
    figures = quality(real.subset(rows).floats(), generator.sample(n, seed=seed), training=data.floats())
    return {**found, **figures.to_dict(), "against": "held-out images" if real is held_out else "training images"}
