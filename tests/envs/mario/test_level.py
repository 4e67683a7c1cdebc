"""Mario levels as vector environments."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import torch

from rlsuite import registry
from rlsuite.envs import levels
from rlsuite.envs.mario.actions import MEANINGS, PATHAK_14
from rlsuite.envs.mario.config import MarioConfig
from rlsuite.envs.mario.game import TRACK_BEST, TRACK_STAGE, Judge
from rlsuite.envs.mario.level import MarioVectorEnv
from rlsuite.envs.mario.nes import layout as at
from rlsuite.envs.mario.nes.batch import RowList
from rlsuite.envs.mario.stages import Stages, find_rom, load_stages, stage_index
from rlsuite.testing.env_checks import check_vector_env

pytestmark = pytest.mark.usefixtures("game")
RIGHT_FAST = MEANINGS.index("right B")


def make(
    stage: str = "1-1", reward: str = "dense", n: int = 2, seed: int = 0, threads: int = 1, **options
) -> MarioVectorEnv:
    config = MarioConfig(id=f"mario/{stage}/{reward}", **options)
    return MarioVectorEnv(stage, reward, n, seed=seed, options=config, n_threads=threads)


@pytest.fixture(scope="module")
def stages() -> Stages:
    return load_stages(find_rom())[1]


def test_every_level_is_registered() -> None:
    ids = [id for id in registry.levels.ids() if id.startswith("mario/")]
    assert len(ids) == 33 * 3
    entry = registry.levels.get("mario/8-4/flag")
    assert entry.extra == "mario"
    assert entry.tags["score"] == "progress"
    assert entry.config_class() is MarioConfig


def test_the_contract_of_vector_environments() -> None:
    check_vector_env(make(n=3, max_episode_steps=9, sticky=0.25, noop_max=4, threads=2), n_steps=24)


def test_the_contract_with_pictures_of_two_frames() -> None:
    check_vector_env(make(n=2, max_episode_steps=7, brighter_of_two=True, noop_max=2), n_steps=16)


def test_the_factory_and_the_shapes() -> None:
    options = MarioConfig(id="mario/1-2/no_reward", frame_size=84, frame_skip=4)
    env = levels.make_vec("mario/1-2/no_reward", 2, options=options, n_threads=1)
    assert env.reset_all(0).shape == (2, 4, 84, 84)
    assert env.action_space.n == 14 == len(set(PATHAK_14))
    assert env.render_fps == pytest.approx(60.0988 / 4)
    assert env.render_frame(1).shape == (240, 256, 3)


def test_stages_are_measured_from_the_rom(stages: Stages) -> None:
    start, goal, area = stages.measures.T
    assert (start == 40).all()
    assert (goal > 2000).all()
    assert (area >= 0x8000).all()
    known = {"1-1": 3168, "1-2": 2656, "1-4": 2256, "8-1": 6016}
    assert {stage: int(goal[stage_index(stage)]) for stage in known} == known


def test_stages_begin_where_they_should(stages: Stages) -> None:
    ram = stages.state["ram"]
    assert (ram[:, 0x075F] * 4 + ram[:, 0x075C]).tolist() == list(range(32))
    assert (ram[:, 0x0E] == 8).all(), "the player has control"
    assert (ram[:, 0x075A] == 2).all()


@pytest.mark.parametrize("reward", ["dense", "flag", "no_reward"])
def test_rewards_of_running_right(reward: str) -> None:
    env = make(reward=reward, n=2, noop_max=0)
    env.reset_all(0)
    total, progress, actions = torch.zeros(2), [], np.full(2, RIGHT_FAST)
    for _ in range(60):
        step = env.step_tensor(actions)
        total += step.reward
        progress.append(float(step.info["progress"][0]))
        if step.terminated[0]:
            break
    assert step.terminated.all(), "running into the first enemy ends the episode"
    assert not step.truncated.any()
    assert bool(step.info["is_dying"][0]) or bool(step.info["is_dead"][0])
    assert not step.info["is_success"].any()
    assert progress == sorted(progress)
    best = int(step.info["x_pos_max"][0])
    assert best > 250
    assert progress[-1] == pytest.approx((best - 40) / (3168 - 40), abs=1e-6)
    assert total.tolist() == pytest.approx([progress[-1]] * 2 if reward == "dense" else [0.0, 0.0], abs=1e-5)
    assert int(step.info["x_pos"][0]) > 100, "the info is that of the ended episode"
    assert torch.count_nonzero(step.obs[:, :-1]) == 0, "the new episode's stack begins with black pictures"
    assert torch.count_nonzero(step.next_obs[:, :-1]) > 0, "the successor still belongs to the old one"


def judged(
    stages: Stages,
    pokes: dict[int, int],
    *,
    reward: str = "flag",
    whole_game: bool = False,
    best: int = 40,
    stage: int = 0,
):
    """What `judge` makes of stage ``stage``'s first moment with some bytes of memory changed."""
    ram = stages.state["ram"][stage : stage + 1].clone()
    for address, value in pokes.items():
        ram[0, address] = value
    judge = Judge(ram, stages.state["regs"][:1].clone(), stages.measures, reward, whole_game)
    judge.track[0, TRACK_STAGE], judge.track[0, TRACK_BEST] = 0, best
    rows = RowList(1, torch.device("cpu"))
    judge.command(rows).run(rows.set(np.zeros(1, np.int32)))
    got, ended, info = judge.results(slice(0, 1))
    return float(got[0]), bool(ended[0]), {k: v[0].item() for k, v in info.items()}


