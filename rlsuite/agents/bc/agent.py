"""Behavioural cloning: maximise the likelihood of the expert's actions; no environment step is taken."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rlsuite.agents.bc.config import BcConfig
from rlsuite.agents.learners.config import PPOConfig, PPONetworkConfig
from rlsuite.agents.learners.flat import make_adam
from rlsuite.agents.learners.policy import is_image
from rlsuite.agents.learners.ppo import PPO
from rlsuite.errors import UserError
from rlsuite.runs.seeding import torch_stream


class BehaviouralCloning(PPO):
    """A policy of PPO's kind, trained on (obs, action) pairs instead of returns.

    It shares PPO's policy, `predict`, `export` and saving. Its steps are gradient steps:
    ``num_timesteps`` counts those, since the environment is never stepped.

    Args:
        config: The agent's section.
        env: Gives the spaces; never stepped.
        demos: `rlsuite.demos.Demonstrations`.
        seed: Of the parameters, the split and the minibatches.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        UserError: No demonstrations.

    Reference:
        Ho & Ermon 2016, arXiv:1606.03476, appendix B: Adam 1e-3, minibatches of 128, the split 70/30
        and the snapshot of least validation error.
    """

    def __init__(self, config: BcConfig, env: Any, *, demos: Any, seed: int, device: Any = "auto") -> None:
        if demos is None:
            raise UserError("behavioural cloning needs demonstrations: add a `demos: {id: ...}` section")
        self.bc = config
        network = PPONetworkConfig(hidden=list(config.hidden_sizes), activation=config.activation)
        policy = "CnnPolicy" if is_image(env.observation_space) else "MlpPolicy"
        ppo = PPOConfig(n_steps=2, batch_size=2, learning_rate=config.learning_rate, network=network)
        super().__init__(policy, env, ppo, seed=seed, device=device)
        self.policy.optimizer = make_adam(self.flat, config.learning_rate, 1e-8)
        self.rng = torch_stream(seed, "bc", self.device)
        self._take(demos.to(self.device))
        self.best_loss = float("inf")
        self.best_step = 0
        self.best_policy = self._snapshot()

    def _take(self, demos: Any) -> None:
        """Split the pairs and fix the normalisation by the training part."""
        order = torch.randperm(len(demos), generator=self.rng, device=self.device)
        n_validation = int(len(demos) * self.bc.validation_fraction)
        held_out, train = order[:n_validation], order[n_validation:]
        if self.policy.normalizer is not None:
            self.policy.normalizer.update(demos.obs[train])
        with torch.no_grad():
            self.train_pairs = (self.policy.inputs(demos.obs[train]), demos.action[train])
            self.held_out_pairs = (self.policy.inputs(demos.obs[held_out]), demos.action[held_out])

    def learn(  # type: ignore[override]
        self,
        total_timesteps: int | None = None,
        callback: Any = None,
        log_interval: int | None = 1,
        tb_log_name: str = "BC",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> BehaviouralCloning:
        """Take gradient steps until ``n_steps`` (or ``total_timesteps``), then go back to the best snapshot.

        Stops early when the validation error has not improved for ``patience`` steps.
        """
        total = min(self.bc.n_steps, total_timesteps or self.bc.n_steps)
        _, callback = self._setup_learn(total, callback, reset_num_timesteps, tb_log_name, progress_bar)
        callback.on_training_start(locals(), globals())
        while self.num_timesteps < total and not self.stop_requested and not self._out_of_patience():
            callback.on_rollout_start()
            loss = self._train_steps(min(self.bc.validate_every, total - self.num_timesteps))
            validation = self._validate()
            self._record_metrics({"bc/loss": loss, "bc/validation_loss": validation})
            if not callback.on_step():
                break
            callback.on_rollout_end()
            self.dump_logs(self.num_timesteps)
        if not self.stop_requested:
            self._restore(self.best_policy)
        callback.on_training_end()
        return self

    def _setup_learn(self, total_timesteps: int, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        if self._last_obs is None:
            self._last_obs = self.env.reset()  # what a checkpoint of the environment is made of
        return super()._setup_learn(total_timesteps, *args, **kwargs)

    def _train_steps(self, n_steps: int) -> Tensor:
        """Mean loss of n gradient steps."""
        inputs, actions = self.train_pairs
        shape = (n_steps, min(self.bc.batch_size, len(actions)))
        rows = torch.randint(len(actions), shape, generator=self.rng, device=self.device)
        total = torch.zeros((), device=self.device)
        for row in rows:
            loss = self._loss(inputs[row], actions[row])
            self.flat.zero_grad()
            loss.backward()
            self.policy.optimizer.step()
            total += loss.detach()
        self.num_timesteps += n_steps
        self.iteration += 1
        return total / n_steps

    def _loss(self, inputs: Tensor, actions: Tensor) -> Tensor:
        """Negative mean log-likelihood of the actions, in nats."""
        params = self.policy.head_params(inputs)
        log_prob, _ = self.policy.head.log_prob_entropy(params, self.policy.std_param, actions)
        return -log_prob.mean()

    @torch.no_grad()
    def _validate(self) -> Tensor:
        """Error on the pairs held out; keeps the policy if it is the best so far."""
        inputs, actions = self.held_out_pairs
        if len(actions) == 0:
            self.best_policy, self.best_step = self._snapshot(), self.num_timesteps
            return torch.zeros((), device=self.device)
        params = self.policy.head_params(inputs)
        loss = self._error(params, actions)
        if float(loss) < self.best_loss:
            self.best_loss, self.best_step, self.best_policy = float(loss), self.num_timesteps, self._snapshot()
        return loss

    def _error(self, params: Tensor, actions: Tensor) -> Tensor:
        """Squared error of the mean action, or cross-entropy of discrete ones.

        Not the likelihood: on few pairs its standard deviation overfits long before the mean does.
        """
        if self.policy.std_param is not None:
            return (params - actions).square().mean()
        log_prob, _ = self.policy.head.log_prob_entropy(params, None, actions)
        return -log_prob.mean()

    def _out_of_patience(self) -> bool:
        return self.num_timesteps - self.best_step >= self.bc.patience

    def _snapshot(self) -> dict[str, Tensor]:
        return {k: v.detach().clone() for k, v in self.policy.state_dict().items()}

    def _restore(self, snapshot: dict[str, Tensor]) -> None:
        self.policy.load_state_dict(snapshot)

    # -- state ---------------------------------------------------------------------------------

    def training_state(self) -> Any:
        """Everything resume needs."""
        return super().training_state() | {
            "best_policy": self.best_policy,
            "best": [self.best_loss if self.best_step else 1e30, self.best_step],
            "bc_rng": self.rng.get_state(),
        }

    def load_training_state(self, tree: Any) -> None:
        """Bring `training_state` back."""
        super().load_training_state(tree)
        self.best_policy = dict(tree["best_policy"])
        self.best_loss, self.best_step = float(tree["best"][0]), int(tree["best"][1])
        self.rng.set_state(tree["bc_rng"].cpu())


def make(config: BcConfig, env: Any, *, demos: Any, seed: int = 0, device: Any = "auto") -> BehaviouralCloning:
    """Make the agent; what the registry's entry ``bc`` resolves to."""
    return BehaviouralCloning(config, env, demos=demos, seed=seed, device=device)


def clone(demos: Any, env: Any, *, config: BcConfig | None = None, seed: int = 0, device: Any = "cpu") -> Any:
    """Behavioural cloning as a baseline: train on the demonstrations and return the policy.

    Args:
        demos: `rlsuite.demos.Demonstrations`.
        env: Gives the spaces; its episodes go on untouched.
        config: Settings; None for the defaults.
        seed: Of parameters, split and minibatches.
        device: Where to train.

    Returns:
        The agent; ``predict`` takes raw observations.
    """
    agent = BehaviouralCloning(config or BcConfig(), env, demos=demos, seed=seed, device=device)
    while agent.num_timesteps < agent.bc.n_steps and not agent._out_of_patience():
        agent._train_steps(min(agent.bc.validate_every, agent.bc.n_steps - agent.num_timesteps))
        agent._validate()
    agent._restore(agent.best_policy)
    return agent
