"""Zips that stock stable-baselines3 opens without rlsuite and that predict the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cloudpickle
import stable_baselines3 as sb3
import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import FlattenExtractor, NatureCNN
from stable_baselines3.sac.policies import SACPolicy
from torch import nn

from rlsuite.agents.learners import encoders
from rlsuite.agents.learners.base import Learner
from rlsuite.agents.learners.critics import LayerNormSACPolicy
from rlsuite.agents.learners.encoders import NormalizedVector, PathakCNN, SmallCNN
from rlsuite.agents.learners.policy import ActorCritic, CnnActorCritic
from rlsuite.agents.learners.recurrent import RecurrentActorCritic, RecurrentCnnActorCritic
from rlsuite.errors import UserError

PPO_ENCODERS = (FlattenExtractor, NormalizedVector, NatureCNN, PathakCNN, SmallCNN)


def export(learner: Learner, path: str | Path) -> None:
    """Write the learner's policy and settings as a stable-baselines3 zip.

    Observation normalisation is folded into the first layers (in float64, so that predictions agree to
    1e-6), value heads of learned rewards are dropped, encoders of rlsuite's are pickled by value. Critics with layer
    normalisation have no counterpart either: the zip acts the same, and its critics are untrained.
    Such zips contain pickle: open only those you trust.

    Raises:
        UserError: The policy has a part that stock stable-baselines3 has no counterpart for.
    """
    stock = _stock_ppo(learner) if isinstance(learner, sb3.PPO) else _stock_sac(learner)
    stock.num_timesteps = learner.num_timesteps
    stock._n_updates = learner._n_updates
    cloudpickle.register_pickle_by_value(encoders)
    try:
        stock.save(path)
    finally:
        cloudpickle.unregister_pickle_by_value(encoders)


def _refuse(learner: Learner, reason: str) -> UserError:
    return UserError(
        f"this {type(learner).__name__} policy cannot be exported to stock stable-baselines3: {reason}. "
        "Its checkpoints stay usable with rlsuite.load_policy."
    )


def _blank(algorithm: type, policy: type, learner: Any, policy_kwargs: dict[str, Any], **settings: Any) -> Any:
    """A stock algorithm with the learner's spaces and settings and fresh parameters."""
    stock = algorithm(
        policy, None, device="cpu", policy_kwargs=policy_kwargs, learning_rate=learner.learning_rate,
        gamma=learner.gamma, batch_size=learner.batch_size, _init_setup_model=False, **settings,
    )  # fmt: skip
    stock.observation_space, stock.action_space = learner.observation_space, learner.action_space
    stock.n_envs = learner.n_envs
    with torch.random.fork_rng(devices=[]):
        stock._setup_model()
    return stock


def _stock_ppo(learner: Any) -> sb3.PPO:
    policy: ActorCritic = learner.policy
    extractor = type(policy.features_extractor)
    recurrent = isinstance(policy, RecurrentActorCritic)
    if type(policy) not in (ActorCritic, CnnActorCritic, RecurrentActorCritic, RecurrentCnnActorCritic):
        raise _refuse(learner, f"it is a {type(policy).__name__}, not one of rlsuite's own")
    if extractor not in PPO_ENCODERS:
        raise _refuse(learner, f"its encoder is a {extractor.__name__}")
    kwargs = {k: v for k, v in learner.policy_kwargs.items() if k not in ("value_init_gain", "lstm_size")}
    if extractor is NormalizedVector:
        kwargs["features_extractor_class"] = FlattenExtractor
    elif isinstance(policy, (CnnActorCritic, RecurrentCnnActorCritic)):
        kwargs.setdefault("features_extractor_class", NatureCNN)
    kind, stock_policy = _recurrent_kind(learner) if recurrent else (sb3.PPO, ActorCriticPolicy)
    if recurrent:
        kwargs |= {"lstm_hidden_size": policy.lstm_size, "shared_lstm": True, "enable_critic_lstm": False}
    stock = _blank(
        kind, stock_policy, learner, kwargs, n_steps=learner.n_steps, n_epochs=learner.n_epochs,
        gae_lambda=learner.gae_lambda, clip_range=learner.clip_range, clip_range_vf=learner.clip_range_vf,
        normalize_advantage=learner.normalize_advantage, ent_coef=learner.ent_coef, vf_coef=learner.vf_coef,
        max_grad_norm=learner.max_grad_norm, target_kl=learner.target_kl,
    )  # fmt: skip
    wanted = stock.policy.state_dict()
    state = policy.state_dict()
    stock.policy.load_state_dict({k: state[k] for k in wanted})
    if policy.normalizer is not None and recurrent:
        _fold(policy.normalizer, _InputGates(stock.policy.lstm_actor))
    elif policy.normalizer is not None:
        towers = stock.policy.mlp_extractor
        _fold(policy.normalizer, _first_linear([towers.policy_net, stock.policy.action_net]))
        _fold(policy.normalizer, _first_linear([towers.value_net, stock.policy.value_net]))
    return stock