FLAG_REACHED = {0x16: 0x31, 0x1D: 3}


def test_reaching_the_flag(stages: Stages) -> None:
    reward, ended, info = judged(stages, FLAG_REACHED)
    assert (reward, ended) == (1.0, True)
    assert info["flag_get"]
    assert info["is_success"]
    assert info["progress"] == 1.0


def test_a_vine_is_no_flag(stages: Stages) -> None:
    _, ended, info = judged(stages, {0x1D: 3})
    assert not ended
    assert not info["flag_get"]


def test_progress_without_the_flag_stays_below_one(stages: Stages) -> None:
    _, _, info = judged(stages, {0x6D: 0x0D})
    assert info["x_pos"] == 0x0D28
    assert info["progress"] == pytest.approx(0.99)


def test_another_area_does_not_count(stages: Stages) -> None:
    _, ended, info = judged(stages, {0x6D: 0x05, 0xE7: 0x00})
    assert info["progress"] == 0.0
    assert not ended


@pytest.mark.parametrize(
    ("pokes", "flag"), [({0x0E: 0x0B}, "is_dying"), ({0xB5: 2}, "is_dying"), ({0x0E: 0x06}, "is_dead")]
)
def test_deaths(stages: Stages, pokes: dict[int, int], flag: str) -> None:
    reward, ended, info = judged(stages, pokes)
    assert (reward, ended) == (0.0, True)
    assert info[flag]
    reward, ended, _ = judged(stages, pokes, whole_game=True)
    assert not ended, "the whole game goes on with the next life"


def test_the_whole_game(stages: Stages) -> None:
    reward, ended, info = judged(stages, {}, whole_game=True, stage=5)
    assert reward == 1.0, "a later stage than the one remembered"
    assert not ended
    assert info["progress"] == pytest.approx(5 / 32)
    _, ended, info = judged(stages, {0x075A: 0xFF}, whole_game=True)
    assert ended
    assert info["is_game_over"]
    _, ended, info = judged(stages, {0x0770: 2}, whole_game=True, stage=31)
    assert ended
    assert info["progress"] == 1.0


