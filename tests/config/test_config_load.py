"""Reading experiments: extends, overrides, shorthand, paths, smoke, what a run stores."""

from __future__ import annotations

import os

import pytest
from pydantic import ValidationError

from rlsuite.config.compose import compose
from rlsuite.config.schema import load_experiment
from rlsuite.config.view import origins_by_key, with_origins
from rlsuite.errors import ConfigError

PPO = {"agent": {"kind": "rl"}, "env": {"id": "mujoco/Hopper-v5"}, "budget": {"env_steps": 1000}}
GAIL = PPO | {"agent": {"kind": "gail"}, "demos": {"id": "a/b-v0"}}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file below an empty working directory and return its path."""
    monkeypatch.chdir(tmp_path)

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_classes_come_from_the_registry():
    experiment = load_experiment(GAIL).experiment
    assert experiment.agent.learner.kind == "ppo"
    assert experiment.agent.rewards[0].gradient_penalty_coef > 0
    assert type(experiment.agent.learner).__name__ == "PPOConfig"


def test_shorthand_fills_in_what_is_missing():
    agent = load_experiment(GAIL).experiment.agent
    assert [reward.kind for reward in agent.rewards] == ["gail"]
    assert agent.extrinsic_coef == 0.0


def test_shorthand_leaves_what_is_written():
    written = {"kind": "gail", "extrinsic_coef": 0.5, "rewards": [{"kind": "gail", "weight": 2.0}]}
    agent = load_experiment(GAIL | {"agent": written}).experiment.agent
    assert [reward.weight for reward in agent.rewards] == [2.0]
    assert agent.extrinsic_coef == 0.5


def test_plain_rl_gets_a_learner_and_no_reward():
    agent = load_experiment(PPO).experiment.agent
    assert agent.learner.kind == "ppo"
    assert agent.rewards == ()
    assert agent.extrinsic_coef == 1.0


def test_bc_has_its_own_section():
    experiment = load_experiment(GAIL | {"agent": {"kind": "bc", "batch_size": 7}}).experiment
    assert experiment.agent.batch_size == 7
    assert not hasattr(experiment.agent, "learner")


def test_an_experiment_is_frozen():
    experiment = load_experiment(PPO).experiment
    with pytest.raises(ValidationError):
        experiment.seed = 3


def test_resolved_loads_back_to_the_same(tmp_path):
    resolved = load_experiment(GAIL, ["agent.learner.clip_range_vf=0.1"])
    again = load_experiment(resolved.tree)
    assert again.experiment == resolved.experiment
    file = tmp_path / "config.resolved.yaml"
    file.write_text(resolved.to_yaml())
    assert load_experiment(file).experiment == resolved.experiment


def test_shown_text_loads_back_to_the_same(tmp_path):
    resolved = load_experiment(GAIL)
    file = tmp_path / "shown.yaml"
    file.write_text(with_origins(resolved))
    assert load_experiment(file).experiment == resolved.experiment


def test_name_comes_from_the_file(write):
    file = write("my hopper.yaml", "agent: {kind: rl}\nenv: {id: mujoco/Hopper-v5}\nbudget: {env_steps: 1}\n")
    assert load_experiment(file).experiment.name == "my-hopper"


# --- overrides --------------------------------------------------------------------------------------------


def test_overrides_win_and_say_so():
    resolved = load_experiment(PPO, ["seed=7", "agent.learner.learning_rate=1e-3"])
    assert resolved.experiment.seed == 7
    assert resolved.experiment.agent.learner.learning_rate == 1e-3
    assert str(resolved.origins[("seed",)]) == "--set seed=7"


def test_an_override_reaches_the_reward_that_the_shorthand_fills_in():
    agent = load_experiment(GAIL, ["agent.rewards.0.weight=0.25"]).experiment.agent
    assert [(reward.kind, reward.weight) for reward in agent.rewards] == [("gail", 0.25)]


def test_changing_a_kind_drops_the_other_kinds_keys():
    written = PPO | {"agent": {"learner": {"kind": "ppo", "n_epochs": 3}}}
    learner = load_experiment(written, ["agent.learner.tau=0.01", "agent.learner.kind=sac"]).experiment.agent.learner
    assert learner.kind == "sac"
    assert learner.tau == 0.01


def test_a_shorthand_keeps_the_learner_and_a_kind_of_its_own_does_not():
    written = GAIL | {"agent": {"kind": "rl", "learner": {"kind": "ppo", "n_epochs": 3}}}
    agent = load_experiment(written, ["agent.kind=gail"]).experiment.agent
    assert (agent.kind, agent.learner.n_epochs, agent.rewards[0].kind) == ("gail", 3, "gail")
    assert not hasattr(load_experiment(written, ["agent.kind=bc"]).experiment.agent, "learner")


def test_overrides_may_be_a_mapping():
    experiment = load_experiment(PPO, {"seed": 5, "env.n_envs": 3}).experiment
    assert (experiment.seed, experiment.env.n_envs) == (5, 3)


@pytest.mark.parametrize("text", ["seed", "=3", "seed=[", "seed.deep=1"])
def test_broken_overrides_are_named(text):
    with pytest.raises(ConfigError, match="--set"):
        load_experiment(PPO | {"seed": 1}, [text])


def test_a_list_has_places_only():
    with pytest.raises(ConfigError, match="is a list"):
        load_experiment(GAIL, ["agent.rewards.gail.weight=1"])
    with pytest.raises(ConfigError, match="place in it"):
        load_experiment(GAIL, ["agent.rewards.5.weight=1"])


# --- extends ----------------------------------------------------------------------------------------------


BASE = "env: {id: mujoco/Hopper-v5, n_envs: 4}\nbudget: {env_steps: 100}\nagent: {kind: rl, learner: {n_epochs: 3}}\n"


def test_extends_beside_the_file(write):
    write("sub/base.yaml", BASE)
    file = write("sub/child.yaml", "extends: base.yaml\nenv: {n_envs: 8}\n")
    resolved = load_experiment(file)
    assert resolved.experiment.env.n_envs == 8
    assert resolved.experiment.agent.learner.n_epochs == 3
    assert str(resolved.origins[("env", "n_envs")]) == "sub/child.yaml:2"
    assert str(resolved.origins[("budget", "env_steps")]) == "sub/base.yaml:2"
    assert len(resolved.sources) == 2


def test_extends_from_experiments(write):
    write("experiments/_base/base.yaml", BASE)
    file = write("elsewhere/child.yaml", "extends: _base/base.yaml\n")
    assert load_experiment(file).experiment.env.n_envs == 4


def test_later_bases_win(write):
    write("a.yaml", BASE)
    write("b.yaml", "env: {n_envs: 5}\nseed: 9\n")
    experiment = load_experiment(write("c.yaml", "extends: [a.yaml, b.yaml]\nseed: 10\n")).experiment
    assert (experiment.env.n_envs, experiment.seed) == (5, 10)


def test_another_kind_replaces_the_section(write):
    write("base.yaml", BASE)
    file = write("child.yaml", "extends: base.yaml\nagent: {learner: {kind: sac}}\n")
    # the base leaves the kind to the default, so the child's kind is the first that is written
    with pytest.raises(ConfigError, match="n_epochs is unknown"):
        load_experiment(file)
    write("base.yaml", BASE.replace("{n_epochs", "{kind: ppo, n_epochs"))
    assert load_experiment(file).experiment.agent.learner.kind == "sac"


def test_a_bare_name_is_found_in_experiments(write):
    write("experiments/tiny.yaml", BASE)
    assert load_experiment("tiny").experiment.name == "tiny"


# --- paths ------------------------------------------------------------------------------------------------


def test_paths_belong_to_the_file_that_names_them(write, tmp_path):
    write("sub/base.yaml", BASE + "demos: {id: ./expert.npz}\n")
    file = write("child.yaml", "extends: sub/base.yaml\nagent: {kind: gail}\n")
    assert load_experiment(file).experiment.demos.id == str(tmp_path / "sub" / "expert.npz")
    overridden = load_experiment(file, ["demos.id=../x.npz"]).experiment
    assert overridden.demos.id == os.path.abspath("../x.npz")


def test_an_id_is_no_path(write):
    file = write("a.yaml", BASE + "demos: {id: some/set-v0}\n")
    assert load_experiment(file).experiment.demos.id == "some/set-v0"


# --- smoke and origins ------------------------------------------------------------------------------------


def test_smoke_shrinks_and_keeps_the_rest():
    big = load_experiment(GAIL, ["agent.learner.gamma=0.9", "agent.learner.n_steps=16"])
    small = load_experiment(GAIL, ["agent.learner.gamma=0.9", "agent.learner.n_steps=16"], smoke=True)
    assert small.smoke
    assert small.experiment.budget.env_steps <= 1000
    assert small.experiment.env.n_envs < big.experiment.env.n_envs
    assert small.experiment.agent.learner.gamma == 0.9
    assert small.experiment.agent.learner.n_steps == 16
    assert small.experiment.eval.final_episodes == 1
    assert small.experiment.budget.seconds is None


def test_every_value_has_an_origin():
    resolved = load_experiment(GAIL, ["seed=3"])
    origins = origins_by_key(resolved)
    assert origins["seed"] == "--set seed=3"
    assert origins["agent.rewards.0.kind"] == "agent.kind: gail"
    assert origins["agent.learner.gamma"] == "default"
    assert origins["env.id"] == "the mapping"


def test_the_source_mapping_is_left_alone():
    written = {**PPO, "agent": {"kind": "rl"}}
    load_experiment(written, ["agent.learner.gamma=0.5", "env.n_envs=2"])
    assert written == {**PPO, "agent": {"kind": "rl"}}
    assert compose(written).tree.values == written
