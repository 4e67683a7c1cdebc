"""Gradient steps on the learner's own best episodes.

Reference: Oh et al. 2018, "Self-Imitation Learning", arXiv:1806.05635, equations 1 to 3. Deviation: whole episodes are
kept, the newest that earned enough, and drawn from alike; there is no priority by the gain.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rlsuite.agents.learners.config import SelfImitationConfig
from rlsuite.agents.learners.rollout import Rollout
from rlsuite.envs.vector import StateTree

if TYPE_CHECKING:
    from rlsuite.agents.learners.ppo import PPO

Steps = tuple[Tensor, Tensor, Tensor]
"""Observations, actions and rewards (or returns) of consecutive steps."""


@dataclass
class _Running:
    """An episode that has not ended: its newest steps and what all of it has earned."""

    parts: list[Steps] = field(default_factory=list)
    earned: float = 0.0


class EpisodeMemory:
    """The newest episodes that earned more than a threshold, with the return that followed each step.

    Args:
        config: Its section.
        n_envs: Environments that episodes come from.
        gamma: Discount of the returns.
    """

    def __init__(self, config: SelfImitationConfig, n_envs: int, gamma: float) -> None:
        self.config, self.gamma = config, gamma
        self.episodes: deque[Steps] = deque(maxlen=config.episodes)
        self.running = [_Running() for _ in range(n_envs)]
        self._steps: Steps | None = None  # of all episodes, joined; None: not since one was added

    def __len__(self) -> int:
        """Steps that can be drawn."""
        return sum(len(returns) for *_, returns in self.episodes)

    def add(self, rollout: Rollout) -> None:
        """Take in a finished rollout."""
        obs, action, reward = rollout.obs[:-1].cpu(), rollout.action.cpu(), rollout.reward.cpu()
        begins, ends = rollout.episode_start[:-1].cpu(), rollout.ended.cpu()
        for n, running in enumerate(self.running):
            edges = [0, *(ends[:, n].nonzero().flatten() + 1).tolist(), len(reward)]
            for first, last in itertools.pairwise(edges):
                if first == last:
                    continue
                if begins[first, n]:
                    running.parts, running.earned = [], 0.0
                running.parts.append(tuple(x[first:last, n].clone() for x in (obs, action, reward)))  # type: ignore[arg-type]
                running.earned += float(reward[first:last, n].sum())
                if ends[last - 1, n]:
                    self._finish(running)

    def _finish(self, running: _Running) -> None:
        if running.earned > self.config.above:
            obs, action, reward = (torch.cat(parts)[-self.config.last_steps :] for parts in zip(*running.parts))
            returns, following = torch.empty_like(reward), 0.0
            for t in range(len(reward) - 1, -1, -1):
                following = float(reward[t]) + self.gamma * following
                returns[t] = following
            self.episodes.append((obs, action, returns))
            self._steps = None
        running.parts, running.earned = [], 0.0

    def draw(self, n: int, generator: torch.Generator) -> Steps:
        """N of the kept steps, each as likely as any other, with repetition."""
        if self._steps is None:
            self._steps = tuple(torch.cat(parts) for parts in zip(*self.episodes, strict=True))  # type: ignore[assignment]
        assert self._steps is not None
        rows = torch.randint(len(self._steps[2]), (n,), generator=generator)
        obs, action, returns = (part[rows] for part in self._steps)
        return obs, action, returns

    def state_dict(self) -> StateTree:
        """Every kept and running episode, joined, and where they begin."""
        whole = [self._joined(list(self.episodes)), self._joined([p for r in self.running for p in r.parts])]
        return {
            "kept": whole[0],
            "kept_lengths": torch.tensor([len(e[2]) for e in self.episodes], dtype=torch.int64),
            "running": whole[1],
            "running_lengths": torch.tensor([sum(len(p[2]) for p in r.parts) for r in self.running]),
            "earned": torch.tensor([r.earned for r in self.running], dtype=torch.float64),
        }

    def load_state_dict(self, state: StateTree) -> None:
        """Bring `state_dict` back."""
        self.episodes.clear()
        self._steps = None
        self.episodes.extend(self._cut(state["kept"], state["kept_lengths"]))
        cut = self._cut(state["running"], state["running_lengths"])
        earned = torch.as_tensor(state["earned"]).tolist()
        for i, length in enumerate(torch.as_tensor(state["running_lengths"]).tolist()):
            self.running[i] = _Running([next(cut)] if length else [], earned[i])

    @staticmethod
    def _joined(parts: list[Steps]) -> StateTree:
        if not parts:
            return {}
        return dict(zip(("obs", "action", "reward"), (torch.cat(x) for x in zip(*parts, strict=True)), strict=True))

    @staticmethod
    def _cut(joined: StateTree, lengths: object):
        wanted = [n for n in torch.as_tensor(lengths).tolist() if n]
        if not wanted:
            return iter(())
        split = (torch.as_tensor(joined[name]).split(wanted) for name in ("obs", "action", "reward"))
        return zip(*split, strict=True)


class SelfImitation:
    """Makes what its best episodes did likelier, where they earned more than the value function expects.

    Args:
        config: Its section.
        learner: Whose policy learns.
        generator: Which steps are drawn.
    """

    def __init__(self, config: SelfImitationConfig, learner: PPO, generator: torch.Generator) -> None:
        self.config, self.learner, self.generator = config, learner, generator
        self.memory = EpisodeMemory(config, learner.n_envs, learner.gamma)

    def learn(self) -> dict[str, float | Tensor]:
        """Take in the learner's rollout, then take the gradient steps."""
        self.memory.add(self.learner.rollout)
        metrics: dict[str, float | Tensor] = {"self_imitation/episodes": float(len(self.memory.episodes))}
        if not len(self.memory):
            return metrics
        self.learner.policy.set_training_mode(True)
        steps = torch.stack([self._step() for _ in range(self.config.n_updates)]).mean(dim=0)
        return metrics | {"self_imitation/loss": steps[0], "self_imitation/gain": steps[1]}

    def _step(self) -> Tensor:
        learner, config = self.learner, self.config
        drawn = self.memory.draw(config.batch_size, self.generator)
        obs, action, earned = (x.to(learner.device) for x in drawn)
        if learner.config.normalize_reward:
            earned = learner.reward_scale.scale.divide(earned)
        params, value = learner.policy.heads(learner.policy.inputs(obs))
        log_prob, _ = learner.policy.head.log_prob_entropy(params, learner.policy.std_param, action)
        gain = (learner.extrinsic_coef * earned - value[:, 0]).clamp(min=0)
        policy_loss = -(log_prob * gain.detach()).mean()
        loss = config.weight * (policy_loss + config.value_weight * 0.5 * gain.square().mean())
        learner.flat.zero_grad()
        loss.backward()
        learner.flat.clip_grad_norm(learner.max_grad_norm)
        learner.updater.optimizer.fast_step()
        return torch.stack([loss.detach(), gain.detach().mean()])

    def state_dict(self) -> StateTree:
        """Episodes and the random stream."""
        return {"memory": self.memory.state_dict(), "generator": self.generator.get_state()}

    def load_state_dict(self, state: StateTree) -> None:
        """Bring `state_dict` back."""
        self.memory.load_state_dict(state["memory"])
        self.generator.set_state(torch.as_tensor(state["generator"]).cpu())
