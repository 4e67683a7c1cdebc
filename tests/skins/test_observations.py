"""What the agent sees, transformed: pictures and features, backgrounds, caches; and in an experiment."""

from pathlib import Path
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
import torch
from PIL import Image

from rlsuite import generators
from rlsuite.config.schema import load_experiment
from rlsuite.envs.config import ObservationConfig
from rlsuite.envs.vector import Step, VectorEnv
from rlsuite.errors import ConfigError, UserError
from rlsuite.skins.cache import FrameCache
from rlsuite.skins.observing import BackgroundEnv, TransformedEnv, is_background, observe


class Counter(VectorEnv):
    """Stacks of four grey pictures: a square of brightness 200 walks over a background of 90; five steps an episode."""

    restorable = True

    def __init__(self, n: int = 3, stack: int = 4) -> None:
        self.options = SimpleNamespace(frame_stack=stack)
        super().__init__(n, gym.spaces.Box(0, 255, (stack, 16, 16), np.uint8), gym.spaces.Discrete(2))
        self.t = torch.zeros(n, dtype=torch.long)

    def picture(self, t: int) -> torch.Tensor:
        frame = torch.full((16, 16), 90, dtype=torch.uint8)
        frame[4:8, t : t + 4] = 200
        return frame

    def look(self) -> torch.Tensor:
        black, n = torch.zeros(16, 16, dtype=torch.uint8), self.observation_space.shape[0]
        rows = [[self.picture(int(t) - k) if t - k >= 0 else black for k in range(n - 1, -1, -1)] for t in self.t]
        return torch.stack([torch.stack(row) for row in rows])

    def reset_all(self, seed=None):
        self.t[:] = 0
        return self.look()

    def send(self, actions, group=0):
        pass

    def recv(self, group=0):
        self.t += 1
        after = self.look()
        ended = self.t >= torch.tensor([5, 4, 3])[: self.num_envs]
        self.t[ended] = 0
        n = self.num_envs
        return Step(self.look(), torch.ones(n), ended, torch.zeros(n, dtype=torch.bool), after, {})

    def state_dict(self):
        return {**super().state_dict(), "t": self.t.clone()}

    def load_state_dict(self, state):
        self.t.copy_(state["t"])
        return self.look()


ACTIONS = np.zeros(3, np.int64)


def test_pictures_are_transformed_once_and_successors_stay_true() -> None:
    seen = []

    def invert(frames: torch.Tensor) -> torch.Tensor:
        seen.append(len(frames))
        return 1 - frames

    plain, env = Counter(), TransformedEnv(Counter(), invert, cache=64)
    assert torch.equal(env.reset_all(0), 255 - plain.reset_all(0))
    for _ in range(12):
        a, b = plain.step_tensor(ACTIONS), env.step_tensor(ACTIONS)
        assert torch.equal(b.obs, 255 - a.obs)
        assert torch.equal(b.next_obs, 255 - a.next_obs)
        assert torch.equal(a.terminated, b.terminated)
    assert sum(seen) == 1 + 7, "a probe, a black picture and the six of an episode: each once"
    assert env.cache_hits > 0.9


@pytest.mark.parametrize("size", [0, 1, 2, 5])
def test_a_cache_of_any_size_gives_the_same(size: int) -> None:
    cache = FrameCache((1, 4, 4), torch.uint8, size, torch.device("cpu"))
    stream = np.random.default_rng(0)
    pool = torch.from_numpy(stream.integers(0, 200, (6, 1, 4, 4), dtype=np.uint8))
    made = 0

    def add(frames: torch.Tensor) -> torch.Tensor:
        nonlocal made
        made += len(frames)
        return frames + 7

    for _ in range(30):
        frames = pool[stream.integers(0, 6, 4)]
        assert torch.equal(cache.through(frames, add), frames + 7)
    assert made < 120, "pictures that repeat within a batch are made once"
    if size == 5:
        assert cache.hits > 0.5


