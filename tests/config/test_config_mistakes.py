"""What a user gets wrong, and the message it earns: file, line, key, what was found, what to do."""

from __future__ import annotations

import pytest

from rlsuite.config.schema import load_experiment
from rlsuite.errors import ConfigError

GOOD = """\
env: {id: mujoco/Hopper-v5}
budget: {env_steps: 1000}
demos: {id: a/b-v0}
agent:
  kind: gail
  learner:
    kind: ppo
"""


@pytest.fixture
def message(tmp_path, monkeypatch):
    """The message that a file's text earns."""
    monkeypatch.chdir(tmp_path)

    def message(text, *overrides):
        (tmp_path / "experiment.yaml").write_text(text)
        with pytest.raises(ConfigError) as caught:
            load_experiment("experiment.yaml", overrides)
        assert caught.value.exit_code == 2
        return str(caught.value)

    return message


def test_the_good_file_is_good(tmp_path):
    (tmp_path / "e.yaml").write_text(GOOD)
    assert load_experiment(tmp_path / "e.yaml").experiment.agent.kind == "gail"


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("    learning_rat: 1\n", "agent.learner.learning_rat is unknown; did you mean agent.learner.learning_rate?"),
        ("    gamma: high\n", "experiment.yaml:8: agent.learner.gamma is the text 'high'; it must be a number"),
        ("    gamma: 1.5\n", "experiment.yaml:8: agent.learner.gamma is 1.5; it must be less than 1"),
        ("    batch_size: '64'\n", "agent.learner.batch_size is the text '64'; it must be a whole number"),
        ("    n_steps: 0\n", "experiment.yaml:8: agent.learner.n_steps is 0; it must be at least 1"),
        ("    n_steps: 1.5\n", "experiment.yaml:8: agent.learner.n_steps is 1.5; it must be a whole number"),
        ("    normalize_obs: 1\n", "experiment.yaml:8: agent.learner.normalize_obs is 1; it must be true or false"),
        ("    lr_schedule: liner\n", "it must be 'constant' or 'linear'; did you mean linear?"),
        ("    network: [64, 64]\n", "agent.learner.network is a list; it must be a section of keys"),
        ("    network: {hidden: 64}\n", "agent.learner.network.hidden is 64; it must be a list"),
        ("    network: {hidden: [64, x]}\n", "network.hidden.1 is the text 'x'; it must be a whole number"),
        ("  rewards: [{weight: 1}]\n", "agent.rewards.0.kind is missing"),
        ("  rewards: [{kind: gial}]\n", "agent.rewards.0.kind: unknown reward 'gial'; did you mean gail"),
        ("seed: -1\n", "experiment.yaml:8: seed is -1; it must be at least 0"),
        ("seed: .nan\n", "experiment.yaml:8: seed is nan"),
        ("device: gpu\n", "experiment.yaml:8: device is the text 'gpu'"),
        ("name: a/b\n", "experiment.yaml:8: name is the text 'a/b'"),
        ("generator: {kind: began}\n", "generator stands beside agent"),
        ("n_envs: 4\n", "experiment.yaml:8: n_envs is unknown; did you mean env.n_envs?"),
        ("agents: {}\n", "experiment.yaml:8: agents is unknown; did you mean agent?"),
    ],
)  # fmt: skip
def test_one_mistake(message, extra, expected):
    assert expected in message(GOOD + extra)


def test_unknown_level_with_suggestion(message):
    found = message(GOOD.replace("Hopper-v5", "Hoper-v5"))
    assert found.startswith("experiment.yaml:1: env.id: unknown level 'mujoco/Hoper-v5'; did you mean mujoco/Hopper-v5")


def test_unknown_learner_and_agent(message):
    assert "unknown learner 'pop'; did you mean ppo?" in message(GOOD.replace("ppo", "pop"))
    assert "unknown agent 'gaill'; did you mean gail?" in message(GOOD.replace("gail", "gaill"))


