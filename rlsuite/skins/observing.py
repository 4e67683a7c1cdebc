"""Levels seen through a transformation: translated, dreamt on, completed, with another background, or as features.

Pictures are transformed one by one (a stack of four grey pictures is four), all of a step in one batch on the level's
device; a picture that was seen before is taken from a cache, which finds it by a hash of its pixels. With a stack of
four, three of four pictures are old.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rlsuite.envs.vector import StateTree, Step, VectorEnv
from rlsuite.errors import UserError
from rlsuite.generators.contracts import Completes, Encodes, Samples, Transforms, capabilities
from rlsuite.runs.seeding import stream_seed
from rlsuite.skins.cache import FrameCache
from rlsuite.skins.sources import as_channels

Transformation = Callable[[Tensor], Tensor]
"""Pictures float32 (n, C, H, W) in [0, 1], C of 1 or 3, to pictures of the same shape or to features (n, d)."""
OpenSource = Callable[[str], tuple[Any, Any]]
"""The generator of a run's path (or of the word ``dream``), and what is known of it."""


def observe(
    env: VectorEnv, sections: Sequence[Any], open_source: OpenSource, *, test: bool = False, seed: int = 0
) -> VectorEnv:
    """Wrap a level in the transformations of ``env.observation``, the first one innermost.

    Args:
        env: The level.
        sections: What is to be done.
        open_source: Opens a generator's run.
        test: The level is for evaluation: nothing is augmented.
        seed: Of augmentations.

    Raises:
        UserError: A level without pictures, or a generator that cannot do it.
    """
    for section in sections:
        if section.kind == "render":
            env = RenderedEnv(env, section.size)
        elif section.kind == "augment":
            from rlsuite.skins.augment import AugmentedEnv

            env = AugmentedEnv(env, section.to, seed=seed, test=test)
        elif section.kind in ("film", "picture"):
            env = BackgroundEnv(env, background(section, open_source), section.tolerance)
        else:
            env = TransformedEnv(env, transformation(section, open_source, env.device), section.cache)
    return env


def transformation(section: Any, open_source: OpenSource, device: torch.device) -> Transformation:
    """What a section asks for.

    Raises:
        UserError: The generator lacks the capability.
    """
    source, _ = open_source("dream" if section.kind == "dream" else str(section.generator))
    protocol = {"translate": Transforms, "dream": Transforms, "complete": Completes, "features": Encodes}[section.kind]
    if not isinstance(source, protocol):
        can = ", ".join(capabilities(source))
        raise UserError(
            f"env.observation: kind {section.kind} wants a generator that {protocol.__name__}; this one {can}"
        )
    if hasattr(source, "to"):
        source.to(device)
    size, channels = tuple(source.spec.size), source.spec.channels

    def prepare(images: Tensor) -> Tensor:
        rgb = images.expand(-1, 3, -1, -1)
        return as_channels(F.interpolate(rgb, size=size, mode="bilinear", antialias=True).clamp(0, 1), channels)

    def change(images: Tensor) -> Tensor:
        given = prepare(images)
        if section.kind == "features":
            return source.encode(given).flatten(1).float()
        if section.kind == "complete":
            known = torch.ones_like(given[:, :1])
            known[:, :, round(size[0] * (1 - section.hidden)) :] = 0
            made = source.complete(given, known, n=1, seed=0)
        else:
            made = source.transform(given, to=section.to, strength=section.strength)
        made = F.interpolate(made[:, :3].to(images.device), size=images.shape[2:], mode="bilinear").clamp(0, 1)
        made = made.mean(1, keepdim=True) if images.shape[1] == 1 else made.expand(-1, 3, -1, -1)
        return images + section.strength * (made - images) if section.kind == "complete" else made

    return change


def background(section: Any, open_source: OpenSource) -> Tensor:
    """Frames to put behind, T x 3 x H x W in [0, 1]: a picture is a film of one.

    Raises:
        UserError: The generator makes no films.
    """
    if section.kind == "picture":
        from rlsuite.generators import read_image

        return read_image(section.path)
    return film_frames(section.path or section.generator, open_source)


def film_frames(where: str | Path, open_source: OpenSource) -> Tensor:
    """A film, T x 3 x H x W in [0, 1]: the pictures of a folder in the order of their names, or a generator's sample.

    Raises:
        UserError: The generator makes no films.
    """
    if Path(where).is_dir() and (frames := sorted(Path(where).glob("*.png"))):
        from rlsuite.generators import read_image

        return _there_and_back(torch.cat([read_image(path) for path in frames]))
    source, _ = open_source(str(where))
    spec = source.spec
    if not isinstance(source, Samples) or spec.n_frames is None or spec.condition != "none":
        raise UserError(f"env.observation: kind film wants a folder of PNGs or a generator that samples films: {spec}")
    with torch.no_grad():
        film = source.sample(1, seed=stream_seed(0, "skins/film"))[0].cpu()
    return _there_and_back(film[:, :3].expand(-1, 3, -1, -1))