def test_hashes_tell_pictures_apart() -> None:
    cache = FrameCache((1,), torch.uint8, 1, torch.device("cpu"))
    frames = torch.zeros((300, 1, 8, 8), dtype=torch.uint8)
    for i in range(300):
        frames[i, 0, (i // 8) % 8, i % 8] = 1 + i // 64
    assert len(set(cache.hashes(frames))) == 300


def test_the_background_is_replaced_and_the_square_stays() -> None:
    film = torch.stack([torch.full((3, 4, 4), v) for v in (0.0, 0.2, 0.4, 0.6, 0.8)])
    plain, env = Counter(), BackgroundEnv(Counter(), film, tolerance=8)
    a, b = plain.reset_all(0), env.reset_all(0)
    for t in range(1, 9):
        square = a == 200
        assert torch.equal(b[square], a[square])
        assert (b[a == 0] == 0).all(), "the black pictures before an episode stay black"
        newest = b[:, -1][(a == 90)[:, -1]]
        assert set(newest.tolist()) == {round(51 * ((t - 1) % 5))}
        a, b = plain.step_tensor(ACTIONS).obs, env.step_tensor(ACTIONS).obs
    saved = env.state_dict()
    expected = env.step_tensor(ACTIONS)
    other = BackgroundEnv(Counter(), film, tolerance=8)
    other.load_state_dict(saved)
    assert torch.equal(other.step_tensor(ACTIONS).obs, expected.obs)


def test_a_folder_is_a_film(tmp_path: Path) -> None:
    for k, value in enumerate((0, 51, 102)):
        Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(tmp_path / f"{k}.png")
    env = observe(Counter(), [ObservationConfig(kind="film", path=tmp_path)], tiny("dcgan"))
    seen = [int(env.reset_all(0)[0, -1, 0, 0])] + [int(env.step_tensor(ACTIONS).obs[0, -1, 0, 0]) for _ in range(5)]
    assert seen == [0, 51, 102, 51, 0, 51], "there and back"
    with pytest.raises(ValueError, match="a generator that makes films, or as path a folder of PNGs"):
        ObservationConfig(kind="film")


def test_background_by_hand() -> None:
    frame = torch.tensor([[[[90, 92, 99], [90, 200, 81]]]], dtype=torch.uint8)
    assert is_background(frame, 8)[0, 0].tolist() == [[True, True, False], [True, False, False]]
    assert not is_background(torch.zeros(1, 1, 2, 2, dtype=torch.uint8), 8).any()


def tiny(kind: str):
    generator = generators.make(kind, {"preset": "tiny"}, seed=0)
    return lambda name: (generator, {})


@pytest.mark.parametrize(
    ("kind", "model", "shape"),
    [
        ("translate", "cyclegan", (4, 16, 16)),
        ("complete", "image_gpt", (4, 16, 16)),
        ("film", "videogan", (4, 16, 16)),
        ("features", "image_gpt", None),
    ],
)
def test_every_kind_on_a_level(kind: str, model: str, shape) -> None:
    section = ObservationConfig(kind=kind, generator=Path("run"), hidden=0.1)  # type: ignore[arg-type]
    env = observe(Counter(2), [section], tiny(model))
    obs = env.reset_all(0)
    assert env.observation_space.contains(obs[0].numpy())
    if shape is None:
        assert obs.dtype == torch.float32
        assert obs.shape[1] % 4 == 0
    else:
        assert obs.shape == (2, *shape)
        assert obs.dtype == torch.uint8
    step = env.step_tensor(ACTIONS[:2])
    assert step.obs.shape == obs.shape
    assert not torch.equal(step.obs, Counter(2).reset_all(0)) or kind == "features"
    assert env.t.tolist() == [1, 1], "what the level alone has is reached through"  # type: ignore[attr-defined]


def test_a_generator_that_cannot_is_refused() -> None:
    section = ObservationConfig(kind="translate", generator=Path("run"))
    with pytest.raises(UserError, match="wants a generator that Transforms; this one samples"):
        observe(Counter(), [section], tiny("dcgan"))
    with pytest.raises(UserError, match="wants a folder of PNGs or a generator that samples films"):
        observe(Counter(), [ObservationConfig(kind="film", generator=Path("run"))], tiny("dcgan"))


def test_numbers_are_no_pictures(tmp_path: Path) -> None:
    from rlsuite.envs.levels import make_vec

    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "a.png")
    env = make_vec("gym/CartPole-v1", 1)
    try:
        with pytest.raises(UserError, match="not pictures; begin the list with kind render"):
            observe(env, [ObservationConfig(kind="picture", path=tmp_path / "a.png")], tiny("dcgan"))
    finally:
        env.close()


BASE = "budget: {env_steps: 64}\nagent: {learner: {kind: ppo, n_steps: 16, batch_size: 16}}\n"


def test_the_sections_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(BASE + "env:\n  id: mario/1-1/dense\n  skin: {packs: [p, ../q], pool: 4, held_out: 2}\n")
    section = load_experiment(file).experiment.env
    assert section.skin.packs == (tmp_path / "p", tmp_path.parent / "q")  # type: ignore[union-attr]
    file.write_text(BASE + "env:\n  id: mario/1-1/dense\n  observation:\n  - {kind: translate}\n")
    with pytest.raises(ConfigError, match="kind translate needs a generator"):
        load_experiment(file)
    file.write_text(BASE + "env:\n  id: mario/1-1/dense\n  skin: {packs: [p], pol: 4}\n")
    with pytest.raises(ConfigError, match=r"env.skin.pol is unknown; did you mean env.skin.pool"):
        load_experiment(file)


@pytest.mark.parametrize("name", ["shift", "crop", "convolution", "overlay"])
def test_augmentations_change_training_and_leave_evaluation(name: str) -> None:
    plain = Counter().reset_all(0)
    section = ObservationConfig(kind="augment", to=name)
    training, again, other = (observe(Counter(), [section], tiny("dcgan"), seed=s) for s in (1, 1, 2))
    first = training.reset_all(0)
    assert first.shape == plain.shape
    assert first.dtype == torch.uint8
    assert not torch.equal(first, plain)
    assert torch.equal(first, again.reset_all(0)), "the same seed changes alike"
    assert not torch.equal(first, other.reset_all(0))
    saved = training.state_dict()
    going = training.step_tensor(ACTIONS).obs
    other.load_state_dict(saved)
    again.load_state_dict(saved)
    assert not torch.equal(going, Counter().reset_all(0))
    test = observe(Counter(), [section], tiny("dcgan"), test=True)
    assert torch.equal(test.reset_all(0), plain) == (name != "crop"), "evaluation crops the middle, others leave it"


def test_an_unknown_augmentation_is_refused() -> None:
    with pytest.raises(UserError, match="'blur' is unknown; shift, crop"):
        observe(Counter(), [ObservationConfig(kind="augment", to="blur")], tiny("dcgan"))
