"""Frames to an H.264 file that every browser and phone plays."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

import numpy as np

from rlsuite.errors import RunError, UserError

_QUALITY = "20"  # x264's constant rate factor: visually clean for flat shading and pixel art alike


def encoder_path() -> str:
    """The ffmpeg that encodes: imageio-ffmpeg's, or the one ``IMAGEIO_FFMPEG_EXE`` names.

    Raises:
        RunError: There is none.
    """
    import imageio_ffmpeg

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise RunError(
            f"no ffmpeg to encode the film with: {error}. Install one with `uv pip install imageio-ffmpeg`, "
            "or set IMAGEIO_FFMPEG_EXE to yours."
        ) from error


def check_ending(path: Path) -> None:
    """Refuse a film that is not named ``*.mp4``.

    Raises:
        UserError: It is not.
    """
    if path.suffix != ".mp4":
        raise UserError(f"{path}: films are written as .mp4 (H.264); give a name that ends in .mp4")


class FilmWriter:
    """Writes RGB frames as H.264, yuv420p, even sizes; the file appears complete or not at all.

    ::

        with FilmWriter(Path("film.mp4"), fps=62.5) as film:
            film.add(frame)

    Args:
        path: The film, ``*.mp4``.
        fps: Frames per second of playing time; need not be whole.

    Raises:
        UserError: The film is not named ``*.mp4``.
    """

    def __init__(self, path: Path, fps: float) -> None:
        check_ending(path)
        self.path = path
        self.fps = fps
        self.n_frames = 0
        self.size = (0, 0)
        self._aside = path.with_name(f".{path.stem}.{os.getpid()}.partial.mp4")
        self._process: subprocess.Popen[bytes] | None = None
        self._log: tempfile._TemporaryFileWrapper[bytes] | None = None

    def add(self, frame: np.ndarray) -> None:
        """Append a frame, uint8 (H, W, 3), all of one size.

        Raises:
            RunError: The encoder died; the message holds its own words.
        """
        even = pad_to_even(frame)
        if self._process is None:
            self._begin((even.shape[1], even.shape[0]))
        if (even.shape[1], even.shape[0]) != self.size:
            raise ValueError(f"a film has frames of one size: {self.size} before, {even.shape[1::-1]} now")
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(np.ascontiguousarray(even).data)
        except (BrokenPipeError, OSError):
            self._fail()
        self.n_frames += 1

    def close(self) -> None:
        """Finish the file and give it its name.

        Raises:
            RunError: It could not be written.
        """
        if self._process is None:
            raise RunError(f"{self.path}: the film has no frames")
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        if self._process.wait() != 0:
            self._fail()
        self._end_log()
        try:
            os.replace(self._aside, self.path)
        except OSError as error:
            raise RunError(f"{self.path} could not be written: {error}") from error

    def abandon(self) -> None:
        """Stop the encoder and remove what it wrote."""
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(OSError):
                assert self._process.stdin is not None
                self._process.stdin.close()
            self._process.wait()
        self._end_log()
        with contextlib.suppress(OSError):
            self._aside.unlink(missing_ok=True)

    def __enter__(self) -> FilmWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        """Close the file, or remove it if there was an error."""
        if kind is None:
            self.close()
        else:
            self.abandon()

    def _begin(self, size: tuple[int, int]) -> None:
        self.size = size
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", f"{self.fps:.6g}", "-i", "-"]
        colour = ["-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709"]
        colour += ["-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
        codec = ["-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", _QUALITY, "-pix_fmt", "yuv420p"]
        command = [encoder_path(), "-v", "error", "-y", *raw, *colour, *codec, "-threads", "1"]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._log = tempfile.NamedTemporaryFile()  # noqa: SIM115 closed with the film
            self._process = subprocess.Popen(
                [*command, "-movflags", "+faststart", str(self._aside)], stdin=subprocess.PIPE, stderr=self._log
            )
        except OSError as error:
            raise RunError(f"{self.path}: the encoder {command[0]} could not be started: {error}") from error

    def _fail(self) -> None:
        assert self._process is not None
        self._process.wait()
        words = ""
        if self._log is not None:
            self._log.seek(0)
            words = self._log.read().decode(errors="replace").strip()
        self.abandon()
        full = "No space left" in words
        advice = "Make room or film somewhere else (`--out`)." if full else "`rlsuite doctor` checks the encoder."
        said = " | ".join(words.splitlines()[-3:]) or f"exit status {self._process.returncode}"
        raise RunError(f"{self.path}: the film could not be written after {self.n_frames} frames: {said}. {advice}")

    def _end_log(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None


def pad_to_even(frame: np.ndarray) -> np.ndarray:
    """Repeat the last row or column where a side is odd: yuv420p stores colours at half the size."""
    height, width = frame.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return frame
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
