"""Proximal policy optimisation with learned rewards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import stable_baselines3 as sb3
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import FloatSchedule, LinearSchedule
from stable_baselines3.common.vec_env import VecEnv

from rlsuite.agents.contracts import LearnedReward
from rlsuite.agents.learners.acting import make_actor
from rlsuite.agents.learners.advantages import DiscountedReturnScale, RunningScale, gae
from rlsuite.agents.learners.base import Learner, choose_device
from rlsuite.agents.learners.collecting import collect
from rlsuite.agents.learners.config import PPOConfig
from rlsuite.agents.learners.episodes import EpisodeStatistics
from rlsuite.agents.learners.flat import FlatParameters, load_optimizer_state, make_adam, optimizer_state
from rlsuite.agents.learners.fused import FusedUpdate, is_plain
from rlsuite.agents.learners.graphed import GraphedUpdate
from rlsuite.agents.learners.losses import LossSettings, Minibatch, normalize
from rlsuite.agents.learners.networks import ppo_policy_kwargs
from rlsuite.agents.learners.policy import ActorCritic, CnnActorCritic, is_image
from rlsuite.agents.learners.rollout import Rollout, Row, info_kept
from rlsuite.agents.learners.self_imitation import SelfImitation
from rlsuite.agents.learners.streams import make_streams
from rlsuite.agents.learners.update import PolicyUpdate
from rlsuite.envs.vector import SUCCESS_KEYS, StateTree, VectorEnv
from rlsuite.runs.threads import while_updating


class PPO(Learner, sb3.PPO):  # pyright: ignore[reportIncompatibleVariableOverride]
    """stable-baselines3's PPO with learned rewards, storage on the device and overlapped environments.

    An iteration reads: collect, score with the learned rewards, estimate advantages, update the
    policy, train the learned rewards.

    Args:
        policy: ``"MlpPolicy"``, ``"CnnPolicy"`` or a subclass of `ActorCritic`.
        env: A `VectorEnv`, or anything stable-baselines3 takes.
        config: Settings; None for the defaults.
        rewards: Learned rewards.
        extrinsic_coef: Factor of the environment's own reward.
        seed: Of the parameters, actions and minibatches; None for a random one.
        device: ``auto``, ``cpu`` or ``cuda``.
        verbose: As in stable-baselines3.
        tensorboard_log: As in stable-baselines3.
        policy_kwargs: For the policy, beside what ``config`` says.
        settings: Single settings by name, over those of ``config``.
    """

    policy_aliases: ClassVar[dict[str, Any]] = {"MlpPolicy": ActorCritic, "CnnPolicy": CnnActorCritic}
    policy: ActorCritic  # type: ignore[assignment]

    def __init__(
        self,
        policy: str | type[ActorCritic],
        env: VecEnv | Any,
        config: PPOConfig | None = None,
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
        self.config = PPOConfig(**((config.model_dump() if config else {}) | settings))
        c = self.config
        env = self._wrap_env(env)
        kwargs = ppo_policy_kwargs(c, images=is_image(env.observation_space)) | (policy_kwargs or {})
        super().__init__(
            policy,  # type: ignore[arg-type]
            env,
            learning_rate=LinearSchedule(c.learning_rate, 0.0, 1.0) if c.lr_schedule == "linear" else c.learning_rate,
            n_steps=c.n_steps,
            batch_size=min(c.batch_size, c.n_steps * env.num_envs),
            n_epochs=c.n_epochs,
            gamma=c.gamma,
            gae_lambda=c.gae_lambda,
            clip_range=c.clip_range,
            clip_range_vf=c.clip_range_vf,
            normalize_advantage=c.advantage_norm == "minibatch",
            ent_coef=c.ent_coef,
            vf_coef=c.vf_coef,
            max_grad_norm=c.max_grad_norm,
            target_kl=c.target_kl,
            policy_kwargs=kwargs,
            tensorboard_log=tensorboard_log,
            verbose=verbose,
            seed=seed,
            device=choose_device(device, images=is_image(env.observation_space)),
            _init_setup_model=False,
        )
        overlap = self.env.num_envs > 1 and (self.env.overlap_pays or self.device.type != "cpu")
        self.n_groups = 2 if overlap else 1  # one is stepped while the other is inferred
        self.env.set_groups(self.n_groups)  # before the first reset: regrouping restarts foreign environments
        self._setup_learner(rewards, extrinsic_coef)
        self._setup_model()

    def _setup_model(self) -> None:
        self._setup_lr_schedule()
        self.set_random_seed(self.seed)
        self.clip_range = FloatSchedule(self.clip_range)
        self.clip_range_vf = None if self.clip_range_vf is None else FloatSchedule(self.clip_range_vf)
        self.streams = make_streams(self.rewards, self.extrinsic_coef, self.gamma)
        with torch.random.fork_rng(devices=[]):  # the parameters' values are this learner's own stream
            torch.default_generator.manual_seed(self.init_seed())
            self.policy = self.policy_class(  # type: ignore[assignment]
                self.observation_space,
                self.action_space,
                self.lr_schedule,
                n_own_values=len(self.streams.own),
                **self.policy_kwargs,
            ).to(self.device)
        self.flat = FlatParameters(self.policy.parameters())
        graphed = self.config.cuda_graph and self.device.type == "cuda"
        adam = make_adam(self.flat, self.lr_schedule(1.0), self.config.adam_eps, capturable=graphed)
        self.policy.optimizer = self._adam = adam
        updater = GraphedUpdate if graphed else FusedUpdate if is_plain(self.policy) else PolicyUpdate
        self.updater = updater(self.policy, self.flat, adam, self.max_grad_norm)
        n_params = self.policy.action_net.out_features
        self.rollout = Rollout(
            self.n_steps,
            self.n_envs,
            self.observation_space,
            self.action_space,
            n_params=int(n_params),  # type: ignore[arg-type]
            n_heads=1 + len(self.streams.own),
            info_keys=info_kept(self.env, self.rewards),
            device=self.device,
        )
        self.reward_scale = DiscountedReturnScale(self.n_envs, self.gamma, self.device)
        self.advantage_scale = RunningScale(self.device)
        self.learned_statistics = EpisodeStatistics(self.n_envs)
        own = self.config.self_imitation
        stream = torch.Generator().manual_seed(self.init_seed("self_imitation"))
        self.imitation = None if own is None else SelfImitation(own, self, stream)

    # -- the loop ------------------------------------------------------------------------------

    def learn(  # type: ignore[override]
        self,
        total_timesteps: int,
        callback: Any = None,
        log_interval: int | None = 1,
        tb_log_name: str = "PPO",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> PPO:
        """Train until ``num_timesteps`` reaches ``total_timesteps`` (counted from 0), or until stopped."""
        total, callback = self._setup_learn(total_timesteps, callback, reset_num_timesteps, tb_log_name, progress_bar)
        callback.on_training_start(locals(), globals())
        while self.num_timesteps < total and not self.stop_requested:
            if not self.collect_rollouts(self.env, callback):
                break
            self.iteration += 1
            self._update_current_progress_remaining(self.num_timesteps, total)
            with while_updating():
                self.train()
            if log_interval is not None and self.iteration % log_interval == 0:
                self.dump_logs(self.iteration)
        callback.on_training_end()
        return self

    def collect_rollouts(self, env: VectorEnv, callback: BaseCallback) -> bool:  # type: ignore[override]
        """Step the environments ``n_steps`` times, one group while the other is inferred.

        Returns:
            False if a callback asked to stop.
        """
        callback.on_rollout_start()
        self.policy.set_training_mode(False)
        env.set_groups(self.n_groups)
        rollout = self.rollout
        rollout.obs[0].copy_(self._obs)
        rollout.episode_start[0].copy_(self._episode_start)

        def after_row(t: int) -> bool:
            self.num_timesteps += env.num_envs
            return self._step_callback(callback, t)

        with torch.no_grad():
            stopped_at = collect(env, rollout, self._begin_acting(), after_row)
        if stopped_at is not None:
            self._leave_idle(stopped_at)
            return False
        self._finish_rollout()
        callback.on_rollout_end()
        return True

    def _begin_acting(self) -> Callable[[int, slice], torch.Tensor]:
        """A function (row, group) -> environment actions; the whole rollout's noise is drawn at once."""
        policy, rollout, head = self.policy, self.rollout, self.policy.head
        rollout.noise.copy_(head.noise((self.n_steps, self.n_envs), self.action_rng))
        std = None if policy.std_param is None else policy.std_param.detach().exp()
        infer = self._begin_inference()
        to_cpu = self.env.device.type == "cpu" and self.device.type != "cpu"

        def act(t: int, group: slice) -> torch.Tensor:
            row = rollout.rows(group)[t]
            infer(t, group, row)
            head.sample_row(row, std)
            return row.env_action.cpu() if to_cpu else row.env_action

        return act

    def _begin_inference(self) -> Callable[[int, slice, Row], None]:
        """A function (t, group, row) that writes what the actions of the row are sampled from."""
        actor = make_actor(self.policy)
        self._values_pending = not actor.gives_values
        return lambda t, group, row: actor(row)

    def _step_callback(self, callback: BaseCallback, t: int) -> bool:
        seen = {"self": self, "env": self.env, "n_steps": t + 1, "rollout": self.rollout}
        callback.update_locals(seen | self.rollout.seen(t))
        return callback.on_step()

    def _leave_idle(self, t: int) -> None:
        """Go on from what was taken in last, so that the environment may be used again."""
        last = min(t + 2, self.n_steps)
        self._obs = self.rollout.obs[last].clone()
        self._last_obs = self._obs.cpu().numpy()

    def _finish_rollout(self) -> None:
        rollout = self.rollout
        rollout.finish()
        self._obs = rollout.obs[-1].clone()
        self._episode_start = rollout.ended[-1].clone()
        self._last_obs = self._obs.cpu().numpy()
        self._last_episode_starts = self._episode_start.cpu().numpy()
        success = next((rollout.info[k] for k in SUCCESS_KEYS if k in rollout.info), None)
        self._record_episodes(rollout.reward, rollout.ended, success)

    # -- learning ------------------------------------------------------------------------------

    def train(self) -> None:
        """Score the rollout, update the policy on it, then train the learned rewards on it."""
        batch = self.rollout.batch()
        learned = {r.name: r.reward(batch) for r in self.rewards}
        data, explained = self._estimate(learned)
        self._record_metrics(self._update_policy(data) | {"train/explained_variance": explained})
        if self.imitation is not None:
            self._record_metrics(self.imitation.learn())
        self._record_metrics(self._learned_metrics(learned))
        for reward in self.rewards:
            self._record_metrics({f"{reward.name}/{k}": v for k, v in reward.update(batch).items()})
        if self.policy.normalizer is not None:
            self.policy.normalizer.update(self.rollout.obs[:-1].flatten(0, 1))

    @torch.no_grad()
    def _estimate(self, learned: dict[str, torch.Tensor]) -> tuple[Minibatch, torch.Tensor]:
        """Values, advantages and log-probabilities of the rollout, flattened time-major."""
        rollout, policy, streams = self.rollout, self.policy, self.streams
        inputs = policy.inputs(rollout.obs.flatten(0, 1))
        n = self.n_steps * self.n_envs
        value, next_value = self._values(inputs, n)
        extrinsic = rollout.reward
        reward = streams.combine(extrinsic, learned)
        if self.config.normalize_reward:
            reward[..., 0] = self.reward_scale(reward[..., 0].contiguous(), rollout.ended)
        cut = torch.stack(
            [rollout.ended if e else rollout.truncated & ~rollout.terminated for e in streams.episodic], -1
        )
        gamma = torch.tensor(streams.gammas, device=self.device)
        advantage = gae(reward, value, next_value, cut, gamma, self.gae_lambda)
        target = advantage + value
        log_prob, _ = policy.head.log_prob_entropy(
            rollout.params.flatten(0, 1), policy.std_param, rollout.action.flatten(0, 1)
        )
        common = self._scale_advantage(advantage @ torch.tensor(streams.weights, device=self.device))
        explained = 1 - (target[..., 0] - value[..., 0]).var() / target[..., 0].var()
        return (
            Minibatch(
                inputs[:n],
                rollout.action.flatten(0, 1),
                log_prob,
                common.flatten(),
                target.flatten(0, 1),
                value.flatten(0, 1),
            ),
            explained,
        )

    def _values(self, inputs: torch.Tensor, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Values of obs and of what follows it, both (n_steps, n_envs, n_heads)."""
        rollout, policy = self.rollout, self.policy
        shape = (self.n_steps, self.n_envs, -1)
        if self._values_pending:
            everything = policy.head_values(inputs)
            value, last = everything[:n].view(shape), everything[n:]
        else:
            value, last = rollout.value, self._last_values(inputs[n:])
        next_value = torch.cat([value[1:], last[None]])
        terminal = self.streams.terminal_values(value)
        if self.config.normalize_reward:
            terminal[0] = self.reward_scale.scale.divide(terminal[0])
        episodic = torch.tensor(self.streams.episodic, device=self.device)
        dead = rollout.terminated[..., None] & episodic
        next_value = torch.where(dead, terminal, next_value)
        # a clock cut these: what follows is the true successor, not the first observation after the reset
        rows = (rollout.truncated & ~rollout.terminated).nonzero(as_tuple=True)
        if len(rows[0]):
            next_value[rows] = self._successor_values(rows)
        return value, next_value

    def _last_values(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.policy.head_values(inputs)

    def _successor_values(self, rows: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return self.policy.head_values(self.policy.inputs(self.rollout.next_obs[rows]))

    def _scale_advantage(self, advantage: torch.Tensor) -> torch.Tensor:
        mode = self.config.advantage_norm
        if mode == "rollout":
            return normalize(advantage)
        if mode == "running":
            self.advantage_scale.update(advantage)
            return self.advantage_scale.divide(advantage)
        return advantage

    def _update_policy(self, data: Minibatch) -> dict[str, torch.Tensor | float]:
        self.policy.set_training_mode(True)
        remaining = self._current_progress_remaining
        rate = float(self.lr_schedule(remaining))
        self._adam.set_learning_rate(rate)
        self.logger.record("train/learning_rate", rate)
        settings = LossSettings(
            clip_range=float(self.clip_range(remaining)),  # type: ignore[operator]
            clip_range_vf=None if self.clip_range_vf is None else float(self.clip_range_vf(remaining)),  # type: ignore[operator]
            ent_coef=self.ent_coef,
            vf_coef=self.vf_coef,
            normalize_advantage=self.normalize_advantage,
        )
        metrics, epochs = self.updater.run(
            data,
            settings,
            n_epochs=self.n_epochs,
            batch_size=self.batch_size,
            permutation=self._permutation,
            target_kl=self.target_kl,
        )
        self._n_updates += epochs
        out: dict[str, torch.Tensor | float] = {f"train/{k}": v for k, v in metrics.items()}
        if self.policy.std_param is not None:
            out["train/std"] = self.policy.std_param.detach().exp().mean()
        return out | {"train/n_updates": self._n_updates, "train/clip_range": settings.clip_range}

    def _permutation(self, n: int) -> torch.Tensor:
        return torch.randperm(n, generator=self.batch_rng, device=self.device)

    def _learned_metrics(self, learned: dict[str, torch.Tensor]) -> dict[str, torch.Tensor | float]:
        if not learned:
            return {}
        out: dict[str, torch.Tensor | float] = {}
        total = torch.zeros_like(self.rollout.reward)
        for r in self.rewards:
            out[f"{r.name}/reward_mean"] = learned[r.name].mean()
            out[f"{r.name}/reward_std"] = learned[r.name].std()
            total += r.weight * learned[r.name]
        episodes = self.learned_statistics.add(total, self.rollout.ended)
        if episodes:
            out["rollout/ep_int_rew_mean"] = sum(e.reward for e in episodes) / len(episodes)
        return out

    # -- state ---------------------------------------------------------------------------------

    def training_state(self) -> StateTree:
        """Everything resume needs; see `Learner.training_state`."""
        own = {} if self.imitation is None else {"self_imitation": self.imitation.state_dict()}
        return (
            super().training_state()
            | own
            | {
                "optimizer": optimizer_state(self.policy.optimizer),
                "reward_scale": self.reward_scale.state_dict(),
                "advantage_scale": self.advantage_scale.state_dict(),
                "learned_statistics": self.learned_statistics.state_dict(),
            }
        )

    def load_training_state(self, tree: StateTree) -> None:
        """Bring `training_state` back."""
        super().load_training_state(tree)
        load_optimizer_state(self.policy.optimizer, tree["optimizer"])
        self.reward_scale.load_state_dict(tree["reward_scale"])
        self.advantage_scale.load_state_dict(tree["advantage_scale"])
        self.learned_statistics.load_state_dict(tree["learned_statistics"])
        if self.imitation is not None:
            self.imitation.load_state_dict(tree["self_imitation"])
