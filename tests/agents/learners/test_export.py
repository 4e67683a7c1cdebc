"""The zip opens in a process that cannot import rlsuite, and predicts the same."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from rlsuite.agents.learners.ppo import PPO
from rlsuite.agents.learners.sac import SAC
from rlsuite.errors import UserError
from rlsuite.testing import ConstantReward, make_probe

OPEN = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] == 'rlsuite':
            raise ImportError('rlsuite is not here')
sys.meta_path.insert(0, Refuse())
import numpy as np, stable_baselines3 as sb3
for kind, zip_path, obs_path, out_path in [a.split(',') for a in sys.argv[1:]]:
    model = getattr(sb3, kind).load(zip_path, device='cpu')
    assert type(model.policy).__module__.startswith('stable_baselines3'), type(model.policy)
    np.save(out_path, model.predict(np.load(obs_path), deterministic=True)[0])
assert 'rlsuite' not in sys.modules
"""


def learners():
    box = make_probe("obs-action-box", 4, seed=0)
    image = make_probe("image", 4, seed=0)
    small = {"n_steps": 16, "batch_size": 32, "n_epochs": 2, "seed": 0, "device": "cpu"}
    own = ConstantReward(value_head="own")
    yield "PPO", PPO("MlpPolicy", box, rewards=[own], **small)
    yield "PPO", PPO("CnnPolicy", image, network={"encoder": "small", "encoder_features": 8}, **small)
    off = {"learning_starts": 16, "batch_size": 16, "buffer_size": 256, "seed": 0, "device": "cpu"}
    yield "SAC", SAC("MlpPolicy", box, normalize_obs=True, network={"hidden": [16, 16]}, **off)
    normed = {"hidden": [16, 16], "critic_layer_norm": True}
    yield "SAC", SAC("MlpPolicy", box, normalize_obs=True, network=normed, **off)


def test_a_stock_process_predicts_the_same(tmp_path: Path) -> None:
    jobs, wanted = [], []
    for i, (kind, learner) in enumerate(learners()):
        learner.learn(128, log_interval=None)
        space = learner.observation_space
        obs = np.stack([space.sample() for _ in range(32)])
        if obs.dtype != np.uint8:  # far from where it was trained, and far from normalised
            obs = np.random.default_rng(i).normal(3.0, 5.0, obs.shape).astype(obs.dtype)
        paths = [str(tmp_path / f"{i}{end}") for end in (".zip", ".obs.npy", ".out.npy")]
        learner.export(paths[0])
        np.save(paths[1], obs)
        jobs.append((kind, *paths))
        wanted.append(learner.predict(obs, deterministic=True)[0])
    command = [sys.executable, "-W", "ignore", "-c", OPEN, *(",".join(j) for j in jobs)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for job, want in zip(jobs, wanted, strict=True):
        np.testing.assert_allclose(np.load(job[3]), want, atol=1e-6, rtol=0)


def test_values_fold_too(tmp_path: Path) -> None:
    import stable_baselines3 as sb3

    learner = PPO("MlpPolicy", make_probe("obs-action-box", 4, seed=0), seed=0, n_steps=16, batch_size=32, device="cpu")
    learner.learn(128, log_interval=None)
    assert learner.policy.normalizer is not None
    assert float(learner.policy.normalizer.count) == 128
    learner.save(tmp_path / "a.zip")
    stock = sb3.PPO.load(tmp_path / "a.zip", device="cpu")
    obs = torch.randn(16, *learner.observation_space.shape)
    with torch.no_grad():
        torch.testing.assert_close(
            stock.policy.predict_values(obs), learner.policy.predict_values(obs), atol=1e-5, rtol=0
        )
    assert stock.num_timesteps == 128


def test_what_stock_does_not_know_is_refused(tmp_path: Path) -> None:
    from rlsuite.agents.learners.policy import ActorCritic

    class Strange(ActorCritic):
        pass

    learner = PPO(Strange, make_probe("obs-action", 4, seed=0), seed=0, n_steps=16, batch_size=32, device="cpu")
    with pytest.raises(UserError, match="Strange"):
        learner.export(tmp_path / "a.zip")
    assert not list(tmp_path.iterdir())
