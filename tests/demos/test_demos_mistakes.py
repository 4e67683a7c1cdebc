"""Bad demonstrations as a user meets them: one screen that names the set, exit code 2, nothing harmed."""

import h5py
import numpy as np
import pytest

from rlsuite.cli import call
from rlsuite.demos import DemoSet, Episode, write_set
from rlsuite.demos.importers import spec_json

YAML = """\
env: {{id: {level}, n_envs: 2}}
budget: {{env_steps: 64}}
demos: {{id: test/hopper-v0}}
agent: {{kind: gail, learner: {{kind: ppo, n_steps: 32, batch_size: 32}}}}
video: {{final: false}}
"""


def episode(seed, length=30):
    rng = np.random.default_rng(seed)
    ends = np.zeros(length, bool)
    ends[-1] = True
    obs, action = rng.normal(size=(length + 1, 11)), rng.uniform(-1, 1, (length, 3))
    return Episode(*(x.astype(np.float32) for x in (obs, action, np.ones(length))), ends, ~ends & ends)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-4000])


def nan(path):
    with h5py.File(path, "r+") as file:
        file["episode_1/observations"][7, 2] = np.nan


def no_episodes(path):
    with h5py.File(path, "r+") as file:
        for name in list(file):
            del file[name]


def an_empty_episode(path):
    with h5py.File(path, "r+") as file:
        group = file["episode_0"]
        for name in ("actions", "rewards", "terminations", "truncations"):
            shape, kind = group[name].shape, group[name].dtype
            del group[name]
            group.create_dataset(name, shape=(0, *shape[1:]), dtype=kind)


def outside(path):
    with h5py.File(path, "r+") as file:
        file["episode_1/actions"][4, 0] = 1.5


def unharmed(path):
    pass


@pytest.mark.parametrize(
    ("spoil", "level", "said"),
    [
        (cut_short, "mujoco/Hopper-v5", "truncated file"),
        (nan, "mujoco/Hopper-v5", "episode 1: observation of step 7"),
        (no_episodes, "mujoco/Hopper-v5", "test/hopper-v0"),
        (an_empty_episode, "mujoco/Hopper-v5", "episode 0"),
        (outside, "mujoco/Hopper-v5", "actions_outside: clip"),
        (unharmed, "mujoco/Walker2d-v5", "recorded in Hopper-v5"),
    ],
)
def test_bad_demonstrations_end_with_one_screen_and_code_2(spoil, level, said, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    demos = DemoSet(id="test/hopper-v0", episodes=(episode(0), episode(1)), env_spec=spec_json("Hopper-v5"))
    file = write_set(demos) / "data" / "main_data.hdf5"
    spoil(file)
    before = file.read_bytes()
    experiment = tmp_path / "bad.yaml"
    experiment.write_text(YAML.format(level=level))
    assert call(["run", str(experiment), "--runs", str(tmp_path / "runs")]) == 2
    words = capsys.readouterr().err
    assert said in words
    assert "test/hopper-v0" in words.replace("\n", "")
    assert "Traceback" not in words
    assert len(words.splitlines()) < 24
    assert file.read_bytes() == before
