"""Images a second of DCGAN's and CycleGAN's training, beside a plain PyTorch loop of the same networks and batch.

    python benchmarks/generator_training.py --pairs 5 --seconds 6 > generator_training.json

The plain loop is written here: nn.Modules in a Sequential, binary cross-entropy against vectors of ones and zeros
(DCGAN) or squared error (CycleGAN with a pool of 50), one Adam each for generators and discriminators with torch's
defaults, the discriminator's two backward passes one after the other, as the models' well-known implementations train.
Both sides take the same number of threads and learn from the same bytes held in memory, without augmentation. The
parameters are counted, and the benchmark stops if the sides differ. One measurement of each side is a pair; the
ratios' median is reported.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from rlsuite import generators
from rlsuite.bench.throughput import machine
from rlsuite.generators.data.imageset import ImageSet

N_IMAGES = 512
Step = Callable[[], object]
SETTINGS: dict[str, dict[str, Any]] = {
    "dcgan_32": {"kind": "dcgan", "preset": "small", "size": 32, "width": 32, "batch_size": 32},
    "dcgan_64": {"kind": "dcgan", "preset": "small", "size": 64, "width": 32, "batch_size": 64},
    "cyclegan_32": {"kind": "cyclegan", "preset": "small", "size": 32, "width": 32, "blocks": 4, "batch_size": 4},
    "cyclegan_64": {"kind": "cyclegan", "preset": "small", "size": 64, "width": 32, "blocks": 6, "batch_size": 1},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="wall time of one measurement, at least")
    parser.add_argument("--threads", type=int, default=1, help="torch threads of both sides")
    parser.add_argument("--only", nargs="*", choices=sorted(SETTINGS), help="these settings; none: all")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    found = {name: compare(name, args.pairs, args.seconds) for name in args.only or SETTINGS}
    report = {"threads": args.threads, "torch": torch.__version__, "machine": machine(), "results": found}
    print(json.dumps(report, indent=1))


def compare(name: str, pairs: int, seconds: float) -> dict[str, Any]:
    """Time both sides in turn."""
    settings, data = SETTINGS[name], pictures(SETTINGS[name]["size"])
    sides = [own_step(settings, data), plain_step(settings, data)]
    for step in sides:
        time_side(step, 1, seconds / 4)
    per_step = settings["batch_size"] * (2 if settings["kind"] == "cyclegan" else 1)
    rates: list[tuple[float, float]] = []
    for turn in range(pairs):
        order = (0, 1) if turn % 2 == 0 else (1, 0)
        measured = {side: time_side(sides[side], per_step, seconds) for side in order}
        rates.append((measured[0], measured[1]))
    ratios = [ours / theirs for ours, theirs in rates]
    print(f"{name}: {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})", file=sys.stderr)
    return {
        "ratio": median(ratios),
        "ratios": ratios,
        "images_per_s": median(ours for ours, _ in rates),
        "images_per_s_plain": median(theirs for _, theirs in rates),
        "settings": settings,
    }


def time_side(step: Step, images: int, seconds: float) -> float:
    """Images a second over at least this long."""
    n, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds or n < 2:
        step()
        n += 1
    return n * images / (time.perf_counter() - began)


def pictures(size: int) -> ImageSet:
    """Random bytes in two domains: what is shown does not matter to the clock."""
    stream = torch.Generator().manual_seed(0)
    both = [torch.randint(256, (N_IMAGES, 3, size, size), generator=stream, dtype=torch.uint8) for _ in range(2)]
    return ImageSet("noise", both[0], [str(i) for i in range(N_IMAGES)], partners=both[1])


def own_step(settings: dict[str, Any], data: ImageSet) -> Step:
    """A step of rlsuite's training, averaged weights and metrics included."""
    model = generators.make(settings["kind"], {k: v for k, v in settings.items() if k != "kind"})
    return model.fit_state(data, seed=0).step


def plain_step(settings: dict[str, Any], data: ImageSet) -> Step:
    """A step of the plain loop with as many parameters as ours.

    Raises:
        SystemExit: The numbers of parameters differ.
    """
    torch.manual_seed(0)
    plain = (PlainDcgan if settings["kind"] == "dcgan" else PlainCycleGan)(settings, data)
    model = generators.make(settings["kind"], {k: v for k, v in settings.items() if k != "kind"})
    state: Any = model.fit_state(data, seed=0)
    ours = sum(p.numel() for o in state.optimizers.values() for g in o.param_groups for p in g["params"])
    theirs = sum(p.numel() for o in plain.optimizers for g in o.param_groups for p in g["params"])
    if ours != theirs:
        raise SystemExit(f"{settings}: {ours:,} parameters against {theirs:,}: the sides are not the same networks")
    return plain.step


def loader(images: Tensor, batch_size: int) -> Callable[[], Tensor]:
    """Random batches in [-1, 1] of bytes in memory."""
    return lambda: images[torch.randint(len(images), (batch_size,))].float() / 127.5 - 1


class PlainDcgan:
    """DCGAN as it is usually written down."""

    def __init__(self, settings: dict[str, Any], data: ImageSet) -> None:
        size, n = settings["size"], settings["width"]
        widths = [n * 2**i for i in range(size.bit_length() - 3)]
        self.g, self.d = generator(100, widths), discriminator(widths)
        self.optimizers = [torch.optim.Adam(net.parameters(), 2e-4, betas=(0.5, 0.999)) for net in (self.g, self.d)]
        self.criterion, self.batch = nn.BCELoss(), loader(data.images, settings["batch_size"])

    def step(self) -> None:
        """The discriminator on real and on generated images, then the generator."""
        for_g, for_d = self.optimizers
        self.d.zero_grad()
        real = self.batch()
        ones, zeros = torch.ones(len(real)), torch.zeros(len(real))
        self.criterion(self.d(real).view(-1), ones).backward()
        fake = self.g(torch.randn(len(real), 100, 1, 1))
        self.criterion(self.d(fake.detach()).view(-1), zeros).backward()
        for_d.step()
        self.g.zero_grad()
        self.criterion(self.d(fake).view(-1), ones).backward()
        for_g.step()


