"""A skin changes what is seen and nothing else: proved on every engine; and a cheat is found out."""

import importlib.util
from typing import ClassVar

import numpy as np
import pytest
import torch

from rlsuite import skins
from rlsuite.envs.levels import make_vec
from rlsuite.envs.mujoco.gl import find_backend
from rlsuite.errors import MissingExtraError, UserError
from rlsuite.skins.contracts import Skin
from rlsuite.skins.pack import AssetPack


def level(id: str, n_envs: int = 2, **settings):
    from rlsuite import registry

    try:
        entry = registry.levels.get(id)
        entry.resolve()
        options = entry.config_class()(id=id, **settings)
        return make_vec(id, n_envs, seed=0, options=options, n_threads=1)
    except MissingExtraError as error:
        pytest.skip(f"{id}: {error}")


def prove(env, id: str, steps: int, actions=None):
    pack = skins.noise_pack(env, level=id, n=3)
    actions = skins.random_actions(env, steps) if actions is None else actions
    report = skins.check(env, pack, actions, seed=1, pictures=3)
    assert report.differences == dict.fromkeys(("state", "reward", "terminated", "truncated"), 0), report.first
    assert report.ok
    assert report.steps == steps * env.num_envs
    return report


@pytest.mark.skipif(find_backend() == "none", reason="no off-screen OpenGL")
def test_mujoco() -> None:
    env = level("mujoco/Hopper-v5")
    try:
        report = prove(env, "mujoco/Hopper-v5", 60)
        assert report.terminated >= 2, "hoppers fall"
        assert report.looks >= 2
    finally:
        env.close()


def test_mario() -> None:
    env = level("mario/1-1/dense", 3, max_episode_steps=60)
    try:
        held = np.full((120, 3), 8)  # whatever that holds, the goomba comes
        report = prove(env, "mario/1-1/dense", 120, np.where(np.arange(120)[:, None] % 7 < 5, held, 3))
        assert report.episodes >= 3
        assert report.looks >= 2
    finally:
        env.close()


def test_mario_on_nes_py() -> None:
    if importlib.util.find_spec("nes_py") is None:
        pytest.skip("nes-py needs Python 3.13")
    env = level("mario/1-1/dense", 1, max_episode_steps=12, backend="nes_py", noop_max=0)
    try:
        assert prove(env, "mario/1-1/dense", 30).episodes == 2
    finally:
        env.close()


def test_doom_without_restarts() -> None:
    env = level("doom/my_way_home/dense", max_episode_steps=25)
    try:
        pids = env.engine_pids  # type: ignore[attr-defined]
        report = prove(env, "doom/my_way_home/dense", 60)
        assert report.episodes == 4
        assert report.looks >= 2
        skins.wear(env, skins.noise_pack(env, level="doom/my_way_home/dense", n=4))
        pids = env.engine_pids  # type: ignore[attr-defined]
        seen = set()
        for seed in range(6):
            env.reset_all(seed)
            seen |= set(env.looks.tolist())  # type: ignore[attr-defined]
        assert len(seen) >= 3
        assert 0 not in seen
        assert env.engine_pids == pids, "a change of look restarts no engine"  # type: ignore[attr-defined]
        skins.wear(env, skins.noise_pack(env, level="doom/my_way_home/dense", n=4), choices=[2])
        env.reset_all(0)
        assert set(env.looks.tolist()) == {1}, "the only look that is chosen"  # type: ignore[attr-defined]
        assert env.engine_pids == pids, "the same looks with other choices restart none either"  # type: ignore[attr-defined]
    finally:
        env.close()


def test_doom_sprites_come_with_the_engine() -> None:
    env = level("doom/take_cover", 1, max_episode_steps=20)
    try:
        pack = skins.noise_pack(env, level="doom/take_cover", n=2, kinds={"wall", "flat", "sprite"})
        assert any(name.startswith("sprite_TROO") for name in pack.looks[0])
        report = skins.check(env, pack, skins.random_actions(env, 45), pictures=3)
        assert report.ok, report.first
        assert report.looks == 2
    finally:
        env.close()


class FakeLevel:
    """A level whose look shifts its state or its reward, or shows nothing."""

    engine = "fake"
    num_envs = 2
    info_keys: ClassVar[dict] = {}
    cheat = "none"

    def __init__(self) -> None:
        self.dressed, self.t = False, 0

    def set_groups(self, n: int) -> None:
        pass

    def reset_all(self, seed: int):
        self.t = 0

    def proof_state(self) -> np.ndarray:
        return np.full((2, 3), self.t + (self.cheat == "state" and self.dressed and self.t > 4), float)

    def step_tensor(self, action):
        from rlsuite.envs.vector import Step

        self.t += 1
        odd = self.dressed and self.t == 3
        reward = torch.full((2,), float(self.t + (odd and self.cheat == "reward")))
        ended = torch.tensor([odd and self.cheat == "terminated", False])
        return Step(torch.zeros(2), reward, ended, torch.zeros(2, dtype=torch.bool), torch.zeros(2), {})

    def render_frame(self, index: int) -> np.ndarray:
        return np.full((2, 2, 3), 7 * self.dressed * (self.cheat != "unseen"), np.uint8)


class FakeTailor:
    engine = "fake"

    def fits(self, env) -> bool:
        return isinstance(env, FakeLevel)

    def slots(self, env):
        return {"wall": skins.Slot("wall", np.full((4, 4, 4), 255, np.uint8), "wall")}

    def wear(self, env, looks, *, seed, every, choices=None) -> None:
        env.dressed = bool(looks)


@pytest.fixture
def fake(monkeypatch) -> FakeLevel:
    from rlsuite.skins import wearing

    monkeypatch.setattr(wearing, "TAILORS", (FakeTailor(),))
    return FakeLevel()


@pytest.mark.parametrize(
    ("cheat", "ok", "counts", "first"),
    [
        ("none", True, {}, ""),
        ("state", False, {"state": 12}, "state of environment 0 at step 5, place [0]"),
        ("reward", False, {"reward": 2}, "reward of environment 0 at step 2"),
        ("terminated", False, {"terminated": 1}, "terminated of environment 0 at step 2"),
        ("unseen", False, {}, ""),
    ],
)
def test_a_cheat_is_found_out(fake: FakeLevel, cheat: str, ok: bool, counts: dict[str, int], first: str) -> None:
    fake.cheat = cheat
    pack = skins.noise_pack(fake, level="fake")
    report = skins.check(fake, pack, np.zeros((10, 2)))
    assert report.differences == {"state": 0, "reward": 0, "terminated": 0, "truncated": 0} | counts
    assert report.first == first
    assert report.ok is ok
    assert not fake.dressed, "the level is left undressed"


def test_a_skin_is_one_look_of_a_pack(fake: FakeLevel) -> None:
    skin = skins.PackSkin(skins.noise_pack(fake, level="fake"), 1)
    assert isinstance(skin, Skin)
    assert set(skin.slots(fake)) == {"wall"}
    assert skin.apply(fake) is fake
    assert fake.dressed
    assert skin.check(fake, np.zeros((4, 2))).ok


def test_what_cannot_be_dressed_is_refused(fake: FakeLevel) -> None:
    with pytest.raises(UserError, match="cannot be dressed: skins know fake"):
        skins.slots(object())
    with pytest.raises(UserError, match="holds no look"):
        skins.wear(fake, AssetPack("fake", "fake", []))
