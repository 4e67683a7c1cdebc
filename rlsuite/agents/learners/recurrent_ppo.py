"""PPO with memory: states are kept with the rollout, and gradients run back through stretches of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import torch

from rlsuite.agents.contracts import LearnedReward
from rlsuite.agents.learners.config import PPOConfig
from rlsuite.agents.learners.losses import LossSettings, Minibatch, ppo_loss
from rlsuite.agents.learners.policy import is_image
from rlsuite.agents.learners.ppo import PPO
from rlsuite.agents.learners.recurrent import RecurrentActorCritic, RecurrentCnnActorCritic
from rlsuite.agents.learners.rollout import Row
from rlsuite.agents.learners.update import PolicyUpdate
from rlsuite.envs.vector import StateTree, VectorEnv


class RecurrentPPO(PPO):
    """`PPO` whose policy carries an LSTM's state from decision to decision.

    The state is zeroed where an episode begins, while acting and while learning. A rollout is cut into stretches of
    ``network.sequence_length`` decisions; each is learned from the state that it had when it was collected
    (truncated backpropagation through time), whole stretches make up a minibatch. Arguments are `PPO`'s.

    Reference:
        Pathak et al. 2017, arXiv:1705.05363, section 4.1 (the policy); Kapturowski et al. 2019 (R2D2),
        section 3, on starting from stored states.
    """

    policy_aliases: ClassVar[dict[str, Any]] = {
        "MlpPolicy": RecurrentActorCritic,
        "CnnPolicy": RecurrentCnnActorCritic,
    }
    policy: RecurrentActorCritic  # type: ignore[assignment]

    def _setup_model(self) -> None:
        super()._setup_model()
        shape = (self.n_steps + 1, 2, self.n_envs, self.policy.lstm_size)
        self.states = torch.zeros(shape, device=self.device)
        length = longest_stretch(self.n_steps, self.config.network.sequence_length)
        self.updater = SequenceUpdate(self, length)

    # -- acting --------------------------------------------------------------------------------

    def _begin_inference(self) -> Callable[[int, slice, Row], None]:
        """As `PPO`'s, and keeps every state; values come with the actions."""
        policy, states = self.policy, self.states
        self._values_pending = False

        def infer(t: int, group: slice, row: Row) -> None:
            inputs, starts = policy.inputs(row.obs), self._starts(t, group)[None]
            params, value, after = policy.unrolled(inputs, states[t, :, group], starts)
            row.params.copy_(params)
            row.value.copy_(value)
            states[t + 1, :, group] = after

        return infer

    def _starts(self, t: int, group: slice) -> torch.Tensor:
        """Whether the observations of row t are the first of their episodes, (n,) bool."""
        rollout = self.rollout
        if t == 0:
            return rollout.episode_start[0, group]
        return rollout.terminated[t - 1, group] | rollout.truncated[t - 1, group]

    def _leave_idle(self, t: int) -> None:
        super()._leave_idle(t)
        last = min(t + 2, self.n_steps)
        self.states[0] = self.states[last]
        self._episode_start = self._starts(last, slice(0, self.n_envs)).clone()

    def train(self) -> None:
        """As `PPO.train`; the next rollout begins with the state this one ended with."""
        super().train()
        self.states[0] = self.states[-1]

    # -- values --------------------------------------------------------------------------------

    def _last_values(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.policy.unrolled(inputs, self.states[-1], self.rollout.episode_start[-1:])[1]

    def _successor_values(self, rows: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Of true successors, with the states that their episodes had: those after the rows."""
        steps, envs = rows
        state = self.states[steps + 1, :, envs].transpose(0, 1)
        inputs = self.policy.inputs(self.rollout.next_obs[rows])
        return self.policy.unrolled(inputs, state, torch.zeros_like(steps, dtype=torch.bool)[None])[1]

    # -- state ---------------------------------------------------------------------------------

    def training_state(self) -> StateTree:
        """As `PPO.training_state`, and the memory of the episodes under way."""
        return super().training_state() | {"memory": self.states[0].clone()}

    def load_training_state(self, tree: StateTree) -> None:
        """Bring `training_state` back; where episodes begin anew, their first observations clear the memory."""
        super().load_training_state(tree)
        self.states[0] = tree["memory"].to(self.device)


def longest_stretch(n_steps: int, wanted: int) -> int:
    """The largest divisor of ``n_steps`` that is at most ``wanted``."""
    return next(length for length in range(min(wanted, n_steps), 0, -1) if n_steps % length == 0)


class SequenceUpdate(PolicyUpdate):
    """Gradient steps on stretches of a rollout.

    Args:
        learner: Whose policy, rollout and states.
        length: Decisions in a stretch; divides the rollout's.
    """

    policy: RecurrentActorCritic

    def __init__(self, learner: RecurrentPPO, length: int) -> None:
        super().__init__(learner.policy, learner.flat, learner._adam, learner.max_grad_norm)
        self.learner, self.length = learner, length

    def minibatches(
        self, data: Minibatch, permutation: Callable[[int], torch.Tensor], batch_size: int
    ) -> Iterator[Minibatch]:
        """Whole stretches in random order, time-major, about ``batch_size`` rows at a time.

        ``data`` is the flat, time-major rollout.
        """
        n_steps, n_envs, length = self.learner.n_steps, self.learner.n_envs, self.length
        order = permutation(n_steps // length * n_envs)
        first, env = order // n_envs * length, order % n_envs
        rows = first[None] + torch.arange(length, device=order.device)[:, None]
        n = max(1, batch_size // length)
        for where, begins, envs in zip(rows.split(n, dim=1), first.split(n), env.split(n), strict=True):
            self._starts = self.learner.rollout.episode_start[where, envs]
            self._state = self.learner.states[begins, :, envs].transpose(0, 1)
            index = (where * n_envs + envs).flatten()
            yield Minibatch(*(x.index_select(0, index) for x in data))

    def gradient(self, batch: Minibatch, settings: LossSettings) -> torch.Tensor:
        """Put the gradient of the loss into ``flat.grad`` and return the first six of `METRICS`."""
        params, value, _ = self.policy.unrolled(batch.inputs, self._state, self._starts)
        log_prob, entropy = self.policy.head.log_prob_entropy(params, self.policy.std_param, batch.action)
        loss, metrics = ppo_loss(batch, log_prob, entropy, value, settings)
        self.flat.zero_grad()
        loss.backward()
        return metrics


def make(
    config: PPOConfig,
    env: VectorEnv,
    *,
    rewards: Sequence[LearnedReward] = (),
    extrinsic_coef: float = 1.0,
    seed: int = 0,
    device: str | torch.device = "auto",
    total_steps: int | None = None,
) -> PPO:
    """Make the learner that an experiment's ``agent.learner`` section describes."""
    policy = "CnnPolicy" if is_image(env.observation_space) else "MlpPolicy"
    kind = PPO if config.network.memory == "none" else RecurrentPPO
    return kind(policy, env, config, rewards=rewards, extrinsic_coef=extrinsic_coef, seed=seed, device=device)
