"""Sets: reading, writing, refusing, selecting."""

import json

import h5py
import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from rlsuite.demos import DemoSet, Episode, import_set, info, list_sets, load, read_set, write_set
from rlsuite.demos.config import DemosConfig
from rlsuite.demos.exporters import export_set
from rlsuite.demos.importers import read_path, spec_json
from rlsuite.demos.loading import kept_steps, select
from rlsuite.errors import DataError, UserError

OBS, ACT = spaces.Box(-np.inf, np.inf, (11,), np.float32), spaces.Box(-1, 1, (3,), np.float32)


def episode(length=45, seed=0, terminated=False, obs_dim=11, act_dim=3):
    rng = np.random.default_rng(seed)
    ends = np.zeros(length, bool)
    ends[-1] = True
    return Episode(
        obs=rng.normal(size=(length + 1, obs_dim)).astype(np.float32),
        action=rng.uniform(-1, 1, (length, act_dim)).astype(np.float32),
        reward=rng.normal(size=length).astype(np.float32),
        terminated=ends & terminated,
        truncated=ends & (not terminated),
    )


def make_set(n=5, **kwargs):
    return DemoSet(
        id="test/hopper-v0",
        episodes=tuple(episode(seed=i, **kwargs) for i in range(n)),
        env_spec=spec_json("Hopper-v5"),
        ref_min_score=10.0,
        ref_max_score=3500.0,
        algorithm="ppo",
        description="made in a test",
    )


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    return tmp_path


def same_episodes(a, b):
    for x, y in zip(a, b, strict=True):
        for name in ("obs", "action", "reward", "terminated", "truncated"):
            np.testing.assert_array_equal(getattr(x, name), getattr(y, name))


def test_minari_round_trip_is_exact(root):
    demos = make_set()
    write_set(demos)
    back = read_set("test/hopper-v0")
    same_episodes(back.episodes, demos.episodes)
    assert back.env_id == "Hopper-v5"
    assert (back.ref_min_score, back.ref_max_score) == (10.0, 3500.0)
    assert back.data_hash() == demos.data_hash()
    assert "test/hopper-v0" in list_sets()
    assert not list(root.glob(".writing*"))


def test_minari_itself_reads_what_we_write(root):
    import minari

    write_set(make_set())
    dataset = minari.load_dataset("test/hopper-v0")
    assert dataset.total_episodes == 5
    assert dataset.total_steps == 5 * 45
    assert dataset.env_spec.id == "Hopper-v5"
    assert float(minari.get_normalized_score(dataset, np.array([3500.0]))[0]) == pytest.approx(1.0)


def test_an_id_is_not_overwritten_by_accident(root):
    write_set(make_set())
    with pytest.raises(UserError, match="exists already"):
        write_set(make_set())
    write_set(make_set(n=2), overwrite=True)
    assert len(read_set("test/hopper-v0").episodes) == 2
    with pytest.raises(UserError, match="no Minari id"):
        write_set(DemoSet(id="no version", episodes=make_set().episodes))


def test_load_keeps_true_successors(root):
    demos = make_set()
    write_set(demos)
    config = DemosConfig(id="test/hopper-v0", n_trajectories=4, subsample=20)
    loaded = load(config, OBS, ACT, seed=1, env_id="mujoco/Hopper-v5")
    assert loaded.n_trajectories == 4
    assert loaded.episode.unique().tolist() == [0, 1, 2, 3]
    for k in range(len(loaded)):
        source = demos.episodes[int(loaded.episode[k])]
        (t,) = np.flatnonzero((source.obs[:-1] == loaded.obs[k].numpy()).all(1))
        np.testing.assert_array_equal(source.obs[t + 1], loaded.next_obs[k])
        np.testing.assert_array_equal(source.action[t], loaded.action[k])
    assert loaded.normalized_score(3500.0) == 1.0
    assert loaded.normalized_score(10.0) == 0.0


def test_same_seed_same_steps_other_seed_others(root):
    write_set(make_set())
    config = DemosConfig(id="test/hopper-v0", subsample=20)
    a, b, c = (load(config, OBS, ACT, seed=s) for s in (1, 1, 2))
    assert torch.equal(a.obs, b.obs)
    assert a.obs.shape != c.obs.shape or not torch.equal(a.obs, c.obs)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 1000), st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_subsampling_keeps_every_kth_from_a_start_below_k(length, k, seed):
    kept = kept_steps(length, k, np.random.default_rng(seed))
    assert len(kept) >= 1
    assert 0 <= kept[0] < min(k, length)
    assert (np.diff(kept) == k).all()
    assert kept[-1] < length <= kept[-1] + k


def test_every_start_comes_up():
    starts = [kept_steps(1000, 20, np.random.default_rng(s))[0] for s in range(400)]
    assert set(starts) == set(range(20))


