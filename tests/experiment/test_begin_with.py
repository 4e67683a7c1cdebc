"""A policy trained in one experiment and used in another: as it is, and as a beginning."""

from __future__ import annotations

import shutil

import pytest
import torch
from conftest import PPO, SAC, N, experiment

import rlsuite
from rlsuite.config.schema import load_experiment
from rlsuite.errors import UserError
from rlsuite.experiment import assemble
from rlsuite.experiment.opening import begin_with, find_checkpoint
from rlsuite.runs.checkpoint import load_checkpoint
from rlsuite.runs.folder import RunFolder


@pytest.fixture(scope="module", params=[PPO, SAC], ids=["ppo", "sac"])
def trained(request, tmp_path_factory):
    given = experiment(request.param, budget={"env_steps": N})
    return request.param, rlsuite.train(given, runs_dir=tmp_path_factory.mktemp("runs"), quiet=True).path


def test_a_training_begins_with_the_policy_of_a_run(trained):
    learner, run = trained
    given = experiment(learner)
    given["agent"] |= {"begin_with": str(run)}
    assembly = assemble(load_experiment(given).experiment)
    try:
        fresh = {k: v.clone() for k, v in assembly.learner.policy_state().items()}
        checkpoint = find_checkpoint(RunFolder.find(run))
        kept = load_checkpoint(checkpoint, ["policy"])["policy"]
        begin_with(assembly, checkpoint)
        now = assembly.learner.policy_state()
        assert all(torch.equal(now[k], kept[k]) for k in kept)
        assert any(not torch.equal(now[k], fresh[k]) for k in fresh)
    finally:
        assembly.close()


def test_it_can_be_resumed_when_that_run_is_gone(trained, tmp_path):
    learner, run = trained
    source = shutil.copytree(run, tmp_path / "source" / run.name)
    given = experiment(learner, budget={"env_steps": N})
    given["agent"] |= {"begin_with": str(source)}
    first = rlsuite.train(given, runs_dir=tmp_path / "runs", quiet=True)
    assert RunFolder(first.path).read_manifest()["begins_with"]["run"] == run.name
    shutil.rmtree(source)
    again = rlsuite.resume(first.path, [f"budget.env_steps={2 * N}"], quiet=True)
    assert again.summary["env_steps"] >= 2 * N


def test_a_policy_of_another_shape_is_refused_before_anything_is_written(trained, tmp_path):
    learner, run = trained
    given = experiment({**learner, "network": {"hidden": [8]}})
    given["agent"] |= {"begin_with": str(run)}
    with pytest.raises(UserError, match=r"begin_with: the policy of .* does not fit"):
        rlsuite.train(given, runs_dir=tmp_path, quiet=True)
    assert not list(tmp_path.iterdir())
    given["agent"] |= {"begin_with": str(tmp_path / "nowhere")}
    with pytest.raises(UserError, match="nowhere"):
        rlsuite.train(given, runs_dir=tmp_path, quiet=True)


def test_a_policy_is_scored_on_another_level_as_it_is(trained):
    _, run = trained
    found = rlsuite.evaluate(run, n_episodes=2, overrides=["env.max_episode_steps=5"])
    assert found["length_mean"] == 5
    with pytest.raises(UserError):
        rlsuite.evaluate(run, n_episodes=1, overrides=["env.id=mujoco/Ant-v5"])
