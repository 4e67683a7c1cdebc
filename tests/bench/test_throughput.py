"""Peers and interleaved measurements, with a peer made of a few lines."""

import json
import sys
from pathlib import Path

import pytest

from rlsuite.bench import throughput
from rlsuite.bench.peers import Child, Sample, environment, find_peer, list_peers
from rlsuite.errors import RunError, UserError

DRIVER = """
import time
from driver import serve, spec
want = spec()
def advance():
    end = time.process_time() + want.get("busy", 0.001)
    while time.process_time() < end: pass
    return want.get("steps", 5)
serve(advance, 4, {"fake": "1.0"})
"""


def start_fake(tmp_path: Path, text: str = DRIVER, **spec) -> Child:
    script = tmp_path / "fake.py"
    script.write_text(text)
    return Child("fake", [sys.executable, str(script)], spec)


def test_child_counts_steps_frames_and_its_own_cpu(tmp_path):
    with start_fake(tmp_path, steps=5, busy=0.02) as child:
        assert child.ready["versions"] == {"fake": "1.0"}
        sample = child.measure(0.3)
    assert sample.env_steps % 5 == 0
    assert sample.frames == 4 * sample.env_steps
    assert sample.wall_s >= 0.3
    assert 0.02 * sample.env_steps / 5 - 0.03 <= sample.cpu_s <= sample.wall_s + 0.1
    assert sample.per_core_s == pytest.approx(5 / 0.02, rel=0.5)


def test_child_that_dies_says_its_last_words(tmp_path):
    with pytest.raises(RunError, match="no such engine"):
        start_fake(tmp_path, "raise SystemExit('no such engine')")


def test_child_that_refuses_the_level_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="no Hoover"):
        start_fake(tmp_path, "from driver import unsupported\nunsupported('no Hoover')")


def sample(steps: int, cpu: float, wall: float) -> Sample:
    return Sample(env_steps=steps, frames=4 * steps, wall_s=wall, cpu_s=cpu, extra={})


def test_ratio_is_the_median_over_pairs():
    own = [sample(100, 1.0, 1.0), sample(400, 2.0, 1.0), sample(300, 1.0, 3.0)]  # per core 100, 200, 300
    peer = [sample(100, 2.0, 1.0), sample(200, 1.0, 1.0), sample(100, 1.0, 1.0)]  # per core 50, 200, 100
    report = throughput._report({"": own, "p": peer}, {}, {})
    assert report["ratios"] == {"p": 2.0}  # of 2, 1, 3: not the ratio of the medians 200 / 100
    assert report["pairs"]["p"]["per_core"] == [2.0, 1.0, 3.0]
    assert report["ratios_wall"] == {"p": 1.0}  # of 1, 2, 1
    assert report["env_steps_per_core_s"] == 200
    assert report["env_steps_per_s"] == 100
    assert report["frames_per_core_s"] == 800
    assert report["peers"]["p"]["env_steps_per_core_s"] == 100
    json.dumps(report)


def test_measurements_alternate_and_change_their_order():
    class Fake:
        def __init__(self, name):
            self.name = name

        def measure(self, seconds):
            order.append(self.name)
            return sample(1, 1.0, 1.0)

    order: list[str] = []
    taken = throughput._interleave({"": Fake("own"), "p": Fake("p")}, 3, 0.1)  # type: ignore[dict-item]
    assert order == ["own", "p", "p", "own", "own", "p"]
    assert {name: len(samples) for name, samples in taken.items()} == {"": 3, "p": 3}


def test_own_level_end_to_end():
    report = throughput.run("mujoco/InvertedPendulum-v5", n_envs=4, n_threads=1, pairs=1, seconds=0.2)
    assert report["env_steps_per_s"] > 100
    assert report["frames_per_core_s"] == pytest.approx(2 * report["env_steps_per_core_s"])
    assert report["ratios"] == report["peers"] == {}
    assert report["machine"]["cores"] >= 1


def test_mistakes_are_the_users():
    with pytest.raises(UserError, match="did you mean envpool"):
        throughput.run("mujoco/Hopper-v5", "envpol", pairs=1, seconds=0.1)
    with pytest.raises(UserError, match="mujoco/Hopper-v5"):
        throughput.run("mujoco/Hoper-v5", pairs=1)
    with pytest.raises(UserError, match="pairs"):
        throughput.run("mujoco/Hopper-v5", pairs=0)
    with pytest.raises(UserError, match=r"cannot run 'gym/CartPole-v1'"):
        throughput.run("gym/CartPole-v1", "envpool", n_envs=2, pairs=1, seconds=0.1)
    with pytest.raises(UserError, match="only settings of env can be measured"):
        throughput.run("mujoco/Hopper-v5", pairs=1, overrides=["agent.learner.gamma=0.9"])
    with pytest.raises(UserError, match=r"did you mean env\.frame_size"):
        throughput.run("mario/1-1/dense", pairs=1, overrides=["env.frame_sise=84"])


def test_settings_of_the_level_reach_it():
    env = throughput.level_settings("mario/1-1/no_reward", ["env.frame_size=84", "env.frame_skip=4"])
    assert env["frame_size"] == 84
    assert env["frame_skip"] == 4
    assert env["crop"] == [32, 20, 8, 8]
    json.dumps(env)


@pytest.mark.parametrize("peer", list_peers(), ids=lambda peer: peer.name)
def test_every_peer_is_complete(peer):
    lock = (peer.folder / "requirements.lock").read_text()
    assert "==" in lock
    assert "://" not in lock  # names and versions only
    assert peer.description
    assert list(peer.folder.glob("*.py"))


def test_environment_is_made_once_and_again_when_the_lock_changes(tmp_path, monkeypatch):
    folder = tmp_path / "peers" / "toy"
    folder.mkdir(parents=True)
    (folder / "peer.json").write_text('{"description": "A toy", "levels": ["toy/"]}')
    (folder / "requirements.lock").write_text("toy==1\n")
    monkeypatch.setattr(environment, "HERE", tmp_path / "peers")
    monkeypatch.setattr(environment, "find_uv", lambda: "uv")
    monkeypatch.setenv("RLSUITE_PEERS", str(tmp_path / "made"))
    commands: list[list[str]] = []

    def pretend(command, peer):
        commands.append(command)
        python = tmp_path / "made" / "toy" / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()

    monkeypatch.setattr(environment, "_run", pretend)
    peer = find_peer("toy")
    assert environment.prepare(peer) == tmp_path / "made" / "toy" / "bin" / "python"
    assert [command[1] for command in commands] == ["venv", "pip"]
    environment.prepare(peer)
    assert len(commands) == 2
    (folder / "requirements.lock").write_text("toy==2\n")
    environment.prepare(peer)
    assert len(commands) == 4


@pytest.mark.slow
@pytest.mark.parametrize("peer", ["envpool", "gymnasium", "envpool:async"])
def test_real_peers(peer):
    for policy in (False, True):
        report = throughput.run("mujoco/Hopper-v5", peer, n_envs=8, pairs=1, seconds=0.3, policy=policy)
        assert report["ratios"][peer] > 0.1