def test_keys_beside_an_unknown_kind_are_checked_as_if_the_nearest_had_been_written(message):
    mistyped = GOOD.replace("Hopper-v5", "Hoper-v5, n_envz: 4").replace("kind: gail", "kind: gial")
    found = message(mistyped + "    learning_rat: 1\n")
    assert "env.n_envz is unknown; did you mean env.n_envs?" in found
    assert "agent.learner.learning_rat is unknown; did you mean agent.learner.learning_rate?" in found


def test_all_mistakes_at_once_in_the_order_of_the_file(message):
    text = GOOD.replace("1000", "many").replace("a/b-v0", "a/b-v0, n: 3") + "    gama: 1\nsed: 3\n"
    lines = message(text).splitlines()
    assert [line.split(" ")[0] for line in lines] == [f"experiment.yaml:{n}:" for n in (2, 3, 8, 9)]


def test_gail_without_demonstrations_says_what_to_add(message):
    found = message(GOOD.replace("demos: {id: a/b-v0}\n", ""))
    assert "demos is missing: agent.kind gail learns from demonstrations" in found
    assert "`demos: {id: ...}`" in found


def test_a_gail_reward_alone_needs_demonstrations_too(message):
    text = "env: {id: mujoco/Hopper-v5}\nbudget: {env_steps: 1}\nagent: {kind: rl, rewards: [{kind: gail}]}\n"
    assert "the reward gail learns from demonstrations" in message(text)


def test_missing_sections(message):
    found = message("seed: 3\n")
    assert "budget is missing" in found
    assert "neither agent nor generator" in found
    assert "env is missing" in message("agent: {kind: rl}\nbudget: {env_steps: 1}\n")
    assert "env.id is missing" in message("agent: {kind: rl}\nbudget: {env_steps: 1}\nenv: {n_envs: 3}\n")
    assert "the budget is empty" in message(GOOD.replace("env_steps: 1000", ""))


def test_an_empty_file_is_an_empty_experiment(message):
    assert "neither agent nor generator" in message("")


def test_duplicate_key(message):
    assert message(GOOD + "seed: 1\nseed: 2\n").startswith("experiment.yaml:9: seed is written twice")


@pytest.mark.parametrize("text", ["agent: [", "a: b: c", "\tagent: x", "agent: {kind: rl"])
def test_not_yaml(message, text):
    assert "this is not YAML" in message(text)


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "3\n"])
def test_not_an_experiment(message, text):
    assert "`key: value` lines" in message(text)


@pytest.mark.parametrize("text", ["agent: !!python/object:os.system {}\n", "seed: !env SEED\n", "agent: !x [1]\n"])
def test_tags_are_refused(message, text):
    assert "no tags" in message(text)


def test_a_binary_file_is_refused(tmp_path):
    (tmp_path / "e.yaml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ConfigError, match="not a text file"):
        load_experiment(tmp_path / "e.yaml")


def test_missing_file_with_suggestion(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "gail_hopper.yaml").write_text(GOOD)
    with pytest.raises(
        ConfigError, match=r"no experiment file .*gail_hoper.yaml; did you mean experiments/gail_hopper.yaml"
    ):
        load_experiment("experiments/gail_hoper.yaml")


def test_missing_base(message):
    assert "experiment.yaml:1: extends names nowhere.yaml, which is not there" in message("extends: nowhere.yaml\n")


def test_a_circle_of_bases(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    with pytest.raises(ConfigError, match=r"circle: a.yaml -> b.yaml -> a.yaml"):
        load_experiment("a.yaml")


def test_a_mistake_in_an_override_names_the_override(message):
    assert "--set agent.learner.gama=1: agent.learner.gama is unknown" in message(GOOD, "agent.learner.gama=1")


def test_a_mistake_in_the_base_names_the_base(message, tmp_path):
    (tmp_path / "base.yaml").write_text(GOOD + "    gama: 1\n")
    assert "base.yaml:8: agent.learner.gama is unknown" in message("extends: base.yaml\nseed: 1\n")
