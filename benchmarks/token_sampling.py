"""Tokens per second of our sampling beside a plain transformers `generate` loop: same weights, same device.

    python benchmarks/token_sampling.py --pairs 5 > token_sampling.json

Both sides keep keys and values, draw at temperature 0 and must say the same tokens. One measurement of each side is
a pair, in an order that alternates; the ratios' median is reported, of wall time and of the process's CPU time.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import torch
from torch import Tensor

from rlsuite.bench.throughput import machine
from rlsuite.generators.tokens.network import build_gpt2, build_image_gpt
from rlsuite.generators.tokens.sampling import generate, uniforms

SIZES: dict[str, dict[str, Any]] = {
    "sprites": {"build": build_gpt2, "vocabulary": 135, "context": 560, "layers": 4, "width": 128, "heads": 4},
    "image_gpt": {"build": build_image_gpt, "vocabulary": 64, "context": 256, "layers": 6, "width": 128, "heads": 4},
}
"""The `small` presets of sprite_gpt and image_gpt."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--tokens", type=int, help="new tokens of a sequence; none: all that the context holds")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    found = {name: compare(name, args) for name in args.models}
    print(json.dumps({**found, "settings": vars(args), "torch": torch.__version__, "machine": machine()}, indent=1))


def compare(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Pairs of measurements with one model."""
    model, n_new = make_model(name).to(args.device), args.tokens or SIZES[name]["context"]
    prefix = (torch.arange(args.batch) % 5)[:, None].to(args.device)
    chances = uniforms(args.batch, n_new, 0, "benchmark").to(args.device)
    sides = {
        "rlsuite": lambda: generate(model, prefix, n_new, chances, temperature=0),
        "transformers": lambda: plain_loop(model, prefix, n_new),
    }
    first = {side: draw() for side, draw in sides.items()}  # also warms both up
    same = (first["rlsuite"] == first["transformers"]).all(dim=1)
    pairs = [measure_pair(sides, turn) for turn in range(args.pairs)]
    print(f"{name}: {[round(p['ratio_wall'], 2) for p in pairs]}", file=sys.stderr)
    speed = {side: args.batch * n_new / median(p[side][0] for p in pairs) for side in sides}
    return {
        "tokens_per_s": speed,
        "ratio_wall": median(p["ratio_wall"] for p in pairs),
        "ratio_cpu": median(p["ratio_cpu"] for p in pairs),
        "pairs": [p["ratio_wall"] for p in pairs],
        "same_sequences": f"{int(same.sum())} of {len(same)}",
        "new_tokens": n_new,
    }


def make_model(name: str) -> Any:
    """Random weights, those of the output layer drawn as well, so that the tokens differ."""
    size = SIZES[name]
    model: Any = size["build"](*(size[k] for k in ("vocabulary", "context", "layers", "width", "heads")), seed=0)
    with torch.no_grad():
        model.lm_head.weight.normal_(generator=torch.Generator().manual_seed(1))
    return model.eval()


def plain_loop(model: Any, prefix: Tensor, n_new: int) -> Tensor:
    """What a user of transformers would write."""
    with torch.no_grad():
        made = model.generate(
            prefix,
            attention_mask=torch.ones_like(prefix),
            max_new_tokens=n_new,
            min_new_tokens=n_new,
            do_sample=False,
            use_cache=True,
            pad_token_id=0,
        )
    return made[:, prefix.shape[1] :]


def measure_pair(sides: dict[str, Callable[[], Tensor]], turn: int) -> dict[str, Any]:
    """One measurement of each side; the second begins every other pair."""
    order: Sequence[str] = list(sides) if turn % 2 == 0 else list(reversed(sides))
    found: dict[str, Any] = {side: measure(sides[side]) for side in order}
    wall, cpu = (found["transformers"][i] / found["rlsuite"][i] for i in range(2))
    return {**found, "ratio_wall": wall, "ratio_cpu": cpu}


def measure(draw: Callable[[], Tensor]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    made = draw()
    made[0, 0].item()  # waits for the device
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