def test_info_equals_gym_super_mario_bros() -> None:
    """The same memory, read by both."""
    smb = pytest.importorskip("gym_super_mario_bros.smb_env", reason="gym-super-mario-bros needs Python 3.13")
    env = make(n=1, noop_max=0)
    env.reset_all(0)
    for action in np.random.default_rng(0).integers(0, 14, 40):
        step = env.step_tensor(np.array([action]))
    theirs = smb.SuperMarioBrosEnv.__new__(smb.SuperMarioBrosEnv)
    theirs.ram = env.console.ram[0].numpy()
    names = {
        "x_pos": "_x_position", "y_pos": "_y_position", "y_pixel": "_y_pixel", "y_viewport": "_y_viewport",
        "time": "_time", "left_x_pos": "_left_x_position", "coins": "_coins", "life": "_life", "score": "_score",
        "world": "_world", "stage": "_stage", "area": "_area", "level": "_level", "status_value": "_status_value",
        "player_state": "_player_state", "flag_get": "_flag_get", "is_dying": "_is_dying", "is_dead": "_is_dead",
        "is_game_over": "_is_game_over", "is_stage_over": "_is_stage_over", "is_world_over": "_is_world_over",
    }  # fmt: skip
    assert not step.terminated.any()
    for ours, attribute in names.items():
        assert step.info[ours][0].item() == getattr(theirs, attribute), ours


def test_sticky_buttons_and_no_ops_make_episodes_differ() -> None:
    for options in ({"noop_max": 30}, {"noop_max": 0, "sticky": 0.25}):
        env = make(n=8, **options)
        env.reset_all(0)
        for action in np.random.default_rng(0).integers(0, 14, 30):
            env.step_tensor(np.full(8, action))
        assert len({bytes(row.numpy()) for row in env.console.ram}) > 1, options
    env = make(n=8, noop_max=0)
    env.reset_all(0)
    for action in np.random.default_rng(0).integers(0, 14, 10):
        env.step_tensor(np.full(8, action))
    assert len({bytes(row.numpy()) for row in env.console.ram}) == 1, "without either there is no chance"


def test_fast_forward_skips_what_the_player_cannot_act_in() -> None:
    env = make("1-1", n=2, noop_max=0)
    env.reset_all(0)
    env.console.ram[1, 0x0E] = 3  # as if entering a pipe
    step = env.step_tensor(np.zeros(2, np.int64))
    assert int(step.info["frames"][0]) == 6
    assert int(step.info["frames"][1]) > 6


def test_resume_is_exact_in_another_environment() -> None:
    actions = np.random.default_rng(1).integers(0, 14, (40, 3))
    first, second = (make(n=3, sticky=0.1, max_episode_steps=15, seed=seed) for seed in (0, 99))
    first.reset_all(4)
    for action in actions[:20]:
        first.step_tensor(action)
    state = first.state_dict()
    assert set(state["console"]) == {"ram", "vram", "oam", "palette", "regs", "lines", "skins"}, "no ROM, no graphics"
    second.reset_all(5)
    assert torch.equal(second.load_state_dict(state), torch.as_tensor(state["obs"]))
    for action in actions[20:]:
        a, b = first.step_tensor(action), second.step_tensor(action)
        assert torch.equal(a.obs, b.obs)
        assert torch.equal(a.reward, b.reward)
    assert torch.equal(first.console.ram, second.console.ram)


def test_a_masked_reset_leaves_the_others_as_they_are() -> None:
    env, twin = make(n=4, noop_max=9, threads=2), make(n=4, noop_max=9)
    actions = np.random.default_rng(1).integers(0, 14, (12, 4))
    for e in (env, twin):
        e.reset_all(0)
        for action in actions[:9]:  # an odd number: the newest pictures lie in the second buffer
            e.step_tensor(action)
    mask = np.array([False, True, True, False])
    obs = env.reset_where(mask, seed=0)
    first = make(n=4, noop_max=9).reset_all(0)
    assert torch.equal(obs[1:3], first[1:3])
    assert (env._table.steps == np.where(mask, 0, 9)).all()
    for action in actions[9:]:
        a, b = env.step_tensor(action), twin.step_tensor(action)
        assert torch.equal(a.obs[[0, 3]], b.obs[[0, 3]])
        assert np.array_equal(a.info["progress"][[0, 3]], b.info["progress"][[0, 3]])
        assert not torch.equal(a.obs[1:3], b.obs[1:3])
    with pytest.raises(ValueError, match=r"mask must be bool \(4,\), got bool \(3,\)"):
        env.reset_where(np.ones(3, bool))


