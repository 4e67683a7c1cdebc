"""What a run was made with: command, code, packages, machine, seeds, data."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGES = (
    "rlsuite",
    "torch",
    "numpy",
    "gymnasium",
    "stable-baselines3",
    "sb3-contrib",
    "mujoco",
    "minari",
    "vizdoom",
    "warp-lang",
    "safetensors",
)


def make_manifest(**facts: Any) -> dict[str, Any]:
    """The manifest of a new run.

    Args:
        facts: What only the caller knows: experiment, seeds, device, threads, data hashes.
    """
    return {
        "format": 1,
        "created": now(),
        "command": list(sys.orig_argv),
        "code": code_version(),
        "python": platform.python_version(),
        "packages": package_versions(),
        "machine": machine(),
        **facts,
        "sessions": [],
    }


def now() -> str:
    """This moment in UTC, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def package_versions() -> dict[str, str]:
    """Versions of the packages that decide a result, as far as they are installed."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def code_version() -> dict[str, Any]:
    """Commit and dirty flag of the checkout rlsuite runs from; both None if it is an installed package."""
    package = Path(__file__).resolve().parents[1]
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return {"commit": None, "dirty": None}
    status = _git(package, "status", "--porcelain", "--untracked-files=no")
    return {"commit": _git(package, "rev-parse", "HEAD"), "dirty": None if status is None else bool(status)}


def _git(folder: Path, *args: str) -> str | None:
    try:
        done = subprocess.run(["git", *args], cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def machine() -> dict[str, Any]:
    """What the run computes on."""
    import psutil
    import torch

    from rlsuite.runs.threads import usable_cores

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "system": platform.platform(),
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "gpus": gpus,
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
