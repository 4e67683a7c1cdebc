"""The published ablation of the sprites' text: held-out bits per pixel and legal rows of each format.

    python scripts/sprite_formats.py --formats pixels numbers --seeds 0 1 2 --out found.json

Freedoom's sprites at 24x24. Windows hold a quarter of a sprite, as the published ones did, and begin anywhere in the
text. Same sprites, steps, batch and transformer for every format; the bits of markers, line ends and starts count. Of
``directions`` only the upward copy is scored: the downward one follows the same sprite.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlsuite.generators.contracts import Spec
from rlsuite.generators.data.loading import load_images
from rlsuite.generators.tokens.network import build_gpt2, logits
from rlsuite.generators.tokens.sampling import generate, uniforms
from rlsuite.generators.tokens.sprite_formats import FORMATS, Writing
from rlsuite.generators.tokens.sprite_tokens import as_symbols
from rlsuite.generators.tokens.training import cross_entropy, warm_cosine
from rlsuite.runs.seeding import torch_stream

SIZE, ROWS, HELD_OUT = 24, 6, 0.12
CONTEXT = ROWS * (SIZE + 1)
LAYERS, WIDTH, HEADS, BATCH = 3, 96, 4, 16
SPEC = Spec("sprite_gpt", (SIZE, SIZE), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--out", type=Path, required=True, help="JSON; what is there already is kept")
    args = parser.parse_args()
    torch.set_num_threads(1)
    images = load_images({"id": "freedoom/sprites", "fit": "pad"}, SPEC)
    learned, kept = images.split(HELD_OUT, 0)
    training, held_out = (as_symbols(part.images).numpy() for part in (learned, kept))
    found: dict[str, Any] = json.loads(args.out.read_text()) if args.out.exists() else {}
    for seed in args.seeds:
        for form in args.formats:
            found[f"{form}, seed {seed}"] = one(form, seed, args.steps, training, held_out)
            args.out.write_text(json.dumps(found, indent=1))
            print(form, seed, {k: v for k, v in found[f"{form}, seed {seed}"].items() if k != "each"}, flush=True)


def one(form: Any, seed: int, n_steps: int, training: np.ndarray, held_out: np.ndarray) -> dict[str, Any]:
    """Train one format and measure it."""
    writing, begun = Writing(form, SIZE, training), time.process_time()
    model = build_gpt2(len(writing), CONTEXT, LAYERS, WIDTH, HEADS, seed)
    train(model, torch.from_numpy(writing.corpus(training)), n_steps, seed)
    bits = bits_per_pixel(model, writing, held_out)
    start = torch.full((64, 1), writing.start)
    made = generate(model, start, CONTEXT, uniforms(64, CONTEXT, seed, "formats"))
    legal, rows = np.sum([writing.legal_rows([writing.start, *m]) for m in made.tolist()], axis=0).tolist()
    return {
        "bits_per_pixel": float(bits.mean()),
        "legal_rows": legal / max(1, rows),
        "rows": rows,
        "steps": n_steps,
        "cpu_s": round(time.process_time() - begun, 1),
        "each": [round(b, 4) for b in bits.tolist()],
    }


def train(model: Any, stream: Tensor, n_steps: int, seed: int) -> None:
    """On windows that begin anywhere."""
    schedule = SimpleNamespace(learning_rate=2e-3, warmup_steps=50, decay_steps=n_steps)
    optimizer = torch.optim.AdamW(model.parameters(), 0.0, betas=(0.9, 0.95), weight_decay=0.01, foreach=True)
    draws = torch_stream(seed, "sprite formats")
    for taken in range(n_steps):
        optimizer.param_groups[0]["lr"] = warm_cosine(schedule, taken)
        first = torch.randint(len(stream) - CONTEXT, (BATCH, 1), generator=draws)
        window = stream[first + torch.arange(CONTEXT + 1)]
        loss = cross_entropy(logits(model, window[:, :-1]), window[:, 1:])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()


@torch.no_grad()
def bits_per_pixel(model: Any, writing: Writing, sprites: np.ndarray) -> Tensor:
    """Of each sprite, (n,): all its tokens, each read with half a window or more before it."""
    copies, owners = [], []
    for i, sprite in enumerate(sprites):
        for up in (True, False) if writing.form == "directions" else (False,):
            copies.append(writing.tokens(sprite, up=up))
            counted = up or writing.form != "directions"
            owners.append([i if counted else len(sprites)] * len(copies[-1]))
    stream, owner = (torch.tensor([t for part in parts for t in part]) for parts in (copies, owners))
    nats = torch.zeros(len(sprites) + 1)
    half = CONTEXT // 2
    firsts = torch.arange(0, len(stream) - CONTEXT + half - 1, half).clamp(max=len(stream) - CONTEXT - 1)
    done = 0
    for part in firsts.split(32):
        at = part[:, None] + torch.arange(CONTEXT)
        cost = torch.nn.functional.cross_entropy(
            logits(model, stream[at]).flatten(0, 1), stream[at + 1].flatten(), reduction="none"
        )
        for first, row in zip(part.tolist(), cost.view(at.shape), strict=True):
            skip = max(0, done - first)  # tokens counted already
            nats.index_add_(0, owner[first + 1 + skip : first + 1 + CONTEXT], row[skip:])
            done = first + CONTEXT
    return nats[:-1] / (sprites[0].size * np.log(2))


if __name__ == "__main__":
    main()
