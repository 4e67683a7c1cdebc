"""The discriminator's step by hand gives what autograd gives."""

import itertools

import pytest
import torch

from rlsuite.agents.gail.config import GailConfig
from rlsuite.agents.gail.discriminator import Discriminator
from rlsuite.agents.gail.step import autograd_step, mix, step_by_hand

FORMS = [
    {"gradient_penalty": "expert", "gradient_penalty_target": 0.0},
    {"entropy_coef": 0.3},
    {"gradient_penalty_coef": 0.0},
]
COMBINATIONS = itertools.product(("tanh", "relu"), (True, False), (True, False), (0.0, 0.5), ((8,), (8, 6, 5)))


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_by_hand_equals_autograd(form, combination) -> None:
    activation, spectral_norm, mixup, dropout, hidden = combination
    config = GailConfig(mixup=mixup, dropout=dropout, **form)
    found = []
    for step in (autograd_step, step_by_hand):
        g = torch.Generator().manual_seed(4)
        network = Discriminator(5, hidden, activation, spectral_norm=spectral_norm, generator=g).double()
        for p in network.parameters():
            p.grad = torch.full_like(p, 7.0)  # what an earlier step left
        expert, policy, share = (torch.randn(7, k, generator=g).double() for k in (5, 5, 1))
        metrics = step(network, mix(expert, policy, share.sigmoid(), config), config)
        found.append(({k: v.detach() for k, v in metrics.items()}, [p.grad for p in network.parameters()]))
    torch.testing.assert_close(found[0], found[1], rtol=1e-9, atol=1e-11)
    assert all(float(grad.abs().sum()) > 0 for grad in found[1][1])