def _recurrent_kind(learner: Any) -> tuple[type, type]:
    """sb3-contrib's algorithm and policy with memory.

    Raises:
        UserError: sb3-contrib is missing.
    """
    try:
        from sb3_contrib import RecurrentPPO
        from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
    except ImportError:
        raise _refuse(learner, "its memory needs sb3-contrib's RecurrentPPO; pip install sb3-contrib") from None
    return RecurrentPPO, RecurrentActorCriticPolicy


class _InputGates:
    """The part of an LSTM that reads its input, as a linear layer."""

    def __init__(self, lstm: nn.LSTM) -> None:
        self.weight: torch.Tensor = getattr(lstm, "weight_ih_l0")  # noqa: B009 (made at run time)
        self.bias: torch.Tensor = getattr(lstm, "bias_ih_l0")  # noqa: B009


def _stock_sac(learner: Any) -> sb3.SAC:
    normed = type(learner.policy) is LayerNormSACPolicy
    if type(learner.policy) is not SACPolicy and not normed:
        raise _refuse(learner, f"it is a {type(learner.policy).__name__}, not stable-baselines3's SACPolicy")
    extractor = learner.actor.features_extractor
    if type(extractor) not in (FlattenExtractor, NormalizedVector):
        raise _refuse(learner, f"its encoder is a {type(extractor).__name__}")
    kwargs = {k: v for k, v in learner.policy_kwargs.items() if k not in ("features_extractor_class", "use_sde")}
    stock = _blank(
        sb3.SAC, SACPolicy, learner, kwargs, buffer_size=1, tau=learner.tau, ent_coef=learner.ent_coef,
        learning_starts=learner.learning_starts, target_entropy=learner.target_entropy,
        train_freq=learner.train_freq[0], gradient_steps=learner.gradient_steps,
    )  # fmt: skip
    stock.buffer_size = learner.buffer_size
    state = learner.policy.state_dict()
    wanted = [k for k in stock.policy.state_dict() if not (normed and k.startswith("critic"))]
    stock.policy.load_state_dict({k: state[k] for k in wanted}, strict=not normed)
    if stock.log_ent_coef is not None:
        stock.log_ent_coef.data.copy_(learner.log_ent_coef.detach())
    if isinstance(extractor, NormalizedVector):
        _fold(extractor, _first_linear([stock.actor.latent_pi]) if learner.config.network.hidden else stock.actor.mu)
        for critic in () if normed else (stock.critic, stock.critic_target):
            for q in critic.q_networks:
                _fold(extractor, _first_linear([q]))
    return stock


def _first_linear(modules: list[nn.Module]) -> nn.Linear:
    for module in modules:
        for layer in module.modules():
            if isinstance(layer, nn.Linear):
                return layer
    raise AssertionError("no linear layer")


@torch.no_grad()
def _fold(normalizer: NormalizedVector, layer: nn.Linear | _InputGates) -> None:
    """Let ``layer`` read raw observations in its first columns: W(s∘x + t) + b = (W∘s)x + (b + Wt)."""
    scale = (normalizer.var.double().cpu() + normalizer.eps).rsqrt()
    shift = -normalizer.mean.double().cpu() * scale
    n = len(scale)
    weight = layer.weight.double()
    layer.bias.copy_(layer.bias.double() + weight[:, :n] @ shift)
    weight[:, :n] *= scale
    layer.weight.copy_(weight)