def _there_and_back(film: Tensor) -> Tensor:
    """So that it never jumps."""
    return torch.cat([film, film.flip(0)[1:-1]])


class ObservedEnv(VectorEnv):
    """A level whose observations go through `see`; everything else is the level's own.

    Args:
        inner: The level.
        space: What observations become.
    """

    def __init__(self, inner: VectorEnv, space: gym.Space) -> None:
        self.inner = inner
        super().__init__(
            inner.num_envs,
            space,
            inner.action_space,
            info_keys=inner.info_keys,
            device=inner.device,
            render_fps=inner.render_fps,
            frames_per_step=inner.frames_per_step,
        )
        self.restorable = inner.restorable

    def __getattr__(self, name: str) -> Any:
        """What only the level has (``looks``, ``console``, ``lanes``)."""
        if name in ("inner", "_slices"):
            raise AttributeError(name)
        return getattr(self.inner, name)

    def see(self, obs: Tensor, where: slice) -> Tensor:
        """The observations of some environments transformed."""
        raise NotImplementedError

    def see_both(self, step: Step, where: slice) -> tuple[Tensor, Tensor]:
        """``obs`` and ``next_obs`` of a step transformed; equal ones once."""
        obs = self.see(step.obs, where)
        ended = step.terminated | step.truncated
        if not bool(ended.any()):
            return obs, obs
        after = obs.clone()
        after[ended] = self.see(step.next_obs, where)[ended]
        return obs, after

    def set_groups(self, n_groups: int) -> None:
        """See `VectorEnv.set_groups`."""
        self.inner.set_groups(n_groups)
        super().set_groups(n_groups)

    def reset_all(self, seed: int | None = None) -> Tensor:
        """See `VectorEnv.reset_all`."""
        return self.see(self.inner.reset_all(seed), slice(0, self.num_envs))

    def send(self, actions: Tensor | np.ndarray, group: int = 0) -> None:
        """See `VectorEnv.send`."""
        self.inner.send(actions, group)

    def recv(self, group: int = 0) -> Step:
        """See `VectorEnv.recv`."""
        step = self.inner.recv(group)
        obs, after = self.see_both(step, self.group_slice(group))
        return Step(obs, step.reward, step.terminated, step.truncated, after, step.info)

    def state_dict(self) -> StateTree:
        """The level's state; what a transformation adds is computed anew."""
        return {**super().state_dict(), "inner": self.inner.state_dict()}

    def load_state_dict(self, state: StateTree) -> Tensor:
        """See `VectorEnv.load_state_dict`."""
        self._load_episode_sums(state)
        return self.see(self.inner.load_state_dict(state["inner"]), slice(0, self.num_envs))

    def render_frame(self, index: int = 0) -> np.ndarray:
        """The level's own picture."""
        return self.inner.render_frame(index)

    def close(self) -> None:
        """Free the engines."""
        self.inner.close()


def picture_shape(env: VectorEnv) -> tuple[int, int, int, int]:
    """Pictures in an observation, and channels, height and width of each.

    Raises:
        UserError: The level shows no pictures.
    """
    space = env.observation_space
    if not isinstance(space, gym.spaces.Box) or len(space.shape) != 3 or space.dtype != np.uint8:
        raise UserError(
            f"env.observation: this level's observations are {space}, not pictures; begin the list with kind render"
        )
    n, height, width = space.shape
    stacked = hasattr(getattr(env, "options", None), "frame_stack")
    return (1, 3, height, width) if n == 3 and not stacked else (n, 1, height, width)


class TransformedEnv(ObservedEnv):
    """Each picture through a transformation, with a cache.

    Args:
        inner: A level of pictures.
        change: What is done to them.
        cache: Results to keep.
    """

    def __init__(self, inner: VectorEnv, change: Transformation, cache: int) -> None:
        self._shape = picture_shape(inner)
        n, *one = self._shape
        self._change = change
        probe = self._apply(torch.zeros((1, *one), dtype=torch.uint8, device=inner.device))
        self._cache = FrameCache(tuple(probe.shape[1:]), probe.dtype, cache, inner.device)
        shape = inner.observation_space.shape
        assert shape is not None
        self._out = shape if probe.dtype == torch.uint8 else (n * probe.shape[1],)
        kind = gym.spaces.Box(0, 255, self._out, np.uint8)
        vector = gym.spaces.Box(-np.inf, np.inf, self._out, np.float32)
        super().__init__(inner, kind if probe.dtype == torch.uint8 else vector)

    def _apply(self, frames: Tensor) -> Tensor:
        made = self._change(frames.float() / 255).detach()
        return made.mul(255).round().to(torch.uint8) if made.dim() == 4 else made.to(frames.device)

    def see(self, obs: Tensor, where: slice) -> Tensor:
        """See `ObservedEnv.see`."""
        frames = obs.reshape(-1, *self._shape[1:])
        return self._cache.through(frames, self._apply).view(len(obs), *self._out)

    @property
    def cache_hits(self) -> float:
        """Share of pictures that were seen before."""
        return self._cache.hits


