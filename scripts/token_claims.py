"""The figures of the token models in docs/results/generators.md, read off finished runs.

    python scripts/token_claims.py sprites RUN_FULL RUN_WITHOUT_MARKERS --out docs/results/generators
    python scripts/token_claims.py image-gpt RUN --out docs/results/generators
    python scripts/token_claims.py rerank DALLE_RUN CONTRAST_RUN --out docs/results/generators

Prints JSON and leaves the pictures in ``--out``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlsuite.experiment.generating import load_generator, load_run_images
from rlsuite.generators import grid, write_png
from rlsuite.generators.data.config import ShapesConfig
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.data.loading import load_images
from rlsuite.generators.data.reading import evenly
from rlsuite.generators.data.shapes import hidden_combinations
from rlsuite.generators.features import to_rgb
from rlsuite.generators.measures import copy_distances
from rlsuite.generators.readback import fit_reader
from rlsuite.generators.scores import labels_of_captions, reranking
from rlsuite.generators.tokens.probe import probe_generator
from rlsuite.generators.tokens.sprite_text import repair

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sprites", "image-gpt", "rerank"])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--n", type=int, default=64, help="samples, pictures completed, sentences of a kind")
    parser.add_argument("--out", type=Path, default=Path("docs/results/generators"))
    parser.add_argument("--labels", type=int, default=2000, help="labelled pictures for image GPT's probes")
    args = parser.parse_args()
    torch.set_num_threads(1)
    probed = partial(image_gpt, n_labels=args.labels)
    found = {"sprites": sprites, "image-gpt": probed, "rerank": rerank}[args.what](args.runs, args.n, args.out)
    print(json.dumps(found, indent=1))


def sprites(runs: list[Path], n: int, out: Path) -> dict[str, Any]:
    """Bits per pixel of every format; legality, distances and a sheet of the first."""
    found: dict[str, Any] = {}
    for run in runs:
        model: Any = load_generator(run)
        data, held_out = load_run_images(run)
        name = f"row_numbers={model.config.row_numbers}, directions={model.config.directions}"
        bits = -model.score(held_out.floats())
        found[name] = {
            "held_out_bits_per_pixel": float(bits.mean()),
            "standard_error": float(bits.std() / len(bits) ** 0.5),
            "n_held_out": len(bits),
            **(legality(model, n) if model.config.row_numbers else {}),
        }
        if run == runs[0]:
            found["distances"] = distances(model, data, held_out, n, out)
    return found


def legality(model: Any, n: int) -> dict[str, float]:
    """Share of rows that need no repair: written freely, and as `sample` writes them, with markers given."""
    free = [repair(text.splitlines(), model.config.size) for text in model.sample_text(n, seed=0)]
    return {
        "legal_rows_free": sum(f.n_legal for f in free) / max(1, sum(f.n_lines for f in free)),
        "rows_free": sum(f.n_lines for f in free),
    }


def distances(model: Any, data: ImageSet, held_out: ImageSet, n: int, out: Path) -> dict[str, Any]:
    """Root mean square of pixels to the nearest training sprite: of samples, and of held-out sprites."""
    made, training = model.sample(n, seed=1), data.floats()
    write_png(out / "sprites.png", grid(to_rgb(made), 16, background=0.8), scale=2)
    found: dict[str, Any] = {}
    for name, images in (("samples", made), ("held_out", held_out.floats())):
        nearest, limit = copy_distances(training, images)
        found[name] = dict(zip(map(str, QUANTILES), np.quantile(nearest.numpy(), QUANTILES).round(4).tolist()))
        found[f"{name}_copies"] = float((nearest < limit).double().mean())
    return {**found, "copy_limit": limit}


def image_gpt(runs: list[Path], n: int, out: Path, n_labels: int = 2000) -> dict[str, Any]:
    """The probe's curve, and whether completed halves look like the article they began as."""
    model: Any = load_generator(runs[0])
    data, held_out = load_run_images(runs[0])
    some, test = (s.subset(list(evenly(len(s), m))) for s, m in ((data, n_labels), (held_out, 1000)))
    curve = probe_generator(model, some, test, "class", few=(10,), compare=True)
    return {"probe": curve.to_dict(), "completions": completions(model, data, held_out, n, out)}


def completions(model: Any, data: ImageSet, held_out: ImageSet, n: int, out: Path) -> dict[str, float]:
    """Share of completed pictures that a classifier of real pictures takes for what the upper half came from."""
    from sklearn.svm import SVC

    some = data.subset(list(evenly(len(data), 5000)))
    judge = SVC(C=10).fit(_flat(some.floats()), list(some.labels["class"]))
    shown = held_out.subset(list(evenly(len(held_out), n)))
    images, known = shown.floats(), torch.zeros(len(shown), 1, *shown.size)
    known[:, :, : shown.size[0] // 2] = 1
    made, wanted = model.complete(images, known, n=2, seed=0), list(shown.labels["class"])
    grey = images * known + 0.5 * (1 - known)
    rows = torch.stack([images, grey, made[::2], made[1::2]], dim=1)[:16].flatten(0, 1)
    write_png(out / "completions.png", grid(rows, 16), scale=3)
    average = some.floats().mean(dim=0, keepdim=True)
    plain = images * known + average * (1 - known)
    return {
        "classifier_on_real": float(judge.score(_flat(held_out.floats()[:1000]), held_out.labels["class"][:1000])),
        "agreement": float(judge.score(_flat(made), [c for c in wanted for _ in range(2)])),
        "agreement_of_the_mean_lower_half": float(judge.score(_flat(plain), wanted)),
        "n": len(made),
    }


def rerank(runs: list[Path], n: int, out: Path) -> dict[str, Any]:
    """Best of 32 drawings of shapes by the scorer, by another sentence, and at random; seen and unseen combinations."""
    model: Any = load_generator(runs[0])
    scorer: Any = load_generator(runs[1])
    everything = load_images(ShapesConfig(id="shapes", n_shapes=4000), model.spec)
    reader = fit_reader(everything, list(everything.labels), n_steps=500)
    said, hidden = labels_of_captions(everything), hidden_combinations()
    found: dict[str, Any] = {"reader_accuracy": reader.accuracy(everything)}
    for kind in ("seen", "unseen"):
        fits = [c for c, v in sorted(said.items()) if ((v["colour"], v["shape"]) in hidden) == (kind == "unseen")]
        chosen = [fits[i] for i in evenly(len(fits), min(n, len(fits)))]
        found[kind] = asdict(reranking(model, scorer, reader, {c: said[c] for c in chosen}))
    shown = [chosen[i] for i in evenly(len(chosen), min(8, len(chosen)))]
    rows = [model.sample(8, seed=7, condition=[c] * 8) for c in shown]
    ranked = [r[scorer.score(r, c).argsort(descending=True)] for r, c in zip(rows, shown, strict=True)]
    write_png(out / "rerank.png", grid(to_rgb(torch.cat(ranked)), 8), scale=2)
    return found | {"sentences_drawn_in_the_picture": shown}


def _flat(images: Tensor) -> np.ndarray:
    return images.flatten(1).numpy()


if __name__ == "__main__":
    main()
