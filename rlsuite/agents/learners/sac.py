"""Soft actor-critic with learned rewards."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import stable_baselines3 as sb3
import torch
from gymnasium import spaces
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv

from rlsuite.agents.contracts import LearnedReward
from rlsuite.agents.learners.averaging import PolicyAverage
from rlsuite.agents.learners.base import Learner, choose_device
from rlsuite.agents.learners.config import SACConfig
from rlsuite.agents.learners.critics import LayerNormSACPolicy
from rlsuite.agents.learners.encoders import NormalizedVector
from rlsuite.agents.learners.flat import FlatParameters, load_optimizer_state, make_adam, optimizer_state
from rlsuite.agents.learners.lessons import find_lesson
from rlsuite.agents.learners.networks import sac_policy_kwargs
from rlsuite.agents.learners.relabel import absorbing_value, total_reward
from rlsuite.agents.learners.replay import Replay
from rlsuite.agents.learners.rollout import info_read
from rlsuite.agents.learners.sac_autograd import autograd_step
from rlsuite.agents.learners.sac_fused import fused_step
from rlsuite.agents.learners.sac_losses import StepBatch, squashed_sample
from rlsuite.agents.learners.streams import check_one_stream
from rlsuite.envs.vector import SUCCESS_KEYS, StateTree, Step, VectorEnv
from rlsuite.errors import UserError
from rlsuite.runs.seeding import torch_stream

METRICS = ("critic_loss", "actor_loss", "ent_coef", "ent_coef_loss", "q_mean", "reward_mean")


class SAC(Learner, sb3.SAC):  # pyright: ignore[reportIncompatibleVariableOverride]
    """stable-baselines3's SAC with learned rewards and replay on the device.

    Learned rewards are computed with their present parameters each time a minibatch is drawn and
    never stored; they train every ``reward_update_every`` env steps on minibatches of replay.

    Args:
        policy: ``"MlpPolicy"`` or a subclass of stable-baselines3's ``SACPolicy``.
        env: A `VectorEnv`, or anything stable-baselines3 takes; continuous actions.
        config: Settings; None for the defaults.
        rewards: Learned rewards; all of them share the critic (``value_head: shared``).
        extrinsic_coef: Factor of the environment's own reward.
        seed: Of the parameters, actions and minibatches; None for a random one.
        device: ``auto``, ``cpu`` or ``cuda``.
        verbose: As in stable-baselines3.
        tensorboard_log: As in stable-baselines3.
        policy_kwargs: For the policy, beside what ``config`` says.
        settings: Single settings by name, over those of ``config``.
    """

    log_ent_coef: torch.Tensor  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        policy: str | type,
        env: VecEnv | Any,
        config: SACConfig | None = None,
        *,
        rewards: Sequence[LearnedReward] = (),
        extrinsic_coef: float = 1.0,
        seed: int | None = None,
        device: str | torch.device = "auto",
        verbose: int = 0,
        tensorboard_log: str | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self.config = c = SACConfig(**((config.model_dump() if config else {}) | settings))
        env = self._wrap_env(env)
        _check_spaces(env)
        check_one_stream(rewards, c.gamma)
        super().__init__(
            LayerNormSACPolicy if policy == "MlpPolicy" and c.network.critic_layer_norm else policy,  # type: ignore[arg-type]
            env,
            learning_rate=LinearSchedule(c.learning_rate, 0.0, 1.0) if c.lr_schedule == "linear" else c.learning_rate,
            buffer_size=c.buffer_size,
            learning_starts=c.learning_starts,
            batch_size=c.batch_size,
            tau=c.tau,
            gamma=c.gamma,
            train_freq=c.train_freq,
            gradient_steps=c.gradient_steps,
            ent_coef=f"auto_{c.ent_coef_init}" if c.ent_coef == "auto" else c.ent_coef,
            target_entropy=c.target_entropy,
            policy_kwargs=sac_policy_kwargs(c) | (policy_kwargs or {}),
            tensorboard_log=tensorboard_log,
            verbose=verbose,
            seed=seed,
            device=choose_device(device, images=False),
            _init_setup_model=False,
        )
        self._setup_learner(rewards, extrinsic_coef)
        self._setup_model()

    def _setup_model(self) -> None:
        self._setup_lr_schedule()
        self._convert_train_freq()
        self.set_random_seed(self.seed)
        with torch.random.fork_rng(devices=[]):  # the parameters' values are this learner's own stream
            torch.default_generator.manual_seed(self.init_seed())
            self.policy = self.policy_class(  # type: ignore[assignment]
                self.observation_space, self.action_space, self.lr_schedule, **self.policy_kwargs
            ).to(self.device)
        self._create_aliases()
        self.log_ent_coef = self._make_log_ent_coef()  # pyright: ignore[reportIncompatibleVariableOverride]
        self.flat_actor = FlatParameters([*self.actor.parameters(), self.log_ent_coef])
        self.flat_critic = FlatParameters(self.critic.parameters())
        self.flat_target = FlatParameters(self.critic_target.requires_grad_(True).parameters())
        rate, eps = self.lr_schedule(1.0), 1e-8
        self.actor.optimizer = self._actor_adam = make_adam(self.flat_actor, rate, eps)
        self.critic.optimizer = self._critic_adam = make_adam(self.flat_critic, rate, eps)
        size = int(self.action_space.shape[0])  # type: ignore[index]
        self.target_entropy = -float(size) if self.target_entropy == "auto" else float(self.target_entropy)
        self.ent_coef_optimizer = None  # one Adam moves the actor and the entropy coefficient
        self._fused = fused_step(self)
        self.lesson = find_lesson(self.rewards)
        spaces_ = self.observation_space, self.action_space
        self.replay = Replay(self.buffer_size, self.n_envs, *spaces_, self.device, info_read(self.env, self.rewards))
        low, high = (torch.as_tensor(x, device=self.device) for x in (self.action_space.low, self.action_space.high))  # type: ignore[union-attr]
        self._action_center, self._action_half = (low + high) / 2, (high - low) / 2
        self._metrics = torch.zeros(len(METRICS), device=self.device)
        self._metric_steps = 0
        self.average = PolicyAverage(self.flat_actor, self.config.policy_average)
        self.begins_trained = False  # a warm start says so: then the first actions are the policy's, not random
        self._last_log = self._last_reward_update = 0
        self._reward_metrics: dict[str, torch.Tensor | float] = {}

    def _make_log_ent_coef(self) -> torch.nn.Parameter:
        """The logarithm of the entropy coefficient, learned beside the actor or fixed."""
        learned = self.config.ent_coef == "auto"
        alpha = self.config.ent_coef_init if self.config.ent_coef == "auto" else float(self.config.ent_coef)
        start = torch.full((1,), alpha, device=self.device).log()
        return torch.nn.Parameter(start, requires_grad=learned)

    @property
    def normalizers(self) -> list[NormalizedVector]:
        """The running statistics inside actor, critics and target critics: the same numbers in each."""
        nets = (self.actor, self.critic, self.critic_target)
        return [n.features_extractor for n in nets if isinstance(n.features_extractor, NormalizedVector)]

    # -- the loop ------------------------------------------------------------------------------

    def learn(  # type: ignore[override]
        self,
        total_timesteps: int,
        callback: Any = None,
        log_interval: int | None = 1,
        tb_log_name: str = "SAC",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> SAC:
        """Train until ``num_timesteps`` reaches ``total_timesteps`` (counted from 0), or until stopped.

        Logs every ``log_interval`` times ``config.log_every`` env steps.
        """
        total, callback = self._setup_learn(total_timesteps, callback, reset_num_timesteps, tb_log_name, progress_bar)
        if reset_num_timesteps:
            self._last_log = self._last_reward_update = 0
        callback.on_training_start(locals(), globals())
        while self.num_timesteps < total and not self.stop_requested:
            if not self.collect_rollouts(self.env, callback):
                break
            self.iteration += 1
            self._update_current_progress_remaining(self.num_timesteps, total)
            if self.num_timesteps >= self.learning_starts:
                steps = self.config.train_freq * self.n_envs if self.gradient_steps < 0 else self.gradient_steps
                self.train(steps, self.batch_size)
                self._train_rewards()
            if log_interval is not None and self.num_timesteps - self._last_log >= log_interval * self.config.log_every:
                self._log()
        callback.on_training_end()
        return self

    @torch.no_grad()
    def collect_rollouts(self, env: VectorEnv, callback: BaseCallback) -> bool:  # type: ignore[override]
        """Step every environment ``train_freq`` times and keep the transitions.

        Returns:
            False if a callback asked to stop.
        """
        callback.on_rollout_start()
        self.policy.set_training_mode(False)
        env.set_groups(1)
        for n in range(self.config.train_freq):
            action = self._explore()
            step = env.step_tensor(action.cpu() if env.device.type == "cpu" else action)
            self.replay.add(self._obs, action, self._episode_start, step)
            self._take(step)
            self.num_timesteps += env.num_envs
            seen = {"self": self, "env": env, "n_steps": n + 1, "replay": self.replay}
            callback.update_locals(
                seen | {"dones": self._episode_start.cpu().numpy(), "rewards": step.reward.cpu().numpy()}
            )
            if not callback.on_step():
                return False
        callback.on_rollout_end()
        return True

    def _explore(self) -> torch.Tensor:
        """Actions for the present observations, in the environment's units: random at first, then the policy's."""
        shape = (self.n_envs, *self._action_half.shape)
        if self.num_timesteps < self.learning_starts and not self.begins_trained:
            unit = torch.rand(shape, generator=self.action_rng, device=self.device) * 2 - 1
        else:
            noise = torch.randn((self.n_envs, self._action_half.numel()), generator=self.action_rng, device=self.device)
            noise[: round(self.config.deterministic_share * self.n_envs)] = 0.0
            features = self.actor.extract_features(self._obs, self.actor.features_extractor)
            unit = squashed_sample(self.actor, features, noise)[0].view(shape)
        return torch.addcmul(self._action_center, unit, self._action_half)

    def _take(self, step: Step) -> None:
        ended = (step.terminated | step.truncated).to(self.device)
        self._obs = step.obs.to(self.device, copy=True)
        self._episode_start = ended
        for normalizer in self.normalizers[:1]:
            normalizer.update(self._obs)
            for other in self.normalizers[1:]:
                other.load_state_dict(normalizer.state_dict())
        success = next((torch.as_tensor(step.info[k])[None] for k in SUCCESS_KEYS if k in step.info), None)
        self._record_episodes(step.reward[None], ended[None], success)

    # -- learning ------------------------------------------------------------------------------

    def train(self, gradient_steps: int, batch_size: int = 256) -> None:
        """Make gradient steps, each on a minibatch of its own; learned rewards are computed for all of them at once."""
        self.policy.set_training_mode(True)
        self._update_learning_rate([self._actor_adam, self._critic_adam])
        batch = self.replay.sample(gradient_steps * batch_size, self.batch_rng)
        if self.lesson is not None:
            self.lesson.mix_into(batch, gradient_steps, self.batch_rng)
        reward = total_reward(self.rewards, batch, self.extrinsic_coef)
        absorbing = absorbing_value(self.rewards, self.gamma)
        noise = self._noise(gradient_steps, batch_size)
        with torch.no_grad():
            obs = self.actor.extract_features(batch.obs, self.actor.features_extractor)
            next_obs = self.actor.extract_features(batch.next_obs, self.actor.features_extractor)
            action = self.unit_action(batch.action)
        parts = (obs, action, reward, batch.terminated, next_obs)
        obs, action, reward, terminated, next_obs = (x.unflatten(0, (gradient_steps, batch_size)) for x in parts)
        step = self._fused or partial(autograd_step, self)
        moves = self.num_timesteps >= self.config.policy_starts
        for first in range(0, gradient_steps, self.config.policy_delay):
            group = slice(first, first + self.config.policy_delay)
            of_actor, of_next = noise[group][-1, 0], noise[group][:, 1]
            parts = (obs[group], action[group], reward[group], terminated[group], next_obs[group], of_actor, of_next)
            self._metrics += step(StepBatch(*parts, absorbing, moves, **self._demonstrated()))
            self._metric_steps += 1
        self._n_updates += gradient_steps
        if moves:
            self.average.move(self.config.train_freq * self.n_envs)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """As in stable-baselines3, by the averaged policy if there is one."""
        with self.average.applied():
            return super().predict(*args, **kwargs)

    def export(self, path: Any) -> None:
        """As `Learner.export`, of the averaged policy if there is one."""
        with self.average.applied():
            super().export(path)

    def _demonstrated(self) -> dict[str, Any]:
        """The demonstrated pairs of one actor step, as fields of `StepBatch`."""
        if self.lesson is None or not self.lesson.bc_coef:
            return {}
        obs, action = self.lesson.pairs(self.batch_rng)
        with torch.no_grad():
            obs = self.actor.extract_features(obs, self.actor.features_extractor)
        return {"demo_obs": obs, "demo_action": self.unit_action(action), "bc_coef": self.lesson.bc_coef}

    def unit_action(self, action: torch.Tensor) -> torch.Tensor:
        """Actions (n, action_dim) in (-1, 1) of actions (n, *shape) in the environment's units."""
        return ((action - self._action_center) / self._action_half).flatten(1)

    def _noise(self, gradient_steps: int, batch_size: int) -> torch.Tensor:
        """Standard normal noise for present and next actions, (gradient_steps, 2, batch_size, action_dim)."""
        shape = (gradient_steps, 2, batch_size, self._action_half.numel())
        return torch.randn(shape, generator=self.batch_rng, device=self.device)

    def _train_rewards(self) -> None:
        """Train the learned rewards if it is time."""
        c = self.config
        if not self.rewards or self.num_timesteps - self._last_reward_update < c.reward_update_every:
            return
        self._last_reward_update = self.num_timesteps
        for r in self.rewards:
            sums: dict[str, torch.Tensor | float] = {}
            for _ in range(c.reward_updates):
                # weight 0 must not shift the learner's own stream: the reward's rows come from another one
                batch = self.replay.sample(c.reward_batch_size, self.reward_rng, c.reward_window)
                for key, value in r.update(batch).items():
                    sums[key] = sums.get(key, 0.0) + value / c.reward_updates
            self._reward_metrics |= {f"{r.name}/{k}": v for k, v in sums.items()}

    def _log(self) -> None:
        self._last_log = self.num_timesteps
        if self._metric_steps:
            means = self._metrics / self._metric_steps
            metrics: dict[str, torch.Tensor | float] = {f"train/{k}": v for k, v in zip(METRICS, means, strict=True)}
            self._record_metrics(metrics | self._reward_metrics | {"train/n_updates": self._n_updates})
            self._metrics.zero_()
            self._metric_steps = 0
        self.dump_logs()

    # -- state ---------------------------------------------------------------------------------

    def set_random_seed(self, seed: int | None = None) -> None:
        """Seed this learner's own streams."""
        super().set_random_seed(seed)
        self.reward_rng = torch_stream(self._root_seed, "sac/reward_minibatches", self.device)

    def policy_state(self) -> StateTree:
        """The part that acts, its averaged parameters included."""
        return super().policy_state() | self.average.state_dict()

    def load_policy_state(self, tree: StateTree) -> None:
        """Bring `policy_state` back."""
        average = {k: v for k, v in tree.items() if k == "average"}
        super().load_policy_state({k: v for k, v in tree.items() if k not in average})
        self.average.load_state_dict(average)

    def training_state(self) -> StateTree:
        """Everything resume needs, replay included; see `Learner.training_state`."""
        state = super().training_state()
        state["rng"]["rewards"] = self.reward_rng.get_state()
        state["counters"] |= {
            "begins_trained": self.begins_trained,
            "last_log": self._last_log,
            "last_reward_update": self._last_reward_update,
        }
        return state | {
            "actor_optimizer": optimizer_state(self.actor.optimizer),
            "critic_optimizer": optimizer_state(self.critic.optimizer),
            "log_ent_coef": self.log_ent_coef.detach().clone(),
            "replay": self.replay.state_dict(),
            "metrics": self._metrics.clone(),
            "metric_steps": self._metric_steps,
        }

    def load_training_state(self, tree: StateTree) -> None:
        """Bring `training_state` back."""
        super().load_training_state(tree)
        self.reward_rng.set_state(tree["rng"]["rewards"].cpu())
        self.begins_trained = bool(tree["counters"]["begins_trained"])
        self._last_log = tree["counters"]["last_log"]
        self._last_reward_update = tree["counters"]["last_reward_update"]
        load_optimizer_state(self.actor.optimizer, tree["actor_optimizer"])
        load_optimizer_state(self.critic.optimizer, tree["critic_optimizer"])
        with torch.no_grad():
            self.log_ent_coef.copy_(tree["log_ent_coef"])
        self.replay.load_state_dict(tree["replay"])
        self._metrics.copy_(tree["metrics"])
        self._metric_steps = tree["metric_steps"]


def _check_spaces(env: VectorEnv) -> None:
    """Refuse an environment that SAC cannot learn.

    Raises:
        UserError: Its actions are discrete, or its observations images.
    """
    if not isinstance(env.action_space, spaces.Box):
        raise UserError(
            f"agent.learner: sac needs continuous actions, this level has {env.action_space}. Use kind: ppo."
        )
    if len(env.observation_space.shape or ()) == 3:
        raise UserError("agent.learner: sac learns from vectors, this level gives images. Use kind: ppo.")


def make(
    config: SACConfig,
    env: VectorEnv,
    *,
    rewards: Sequence[LearnedReward] = (),
    extrinsic_coef: float = 1.0,
    seed: int = 0,
    device: str | torch.device = "auto",
    total_steps: int | None = None,
) -> SAC:
    """Make the learner that an experiment's ``agent.learner`` section describes."""
    return SAC("MlpPolicy", env, config, rewards=rewards, extrinsic_coef=extrinsic_coef, seed=seed, device=device)
