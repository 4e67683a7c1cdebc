"""Gather the runs behind docs/results/gail_hopper.md: scores as JSON, curves as CSV, PNG and SVG.

    python scripts/report_gail_hopper.py --out docs/results/gail_hopper runs/gail_hopper/*

Reads `summary.json`, `manifest.json`, `config.resolved.yaml` and `metrics.jsonl` of each run; prints the table.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

EXPERT_LINE, TARGET = 1.0, 0.95
GRID = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--title", default="GAIL on Hopper-v5, 4 trajectories, every 20th step")
    args = parser.parse_args()
    runs = sorted((read(p) for p in args.runs if (p / "summary.json").is_file()), key=lambda r: r["seed"])
    runs = [r for r in runs if r["status"] == "done"]
    args.out.mkdir(parents=True, exist_ok=True)
    write_scores(args.out, runs)
    steps, curves = write_curves(args.out, runs)
    draw(args.out, args.title, runs, steps, curves)


def read(path: Path) -> dict:
    summary = json.loads((path / "summary.json").read_text())
    manifest = json.loads((path / "manifest.json").read_text())
    config = YAML(typ="safe").load(path / "config.resolved.yaml")
    final = summary["final"] or {}
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    curve = [(m["step"], m["rollout/ep_rew_mean"]) for m in lines if "rollout/ep_rew_mean" in m]
    baselines = final.get("baselines", {})
    return {
        "run": path.name,
        "seed": config["seed"],
        "status": summary["status"],
        "env_steps": summary["env_steps"],
        "train_wall_s": summary["train_wall_s"],
        "normalized_score": final.get("normalized_score"),
        "return_mean": final.get("return_mean"),
        "return_std": final.get("return_std"),
        "return_min": final.get("return_min"),
        "bc_return": baselines.get("behavioural cloning", {}).get("return_mean"),
        "bc_score": baselines.get("behavioural cloning", {}).get("normalized_score"),
        "random_return": baselines.get("random", {}).get("return_mean"),
        "expert_return": baselines.get("expert", {}).get("return_mean"),
        "demos": config["demos"]["id"],
        "commit": manifest.get("code", manifest).get("commit"),
        "threads": manifest.get("threads"),
        "curve": curve,
    }


def iqm(values: list[float]) -> float:
    """Mean of the middle half, fractional ends weighed (Agarwal et al. 2021)."""
    x = np.sort(np.asarray(values, dtype=float))
    edges = np.arange(len(x) + 1) / len(x)
    weight = np.clip(np.minimum(edges[1:], 0.75) - np.maximum(edges[:-1], 0.25), 0, None)
    return float((x * weight).sum() / weight.sum())


def write_scores(out: Path, runs: list[dict]) -> None:
    table = [{k: v for k, v in r.items() if k != "curve"} for r in runs]
    scores = [r["normalized_score"] for r in runs]
    summary = {"runs": table, "iqm_normalized_score": iqm(scores), "worst_normalized_score": min(scores),
               "iqm_bc_score": iqm([r["bc_score"] for r in runs])}  # fmt: skip
    (out / "scores.json").write_text(json.dumps(summary, indent=1) + "\n")
    for r in table:
        print(f"| {r['seed']} | {r['normalized_score']:.3f} | {r['return_mean']:.0f} ± {r['return_std']:.0f} | "
              f"{r['return_min']:.0f} | {r['bc_return']:.0f} ({r['bc_score']:.3f}) | {r['env_steps']:,} | "
              f"{r['train_wall_s']:.0f} |")  # fmt: skip
    print("IQM", round(summary["iqm_normalized_score"], 4), "worst", round(min(scores), 4))


def write_curves(out: Path, runs: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    last = min(r["curve"][-1][0] for r in runs)
    steps = np.arange(GRID, last + 1, GRID)
    curves = np.array([np.interp(steps, *np.array(r["curve"]).T) for r in runs])
    with (out / "curves.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["env_steps", *(f"seed {r['seed']}" for r in runs)])
        writer.writerows([int(s), *np.round(c, 1)] for s, c in zip(steps, curves.T, strict=True))
    return steps, curves


def draw(out: Path, title: str, runs: list[dict], steps: np.ndarray, curves: np.ndarray) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "rlsuite"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.2))
    axes.plot(steps, curves.T, color="tab:blue", alpha=0.35, lw=1)
    axes.plot(steps, [iqm(list(c)) for c in curves.T], color="tab:blue", lw=2.2, label=f"GAIL, IQM of n = {len(runs)}")
    axes.axhline(runs[0]["expert_return"], color="black", ls="--", lw=1, label="expert, mean action")
    axes.axhline(iqm([r["bc_return"] for r in runs]), color="tab:orange", ls=":", lw=1.5, label="behavioural cloning")
    axes.set(xlabel="env steps", ylabel="return of training episodes (sampled actions)", title=title)
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(out / "curves.png", dpi=120)
    figure.savefig(out / "curves.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