def test_looks_change_per_episode_and_never_the_play() -> None:
    actions = np.random.default_rng(2).integers(0, 14, (30, 4))
    plain, dressed = (make(n=4, max_episode_steps=8, noop_max=0) for _ in range(2))
    game = dressed.own_tiles
    noise = np.random.default_rng(3).integers(0, 256, (2, 8192), dtype=np.uint8)
    dressed.set_tile_sets(np.concatenate([game[None], noise]))
    worn = set()
    plain.reset_all(0)
    dressed.reset_all(0)
    different = False
    for action in actions:
        a, b = plain.step_tensor(action), dressed.step_tensor(action)
        assert torch.equal(a.reward, b.reward)
        assert torch.equal(plain.console.ram, dressed.console.ram)
        different |= not torch.equal(a.obs, b.obs)
        worn |= set(dressed.looks.tolist())
    assert different
    assert worn == {0, 1, 2}


def test_nes_py_plays_the_same_stage() -> None:
    pytest.importorskip("nes_py", reason="nes-py needs Python 3.13")
    ours, theirs = (make(n=1, noop_max=0, backend=backend) for backend in ("warp", "nes_py"))
    for env in (ours, theirs):
        env.reset_all(0)
    assert not theirs.restorable
    for t, action in enumerate([RIGHT_FAST] * 20):
        a, b = ours.step_tensor(np.array([action])), theirs.step_tensor(np.array([action]))
        if t > 4:
            difference = int(a.info["x_pos"][0]) - int(b.info["x_pos"][0])
            assert 0 <= difference <= 24, "nes-py answers one step later"
    assert b.obs.shape == a.obs.shape
    assert theirs.render_frame(0).shape == (240, 256, 3)


def test_every_episode_of_nes_py_is_the_same_without_chance() -> None:
    pytest.importorskip("nes_py", reason="nes-py needs Python 3.13")
    env, memories = make(n=2, noop_max=0, backend="nes_py"), []
    for _ in range(3):  # a snapshot whose machine is gone crashes nes-py the second or third time
        env.reset_all(0)
        for action in (RIGHT_FAST, 8, RIGHT_FAST, 10):
            env.step_tensor(np.full(2, action))
        memories += [bytes(row.numpy()) for row in env.console.ram]
        gc.collect()
        _ = [np.full(size, 0xAA, np.uint8) for size in (8192, 16384, 32768, 40960)]
    assert len(set(memories)) == 1


def test_the_nes_py_backend_keeps_the_contract() -> None:
    pytest.importorskip("nes_py", reason="nes-py needs Python 3.13")
    check_vector_env(make(n=2, max_episode_steps=5, noop_max=3, backend="nes_py"), n_steps=8)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"crop": (200, 40, 0, 0)}, r"leaves 0x256"),
        ({"frame_size": 36, "crop": (0, 0, 0, 0)}, "less than a seventh"),
        ({"sticky": 1.0}, "less than 1"),
        ({"backend": "cynes"}, "'warp' or 'nes_py'"),
    ],
)
def test_wrong_options_are_refused(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MarioConfig(id="mario/1-1/dense", **options)


def test_actions_of_the_wrong_shape_are_refused() -> None:
    env = make(n=2)
    env.reset_all(0)
    with pytest.raises(ValueError, match=r"must be \(2,\), got \(3,\)"):
        env.step_tensor(np.zeros(3, np.int64))


def test_faults_are_told_once() -> None:
    env = make(n=1)
    env.reset_all(0)
    env.console.regs[0, at.FAULTS], env.console.regs[0, at.FIRST_FAULT] = 1, at.FAULT_OPCODE << 16 | 0x8123
    with pytest.warns(RuntimeWarning, match=r"undocumented opcode at \$8123"):
        env.step_tensor(np.zeros(1, np.int64))
