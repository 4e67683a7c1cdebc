"""How much curiosity pays for a film on the wall: a learned noisy television, and who falls for it.

    found = run("mario/1-1/dense", films_of("runs/videogan_shapes"))

Two copies of a level take the same actions, so that they are in the same states; in one of them a film runs behind the
game. The bonus learns from both, as it would from a policy that sees the film half of the time. What is reported is
its *pull*: the mean bonus of the copy with the film over that of the other. At 1 the film pays nothing.

Reference:
    Burda et al. 2018, arXiv:1808.04355, section 5 (the noisy television).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlsuite import registry
from rlsuite.agents.contracts import BATCH_TENSORS, Batch, LearnedReward, RewardContext
from rlsuite.envs.levels import make_vec
from rlsuite.envs.vector import VectorEnv
from rlsuite.errors import UserError
from rlsuite.runs.seeding import numpy_stream, torch_stream
from rlsuite.skins.observing import BackgroundEnv

BONUSES: Mapping[str, Mapping[str, Any]] = {
    "icm": {"kind": "icm", "ratio_per_action": False},
    "icm_random": {"kind": "icm", "features": "random", "ratio_per_action": False},
    "pixels": {"kind": "icm", "features": "pixels", "ratio_per_action": False},
    "rnd": {"kind": "rnd"},
    "e3b": {"kind": "e3b"},
}
"""Whom the film is shown to: the inverse model's features, random ones, none at all, and two that predict nothing."""
NOISE_FRAMES = 512


@dataclass(frozen=True)
class Showing:
    """How much is shown.

    Attributes:
        n_envs: Environments of each copy.
        n_steps: Decisions of a rollout.
        n_rollouts: Rollouts, with an update after each.
        tolerance: Grey levels that still count as background.
        seed: Of the level, the actions, the bonuses and the noise.
    """

    n_envs: int = 16
    n_steps: int = 64
    n_rollouts: int = 20
    tolerance: int = 8
    seed: int = 0


def run(
    level: str,
    films: Mapping[str, Tensor],
    bonuses: Sequence[str] = tuple(BONUSES),
    showing: Showing | None = None,
    *,
    on_film: Any = lambda _: None,
) -> list[dict[str, Any]]:
    """Show every film to every bonus.

    Args:
        level: Id of a level of pictures.
        films: Name to frames, T x 3 x H x W in [0, 1].
        bonuses: Names in `BONUSES`.
        showing: How much is shown.
        on_film: Told the name of the film that is shown.

    Returns:
        For each film and bonus its ``pull`` at every rollout, the means of the first and the last quarter, and the
        film's ``motion``: mean absolute change of a pixel of the observation's background from frame to frame.

    Raises:
        UserError: An unknown bonus, or a level without pictures.
    """
    if foreign := [name for name in bonuses if name not in BONUSES]:
        raise UserError(f"bonus {foreign[0]!r} is unknown; {', '.join(BONUSES)} are possible")
    showing, found = showing or Showing(), []
    for name, film in films.items():
        on_film(name)
        plain, wall = (make_vec(level, showing.n_envs, seed=showing.seed, n_threads=1) for _ in range(2))
        try:
            screen = BackgroundEnv(wall, film, showing.tolerance)
            pulls = pulls_of(plain, screen, bonuses, showing)
        finally:
            plain.close()
            wall.close()
        quarter = max(1, showing.n_rollouts // 4)
        for bonus, pull in pulls.items():
            first, last = float(np.mean(pull[:quarter])), float(np.mean(pull[-quarter:]))
            found.append({"film": name, "motion": motion(film), "bonus": bonus, "first": first, "last": last,
                          "pull": pull})  # fmt: skip
    return found


def pulls_of(plain: VectorEnv, screen: VectorEnv, bonuses: Sequence[str], showing: Showing) -> dict[str, list[float]]:
    """The pull of a film on every bonus, rollout by rollout; random actions, the same in both copies."""
    rewards = {name: _make(name, plain, showing) for name in bonuses}
    stream, n = numpy_stream(showing.seed, "film_wall/actions"), showing.n_envs
    for env in (plain, screen):
        env.set_groups(1)
    views = [env.reset_all(showing.seed).clone() for env in (plain, screen)]
    starts = torch.ones(n, dtype=torch.bool)
    pulls: dict[str, list[float]] = {name: [] for name in bonuses}
    for _ in range(showing.n_rollouts):
        steps = []
        for _ in range(showing.n_steps):
            action = stream.integers(0, int(plain.action_space.n), n)  # type: ignore[attr-defined]
            step, views, starts = _step(plain, screen, views, action, starts)
            steps.append(step)
        batch = Batch(*(torch.stack([getattr(step, key) for step in steps]) for key in BATCH_TENSORS), info={})
        for name, reward in rewards.items():
            bonus = reward.reward(batch)
            reward.update(batch)
            pulls[name].append(float(bonus[:, n:].mean() / bonus[:, :n].mean().clamp(min=1e-12)))
    return pulls


def _make(name: str, env: VectorEnv, showing: Showing) -> LearnedReward:
    """A bonus for both copies together."""
    entry = registry.rewards.get(str(BONUSES[name]["kind"]))
    context = RewardContext(env.observation_space, env.action_space, 2 * showing.n_envs, 0.99, env.device, showing.seed)
    return entry.resolve()(entry.config_class()(**BONUSES[name]), context)


def _step(
    plain: VectorEnv, screen: VectorEnv, views: list[Tensor], action: np.ndarray, starts: Tensor
) -> tuple[Batch, list[Tensor], Tensor]:
    """One decision in both copies, side by side in one batch."""
    found = [env.step_tensor(action) for env in (plain, screen)]
    a, b = found
    if not torch.equal(a.terminated, b.terminated) or not torch.equal(a.reward, b.reward):
        raise UserError("the film changed the game: its copies are no longer in the same states")
    both = {key: torch.cat([getattr(s, key).clone() for s in found]) for key in
            ("reward", "terminated", "truncated", "next_obs")}  # fmt: skip
    actions = torch.from_numpy(np.concatenate([action, action])).to(both["reward"].device)
    step = Batch(obs=torch.cat(views), action=actions, episode_start=torch.cat([starts, starts]), info={}, **both)
    return step, [s.obs.clone() for s in found], (a.terminated | a.truncated).clone()


def films_of(source: str | Path | None, seed: int = 0) -> dict[str, Tensor]:
    """What to show: a still, the film at its own and at four times its speed, and white noise.

    Args:
        source: Run of a generator of films, or a folder of frames; None: noise and a still of it.
        seed: Of the noise.
    """
    noise = torch.rand((NOISE_FRAMES, 1, 42, 42), generator=torch_stream(seed, "film_wall/noise")).expand(-1, 3, -1, -1)
    if source is None:
        return {"still": noise[:1], "noise": noise}
    from rlsuite.experiment.looks import picture_source
    from rlsuite.skins.observing import film_frames

    film = film_frames(source, picture_source)
    return {"still": film[:1], "film": film, "film, four times as fast": film[::4], "noise": noise}


def motion(film: Tensor) -> float:
    """Mean absolute change of a grey pixel from one frame to the next, in [0, 1]; the film begins anew at its end."""
    grey = film.mean(1)
    return float((grey - grey.roll(-1, 0)).abs().mean())
