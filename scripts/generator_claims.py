"""Whether each generator does here what its paper claims, on held-out data, at 16x16.

    python scripts/generator_claims.py CLAIM [CLAIM ...] --seeds 0 1 2 --out docs/results/generators

Claims: ``augment`` (DiffAugment at 300 images), ``began`` (M falls while samples improve), ``characters`` (trains the
decoder that the next two need), ``projection`` (hybrid below predictor and optimisation), ``arithmetic`` (the wanted
attribute appears, the others stay), ``text`` (CLS + INT on unseen combinations), ``cycle`` (cycle + GAN against either
alone on hidden pairs), ``dream`` (the layer responds more). Each prints its figures, adds them to ``OUT/CLAIM.json``
under the seed, and leaves a picture there. One core, minutes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from generator_arithmetic import add_attribute
from torch import Tensor

from rlsuite import generators
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.features import lite0_features
from rlsuite.generators.gan.decoder import decode_all
from rlsuite.generators.images import grid, write_png
from rlsuite.generators.measures import frechet_distance, kernel_distance
from rlsuite.generators.projection import fit_predictor, project
from rlsuite.generators.readback import AttributeReader, dicebear_attributes, fit_reader
from rlsuite.generators.scores import caption_score

Figures = dict[str, Any]
SIZE = 16
ALL = ("colour", "translation", "cutout")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("claims", nargs="+", choices=[*CLAIMS, "all"], metavar="CLAIM", help="or `all`")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path, default=Path("docs/results/generators"))
    parser.add_argument("--steps", type=int, help="gradient steps of each training; none: the claim's own")
    parser.add_argument("--settings", type=json.loads, default={}, help='of the generators, as JSON: {"width": 32}')
    parser.add_argument("--models", type=Path, default=Path("runs/claims"), help="where models are left")
    args = parser.parse_args()
    torch.set_num_threads(1)
    names = list(CLAIMS) if "all" in args.claims else args.claims
    for seed in args.seeds:
        args.seed = seed
        for name in names:
            began = time.process_time()
            figures = CLAIMS[name](args)
            figures["cpu_s"] = round(time.process_time() - began)
            keep(args.out / f"{name}.json", seed, figures)
            print(json.dumps({"claim": name, "seed": seed, **figures}, indent=1), flush=True)


def keep(path: Path, seed: int, figures: Figures) -> None:
    """Put a seed's figures among those that are there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found = json.loads(path.read_text()) if path.is_file() else {}
    found[str(seed)] = figures
    path.write_text(json.dumps(dict(sorted(found.items())), indent=1) + "\n")


def images_of(config: Mapping[str, Any], channels: int = 3) -> ImageSet:
    """A set at 16x16."""
    return generators.load_images(config, generators.Spec("claims", (SIZE, SIZE), channels))


def split_at(data: ImageSet, n: int, seed: int) -> tuple[ImageSet, ImageSet]:
    """N images to learn from, in an order that the seed decides, and the others."""
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))
    return data.subset(order[:n]), data.subset(order[n:])


def trained(kind: str, config: Mapping[str, Any], data: ImageSet, n_steps: int, seed: int, **more: Any) -> Any:
    """A generator after so many steps; ``look(model, step, metrics)`` is called every ``every`` steps."""
    model: Any = generators.make(kind, {"size": SIZE, **config}, seed=seed)
    look, every = more.get("look"), more.get("every", n_steps)

    def on_step(step: int, metrics: Mapping[str, Any]) -> None:
        if look is not None and step % every == 0:
            look(model, step, {k: float(v) for k, v in metrics.items()})

    model.fit(data, n_steps=n_steps, seed=seed, on_step=on_step)
    return model


class Judge:
    """Distances of images to held-out ones, whose features are taken once."""

    def __init__(self, real: Tensor) -> None:
        self.features = lite0_features(real).double()

    def __call__(self, fake: Tensor) -> dict[str, float]:
        made = lite0_features(fake).double()
        return {"fd_lite0": frechet_distance(self.features, made), "kid": kernel_distance(self.features, made)}


# -- DiffAugment -------------------------------------------------------------------------------------


