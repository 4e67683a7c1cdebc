"""What the picture is handed out as: which colours, which part of the screen, which size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import warp as wp

from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.batch import Command, NesBatch, RowList, kernel_view
from rlsuite.envs.mario.nes.colours import LUMA, RGB
from rlsuite.envs.mario.nes.render import draw, shrink, straighten
from rlsuite.envs.mario.nes.tiles import COLOUR_WORDS, mix_colours

CHUNK = 8
"""Machines drawn at a time on the CPU: their pixels (67 KB each) then stay in the core's cache."""

_TINTS = {"index": np.arange(64, dtype=np.uint8)[None], "gray": LUMA[None], "rgb": np.ascontiguousarray(RGB.T)}
_COLUMNS = 8  # source columns that one weighted sum takes


@dataclass(frozen=True)
class ImageSpec:
    """A kind of picture.

    Attributes:
        colours: ``"gray"`` (luma), ``"rgb"``, or ``"index"`` (the NES's colour numbers, 0-63).
        size: (height, width) to average areas to, or None for the whole screen as it is, 240x256.
        crop: Pixels to leave out at the top, bottom, left and right before resizing.
        brighter_of_two: Whether to take the brighter of the last two frames, pixel by pixel, as is
            usual where sprites flicker.
    """

    colours: Literal["gray", "rgb", "index"] = "gray"
    size: tuple[int, int] | None = None
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)
    brighter_of_two: bool = False

    def __post_init__(self) -> None:
        top, bottom, left, right = self.crop
        height, width = at.SCREEN_H - top - bottom, at.SCREEN_W - left - right
        if min(self.crop) < 0 or height <= 0 or width <= 0:
            raise ValueError(f"crop {self.crop} leaves nothing of a {at.SCREEN_H}x{at.SCREEN_W} screen")
        if self.size is None:
            if any(self.crop) or self.brighter_of_two:
                raise ValueError("crop and brighter_of_two need a size; without one the screen is handed out as it is")
            return
        if self.colours == "index":
            raise ValueError("colour numbers cannot be averaged: index pictures have no size")
        smallest = -(-width // (_COLUMNS - 1))
        if not (1 <= self.size[0] <= height and smallest <= self.size[1] <= width):
            raise ValueError(
                f"size {self.size} cannot be averaged from {height}x{width} pixels: "
                f"height must lie in 1..{height}, width in {smallest}..{width}"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of one picture."""
        height, width = self.size or (at.SCREEN_H, at.SCREEN_W)
        return (3 if self.colours == "rgb" else 1), height, width


def area_weights(n_source: int, n_out: int, first: int, total: int) -> list[tuple[int, np.ndarray]]:
    """How each of ``n_out`` equal areas is made of ``n_source`` pixels.

    Returns:
        For each area the first pixel (counted from ``first``) and the integer weights from there on,
        which add up to ``total``; rounding errors go where they are smallest.
    """
    spans = []
    for i in range(n_out):
        start, end = i * n_source / n_out, (i + 1) * n_source / n_out
        begin, stop = int(np.floor(start)), int(np.ceil(end - 1e-9))
        edges = np.clip(np.arange(begin, stop + 1), start, end)
        exact = np.diff(edges) / (end - start) * total
        weights = np.floor(exact).astype(np.int64)
        short = total - weights.sum()
        weights[np.argsort(weights - exact, kind="stable")[:short]] += 1
        spans.append((first + begin, weights))
    return spans


class Painter:
    """Draws machines of a batch into images, in the calling thread. Make one for each thread.

    Args:
        batch: Whose machines.
        spec: What kind of picture.
        most: At most so many machines at a time.
    """

    def __init__(self, batch: NesBatch, spec: ImageSpec, most: int) -> None:
        self.spec = spec
        self._batch = batch
        self._chunk = min(most, CHUNK) if batch.device.type == "cpu" else most
        self._rows = rows = RowList(self._chunk, batch.device)
        channels, height, width = spec.shape
        top, bottom, _, _ = spec.crop
        first, last = top // 8, (at.SCREEN_H - bottom - 1) // 8
        self._pixels = batch.tensor((self._chunk, at.SCREEN_H, at.WORDS_PER_LINE), torch.int64)
        self._colours = batch.tensor((batch.n_envs, COLOUR_WORDS), torch.int64)
        tints = torch.from_numpy(_TINTS[spec.colours]).to(batch.device)
        colours, pixels = kernel_view(self._colours), kernel_view(self._pixels)
        self._mix = [
            Command(mix_colours, rows, [kernel_view(batch.palette), kernel_view(t), colours], 16) for t in tints
        ]
        memory = [kernel_view(t) for t in (batch.skins, batch.vram, batch.oam, batch.lines, batch.tiles)]
        n_strips = last - first + 1
        self._draw = Command(draw, rows, [*memory, colours, pixels, batch.mirroring, first, n_strips], n_strips)
        self._height, self._width = height, width
        self._straight_lines = torch.zeros_like(batch.lines)
        self._spans = self._tables() if spec.size else None
        self._kept: list[torch.Tensor] = []
        self._keep: list[list[Command]] = []
        if spec.brighter_of_two:
            size = (batch.n_envs, at.SCREEN_H, at.WORDS_PER_LINE)
            self._kept = [batch.tensor(size, torch.int64) for _ in range(channels)]
            self._keep = [
                [self._straighten(kernel_view(k), size[1] * size[2], 0, size[2], b) for b in (0, 1)] for k in self._kept
            ]
        self._outputs: dict[tuple[int, int], list[Command]] = {}

    def keep(self, rows: np.ndarray) -> None:
        """Remember the picture of these machines; the next `paint` takes the brighter of the two."""
        for start in range(0, len(rows), self._chunk):
            n = self._rows.set(rows[start : start + self._chunk])
            for mix, (first, _) in zip(self._mix, self._keep, strict=True):
                for command in (mix, self._draw, first):
                    command.run(n)

    def paint(self, rows: np.ndarray, out: torch.Tensor, channel: int = 0) -> None:
        """Draw these machines' last frame.

        Args:
            rows: (k,) int32.
            out: (n_envs, channels, height, width) uint8, contiguous, of all machines; only theirs
                are written.
            channel: First channel to write, e.g. the newest of a frame stack.
        """
        commands = self._outputs.get((out.data_ptr(), channel))
        if commands is None:
            commands = self._outputs[out.data_ptr(), channel] = self._record_output(out, channel)
        for start in range(0, len(rows), self._chunk):
            n = self._rows.set(rows[start : start + self._chunk])
            for i, (mix, last) in enumerate(zip(self._mix, commands, strict=True)):
                mix.run(n)
                self._draw.run(n)
                if self._keep:
                    self._keep[i][1].run(n)
                last.run(n)

    def _record_output(self, out: torch.Tensor, channel: int) -> list[Command]:
        channels, height, width = self.spec.shape
        if out.shape[2:] != (height, width) or out.dtype != torch.uint8 or not out.is_contiguous():
            raise ValueError(
                f"out must be contiguous uint8 (n, c, {height}, {width}), got {out.dtype} {tuple(out.shape)}"
            )
        plane, env_stride = height * width, out.stride(0)
        commands = []
        for i in range(channels):
            offset = (channel + i) * plane
            if self._spans is not None:
                straight = bool(self._kept)
                pixels = self._kept[i] if straight else self._pixels
                lines = self._straight_lines if straight else self._batch.lines
                arrays = [kernel_view(t) for t in (lines, pixels, *self._spans, out)]
                numbers = [height, width, self._spans[0].shape[1] - 2, env_stride, offset, int(straight)]
                commands.append(Command(shrink, self._rows, [*arrays, *numbers], height))
            else:
                words = kernel_view(out, words=True)
                commands.append(self._straighten(words, env_stride // 8, offset // 8, width // 8, 0))
        return commands

    def _straighten(self, out: wp.array, env_stride: int, offset: int, line_stride: int, brighter: int) -> Command:
        arrays = [kernel_view(self._batch.lines), kernel_view(self._pixels), out]
        return Command(straighten, self._rows, [*arrays, env_stride, offset, line_stride, brighter], at.SCREEN_H)

    def _tables(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Weights of `shrink`: rows, first columns, columns."""
        top, bottom, left, right = self.spec.crop
        rows = area_weights(at.SCREEN_H - top - bottom, self._height, top, 256)
        columns = area_weights(at.SCREEN_W - left - right, self._width, left, 256)
        longest = max(4, *(len(weights) for _, weights in rows))  # `shrink` takes four at once
        spans = np.zeros((self._height, 2 + longest), np.int32)
        for span, (first, weights) in zip(spans, rows, strict=True):
            span[:2] = first, len(weights)
            span[2 : 2 + len(weights)] = weights
        packed = np.zeros((self._width, 2, 4), np.uint16)
        for target, (_, weights) in zip(packed, columns, strict=True):
            padded = np.zeros(_COLUMNS, np.uint16)
            padded[: len(weights)] = weights
            target[0], target[1] = padded[6::-2], padded[7::-2]
        starts = np.array([*(first for first, _ in columns), 0], np.int32)
        tables = (spans, starts, packed.view(np.int64).reshape(-1))
        return tuple(torch.from_numpy(t).to(self._batch.device) for t in tables)  # type: ignore[return-value]
