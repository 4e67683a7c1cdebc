"""Adam's state as a list in parameter order, which checkpoints can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch


def adam_state(optimizer: torch.optim.Optimizer) -> list[dict[str, torch.Tensor]]:
    """One dict of tensors a parameter, empty before its first step."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    return [{k: torch.as_tensor(v).clone() for k, v in optimizer.state.get(p, {}).items()} for p in parameters]


def load_adam_state(optimizer: torch.optim.Optimizer, state: Sequence[Mapping[str, Any]]) -> None:
    """Bring `adam_state` back."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for parameter, entries in zip(parameters, state, strict=True):
        optimizer.state[parameter] = {k: torch.as_tensor(v).clone() for k, v in entries.items()}