def generator(latent: int, widths: list[int]) -> nn.Module:
    """Transposed convolutions from 1x1 to the image; the first without, the last with a bias, as ours."""
    layers: list[nn.Module] = [nn.ConvTranspose2d(latent, widths[-1], 4, 1, 0, bias=False)]
    for n_in, n_out in zip(reversed(widths), [*reversed(widths[:-1]), 3], strict=True):
        last = n_out == 3
        layers += [nn.BatchNorm2d(n_in), nn.ReLU(True), nn.ConvTranspose2d(n_in, n_out, 4, 2, 1, bias=last)]
    return nn.Sequential(*layers, nn.Tanh())


def discriminator(widths: list[int]) -> nn.Module:
    """Convolutions of stride 2, and one over the last map to a probability."""
    layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    for n_in, n_out in itertools.pairwise(widths):
        layers += [nn.Conv2d(n_in, n_out, 4, 2, 1, bias=False), nn.BatchNorm2d(n_out), nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 0), nn.Sigmoid())


class PlainCycleGan:
    """CycleGAN as it is usually written down."""

    def __init__(self, settings: dict[str, Any], data: ImageSet) -> None:
        assert data.partners is not None
        n, blocks, size = settings["width"], settings["blocks"], settings["size"]
        self.to_b, self.to_a = (translator(n, blocks) for _ in range(2))
        self.d_a, self.d_b = (patches(n, 2, size) for _ in range(2))
        self.optimizers = [
            torch.optim.Adam([*x.parameters(), *y.parameters()], 2e-4, betas=(0.5, 0.999))
            for x, y in ((self.to_b, self.to_a), (self.d_a, self.d_b))
        ]
        self.batches = [loader(images, settings["batch_size"]) for images in (data.images, data.partners)]
        self.pools: list[list[Tensor]] = [[], []]
        self.l1, self.mse = nn.L1Loss(), nn.MSELoss()

    def step(self) -> None:
        """Both translators, then both discriminators."""
        a, b = (batch() for batch in self.batches)
        for_g, for_d = self.optimizers
        fake_b, fake_a = self.to_b(a), self.to_a(b)
        for judge in (self.d_a, self.d_b):
            judge.requires_grad_(False)
        for_g.zero_grad()
        identity = self.l1(self.to_a(a), a) * 5 + self.l1(self.to_b(b), b) * 5
        cycle = self.l1(self.to_a(fake_b), a) * 10 + self.l1(self.to_b(fake_a), b) * 10
        (identity + cycle + self.against(self.d_b(fake_b), 1.0) + self.against(self.d_a(fake_a), 1.0)).backward()
        for_g.step()
        for judge in (self.d_a, self.d_b):
            judge.requires_grad_(True)
        for_d.zero_grad()
        for judge, real, fake, pool in ((self.d_a, a, fake_a, 0), (self.d_b, b, fake_b, 1)):
            old = self.swap(self.pools[pool], fake.detach())
            loss = (self.against(judge(real), 1.0) + self.against(judge(old), 0.0)) * 0.5
            loss.backward()
        for_d.step()

    def against(self, logits: Tensor, value: float) -> Tensor:
        return self.mse(logits, torch.tensor(value).expand_as(logits))

    def swap(self, pool: list[Tensor], images: Tensor) -> Tensor:
        """Some of the last 50 translations in place of the newest."""
        given = []
        for image in images:
            image = image[None]
            if len(pool) < 50:
                pool.append(image)
            elif random.random() > 0.5:
                place = random.randrange(50)
                pool[place], image = image, pool[place]
            given.append(image)
        return torch.cat(given)


class Residual(nn.Module):
    """Two convolutions and the input added."""

    def __init__(self, n: int) -> None:
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(n, n, 3), nn.InstanceNorm2d(n)]
        other = [nn.ReflectionPad2d(1), nn.Conv2d(n, n, 3), nn.InstanceNorm2d(n)]
        self.block = nn.Sequential(*half, nn.ReLU(True), *other)

    def forward(self, x: Tensor) -> Tensor:
        """The sum."""
        return x + self.block(x)


def translator(n: int, blocks: int) -> nn.Module:
    """7x7, two halvings, residual blocks, two doublings, 7x7."""
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, n, 7), nn.InstanceNorm2d(n), nn.ReLU(True)]
    for m in (n, 2 * n):
        layers += [nn.Conv2d(m, 2 * m, 3, 2, 1), nn.InstanceNorm2d(2 * m), nn.ReLU(True)]
    layers += [Residual(4 * n) for _ in range(blocks)]
    for m in (4 * n, 2 * n):
        up = nn.ConvTranspose2d(m, m // 2, 3, 2, 1, output_padding=1)
        layers += [up, nn.InstanceNorm2d(m // 2), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(n, 3, 7), nn.Tanh())


def patches(n: int, strides: int, size: int) -> nn.Module:
    """A logit a patch."""
    layers: list[nn.Module] = [nn.Conv2d(3, n, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for i in range(strides):
        stride = 2 if i + 1 < strides else 1
        layers += [nn.Conv2d(n, 2 * n, 4, stride, 1), nn.InstanceNorm2d(2 * n), nn.LeakyReLU(0.2, True)]
        n *= 2
    return nn.Sequential(*layers, nn.Conv2d(n, 1, 4, 1, 1))


if __name__ == "__main__":
    main()
