"""Does a generator keep its contract? A generator's own tests call `check_generator`."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rlsuite.errors import UserError
from rlsuite.generators import contracts
from rlsuite.generators.contracts import FitState, Generator
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.testing.report import Report, foreign_leaves, global_streams_untouched, same_bits

MakeGenerator = Callable[[int], Generator]


def check_generator(
    make: MakeGenerator,
    data: ImageSet,
    *,
    claims: Sequence[str] | None = None,
    condition: Any = None,
    n_steps: int = 2,
) -> None:
    """Train the generator that ``make`` builds for some steps and compare it with the contract.

    Shape, dtype and range of all it makes; same seed, same bits, another seed others; n of 0 and 1; a saved and
    loaded one gives the same bits; a training that was saved, loaded and gone on with equals an undisturbed one;
    the global random streams stay where they were; images of a wrong range or size are refused by name.

    Args:
        make: Builds a fresh one from a seed, as small as can be.
        data: What it learns from.
        claims: Names of the protocols it must satisfy; None: whatever it does.
        condition: What `Samples.sample` shall be given, for generators that want one.
        n_steps: Steps of each training.

    Raises:
        ConformanceError: A message with every broken promise.
    """
    report = Report("the generator")
    trained = make(0)
    state = trained.fit_state(data, seed=0)
    for _ in range(n_steps):
        state.step()
    found = contracts.capabilities(trained)
    for claim in claims or ():
        report.expect(claim in found, f"it claims {claim} but lacks a member of that protocol")
    images = data.floats(slice(0, 2)) if data.images.dim() == 4 else None
    checks: dict[str, Callable[[], None]] = {
        "training": lambda: _check_training(make, data, report, n_steps),
        "save and load": lambda: _check_bundle(trained, report, condition),
    }
    if isinstance(trained, contracts.Samples):
        checks["samples"] = lambda: _check_samples(trained, report, condition)
    if isinstance(trained, contracts.Decodes):
        checks["decodes"] = lambda: _check_decodes(trained, report)
    if isinstance(trained, contracts.Ranks) and images is not None and condition is None:
        checks["ranks"] = lambda: _check_ranks(trained, images, report)
    if isinstance(trained, contracts.Transforms) and images is not None:
        checks["transforms"] = lambda: _check_transforms(trained, images, report)
    if isinstance(trained, contracts.Completes) and images is not None:
        checks["completes"] = lambda: _check_completes(trained, images, report)
    for name, check in checks.items():
        report.attempt(name, check)
    report.finish()


def _advance(state: FitState, n: int) -> list[Any]:
    return [{k: float(v) for k, v in state.step().items()} for _ in range(n)]


def _check_training(make: MakeGenerator, data: ImageSet, report: Report, n: int) -> None:
    with global_streams_untouched(report, "building and training it"):
        whole = make(0).fit_state(data, seed=0)
        metrics = _advance(whole, 2 * n)
    report.expect(whole.n_steps == 2 * n, f"n_steps is {whole.n_steps} after {2 * n} steps")
    report.expect(metrics[0], "step must return metrics")
    for name, value in metrics[-1].items():
        report.expect("/" not in name, f"metric '{name}': give names without prefix")
        report.expect(value == value and abs(value) < float("inf"), f"metric '{name}' is not finite")
    half = make(0).fit_state(data, seed=0)
    first = _advance(half, n)
    report.expect(same_bits(first, metrics[:n]), "the same seed trains differently")
    saved = copy.deepcopy(half.state_dict())
    for bad in foreign_leaves(saved):
        report.expect(False, f"state_dict: {bad}, which a checkpoint cannot hold")
    restored = make(1).fit_state(data, seed=1)  # all that matters must come from the state
    restored.load_state_dict(saved)
    report.expect(same_bits(_advance(restored, n), metrics[n:]), "a restored training does not go on bit for bit")
    report.expect(same_bits(restored.state_dict(), whole.state_dict()), "a restored training ends in another state")
    other = make(1).fit_state(data, seed=1)
    report.expect(not same_bits(_advance(other, n), metrics[:n]), "another seed trains alike, bit for bit")


def _outputs(generator: Any, condition: Any) -> list[Tensor]:
    """Something of what it makes, to compare."""
    if isinstance(generator, contracts.Samples):
        return [generator.sample(2, seed=3, condition=condition)]
    return [v for network in generator.networks().values() for v in network.state_dict().values()]


def _check_bundle(generator: Generator, report: Report, condition: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        generator.save(Path(folder) / "bundle")
        pickles = [p.name for p in Path(folder).rglob("*") if p.suffix in (".pt", ".pth", ".pkl", ".bin")]
        report.expect(not pickles, f"save wrote pickles: {pickles}")
        loaded = type(generator).load(Path(folder) / "bundle")
    report.expect(loaded.spec == generator.spec, "a loaded one has another spec")
    report.expect(loaded.config == generator.config, "a loaded one has another configuration")
    same = same_bits(_outputs(generator, condition), _outputs(loaded, condition))
    report.expect(same, "a loaded one does not make the same bits")


def _check_images(images: Tensor, generator: Generator, n: int, report: Report, what: str) -> None:
    spec = generator.spec
    frames = () if spec.n_frames is None else (spec.n_frames,)
    shape = (n, *frames, spec.channels, *spec.size)
    report.expect(tuple(images.shape) == shape, f"{what}: shape {tuple(images.shape)}, must be {shape}")
    report.expect(images.dtype == torch.float32, f"{what}: {images.dtype}, must be float32")
    inside = bool(((images >= 0) & (images <= 1)).all())
    report.expect(inside, f"{what}: values outside [0, 1] (or NaN)")


def _check_samples(generator: Any, report: Report, condition: Any) -> None:
    with global_streams_untouched(report, "sampling"):
        for n in (0, 1, 3):
            _check_images(generator.sample(n, seed=1, condition=condition), generator, n, report, f"sample({n})")
    first = generator.sample(3, seed=1, condition=condition)
    report.expect(same_bits(first, generator.sample(3, seed=1, condition=condition)), "the same seed samples others")
    other = generator.sample(3, seed=2, condition=condition)
    report.expect(not same_bits(first, other), "another seed samples the same")


def _check_decodes(generator: Any, report: Report) -> None:
    latent = generator.latent(3, seed=0)
    report.expect(same_bits(latent[:2], generator.latent(2, seed=0)), "latent(2) does not begin latent(3)")
    _check_images(generator.decode(latent).detach(), generator, 3, report, "decode")
    latent = latent.clone().requires_grad_(True)
    generator.decode(latent).sum().backward(inputs=[latent])
    report.expect(latent.grad is not None and bool(latent.grad.abs().sum() > 0), "decode is not differentiable")
    _refuses(report, "a latent vector of another length", lambda: generator.decode(latent.detach()[:, :-1]))


def _check_ranks(generator: Any, images: Tensor, report: Report) -> None:
    score = generator.score(images)
    report.expect(tuple(score.shape) == (len(images),), f"score of {len(images)} images has shape {tuple(score.shape)}")
    report.expect(bool(torch.isfinite(score).all()), "score is not finite")
    report.expect(same_bits(score, generator.score(images)), "the same images are scored differently")
    _refuses_bad_images(report, images, generator.score)


def _check_transforms(generator: Any, images: Tensor, report: Report) -> None:
    made = generator.transform(images)
    _check_images(made, generator, len(images), report, "transform")
    report.expect(same_bits(made, generator.transform(images)), "transform of the same images differs")
    untouched = generator.transform(images, strength=0.0)
    report.expect(torch.allclose(untouched, images, atol=1e-5), "transform with strength 0 changes the images")
    _refuses_bad_images(report, images, generator.transform)


def _check_completes(generator: Any, images: Tensor, report: Report) -> None:
    known = torch.ones_like(images[:, :1])
    known[:, :, images.shape[2] // 2 :] = 0
    made = generator.complete(images, known, n=2, seed=0)
    _check_images(made, generator, 2 * len(images), report, "complete")
    given = images.repeat_interleave(2, dim=0) * known.repeat_interleave(2, dim=0)
    kept = torch.allclose(made * known.repeat_interleave(2, dim=0), given, atol=1 / 64)
    report.expect(kept, "complete changes pixels that were given")


def _refuses_bad_images(report: Report, images: Tensor, call: Callable[[Tensor], Any]) -> None:
    _refuses(report, "images in [0, 255]", lambda: call(images * 255))
    _refuses(report, "bytes", lambda: call((images * 255).to(torch.uint8)))  # type: ignore[arg-type]
    _refuses(report, "images with NaN", lambda: call(images * torch.nan))


def _refuses(report: Report, what: str, call: Callable[[], Any]) -> None:
    """Wrong input must end in an error a user can read."""
    try:
        call()
    except UserError:
        return
    except Exception as error:
        report.expect(False, f"{what}: {type(error).__name__} instead of a UserError that says what is wrong")
        return
    report.expect(False, f"{what}: taken without a word")
