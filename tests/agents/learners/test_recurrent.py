"""Policies with memory: resets, sequences, resume, export, and a cue that is gone when the answer is due."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

from rlsuite.agents.learners.config import PPOConfig
from rlsuite.agents.learners.ppo import PPO
from rlsuite.agents.learners.recurrent import RecurrentActorCritic, unroll
from rlsuite.agents.learners.recurrent_ppo import RecurrentPPO, longest_stretch, make
from rlsuite.errors import UserError
from rlsuite.testing import ConstantReward, check_learner, make_probe, solve_probe

LSTM = {"hidden": [], "memory": "lstm", "memory_size": 8, "sequence_length": 8}


def recurrent(env: Any, *, rewards: Any = (), seed: int = 0, total_steps: int = 0, **more: Any) -> RecurrentPPO:
    settings = {"n_steps": 16, "batch_size": 32, "n_epochs": 2, "network": LSTM} | more
    return RecurrentPPO("MlpPolicy", env, rewards=rewards, seed=seed, device="cpu", **settings)


def test_it_keeps_the_learner_contract_and_resumes_to_the_bit() -> None:
    check_learner(recurrent, probe="truncation", n_steps=128)


def test_unrolling_equals_single_steps_with_resets_by_hand() -> None:
    torch.manual_seed(0)
    lstm, inputs, state = nn.LSTM(3, 4), torch.randn(6, 2, 3), torch.randn(2, 2, 4)
    starts = torch.tensor([[0, 1], [0, 0], [1, 0], [0, 0], [0, 1], [1, 1]], dtype=torch.bool)
    outputs, after = unroll(lstm, inputs, state, starts)
    for env in range(2):
        h, c = state[0, env], state[1, env]
        for t in range(6):
            if starts[t, env]:
                h, c = torch.zeros(4), torch.zeros(4)
            out, (hn, cn) = lstm(inputs[t, env][None, None], (h[None, None], c[None, None]))
            h, c = hn[0, 0], cn[0, 0]
            assert torch.allclose(outputs[t, env], out[0, 0], atol=1e-6)
        assert torch.allclose(after[:, env], torch.stack([h, c]), atol=1e-6)


def test_no_gradient_crosses_the_beginning_of_an_episode() -> None:
    lstm, inputs = nn.LSTM(2, 3), torch.randn(4, 1, 2, requires_grad=True)
    starts = torch.tensor([[0], [0], [1], [0]], dtype=torch.bool)
    outputs, _ = unroll(lstm, inputs, torch.zeros(2, 1, 3), starts)
    outputs[2:].sum().backward()
    assert inputs.grad is not None
    assert inputs.grad[:2].abs().max() == 0.0
    assert inputs.grad[2:].abs().min() > 0.0


def test_learning_sees_what_acting_saw() -> None:
    """The first gradient step of an update recomputes the collected log-probabilities: ratios are 1."""
    learner = recurrent(make_probe("truncation", 4, seed=0), n_steps=32)
    learner.learn(256)
    seen: list[float] = []
    original = learner.updater.step

    def spy(batch: Any, settings: Any) -> torch.Tensor:
        params, _, _ = learner.policy.unrolled(batch.inputs, learner.updater._state, learner.updater._starts)  # type: ignore[attr-defined]
        log_prob, _ = learner.policy.head.log_prob_entropy(params, None, batch.action)
        if not seen:
            seen.append(float((log_prob - batch.log_prob).detach().abs().max()))
        return original(batch, settings)

    learner.updater.step = spy  # type: ignore[method-assign]
    learner.learn(512, reset_num_timesteps=False)
    assert seen[0] < 1e-5


def test_a_stretch_divides_the_rollout() -> None:
    assert [longest_stretch(n, 32) for n in (128, 32, 16, 100, 37)] == [32, 32, 16, 25, 1]


def test_the_settings_choose_memory() -> None:
    env = make_probe("memory", 2, seed=0)
    plain, memory = (make(PPOConfig(n_steps=8, network={"memory": m}), env) for m in ("none", "lstm"))  # type: ignore[arg-type]
    assert type(plain) is PPO
    assert isinstance(memory.policy, RecurrentActorCritic)


def test_predict_carries_state_and_clears_it_at_a_start() -> None:
    learner = recurrent(make_probe("memory", 2, seed=0))
    space = learner.observation_space
    assert isinstance(space, spaces.Box)
    obs = np.ones((2, *space.shape), dtype=np.float32)
    _, first = learner.predict(obs, deterministic=True)
    _, second = learner.predict(-obs, state=first, episode_start=np.array([False, True]), deterministic=True)
    _, alone = learner.predict(-obs, deterministic=True)
    assert first is not None
    assert second is not None
    assert alone is not None
    assert [part.shape for part in first] == [(1, 2, 8), (1, 2, 8)]
    assert np.allclose(second[0][0, 1], alone[0][0, 1])
    assert not np.allclose(second[0][0, 0], alone[0][0, 0])


def test_single_observations_are_refused() -> None:
    policy = recurrent(make_probe("memory", 2, seed=0)).policy
    with pytest.raises(UserError, match="memory: none"):
        policy.heads(torch.zeros(2, 1))


@pytest.mark.slow
def test_it_remembers_a_cue_that_a_plain_policy_cannot() -> None:
    settings = {"n_steps": 32, "batch_size": 128, "n_epochs": 4, "learning_rate": 1e-2, "gamma": 0.9}
    env = make_probe("memory", 16, seed=0)
    assert solve_probe(recurrent(env, **settings), env, 16_000) >= 0.95 * env.optimal_return
    env = make_probe("memory", 16, seed=0)
    plain = PPO("MlpPolicy", env, seed=0, device="cpu", **settings)
    assert solve_probe(plain, env, 16_000) < 0.5


OPEN = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] == 'rlsuite':
            raise ImportError('rlsuite is not here')
sys.meta_path.insert(0, Refuse())
import numpy as np
from sb3_contrib import RecurrentPPO
model = RecurrentPPO.load(sys.argv[1], device='cpu')
obs, state, out = np.load(sys.argv[2]), None, []
for t in range(len(obs)):
    start = np.full(obs.shape[1], t in (0, 3))
    action, state = model.predict(obs[t], state=state, episode_start=start, deterministic=True)
    out.append(action)
np.save(sys.argv[3], np.stack(out))
"""


def test_sb3_contrib_opens_the_zip_and_predicts_the_same(tmp_path: Path) -> None:
    learner = recurrent(make_probe("obs-action-box", 4, seed=0), rewards=[ConstantReward(value_head="own")])
    learner.learn(128, log_interval=None)
    obs = np.random.default_rng(0).normal(2.0, 3.0, (6, 4, *learner.observation_space.shape)).astype(np.float32)
    paths = [str(tmp_path / name) for name in ("policy.zip", "obs.npy", "out.npy")]
    learner.export(paths[0])
    np.save(paths[1], obs)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", OPEN, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    state, wanted = None, []
    for t in range(6):
        action, state = learner.predict(obs[t], state=state, episode_start=np.full(4, t in (0, 3)), deterministic=True)
        wanted.append(action)
    np.testing.assert_allclose(np.load(paths[2]), np.stack(wanted), atol=1e-5, rtol=0)