class BackgroundEnv(ObservedEnv):
    """Another background: pixels near a picture's commonest grey show a film, one frame a decision.

    Args:
        inner: A level of pictures.
        film: T x 3 x H x W in [0, 1].
        tolerance: Grey levels that still count as background.
    """

    def __init__(self, inner: VectorEnv, film: Tensor, tolerance: int) -> None:
        self._shape = picture_shape(inner)
        _, channels, height, width = self._shape
        film = F.interpolate(film.float(), size=(height, width), mode="bilinear", antialias=True)
        film = film.mean(1, keepdim=True) if channels == 1 else film
        self._film = film.mul(255).round().clamp(0, 255).to(torch.uint8).to(inner.device)
        self._tolerance = tolerance
        self._time = torch.zeros(inner.num_envs, dtype=torch.long, device=inner.device)
        super().__init__(inner, inner.observation_space)

    def recv(self, group: int = 0) -> Step:
        """Step and let the film go on."""
        self._time[self.group_slice(group)] += 1
        return super().recv(group)

    def see(self, obs: Tensor, where: slice) -> Tensor:
        """Every picture of a stack has the film's frame of its own time."""
        n, channels, height, width = self._shape
        frames = obs.reshape(len(obs) * n, channels, height, width)
        back = torch.arange(n - 1, -1, -1, device=obs.device)
        when = (self._time[where][:, None] - back[None]).flatten() % len(self._film)
        behind = is_background(frames, self._tolerance)
        return torch.where(behind, self._film[when], frames).view(obs.shape)

    def state_dict(self) -> StateTree:
        """The level's state and where in the film each environment is."""
        return {**super().state_dict(), "time": self._time.clone()}

    def load_state_dict(self, state: StateTree) -> Tensor:
        """See `VectorEnv.load_state_dict`."""
        self._time.copy_(torch.as_tensor(state["time"]))
        return super().load_state_dict(state)


def is_background(frames: Tensor, tolerance: int) -> Tensor:
    """Which pixels lie near their picture's commonest grey, (n, 1, H, W) bool; a black picture has none."""
    grey = frames.float().mean(1).round().long().flatten(1)
    counts = torch.zeros((len(grey), 256), dtype=torch.long, device=frames.device)
    counts.scatter_add_(1, grey, torch.ones_like(grey))
    common = counts.argmax(1, keepdim=True)
    near = (grey - common).abs() <= tolerance
    near &= (grey != 0).any(1, keepdim=True)
    return near.view(len(frames), 1, *frames.shape[2:])


class RenderedEnv(ObservedEnv):
    """A level of numbers seen as the pictures that it draws, RGB.

    Deviation: where an episode ended, the successor's picture is gone with it; ``next_obs`` shows the one before.

    Args:
        inner: Any level that draws.
        size: Side of the picture.
    """

    def __init__(self, inner: VectorEnv, size: int) -> None:
        self._size = size
        self._last = torch.zeros((inner.num_envs, 3, size, size), dtype=torch.uint8)
        super().__init__(inner, gym.spaces.Box(0, 255, (3, size, size), np.uint8))

    def see(self, obs: Tensor, where: slice) -> Tensor:
        """Draw these environments."""
        frames = [torch.from_numpy(self.inner.render_frame(i)) for i in range(where.start, where.stop)]
        images = torch.stack(frames).permute(0, 3, 1, 2).float()
        small = F.interpolate(images, size=(self._size, self._size), mode="area")
        self._last[where] = small.round().clamp(0, 255).to(torch.uint8)
        return self._last[where].clone().to(self.device)

    def see_both(self, step: Step, where: slice) -> tuple[Tensor, Tensor]:
        """Draw, and keep the picture before where an episode ended."""
        before = self._last[where].clone().to(self.device)
        obs = self.see(step.obs, where)
        ended = step.terminated | step.truncated
        return obs, torch.where(ended[:, None, None, None].to(obs.device), before, obs)
