"""GAIL as a learned reward: a discriminator that scores transitions and trains beside the policy."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rlsuite.agents.contracts import Batch, RewardContext
from rlsuite.agents.gail.config import GailConfig
from rlsuite.agents.gail.discriminator import Discriminator
from rlsuite.agents.gail.inputs import InputEncoder
from rlsuite.agents.gail.losses import reward_from_logits
from rlsuite.agents.gail.optimizer import adam_state, load_adam_state
from rlsuite.agents.gail.replay import RowReplay
from rlsuite.agents.gail.step import autograd_step, mix, step_by_hand
from rlsuite.agents.learners.flat import FlatParameters, make_adam
from rlsuite.agents.learners.lessons import Lesson
from rlsuite.errors import UserError
from rlsuite.runs.seeding import torch_stream

SATURATED_ACCURACY = 0.99
SATURATED_FOR_UPDATES = 50


def make(config: GailConfig, context: RewardContext) -> GailReward:
    """Build the reward; what the registry's entry ``gail`` resolves to.

    Raises:
        UserError: No demonstrations, or spaces that the discriminator cannot judge.
    """
    if context.demos is None:
        raise UserError("the gail reward needs demonstrations: add a `demos: {id: ...}` section to the experiment")
    return GailReward(config, context)


class GailReward:
    """Generative adversarial imitation learning (Ho & Ermon 2016, arXiv:1606.03476).

    Never reads the environment's reward. All randomness comes from its own stream.

    Args:
        config: The reward's section.
        context: Spaces, device, seed and demonstrations.
    """

    name = "gail"
    info_keys: tuple[str, ...] = ()
    episodic = True

    def __init__(self, config: GailConfig, context: RewardContext) -> None:
        self.config = config
        self.weight = config.weight
        self.gamma = config.gamma
        self.value_head = config.value_head
        self.generator = torch_stream(context.seed, "gail", context.device)
        self.seed, self.demos = context.seed, context.demos.to(context.device)
        demos = self.demos
        self.encoder = InputEncoder(config, context.observation_space, context.action_space, demos)
        self.expert_rows, self.expert_probabilities = self._expert(demos)
        self.discriminator = Discriminator(
            self.encoder.n_inputs,
            config.hidden_sizes,
            config.activation,
            spectral_norm=config.spectral_norm,
            generator=self.generator,
        ).to(context.device)
        self.flat = FlatParameters(self.discriminator.parameters())
        self.optimizer = make_adam(self.flat, config.learning_rate, eps=1e-8)
        self.replay = RowReplay(config.replay_size, self.encoder.n_inputs, context.device)
        self.n_saturated = 0
        self.last_reward: tuple[Tensor | float, Tensor | float] = (0.0, 0.0)

    def warm_start(self, learner: Any) -> None:
        """Let the learner's policy begin as a clone of the demonstrations, if ``bc_steps`` asks for it."""
        if self.config.bc_steps and self.weight:
            from rlsuite.agents.bc.warm_start import warm_start

            warm_start(learner, self.demos, n_steps=self.config.bc_steps, seed=self.seed)

    @property
    def lesson(self) -> Lesson | None:
        """What an off-policy learner takes from the demonstrations directly, if the settings ask for it."""
        config, demos = self.config, self.demos
        if not config.bc_coef and not config.demo_share:
            return None
        return Lesson(demos.obs, demos.action, demos.next_obs, demos.terminated, config.bc_coef, config.demo_share)

    # -- scoring -------------------------------------------------------------------------------

    @torch.no_grad()
    def reward(self, batch: Batch) -> Tensor:
        """The discriminator's reward, float32, of the batch's leading shape."""
        flat = batch.flatten()
        rows = self.encoder(flat.obs, flat.action, flat.next_obs)
        reward = self._reward_of_rows(rows)
        self.last_reward = reward.mean(), reward.std(unbiased=False)
        return reward.reshape(batch.leading_shape)

    @torch.no_grad()
    def absorbing_value(self, gamma: float) -> Tensor | float:
        """Value of staying in the absorbing state for good, r / (1 - gamma); 0.0 if ``absorbing`` is off."""
        if not self.config.absorbing:
            return 0.0
        return self._reward_of_rows(self.encoder.absorbing_row()).squeeze() / (1.0 - gamma)

    def _reward_of_rows(self, rows: Tensor) -> Tensor:
        return reward_from_logits(self.discriminator(rows), self.config.reward_form, self.config.logit_clip)

    # -- training ------------------------------------------------------------------------------

    def update(self, batch: Batch) -> dict[str, Tensor | float]:
        """Take ``n_updates`` steps on minibatches of the batch (and replay) against the demonstrations."""
        policy_rows = self._policy_rows(batch.flatten())
        sums: dict[str, Tensor] = {}
        for _ in range(self.config.n_updates):
            for key, value in self._step(policy_rows).items():
                sums[key] = sums[key] + value if key in sums else value
        metrics: dict[str, Tensor | float] = {k: v / self.config.n_updates for k, v in sums.items()}
        saturated = self._watch_saturation(metrics)
        mean, std = self.last_reward
        return {**metrics, "saturated": float(saturated), "reward_mean": mean, "reward_std": std}

    def _policy_rows(self, flat: Batch) -> Tensor:
        rows = self.encoder(flat.obs, flat.action, flat.next_obs)
        if self.config.absorbing:
            stays = self.encoder.absorbing_row().expand(int(flat.terminated.sum()), -1)
            rows = torch.cat([rows, stays])
        if not self.config.replay_size:
            return rows
        older = self.replay.filled().clone()
        self.replay.add(rows)
        return torch.cat([rows, older])

    def _step(self, policy_rows: Tensor) -> dict[str, Tensor]:
        config = self.config
        self.discriminator.iterate_spectral_norm()
        expert, policy = self._draw_expert(), self._draw(policy_rows)
        rows = mix(expert, policy, self._mixing_shares(config.batch_size), config)
        step = step_by_hand if rows.inputs.device.type == "cpu" else autograd_step
        metrics = step(self.discriminator, rows, config)
        if config.weight_decay:  # decoupled, as AdamW's
            self.flat.param.detach().mul_(1.0 - config.learning_rate * config.weight_decay)
        self.optimizer.fast_step()
        return metrics

    def _draw(self, rows: Tensor) -> Tensor:
        index = torch.randint(len(rows), (self.config.batch_size,), generator=self.generator, device=rows.device)
        return rows[index]

    def _draw_expert(self) -> Tensor:
        if self.expert_probabilities is None:
            return self._draw(self.expert_rows)
        index = torch.multinomial(
            self.expert_probabilities, self.config.batch_size, replacement=True, generator=self.generator
        )
        return self.expert_rows[index]

    def _mixing_shares(self, n: int) -> Tensor:
        """(n, 1) shares of expert in the mixtures, uniform."""
        return torch.rand(n, 1, generator=self.generator, device=self.expert_rows.device)

    def _expert(self, demos: Any) -> tuple[Tensor, Tensor | None]:
        """Expert rows and, with absorbing states, the probability to draw each.

        An absorbing row stands for an end, of which there is one a trajectory however few of its steps
        were kept, so it counts 1 / subsample (Kostrikov et al. 2019, arXiv:1809.02925).
        """
        rows = self.encoder(demos.obs, demos.action, demos.next_obs)
        if not self.config.absorbing or demos.n_terminated == 0:
            return rows, None
        weights = rows.new_ones(len(rows) + 1)
        weights[-1] = demos.n_terminated / demos.subsample
        return torch.cat([rows, self.encoder.absorbing_row()]), weights / weights.sum()

    def _watch_saturation(self, metrics: Mapping[str, Tensor | float]) -> bool:
        """Whether this update told both classes apart almost perfectly; warns once when that lasts."""
        worst = min(float(metrics["disc_acc_expert"]), float(metrics["disc_acc_policy"]))
        saturated = worst > SATURATED_ACCURACY
        if not self.config.saturation_warning or self.n_saturated < 0:
            return saturated
        self.n_saturated = self.n_saturated + 1 if saturated else 0
        if self.n_saturated >= SATURATED_FOR_UPDATES:
            self.n_saturated = -1
            warnings.warn(
                f"the discriminator told expert from policy with accuracy above {SATURATED_ACCURACY} for "
                f"{SATURATED_FOR_UPDATES} updates in a row: its reward says little. Raise "
                "gradient_penalty_coef, lower learning_rate or n_updates, or set spectral_norm: true.",
                stacklevel=3,
            )
        return saturated

    # -- saving --------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Parameters, optimiser, policy samples and the random stream."""
        return {
            "discriminator": {k: v.clone() for k, v in self.discriminator.state_dict().items()},
            "optimizer": adam_state(self.optimizer),
            "replay": self.replay.state_dict(),
            "generator": self.generator.get_state(),
            "n_saturated": self.n_saturated,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Bring `state_dict` back."""
        self.discriminator.load_state_dict(state["discriminator"])
        load_adam_state(self.optimizer, state["optimizer"])
        self.replay.load_state_dict(state["replay"])
        self.generator.set_state(state["generator"].cpu())
        self.n_saturated = int(state["n_saturated"])
