"""The checks behind `rlsuite doctor`: each really does the thing, in seconds."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from rlsuite.cli import render_check


@dataclass(frozen=True)
class Check:
    """What one check found.

    Attributes:
        name: What was checked.
        status: ``ok``, ``note`` (works without, with less) or ``fail`` (the suite cannot do its work).
        detail: What was found.
        fix: What to do, or ``""``.
    """

    name: str
    status: Literal["ok", "note", "fail"]
    detail: str
    fix: str = ""

    def to_row(self) -> dict[str, Any]:
        """Plain data for ``--json``."""
        return {
            "id": self.name,
            "name": self.name,
            "description": self.detail,
            "available": self.status == "ok",
            "status": self.status,
            "needs": self.fix,
        }


def run_checks(runs: Path) -> Iterator[Check]:
    """Every check in turn. One that breaks is reported, and the others go on."""
    for name, check in _checks(runs):
        try:
            yield check()
        except Exception as error:  # a broken driver must not take the doctor down
            yield Check(name, "fail", f"{type(error).__name__}: {error}")
    yield from extras()


def _checks(runs: Path) -> list[tuple[str, Callable[[], Check]]]:
    return [
        ("python", python),
        ("versions", versions),
        ("cpu", cpu),
        ("cuda", cuda),
        ("EGL", lambda: rendering("egl")),
        ("OSMesa", lambda: rendering("osmesa")),
        ("H.264", codec),
        ("C compiler", compiler),
        ("disk", lambda: disk(runs)),
    ]


def python() -> Check:
    """The interpreter; from 3.13 on the package that brings the Mario ROM installs."""
    version = platform.python_version()
    if sys.version_info >= (3, 13):
        return Check("python", "ok", f"{version} on {platform.platform(terse=True)}")
    return Check(
        "python", "note", f"{version}: no Mario ROM is installed", "use Python 3.13, or set env.rom to your file"
    )


def versions() -> Check:
    """Versions of what results depend on."""
    names = ("rlsuite", "torch", "mujoco", "gymnasium", "stable-baselines3", "numpy")
    return Check("versions", "ok", ", ".join(f"{name} {metadata.version(name)}" for name in names))


def cpu() -> Check:
    """Cores this process may use, memory, and thread settings that slow small networks down."""
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = psutil.virtual_memory()
    detail = f"{cores} cores, {memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB memory free"
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads and threads != "1":
        return Check("cpu", "note", f"{detail}, OMP_NUM_THREADS={threads}", "small networks train fastest with 1")
    return Check("cpu", "ok", detail)


def cuda() -> Check:
    """Whether torch can compute on a CUDA card."""
    import torch

    if torch.cuda.is_available():
        x = torch.ones(8, device="cuda")
        assert float((x + x).sum()) == 16.0
        return Check("cuda", "ok", f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}")
    if shutil.which("nvidia-smi"):
        return Check(
            "cuda", "note", f"a driver is here but torch {torch.__version__} finds no card", "see `nvidia-smi`"
        )
    return Check("cuda", "note", "no NVIDIA card: device auto means cpu")


def rendering(backend: str) -> Check:
    """Render a picture with MuJoCo, in a process of its own since the back end is chosen at import."""
    name = {"egl": "EGL", "osmesa": "OSMesa"}[backend]
    packages = {"egl": "libegl1 libgl1-mesa-dri", "osmesa": "libosmesa6"}[backend]
    done = subprocess.run(
        [sys.executable, render_check.__file__],
        env={**os.environ, "MUJOCO_GL": backend, "PYOPENGL_PLATFORM": backend},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode == 0:
        return Check(name, "ok", f"renders films without a screen ({done.stdout.strip()})")
    reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1][:120]
    return Check(name, "note", f"does not render: {reason}", f"on Debian: apt install {packages}")


def codec() -> Check:
    """Write and read back a short H.264 film."""
    import imageio.v2 as imageio
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        frames = np.full((4, 32, 32, 3), 200, dtype=np.uint8)
        imageio.mimwrite(path, list(frames), fps=10, codec="libx264", pixelformat="yuv420p", macro_block_size=16)
        back = np.asarray(imageio.mimread(path)[0])
        assert back.shape == (32, 32, 3), back.shape
    import imageio_ffmpeg

    return Check("H.264", "ok", f"films can be written (ffmpeg {imageio_ffmpeg.get_ffmpeg_version()})")


def compiler() -> Check:
    """Compile a C file: torch.compile and the NES engine's fast path need one."""
    command = os.environ.get("CC") or next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), "")
    fix = "on Debian: apt install gcc libc6-dev"
    if not command:
        return Check("C compiler", "note", "none found; torch.compile and native engines are off", fix)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "a.c"
        source.write_text("#include <math.h>\nint f(double x) { return (int) floor(x); }\n")
        done = subprocess.run(
            [*command.split(), "-O2", "-fPIC", "-shared", str(source), "-o", str(Path(folder) / "a.so")],
            capture_output=True,
            text=True,
        )
    if done.returncode:
        return Check("C compiler", "note", f"{command} does not compile: {done.stderr.strip()[:120]}", fix)
    return Check("C compiler", "ok", f"{command} compiles")


def disk(runs: Path) -> Check:
    """Free space where runs go."""
    place = next(p for p in (runs.absolute(), *runs.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free / 2**30
    if not os.access(place, os.W_OK):
        return Check("disk", "fail", f"{place} cannot be written", "choose another folder with --runs")
    if free < 2:
        return Check(
            "disk", "note", f"{free:.1f} GiB free at {place}", "checkpoints of a long run need more; free some"
        )
    return Check("disk", "ok", f"{free:.0f} GiB free at {place}")


def extras() -> Iterator[Check]:
    """For each extra, whether everything it brings is installed."""
    from packaging.requirements import Requirement

    requirements = [Requirement(text) for text in metadata.requires("rlsuite") or ()]
    for extra in metadata.metadata("rlsuite").get_all("Provides-Extra") or ():
        if extra == "all":
            continue
        wanted = [r for r in requirements if r.marker and _only_with(r, extra)]
        missing = sorted(r.name for r in wanted if not _installed(r.name))
        if missing:
            fix = f"uv pip install 'rlsuite[{extra}]'"
            yield Check(f"[{extra}]", "note", f"not installed: {', '.join(missing)}", fix)
        else:
            yield Check(f"[{extra}]", "ok", f"{len(wanted)} packages installed")


def _only_with(requirement: Any, extra: str) -> bool:
    marker = requirement.marker
    return marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""})


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