def augment(args: argparse.Namespace) -> Figures:
    """DCGAN on 300 pictures of clothes, with and without DiffAugment; 250 others judge."""
    data, others = split_at(images_of({"id": "fashion-mnist", "n_images": 1000}, 1), 300, args.seed)
    judge, found, sheets = Judge(others.floats()[:250]), {}, []
    n_steps = args.steps or 6000
    for name, policy in (("none", ()), ("diff_augment", ALL)):
        curve: list[Figures] = []

        def look(model: Any, step: int, metrics: Figures, curve: list[Figures] = curve) -> None:
            accuracy = (metrics["acc_real"] + metrics["acc_fake"]) / 2
            curve.append({"step": step, "judge_accuracy": accuracy, **judge(model.sample(250, seed=1))})

        settings = {"channels": 1, "width": 16, "batch_size": 32, "ema_decay": 0.99, "diff_augment": policy}
        settings |= {"discriminator_width": 32, "learning_rate": 5e-4, **args.settings}
        model = trained("dcgan", settings, data, n_steps, args.seed, look=look, every=n_steps // 4)
        found[name] = {"curve": curve, **{k: curve[-1][k] for k in ("fd_lite0", "kid")}}
        sheets.append(grid(model.sample(16, seed=0), columns=16))
    stack(args.out / f"augment_s{args.seed}.png", [grid(others.floats()[:16], columns=16), *sheets])
    return {"n_steps": n_steps, **found}


# -- BEGAN -------------------------------------------------------------------------------------------


def began(args: argparse.Namespace) -> Figures:
    """Convergence measure M against the distance of samples to held-out pictures, along one training."""
    data, others = images_of({"id": "dicebear"}).split(0.1, args.seed)
    judge, n_steps, means, curve = Judge(others.floats()[:250]), args.steps or 1200, [], []

    def look(model: Any, step: int, metrics: Figures) -> None:
        means.append(metrics["convergence"])
        if step % (n_steps // 5) == 0:
            recent = means[-n_steps // 100 :]
            figures = judge(model.sample(250, seed=1))
            curve.append({"step": step, "m": sum(recent) / len(recent), "k": metrics["k"], **figures})

    settings = {"width": 16, "gamma": 0.7, "learning_rate": 1e-3, "residual_steps": n_steps // 3, "ema_decay": 0.99}
    settings |= {"k_rate": 0.01, **args.settings}  # 0.001 takes longer than this training to find the balance
    model = trained("began", settings, data, n_steps, args.seed, look=look, every=10)
    model.save(args.models / f"began_s{args.seed}")
    write_png(args.out / f"began_s{args.seed}.png", grid(model.sample(48, seed=0), columns=16), scale=3)
    ranks = rank_correlation([c["m"] for c in curve], [c["fd_lite0"] for c in curve])
    return {"n_steps": n_steps, "rank_correlation": ranks, "curve": curve}


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's."""
    x, y = (torch.tensor(v).argsort().argsort().double() for v in (a, b))
    return float(torch.corrcoef(torch.stack([x, y]))[0, 1])


# -- one decoder, two claims --------------------------------------------------------------------------


def characters(args: argparse.Namespace) -> Figures:
    """DCGAN on DiceBear's characters, kept as a bundle."""
    data, others = images_of({"id": "dicebear"}).split(0.1, args.seed)
    n_steps = args.steps or 3000
    settings = {"width": 16, "batch_size": 32, "latent": 64, "ema_decay": 0.995}
    settings |= {"learning_rate": 8e-4, "discriminator_learning_rate": 3e-4, **args.settings}
    model = trained("dcgan", settings, data, n_steps, args.seed)
    model.save(args.models / f"characters_s{args.seed}")
    write_png(args.out / f"characters_s{args.seed}.png", grid(model.sample(48, seed=0), columns=16), scale=3)
    return {"n_steps": n_steps, **Judge(others.floats()[:250])(model.sample(400, seed=1))}


def character_model(args: argparse.Namespace) -> tuple[Any, ImageSet, ImageSet]:
    """The decoder, what it learned from, and what it never saw."""
    data, others = dicebear_attributes(images_of({"id": "dicebear"})).split(0.1, args.seed)
    return generators.load(args.models / f"characters_s{args.seed}"), data, others


def projection(args: argparse.Namespace) -> Figures:
    """Error of 32 held-out characters rebuilt: predictor, L-BFGS from a random start, L-BFGS from the predictor."""
    model, data, others = character_model(args)
    predictor = fit_predictor(model, data.floats(), n_steps=400, seed=args.seed)
    images, found, rows = others.floats()[:32], {}, [others.floats()[:16]]
    alone = torch.empty(0)
    for method in ("predictor", "optimisation", "hybrid"):
        result = project(model, images, method=method, predictor=predictor, iterations=50, seed=args.seed)
        found[method] = {"rmse_mean": float(result.error.mean()), "rmse_median": float(result.error.median())}
        rows.append(result.images[:16])
        if method == "optimisation":
            alone = result.error
        elif method == "hybrid":
            found["hybrid_below_optimisation"] = float((result.error < alone).double().mean())
    stack(args.out / f"projection_s{args.seed}.png", [grid(row, columns=16) for row in rows])
    return found


def arithmetic_claim(args: argparse.Namespace) -> Figures:
    """Add an attribute by mean(with) - mean(without); a reader taught on real pictures says what came out."""
    model, data, others = character_model(args)
    names = list(data.labels)
    reader, guide = (fit_reader(data, names, n_steps=300, seed=seed) for seed in (args.seed, args.seed + 100))
    latent = model.latent(12_000, 7)
    read = reader.read(decode_all(model, latent))
    found: Figures = {"reader_accuracy": reader.accuracy(others)}
    found["samples_read_as"] = {k: {v: read[k].count(v) for v in sorted(set(read[k]))} for k in names}
    pictures = []
    for name, wanted in (("glasses", "yes"), ("hair", "long"), ("hair", "short"), ("skin", "dark"), ("skin", "light")):
        for n_exemplars in (3, 100, 1000):
            figures, shown = add_attribute(model, (reader, guide), latent, read, name, wanted, n_exemplars)
            found[f"{name}={wanted}, {n_exemplars} exemplars"] = figures
        pictures.append(grid(shown, columns=16))
    stack(args.out / f"arithmetic_s{args.seed}.png", pictures)
    means: Figures = {}
    for n in (3, 100, 1000):
        parts = [v for k, v in found.items() if k.endswith(f", {n} exemplars")]
        means[f"success_{n}"] = sum(part["success"] for part in parts) / len(parts)
        means[f"walked_{n}"] = sum(part.get("walked", part)["success"] for part in parts) / len(parts)
    return {**means, **found}


# -- text to image --------------------------------------------------------------------------------------


def text(args: argparse.Namespace) -> Figures:
    """GAN-CLS + INT against the plain conditional GAN, read back on seen and on never seen combinations."""
    from rlsuite.generators.data.shapes import hidden_combinations

    everything = images_of({"id": "shapes", "n_shapes": 4000})
    reader = fit_reader(everything, list(everything.labels), n_steps=300, seed=args.seed)
    data = images_of({"id": "shapes", "n_shapes": 2000, "hide_combinations": True})
    hidden, kinds, sheets = hidden_combinations(), {}, []
    for row, caption in enumerate(everything.captions or ()):
        kinds.setdefault(caption, {k: v[row] for k, v in everything.labels.items()})
    found: Figures = {"reader_accuracy": reader.accuracy(everything)}
    for name, switches in (("plain", (False, False)), ("cls_int", (True, True))):
        settings = {"width": 16, "batch_size": 32, "latent": 16, "text_width": 64}
        settings |= {"learning_rate": 1e-3, "discriminator_learning_rate": 2e-4, "ema_decay": 0.99}
        settings |= {**dict(zip(("match", "interpolate"), switches, strict=True)), **args.settings}
        model = trained("gan_cls", settings, data, args.steps or 2200, args.seed)
        model.save(args.models / f"{name}_s{args.seed}")
        for part, wanted in (("unseen", True), ("seen", False)):
            chosen = {c: k for c, k in kinds.items() if ((k["colour"], k["shape"]) in hidden) == wanted}
            found[f"{name}_{part}"] = read_captions(model, reader, chosen)
        shown = sorted(c for c, k in kinds.items() if (k["colour"], k["shape"]) in hidden)[::4][:16]
        sheets.append(grid(model.sample(len(shown), seed=0, condition=shown), columns=16))
    stack(args.out / f"text_s{args.seed}.png", sheets)
    return found


def read_captions(model: Any, reader: AttributeReader, kinds: Mapping[str, Figures], each: int = 4) -> Figures:
    """Share of drawings that carry what their caption says, attribute by attribute and all at once."""
    captions = [caption for caption in kinds for _ in range(each)]
    read = reader.read(model.sample(len(captions), seed=3, condition=captions))
    found = caption_score(read, [kinds[caption] for caption in captions])
    wanted = [kinds[caption] for caption in captions]
    both = [all(read[name][i] == row[name] for name in ("colour", "shape")) for i, row in enumerate(wanted)]
    return {**found.each, "colour_and_shape": sum(both) / len(both), "all": found.all, "n": found.n}


# -- CycleGAN --------------------------------------------------------------------------------------------


def cycle(args: argparse.Namespace) -> Figures:
    """Noto to Twemoji without pairs: both losses, and each alone, against the hidden partners."""
    pairs = images_of({"id": "emoji/pairs"})
    data, others = pairs.split(0.2, args.seed)
    others = others.subset(range(min(150, len(others))))
    assert others.partners is not None
    truth = others.partners.float() / 255
    judge, found = Judge(truth), {}
    rows = [others.floats()[:16], truth[:16]]
    found["untranslated"] = against(others.floats(), truth, judge)
    n_steps = args.steps or 800
    for name, gan, loop in (("cycle_gan", 1.0, 10.0), ("gan_alone", 1.0, 0.0), ("cycle_alone", 0.0, 10.0)):
        settings = {"width": 16, "blocks": 2, "gan_coef": gan, "cycle_coef": loop, "identity_coef": 0.0}
        settings |= {"learning_rate": 1e-3, "batch_size": 4, "discriminator_layers": 1}
        settings |= {"constant_steps": n_steps // 2, "decay_steps": n_steps - n_steps // 2}
        settings |= args.settings
        model = trained("cyclegan", settings, data, n_steps, args.seed)
        model.save(args.models / f"{name}_s{args.seed}")
        made = model.transform(others.floats(), to="b")
        found[name] = against(made, truth, judge)
        rows.append(made[:16])
    stack(args.out / f"cycle_s{args.seed}.png", [grid(row, columns=16) for row in rows])
    return {"n_steps": n_steps, "n_judged": len(others), **found}


def against(made: Tensor, truth: Tensor, judge: Judge) -> Figures:
    """Distance to the hidden partners, picture by picture and as a whole."""
    return {"l1": float((made - truth).abs().mean()), **judge(made)}


# -- films -----------------------------------------------------------------------------------------------


def video(args: argparse.Namespace) -> Figures:
    """Films of 8 frames of a shape that moves over a background: two streams against one, by 200 held-out films."""
    from rlsuite.generators.video.videogan import score_films

    spec, n_steps, found = generators.Spec("claims", (SIZE, SIZE), 3, n_frames=8), args.steps or 1200, {}
    data, others = generators.load_images({"id": "shapes/moving", "n_films": 1200}, spec).split(1 / 6, args.seed)
    rows = [film_strip(others.floats()[:3])]
    for streams in ("two", "one"):
        settings = {"width": 16, "n_frames": 8, "batch_size": 16, "latent": 32, "streams": streams}
        settings |= {"learning_rate": 8e-4, "discriminator_learning_rate": 2e-4, "ema_decay": 0.99, **args.settings}
        model = trained("videogan", settings, data, n_steps, args.seed)
        model.save(args.models / f"{streams}_stream_s{args.seed}")
        films = model.sample(200, seed=1)
        found[f"{streams}_stream"] = score_films(films, data, others)
        rows.append(film_strip(films[:3]))
    stack(args.out / f"video_s{args.seed}.png", rows)
    return {"n_steps": n_steps, **found}


def film_strip(films: Tensor) -> Tensor:
    """Films side by side, each frame behind the other, in one row."""
    return grid(films.flatten(0, 1), columns=films.shape[0] * films.shape[1])


# -- dreams ----------------------------------------------------------------------------------------------


def dream_claim(args: argparse.Namespace) -> Figures:
    """Freedoom's sky and mural dreamt on at layers 9 and 13: how much more the layer responds."""
    from rlsuite.generators.data.freedoom import find_wads, wad_pictures
    from rlsuite.generators.dream.deepdream import dream, lite0_layer, objective
    from rlsuite.generators.images import from_bytes, to_channels

    pictures = {p.name: p for wad in find_wads() for p in wad_pictures(wad, "textures")}
    found, rows = {}, []
    for name in ("SKY2", "BIGMURAL"):
        pixels = torch.from_numpy(to_channels(pictures[name].read(), 3)).permute(2, 0, 1)
        image = torch.nn.functional.interpolate(from_bytes(pixels)[None], size=(144, 208), mode="bicubic").clamp(0, 1)
        row = [image]
        for number in (9, 13):
            layer = lite0_layer(number)
            row.append(dream(image, layer, octaves=3, iterations=8, jitter=16, seed=args.seed))
            found[f"{name}, layer {number}"] = float(objective(layer(row[-1])) / objective(layer(image)))
        rows.append(grid(torch.cat(row), columns=3))
    path = args.out / f"dream_s{args.seed}.png"
    stack(path, rows, scale=1)
    few_colours(path)
    return {"response_after_over_before": found}


def few_colours(path: Path, n: int = 64) -> None:
    """Write a picture anew with a palette: a fraction of the bytes."""
    from PIL import Image

    with Image.open(path) as picture:
        reduced = picture.convert("RGB").quantize(n)
    reduced.save(path, optimize=True)


def stack(path: Path, sheets: Sequence[Tensor], scale: int = 3) -> None:
    """Sheets of one width below each other, as one picture."""
    white = torch.ones(sheets[0].shape[0], 3, sheets[0].shape[2])
    parts = [part for sheet in sheets for part in (sheet, white)]
    write_png(path, torch.cat(parts[:-1], dim=1), scale)


CLAIMS: dict[str, Callable[[argparse.Namespace], Figures]] = {
    "augment": augment,
    "began": began,
    "characters": characters,
    "projection": projection,
    "arithmetic": arithmetic_claim,
    "text": text,
    "cycle": cycle,
    "video": video,
    "dream": dream_claim,
}

if __name__ == "__main__":
    main()
