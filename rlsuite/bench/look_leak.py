"""Imitation across looks: what a discriminator of GAIL learns from looks alone.

    rows = run("runs/ppo_mario/...", {"dream": "packs/dream"}, demo_pack="packs/dcgan")

One policy plays the expert and, in other episodes, the agent: whatever tells them apart is no difference of behaviour.
GAIL's own discriminator is trained on pictures of most environments and judged on those of the rest. Without a
difference of looks it stays near chance; with one, its accuracy is what an imitator would be blamed for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from rlsuite import skins
from rlsuite.agents.contracts import Batch, RewardContext
from rlsuite.agents.gail.agent import GailReward
from rlsuite.agents.gail.config import GailConfig
from rlsuite.demos.data import Demonstrations
from rlsuite.envs.vector import VectorEnv
from rlsuite.evaluation import own_streams
from rlsuite.experiment import open_run
from rlsuite.experiment.assembly import make_level
from rlsuite.skins.pack import AssetPack

OWN = "the level's own"
UPDATES = (0, 1, 4, 16, 64)
"""After how many minibatches of its training the discriminator is asked."""


@dataclass(frozen=True)
class Amount:
    """How much is played.

    Attributes:
        n_envs: Environments; the last quarter is kept from the discriminator's training.
        n_steps: Decisions of each environment.
        seed: Of the expert's episodes; the agent's have the next.
    """

    n_envs: int = 16
    n_steps: int = 128
    seed: int = 0


def run(
    path: str | Path,
    families: Mapping[str, str | Path],
    demo_pack: str | Path | None = None,
    amount: Amount | None = None,
    *,
    on_pair: Any = lambda _: None,
) -> list[dict[str, Any]]:
    """Demonstrations in the level's own look (and in those of ``demo_pack``), the agent in every family.

    Args:
        path: The run whose policy plays.
        families: Name to pack.
        demo_pack: Looks for demonstrations that were recorded in many.
        amount: How much is played.
        on_pair: Told which pair is being judged.

    Returns:
        For each pair of looks the accuracy on held-out episodes (0.5 is chance), as it began and after `UPDATES`, and
        the rewards of both after the last.

    Raises:
        UserError: A pack of another level.
    """
    amount, assembly = amount or Amount(), open_run(path)
    section: Any = assembly.experiment.env
    bare = assembly.experiment.model_copy(update={"env": section.model_copy(update={"skin": None})})
    env = make_level(bare, amount.n_envs, "leak", threads=assembly.threads)
    try:
        looks: dict[str, AssetPack | None] = {OWN: None} | {n: skins.load_pack(p) for n, p in families.items()}
        pairs = [(OWN, name) for name in looks]
        if demo_pack is not None:
            looks["many"] = skins.load_pack(demo_pack)
            pairs += [("many", name) for name in ("many", *families)]
        agent = {name: pictures(assembly.learner, env, pack, amount, amount.seed + 1) for name, pack in looks.items()}
        expert = {
            name: pictures(assembly.learner, env, looks[name], amount, amount.seed)
            for name in dict.fromkeys(a for a, _ in pairs)
        }
        found = []
        for a, b in pairs:
            on_pair(f"demonstrations in {a}, agent in {b}")
            found.append({"demonstrations": a, "agent": b, **leak(expert[a], agent[b], amount.seed)})
        return found
    finally:
        env.close()
        assembly.close()


def pictures(policy: Any, env: VectorEnv, pack: AssetPack | None, amount: Amount, seed: int) -> np.ndarray:
    """What the policy shows in some looks while it acts on the level's own: (n_steps, n_envs, height, width) uint8.

    It sees the original all the while, so that its behaviour is the same in every look.
    """
    skins.undress(env)
    actions, kept = [], []
    env.set_groups(1)
    with own_streams(policy, seed):
        obs = env.reset_all(seed)
        for _ in range(amount.n_steps):
            kept.append(obs[:, -1].cpu().numpy().copy())
            action, _ = policy.predict(obs.cpu().numpy(), deterministic=False)
            actions.append(action)
            obs = env.step_tensor(action).obs
    if pack is None:
        return np.stack(kept)
    skins.wear(env, pack, seed=seed, every=1)
    obs, kept = env.reset_all(seed), []
    for action in actions:
        kept.append(obs[:, -1].cpu().numpy().copy())
        obs = env.step_tensor(action).obs
    skins.undress(env)
    return np.stack(kept)


def leak(expert: np.ndarray, agent: np.ndarray, seed: int = 0, updates: Sequence[int] = UPDATES) -> dict[str, Any]:
    """Train GAIL's discriminator on most environments' pictures and judge it on the others'.

    Args:
        expert: (n_steps, n_envs, height, width) uint8.
        agent: Of the same shape.
        seed: Of the discriminator.
        updates: Minibatches after which it is judged, rising from 0.
    """
    keep = max(1, expert.shape[1] // 4)
    train, test = zip(*((_rows(x[:, :-keep]), _rows(x[:, -keep:])) for x in (expert, agent)), strict=True)
    gail = discriminator_of(train[0], seed)
    accuracy, done = {}, 0
    for n in updates:
        for _ in range(n - done):
            gail.update(_batch(train[1]))
        done = n
        accuracy[str(n)] = _accuracy(gail, *test)
    rewards = [float(gail.reward(_batch(rows)).mean()) for rows in test]
    return {"accuracy": accuracy, "reward_expert": rewards[0], "reward_agent": rewards[1]}


def discriminator_of(expert: Tensor, seed: int) -> GailReward:
    """GAIL's reward with its defaults, on pictures as vectors, one minibatch an update."""
    n = len(expert)
    flags = torch.zeros(n, dtype=torch.bool)
    demos = Demonstrations(
        id="leak", obs=expert, action=torch.zeros(n, dtype=torch.long), next_obs=expert, terminated=flags,
        truncated=flags, episode=torch.zeros(n, dtype=torch.long), n_trajectories=1, subsample=1, n_terminated=0,
        returns=(0.0,),
    )  # fmt: skip
    space = gym.spaces.Box(0, 1, (expert.shape[1],), np.float32)
    config = GailConfig(inputs="obs", n_updates=1, batch_size=256, saturation_warning=False)
    context = RewardContext(space, gym.spaces.Discrete(2), 1, 0.99, torch.device("cpu"), seed, demos=demos)
    return GailReward(config, context)


def _rows(pictures: np.ndarray) -> Tensor:
    """(n, pixels) float32 in [0, 1]."""
    return torch.from_numpy(pictures.reshape(-1, int(np.prod(pictures.shape[2:])))).float() / 255


def _batch(rows: Tensor) -> Batch:
    n = len(rows)
    flags = torch.zeros(n, dtype=torch.bool)
    return Batch(rows, torch.zeros(n, dtype=torch.long), torch.zeros(n), flags, flags, rows, flags, {})


@torch.no_grad()
def _accuracy(gail: GailReward, expert: Tensor, agent: Tensor) -> float:
    """Mean of both classes; a logit of 0 counts half."""
    found = []
    for rows, sign in ((expert, 1.0), (agent, -1.0)):
        logit = sign * gail.discriminator(gail.encoder(rows, torch.zeros(len(rows), dtype=torch.long), rows))
        found.append(torch.where(logit == 0, 0.5, (logit > 0).float()).mean())
    return float(sum(found) / 2)
