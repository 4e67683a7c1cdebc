"""Report runs on Doom's sparse-reward levels: when they learned, their curves, where they have been.

    python scripts/report_sparse.py --out docs/results/sparse --as icm_sil RUN RUN RUN --as sil_only RUN RUN RUN

Writes ``<name>_s<seed>.jsonl`` (every third record, the keys of `KEYS`) and ``<names>.png`` (success over env steps, a
colour for each name), and prints a line for each run: the env steps at which the share of the last 100 training
episodes with success first reached each of `SHARES`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rlsuite.plots.reading import RunData, read_run
from rlsuite.plots.style import add_legend, colour, new_grid
from rlsuite.runs.folder import RunFolder

SUCCESS = "rollout/success_rate"
KEYS = (SUCCESS, "wall_s", "explore/n_cells", "explore/ep_cells", "train/entropy_loss", "icm/inverse_acc")
ACTIONS = tuple(f"explore/action_{i}" for i in range(4))
SHARES = (0.01, 0.1, 0.5, 0.8, 0.9, 0.95)


def main() -> None:
    """Read the runs and leave the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--as", dest="groups", nargs="+", action="append", required=True, metavar="NAME RUN")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    groups = {name: [read_run(RunFolder.find(run).path) for run in runs] for name, *runs in given.groups}
    for name, runs in groups.items():
        for data in runs:
            print(json.dumps({"name": name, "seed": data.seed, **describe(data)}))
            write_curve(given.out / f"{name}_s{data.seed}.jsonl", data)
    draw(given.out / f"{'_and_'.join(groups)}.png", groups)


def describe(data: RunData) -> dict[str, Any]:
    """When each share was first reached, and how the run ended."""
    steps, shares = data.series(SUCCESS)
    first = {
        f"{share:.0%}": next((int(s) for s, v in zip(steps, shares, strict=True) if v >= share), None)
        for share in SHARES
    }
    return {
        **first,
        "best": float(shares.max()),
        "env_steps": int(steps[-1]),
        "train_wall_s": round(float(data.summary.get("train_wall_s") or 0.0)),
        "status": data.status,
    }


def write_curve(path: Path, data: RunData) -> None:
    """A third of the records, rounded."""
    with open(path, "w", encoding="utf-8") as file:
        for row in [*data.rows[::3], *data.rows[-1:]]:
            kept = {k: round(float(row[k]), 4) for k in (*KEYS, *ACTIONS) if k in row}
            if kept:
                file.write(json.dumps({"step": row["step"], **kept}) + "\n")


def draw(path: Path, groups: dict[str, list[RunData]]) -> None:
    """Success of the last 100 training episodes over env steps, a line for each run."""
    figure, (ax,) = new_grid()
    for i, (name, runs) in enumerate(groups.items()):
        for data in runs:
            x, y = data.series(SUCCESS)
            ax.plot(x / 1e6, y, color=colour(i), linewidth=1.6, label=name if data is runs[0] else None)
            ax.plot(x[-1:] / 1e6, y[-1:], "o", color=colour(i), markersize=5)
            ax.annotate(f" seed {data.seed}", (x[-1] / 1e6, y[-1]), fontsize=8, color=colour(i))
    ax.axhline(0.95, color="#767676", linewidth=1.0, linestyle=":")
    ax.set_xlabel("env steps (millions, four frames each)")
    ax.set_ylabel("success of the last 100 training episodes")
    add_legend(figure)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
