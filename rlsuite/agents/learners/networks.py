"""From settings to the arguments of stable-baselines3's policies."""

from __future__ import annotations

from typing import Any

from torch import nn

from rlsuite.agents.learners.config import PPOConfig, SACConfig
from rlsuite.agents.learners.encoders import NormalizedVector, PathakCNN, SmallCNN

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "elu": nn.ELU}


def ppo_policy_kwargs(config: PPOConfig, *, images: bool) -> dict[str, Any]:
    """What the settings say about an on-policy policy, as stable-baselines3's ``policy_kwargs``."""
    net = config.network
    kwargs: dict[str, Any] = {
        "net_arch": list(net.hidden),
        "activation_fn": ACTIVATIONS[net.activation],
        "log_std_init": net.log_std_init,
        "value_init_gain": net.value_init_gain,
    }
    if net.memory == "lstm":
        kwargs["lstm_size"] = net.memory_size
    if images and net.encoder in ("pathak", "small"):
        kwargs["features_extractor_class"] = PathakCNN if net.encoder == "pathak" else SmallCNN
        kwargs["features_extractor_kwargs"] = {"fc": net.encoder_features}
    elif not images and config.normalize_obs:
        kwargs["features_extractor_class"] = NormalizedVector
    return kwargs


def sac_policy_kwargs(config: SACConfig) -> dict[str, Any]:
    """The same for an off-policy one."""
    net = config.network
    kwargs: dict[str, Any] = {
        "net_arch": list(net.hidden),
        "activation_fn": ACTIVATIONS[net.activation],
        "n_critics": net.n_critics,
    }
    if config.normalize_obs:
        kwargs["features_extractor_class"] = NormalizedVector
    return kwargs
