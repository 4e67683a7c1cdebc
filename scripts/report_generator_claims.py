"""The table of what `generator_claims.py` measured: one row a claim, every seed's figures, met or not.

python scripts/report_generator_claims.py docs/results/generators
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Figures = dict[str, Any]
Row = tuple[str, bool]
"""A seed's figures in words, and whether the claim held."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    print("| System | claim | figure | met? |\n|---|---|---|---|")
    for name, (system, claim, read) in CLAIMS.items():
        path = args.folder / f"{name}.json"
        if path.is_file():
            print(row(system, claim, {s: read(f) for s, f in json.loads(path.read_text()).items()}))


def row(system: str, claim: str, seeds: dict[str, Row]) -> str:
    """One line of the table."""
    told = "; ".join(f"seed {seed}: {text}" for seed, (text, _) in seeds.items())
    met = sum(held for _, held in seeds.values())
    return f"| {system} | {claim} | {told} | {met} of {len(seeds)} |"


def read_augment(f: Figures) -> Row:
    with_, without = f["diff_augment"], f["none"]
    text = f"FD-lite0 {with_['fd_lite0']:.1f} against {without['fd_lite0']:.1f}"
    text += f", KID {with_['kid']:.3f} against {without['kid']:.3f}"
    return text, with_["fd_lite0"] < without["fd_lite0"] and with_["kid"] < without["kid"]


def read_began(f: Figures) -> Row:
    first, last = f["curve"][0], f["curve"][-1]
    text = f"M {first['m']:.3f} to {last['m']:.3f}, FD-lite0 {first['fd_lite0']:.1f} to {last['fd_lite0']:.1f}"
    return text, last["m"] < first["m"] and last["fd_lite0"] < first["fd_lite0"]


def read_projection(f: Figures) -> Row:
    errors = {name: f[name]["rmse_mean"] for name in ("hybrid", "optimisation", "predictor")}
    text = ", ".join(f"{name} {value:.3f}" for name, value in errors.items())
    return f"root mean square error: {text}", errors["hybrid"] < min(errors["optimisation"], errors["predictor"])


def read_arithmetic(f: Figures) -> Row:
    n = max(int(key.rpartition("_")[2]) for key in f if key.startswith("walked_"))
    walked = {k.partition(",")[0]: v["walked"]["success"] for k, v in f.items() if k.endswith(f", {n} exemplars")}
    text = ", ".join(f"{k} {v:.0%}" for k, v in walked.items())
    return f"{f[f'walked_{n}']:.0%} of results, {n} exemplars, walked ({text})", f[f"walked_{n}"] >= 0.7


def read_text(f: Figures) -> Row:
    key = "colour_and_shape" if "colour_and_shape" in f["plain_unseen"] else "all"
    both, plain = f["cls_int_unseen"][key], f["plain_unseen"][key]
    text = f"{key.replace('_', ' ')} right: {both:.0%} against {plain:.0%}"
    return text + f" (seen: {f['cls_int_seen'][key]:.0%}, {f['plain_seen'][key]:.0%})", both > plain


def read_cycle(f: Figures) -> Row:
    names = ("cycle_gan", "gan_alone", "cycle_alone")
    l1, fd = ([f[name][key] for name in names] for key in ("l1", "fd_lite0"))
    text = f"L1 {' / '.join(f'{v:.3f}' for v in l1)} (untranslated {f['untranslated']['l1']:.3f})"
    text += f", FD-lite0 {' / '.join(f'{v:.1f}' for v in fd)} (untranslated {f['untranslated']['fd_lite0']:.1f})"
    return text, l1[0] < min(l1[1:]) and fd[0] < min(fd[1:])


def read_video(f: Figures) -> Row:
    two, one = f["two_stream"], f["one_stream"]
    text = f"FD-lite0 of frames {two['fd_lite0_frames']:.0f} against {one['fd_lite0_frames']:.0f}"
    text += f", of changes {two['fd_lite0_changes']:.0f} against {one['fd_lite0_changes']:.0f}"
    held = all(two[key] < one[key] for key in ("fd_lite0_frames", "fd_lite0_changes"))
    return text + f"; still {two['still']:.0%}, {one['still']:.0%} (real {two['still_real']:.0%})", held


def read_dream(f: Figures) -> Row:
    ratios = f["response_after_over_before"]
    return ", ".join(f"{k}: {v:.1f}" for k, v in ratios.items()), all(v > 1 for v in ratios.values())


CLAIMS: dict[str, tuple[str, str, Callable[[Figures], Row]]] = {
    "augment": ("DiffAugment", "better than none at 300 pictures", read_augment),
    "began": ("BEGAN", "M falls while samples improve", read_began),
    "projection": ("iGAN", "hybrid below optimisation and predictor alone, held-out pictures", read_projection),
    "arithmetic": ("Arithmetic", "wanted attribute appears, all others stay, 70 %", read_arithmetic),
    "text": ("GAN-CLS + INT", "above plain on unseen combinations", read_text),
    "cycle": ("CycleGAN", "cycle + GAN / GAN alone / cycle alone, by hidden pairs", read_cycle),
    "video": ("videogan", "two streams above one, held-out films", read_video),
    "dream": ("DeepDream", "the layer's response, after over before", read_dream),
}

if __name__ == "__main__":
    main()