def test_four_hopper_episodes_are_two_hundred_pairs():
    demos = select(make_set(n=4, length=1000), 4, 20, np.random.default_rng(0))
    assert len(demos) == 200
    assert demos.n_terminated == 0
    assert select(make_set(n=4, terminated=True), 4, 20, np.random.default_rng(0)).n_terminated == 4


def test_the_shipped_sets_are_listed_and_good():
    shipped = [i for i in list_sets() if i.startswith("rlsuite/hopper/")]
    assert shipped == ["rlsuite/hopper/expert-mean-v0", "rlsuite/hopper/expert-sampled-v0"]
    for id in shipped:
        facts = info(id)
        assert facts.n_episodes == 25
        assert facts.env_id == "Hopper-v5"
        assert facts.ref_max_score >= 3200
        assert 0 < facts.ref_min_score < 100
        assert facts.obs_shape == (11,)
        load(DemosConfig(id=id, n_trajectories=4, subsample=20), OBS, ACT, seed=0, env_id="mujoco/Hopper-v5")
    assert info(shipped[0]).returns.mean >= 3200


def test_info_counts(root):
    write_set(make_set())
    facts = info("test/hopper-v0")
    assert (facts.n_episodes, facts.n_steps, facts.obs_shape, facts.action_shape) == (5, 225, (11,), (3,))
    assert sum(facts.lengths.histogram) == 5
    assert len(facts.obs) == 11
    assert len(facts.action) == 3
    assert facts.returns.mean == pytest.approx(np.mean([e.undiscounted_return for e in make_set().episodes]))
    json.dumps(facts.to_dict())


# -- other formats ----------------------------------------------------------------------------


def flat(demos):
    return {
        "observations": np.concatenate([e.obs[:-1] for e in demos.episodes]),
        "actions": np.concatenate([e.action for e in demos.episodes]),
        "rewards": np.concatenate([e.reward for e in demos.episodes]),
        "terminals": np.concatenate([e.terminated for e in demos.episodes]),
        "timeouts": np.concatenate([e.truncated for e in demos.episodes]),
    }


def write_h5(path, arrays):
    with h5py.File(path, "w") as file:
        for k, v in arrays.items():
            file[k] = v
    return path


def test_d4rl_import_drops_only_the_step_without_successor(root, tmp_path):
    demos = make_set(terminated=True)
    path = write_h5(tmp_path / "hopper.hdf5", flat(demos))
    import_set(path, "my/hopper-v0", env_id="mujoco/Hopper-v5", ref_max_score=3234.3, ref_min_score=-20.27)
    back = read_set("my/hopper-v0")
    assert [len(e) for e in back.episodes] == [44] * 5
    np.testing.assert_array_equal(back.episodes[2].obs, demos.episodes[2].obs[:45])
    np.testing.assert_array_equal(back.episodes[2].action, demos.episodes[2].action[:44])
    assert back.episodes[0].truncated[-1]  # its terminal step is the one that was dropped
    assert back.env_id == "Hopper-v5"
    assert back.ref_max_score == 3234.3


@pytest.mark.parametrize("name", ["out.hdf5", "out.npz"])
def test_export_and_read_back_is_exact(root, tmp_path, name):
    demos = DemoSet(id="test/mixed-v0", episodes=(episode(seed=0, terminated=True), episode(seed=1, length=30)))
    write_set(demos)
    path = export_set("test/mixed-v0", tmp_path / name)
    back = read_path(path)
    assert [len(e) for e in back.episodes] == [45, 30]
    for a, b in zip(back.episodes, demos.episodes, strict=True):
        np.testing.assert_array_equal(a.obs, b.obs)
        np.testing.assert_array_equal(a.action, b.action)
    if name.endswith("hdf5"):
        assert back.episodes[0].terminated[-1]
    with pytest.raises(UserError, match="exists already"):
        export_set("test/mixed-v0", path)


def test_export_to_a_minari_folder(root, tmp_path):
    write_set(make_set())
    folder = export_set("test/hopper-v0", tmp_path / "elsewhere")
    same_episodes(read_set(str(folder)).episodes, make_set().episodes)


def test_original_gail_layout(tmp_path):
    rng = np.random.default_rng(0)
    lengths = np.array([50, 20, 1])
    arrays = {
        "obs_B_T_Do": rng.normal(size=(3, 50, 11)),
        "a_B_T_Da": rng.uniform(-1, 1, (3, 50, 3)),
        "r_B_T": np.ones((3, 50)),
        "len_B": lengths,
    }
    back = read_path(write_h5(tmp_path / "trajs.h5", arrays))
    assert [len(e) for e in back.episodes] == [49, 19]  # the last step has no successor; one step alone is none
    np.testing.assert_allclose(back.episodes[1].obs, arrays["obs_B_T_Do"][1, :20], rtol=1e-6)
    assert back.episodes[1].undiscounted_return == 19
    arrays["len_B"] = np.array([51, 20, 1])
    with pytest.raises(DataError, match="len_B says 51"):
        read_path(write_h5(tmp_path / "wrong.h5", arrays))


