"""Plays a policy in an environment and films it, with its learned rewards beside the picture."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from rlsuite.agents.contracts import Batch, LearnedReward
from rlsuite.envs.vector import SUCCESS_KEYS, Step, VectorEnv
from rlsuite.errors import UserError
from rlsuite.evaluation import Policy, own_streams
from rlsuite.runs.seeding import stream_seed
from rlsuite.video.encode import FilmWriter
from rlsuite.video.picture import Panel, caption, dim, tile, upscale

FILM_SEED = stream_seed(0, "video") % 2**31  # small enough for every reader of JSON
"""Seed of every film unless another is asked for: clips of different moments and runs show the same starts."""

_LARGEST = 1920  # pixels a side; grids of large pictures are shrunk to it
_FASTEST = 70.0  # frames per second; Humanoid's 67 and Doom's 35 are filmed as they are
_PANEL_SECONDS = 4.0  # of playing time across the panel's curves
_ENDING_SECONDS = 0.7  # on an episode's last picture, where the panel says what came of it


@dataclass(frozen=True)
class FilmOptions:
    """What a film shows.

    Attributes:
        episodes: Episodes of each cell, one after the other.
        max_seconds: Longest playing time; None for no limit.
        grid: (rows, columns) of environments side by side.
        panel: The learned rewards' curves beside the picture; ``"auto"``: if there are any and the
            grid is a single picture. Without learned rewards the environment's own is drawn.
        width: Pixels that a small picture is enlarged to at most, by a whole factor.
        height: And down.
        fps: Frames per second of playing time; None for `film_rate` of the level's own. Frames are left
            out or repeated, so that the film plays at the level's pace in any case.
        deterministic: Film the policy's mode instead of samples.
        seed: Of the environments (and of sampled actions).
        frames_dir: A folder for the level's own frames as PNG (not enlarged, no panel).
        title: Shown above the panel's curves, or below a picture without panel.
    """

    episodes: int = 1
    max_seconds: float | None = 60.0
    grid: tuple[int, int] = (1, 1)
    panel: bool | Literal["auto"] = "auto"
    width: int = 480
    height: int = 480
    fps: float | None = None
    deterministic: bool = True
    seed: int = FILM_SEED
    frames_dir: Path | None = None
    title: str = ""


@dataclass
class Film:
    """A finished film.

    Attributes:
        path: The file.
        fps: Frames per second.
        n_frames: How many.
        size: (width, height) in pixels.
        seed: Of the environments.
        episodes: Per finished episode: cell, return (the environment's own), length, success if told.
        n_steps: Env steps filmed, per cell.
        cut: Whether `FilmOptions.max_seconds` ended it.
        learned: Names of the learned rewards that were scored.
    """

    path: Path
    fps: float
    n_frames: int = 0
    size: tuple[int, int] = (0, 0)
    seed: int = FILM_SEED
    episodes: list[dict[str, Any]] = field(default_factory=list)
    n_steps: int = 0
    cut: bool = False
    learned: list[str] = field(default_factory=list)


def film_rate(level_fps: float) -> float:
    """Frames per second that a film of a level has: the level's own, or a whole fraction of a faster one.

    Every second picture of Hopper's 125 a second shows all that an eye or a 60 Hz screen can tell apart and
    costs half.
    """
    return float(level_fps) / math.ceil(float(level_fps) / _FASTEST)


def film(
    policy: Policy,
    env: VectorEnv,
    out: Path,
    options: FilmOptions | None = None,
    *,
    rewards: Sequence[LearnedReward] = (),
) -> Film:
    """Film a policy.

    The learned rewards are scored and left as they were, statistics and random streams included.

    Args:
        policy: Takes raw observations.
        env: ``rows * columns`` environments that nothing else uses; it is reset with the options' seed.
        out: The film, ``*.mp4``.
        options: What it shows.
        rewards: Learned rewards for the panel.

    Raises:
        UserError: The grid does not fit the environment, or the file has another ending.
        RunError: The film could not be written (full disk, no encoder).
    """
    options = options or FilmOptions()
    _check_grid(env, options)
    with FilmWriter(out, options.fps or film_rate(env.render_fps)) as writer:
        found = shoot(policy, env, options, writer, rewards=rewards)
    found.n_frames, found.size = writer.n_frames, writer.size
    return found


def shoot(
    policy: Policy,
    env: VectorEnv,
    options: FilmOptions,
    writer: FilmWriter,
    *,
    rewards: Sequence[LearnedReward] = (),
) -> Film:
    """Play once more into a film that is being written; see `film`."""
    _check_grid(env, options)
    found = Film(writer.path, writer.fps, seed=options.seed)
    with _undisturbed(rewards), own_streams(policy, options.seed):
        _play(policy, env, options, writer, found, rewards)
    return found


def _check_grid(env: VectorEnv, options: FilmOptions) -> None:
    rows, columns = options.grid
    if rows * columns != env.num_envs:
        raise UserError(f"a grid of {rows} x {columns} needs {rows * columns} environments, there are {env.num_envs}")


def _play(
    policy: Policy,
    env: VectorEnv,
    options: FilmOptions,
    writer: FilmWriter,
    found: Film,
    rewards: Sequence[LearnedReward],
) -> None:
    n = env.num_envs
    stage = _Stage(env, options, writer, rewards)
    found.learned = [r.name for r in stage.rewards]
    limit = None if options.max_seconds is None else max(1, round(options.max_seconds * env.render_fps))
    left, totals, lengths = np.full(n, options.episodes), np.zeros(n), np.zeros(n, dtype=int)
    env.set_groups(1)
    obs, state, start = env.reset_all(options.seed).clone(), None, np.ones(n, dtype=bool)
    while (left > 0).any():
        if limit is not None and found.n_steps >= limit:
            found.cut = True
            return
        stage.shoot(left > 0, found.n_steps, totals)
        array = obs.cpu().numpy()
        action, state = policy.predict(array, state=state, episode_start=start, deterministic=options.deterministic)
        step = env.step_tensor(action)
        stage.score(obs, action, step, start)
        found.n_steps += 1
        totals += step.reward.cpu().numpy()
        lengths += 1
        start = (step.terminated | step.truncated).cpu().numpy()
        for i in np.flatnonzero(start & (left > 0)).tolist():
            found.episodes.append(_episode(i, totals[i], lengths[i], step))
            if n == 1:
                stage.end(found.n_steps, totals, found.episodes[-1])
        left[start] -= 1
        totals[start], lengths[start] = 0.0, 0
        obs = step.obs.clone()


def _episode(cell: int, total: float, length: int, step: Step) -> dict[str, Any]:
    ended = {"cell": cell, "return": float(total), "length": int(length), "truncated": bool(step.truncated[cell])}
    for key in SUCCESS_KEYS:
        if key in step.info:
            return {**ended, "success": bool(step.info[key][cell])}
    return ended


class _Stage:
    """Puts each moment of the play on film: picture, grid, panel, frames folder, pace."""

    def __init__(
        self, env: VectorEnv, options: FilmOptions, writer: FilmWriter, rewards: Sequence[LearnedReward]
    ) -> None:
        single = options.grid == (1, 1)
        wanted = bool(rewards) and single if options.panel == "auto" else bool(options.panel)
        self.env = env
        self.options = options
        self.writer = writer
        self.rewards = list(rewards) if wanted else []
        self.names = ([f"{r.name} reward" for r in self.rewards] or ["environment's reward"]) if wanted else []
        self._panel: Panel | None = None
        self._still: list[np.ndarray | None] = [None] * env.num_envs
        self._shown: list[np.ndarray] = []
        self._per_step = writer.fps / float(env.render_fps)
        self._owed = 1.0 - self._per_step + 1e-9  # the first moment is always shown
        self._n_saved = 0
        if options.frames_dir is not None:
            _prepare_folder(options.frames_dir)

    def shoot(self, playing: np.ndarray, n_steps: int, totals: np.ndarray) -> None:
        """Film the present moment, as often as the pace asks for."""
        self._owed += self._per_step
        copies = int(self._owed)
        self._owed -= copies
        if copies == 0 and self.options.frames_dir is None:
            return
        frames = [self._picture(i, bool(playing[i])) for i in range(self.env.num_envs)]
        self._shown = frames
        if copies == 0:
            return
        picture = self._compose(frames, n_steps, totals)
        for _ in range(copies):
            self.writer.add(picture)

    def end(self, n_steps: int, totals: np.ndarray, episode: dict[str, Any]) -> None:
        """Stay on the last picture of an episode, for its last reward came with the decision after it."""
        if self._panel is None:
            return
        picture = self._compose(self._shown, n_steps, totals, "   success" if episode.get("success") else "")
        for _ in range(round(_ENDING_SECONDS * self.writer.fps)):
            self.writer.add(picture)

    def score(self, obs: torch.Tensor, action: np.ndarray, step: Step, start: np.ndarray) -> None:
        """Give the first cell's rewards to the panel."""
        if self._panel is None:
            return
        if not self.rewards:
            values = {self.names[0]: float(step.reward[0])}
        else:
            batch = _one_step(obs, action, step, start, self.env.device)
            scores = [r.reward(batch)[0, 0] for r in self.rewards]
            values = {n: float(s) for n, s in zip(self.names, scores, strict=True)}
        self._panel.add(values)
        if bool(step.terminated[0] | step.truncated[0]):
            self._panel.add(None)

    def _picture(self, index: int, playing: bool) -> np.ndarray:
        still = self._still[index]
        if not playing and still is not None:
            return still
        raw = self.env.render_frame(index)
        if playing and self.options.frames_dir is not None:
            self._save(raw, index)
        frame = upscale(raw, self.options.width, self.options.height)
        self._still[index] = dim(frame)
        return frame

    def _compose(self, frames: list[np.ndarray], n_steps: int, totals: np.ndarray, said: str = "") -> np.ndarray:
        rows, columns = self.options.grid
        picture = _fit(tile(frames, rows, columns))
        if not self.names:
            return caption(picture, self.options.title) if self.options.title else picture
        if self._panel is None:
            window = max(120, round(_PANEL_SECONDS * float(self.env.render_fps)))
            self._panel = Panel(self.names, max(280, picture.shape[0] * 3 // 4), picture.shape[0], window)
        lines = [self.options.title] if self.options.title else []
        lines.append(f"step {n_steps}   return {totals[0]:.1f}{said}")
        return np.concatenate([picture, self._panel.draw(lines)], axis=1)

    def _save(self, raw: np.ndarray, index: int) -> None:
        from PIL import Image

        folder = self.options.frames_dir
        assert folder is not None
        name = f"{self._n_saved:06d}.png" if self.env.num_envs == 1 else f"env{index:03d}_{self._n_saved:06d}.png"
        Image.fromarray(raw).save(folder / name)
        self._n_saved += 1


def _prepare_folder(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; frames are written into a new or empty folder")
    folder.mkdir(parents=True, exist_ok=True)


def _fit(picture: np.ndarray) -> np.ndarray:
    largest = max(picture.shape[:2])
    if largest <= _LARGEST:
        return picture
    from PIL import Image

    scale = _LARGEST / largest
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def _one_step(obs: torch.Tensor, action: np.ndarray, step: Step, start: np.ndarray, device: torch.device) -> Batch:
    """The transitions of one step as an on-policy batch, (1, n_envs)."""

    def lead(x: Any) -> torch.Tensor:
        return torch.as_tensor(x, device=device)[None].clone()

    info = {k: lead(v) for k, v in step.info.items()}
    ends = (lead(step.terminated), lead(step.truncated))
    return Batch(lead(obs), lead(action), lead(step.reward), *ends, lead(step.next_obs), lead(start), info)


@contextlib.contextmanager
def _undisturbed(rewards: Sequence[LearnedReward]) -> Iterator[None]:
    """Put the learned rewards back afterwards: scoring may move running statistics."""
    states = [copy.deepcopy(r.state_dict()) for r in rewards]
    try:
        yield
    finally:
        for reward, state in zip(rewards, states, strict=True):
            reward.load_state_dict(state)
