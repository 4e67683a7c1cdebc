"""Writes the page: decoder, what the page must know, the runtime, and the page itself."""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rlsuite.errors import MissingExtraError, RunError, UserError
from rlsuite.generators.contracts import Decodes, Generator
from rlsuite.generators.data.fetching import cache_dir, download, members
from rlsuite.generators.data.sources import Package
from rlsuite.generators.demo.numbers import page_latents
from rlsuite.generators.latents import CORNER_NUMBERS
from rlsuite.generators.streams import draw_latent

RUNTIME = Package(
    "npm",
    "onnxruntime-web",
    "1.30.0",
    r"package/dist/(ort\.wasm\.min\.js|ort-wasm-simd-threaded\.(?:mjs|wasm))$",
)
"""ONNX Runtime for browsers, MIT licence: the WebAssembly build without extras."""
RUNTIME_FILES = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
N_REFERENCE, REFERENCE_SEED = 2, 12345
DIGITS = 6


class _Decoder(nn.Module):
    """What is exported: latent vectors to images in [0, 1]."""

    def __init__(self, generator: Any) -> None:
        super().__init__()
        self.generator = generator
        self.networks = nn.ModuleDict(dict(generator.networks()))  # so that the exporter finds the weights

    def forward(self, latent: Tensor) -> Tensor:
        return self.generator.decode(latent).clamp(0, 1)


def export_demo(
    generator: Generator,
    folder: Path,
    *,
    title: str | None = None,
    runtime: Path | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Write a folder that any web server can show: ``python -m http.server`` in it, then open the page.

    Args:
        generator: One that `Decodes` still images.
        folder: Where to; files of an earlier demo are overwritten.
        title: Of the page; None: the generator's kind and data.
        runtime: A folder with the files of ``onnxruntime-web`` (its ``dist``); None asks npm once, then the cache.
        say: Told what happens.

    Returns:
        The page.

    Raises:
        UserError: It does not decode still images, or npm is missing.
        MissingExtraError: The exporter's packages are not installed.
    """
    if not isinstance(generator, Decodes) or generator.spec.n_frames is not None or generator.spec.latent is None:
        raise UserError(f"export-demo: a {generator.kind} does not decode still images from a latent vector")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _copy_runtime(folder / "ort", runtime, say)  # first: npm may be missing, and the export takes seconds
        write_onnx(generator, folder / "decoder.onnx")
        (folder / "model.json").write_text(json.dumps(describe(generator, title)), encoding="utf-8")
        _copy_page(folder)
    except OSError as error:
        raise RunError(f"{folder}: the demo could not be written: {error}") from error
    return folder / "index.html"


def write_onnx(generator: Any, path: Path) -> Path:
    """Export `decode` as ONNX: ``latent`` (n, latent) float32 to ``images`` (n, C, H, W) in [0, 1], any n.

    Raises:
        MissingExtraError: onnx or onnxscript is not installed.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Export to ONNX", "generators", str(error)) from error
    batch = {"latent": {0: torch.export.Dim.DYNAMIC}}
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it counts up what is not installed
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                _Decoder(generator.to("cpu")).eval(),
                (generator.latent(2, 0),),
                path,
                input_names=["latent"],
                output_names=["images"],
                dynamic_shapes=batch,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    finally:
        logger.setLevel(level)
    return path


@torch.no_grad()
def describe(generator: Any, title: str | None = None) -> dict[str, Any]:
    """What the page must know, as plain data; two pictures that Python drew are in it, to compare with."""
    spec, provenance = generator.spec, generator.provenance
    latent = page_latents(N_REFERENCE, spec.latent, generator.config.prior, REFERENCE_SEED)
    pixels = generator.decode(latent).clamp(0, 1).flatten(1)
    data = provenance.get("data")
    known = [f"{name}: {provenance[name]}" for name in ("source", "licence", "n_steps", "seed") if name in provenance]
    return {
        "title": title or (f"{spec.kind} on {data}" if data else spec.kind),
        "about": "; ".join([f"made with rlsuite ({spec.kind})", *known, "runs on ONNX Runtime Web (MIT)"]),
        "size": list(spec.size),
        "channels": spec.channels,
        "latent": spec.latent,
        "prior": generator.config.prior,
        "projection": draw_latent(spec.latent, CORNER_NUMBERS, "normal", 0).tolist(),
        "reference": {"latent": latent.tolist(), "pixels": [[round(v, DIGITS) for v in p] for p in pixels.tolist()]},
    }


def fetch_runtime(say: Callable[[str], None] = print) -> Path:
    """The folder of ONNX Runtime's files in the cache; asks npm for it once.

    Raises:
        UserError: npm is missing.
        DataError: The package could not be had.
    """
    folder = cache_dir() / f"{RUNTIME.name}-{RUNTIME.version}"
    if all((folder / name).is_file() for name in RUNTIME_FILES):
        return folder
    with tempfile.TemporaryDirectory(prefix="rlsuite-runtime-") as scratch:
        files = members(download(RUNTIME, Path(scratch), say), RUNTIME)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        aside = folder / f".{name}.{os.getpid()}.partial"
        aside.write_bytes(content)
        os.replace(aside, folder / name)
    return folder


def _copy_page(folder: Path) -> None:
    for part in resources.files("rlsuite.generators.demo").joinpath("page").iterdir():
        (folder / part.name).write_bytes(part.read_bytes())


def _copy_runtime(folder: Path, given: Path | None, say: Callable[[str], None]) -> None:
    source = given or fetch_runtime(say)
    missing = [name for name in RUNTIME_FILES if not (source / name).is_file()]
    if missing:
        raise UserError(f"{source} lacks {', '.join(missing)}; name the dist folder of the npm package onnxruntime-web")
    folder.mkdir(exist_ok=True)
    for name in RUNTIME_FILES:
        shutil.copyfile(source / name, folder / name)