def test_stable_baselines_npz(tmp_path):
    demos = make_set(n=3)
    arrays = flat(demos)
    starts = np.zeros(135, bool)
    starts[[0, 45, 90]] = True
    path = tmp_path / "old.npz"
    np.savez(path, obs=arrays["observations"], actions=arrays["actions"], rewards=arrays["rewards"][:, None],
             episode_starts=starts, episode_returns=np.zeros(3))  # fmt: skip
    back = read_path(path)
    assert [len(e) for e in back.episodes] == [44, 44, 44]
    np.testing.assert_array_equal(back.episodes[1].obs, demos.episodes[1].obs[:45])


# -- bad input --------------------------------------------------------------------------------


def test_unknown_id_names_the_nearest(root):
    write_set(make_set())
    with pytest.raises(UserError, match=r"did you mean.*test/hopper-v0"):
        read_set("test/hoper-v0")
    with pytest.raises(UserError, match="does not exist"):
        read_set(str(root / "nowhere.h5"))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_minari_file_is_refused_by_name(root, share):
    folder = write_set(make_set())
    file = folder / "data" / "main_data.hdf5"
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match="hopper-v0"):
        read_set("test/hopper-v0")


@pytest.mark.parametrize("name", ["cut.h5", "cut.npz"])
def test_truncated_files_are_refused_by_name(root, tmp_path, name):
    write_set(make_set())
    path = export_set("test/hopper-v0", tmp_path / name)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(DataError, match=name):
        read_path(path)


def test_files_of_no_known_layout_are_refused(tmp_path):
    path = write_h5(tmp_path / "other.h5", {"pixels": np.zeros(3)})
    with pytest.raises(DataError, match=r"other.h5 holds pixels; expected"):
        read_path(path)
    with pytest.raises(DataError, match=r"no data/metadata\.json"):
        read_path(tmp_path)


def test_pickles_in_npz_are_not_run(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, obs=np.array([object()], dtype=object), actions=np.zeros(1), rewards=np.zeros(1),
             episode_starts=np.ones(1))  # fmt: skip
    with pytest.raises(DataError, match=r"evil\.npz"):
        read_path(path)


@pytest.mark.parametrize("field", ["obs", "action", "reward"])
def test_nan_is_refused_with_episode_and_step(field):
    demos = make_set()
    getattr(demos.episodes[3], field)[7] = np.nan
    from rlsuite.demos.checks import check_set

    with pytest.raises(DataError, match=r"episode 3: \w+ of step 7"):
        check_set(demos)


def test_empty_sets_are_refused(root):
    with pytest.raises(DataError, match="no episodes"):
        write_set(DemoSet(id="test/empty-v0", episodes=()))
    assert list_sets() == [i for i in list_sets() if i.startswith("rlsuite/")]


def test_wrong_environment_is_refused(root):
    write_set(make_set())
    config = DemosConfig(id="test/hopper-v0")
    with pytest.raises(DataError, match=r"recorded in Hopper-v5, the experiment's level is mujoco/Walker2d-v5"):
        load(config, OBS, ACT, seed=0, env_id="mujoco/Walker2d-v5")
    other = DemosConfig(id="test/hopper-v0", allow_other_env=True)
    assert len(load(other, OBS, ACT, seed=0, env_id="gym/Hopper-v4")) == 225


def test_wrong_dimensions_are_refused(root):
    write_set(make_set())
    config = DemosConfig(id="test/hopper-v0")
    with pytest.raises(DataError, match=r"observations have shape \(11,\), the level's \(17,\)"):
        load(config, spaces.Box(-1, 1, (17,)), ACT, seed=0)
    with pytest.raises(DataError, match=r"actions have shape \(3,\), the level's \(6,\)"):
        load(config, OBS, spaces.Box(-1, 1, (6,)), seed=0)
    with pytest.raises(DataError, match=r"actions are not integers in 0..4"):
        load(config, OBS, spaces.Discrete(5), seed=0)


def test_actions_outside_the_box_are_refused_or_clipped(root):
    demos = make_set()
    demos.episodes[1].action[4, 0] = 1.5
    write_set(demos)
    with pytest.raises(DataError, match=r"episode 1, step 4: .*outside.*actions_outside: clip"):
        load(DemosConfig(id="test/hopper-v0"), OBS, ACT, seed=0)
    clipped = load(DemosConfig(id="test/hopper-v0", actions_outside="clip"), OBS, ACT, seed=0)
    assert clipped.action.max() == 1.0
    assert clipped.action[45 + 4, 0] == 1.0


def test_more_trajectories_than_there_are(root):
    write_set(make_set())
    with pytest.raises(DataError, match=r"holds 5 episodes, demos\.n_trajectories asks for 6"):
        load(DemosConfig(id="test/hopper-v0", n_trajectories=6), OBS, ACT, seed=0)
