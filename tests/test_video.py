import dataclasses
import json
import stat
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from PIL import Image

from rlsuite.errors import RunError, UserError
from rlsuite.evaluation import RandomPolicy
from rlsuite.testing import ConstantReward, make_probe
from rlsuite.testing.probes import ImageProbe
from rlsuite.video import FILM_SEED, FilmOptions, FilmWriter, film
from rlsuite.video.encode import pad_to_even
from rlsuite.video.filming import film_rate
from rlsuite.video.picture import Panel, tile, upscale
from rlsuite.video.timelapse import spread


def read(path):
    """Facts and frames of a film, uint8 (n, H, W, 3)."""
    frames = imageio_ffmpeg.read_frames(str(path))
    facts = next(frames)
    width, height = facts["size"]
    return facts, np.stack([np.frombuffer(f, np.uint8).reshape(height, width, 3) for f in frames])


def codec_line(path):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    return next(line for line in said.splitlines() if "Video:" in line)


def write(writer, frames, then=None):
    """Write a whole film, or break off with an error after the frames."""
    with writer:
        for frame in frames:
            writer.add(frame)
        if then is not None:
            raise then


def black(height=16, width=16):
    return np.zeros((height, width, 3), np.uint8)


class Fixed:
    """A policy that always does the same."""

    def __init__(self, action, n=1):
        self.action = np.full(n, action)
        self.asked = []

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        self.asked.append((observation.copy(), deterministic))
        return self.action, state


class CellReward(ConstantReward):
    """The corridor's cell, and a count of what it has scored."""

    def __init__(self):
        super().__init__()
        self.name = "novelty"
        self.n_scored = 0
        self.shapes = []

    def reward(self, batch):
        self.n_scored += 1
        self.shapes.append(tuple(batch.leading_shape))
        return batch.next_obs.argmax(-1).float()

    def state_dict(self):
        return {"n_scored": self.n_scored}

    def load_state_dict(self, state):
        self.n_scored = state["n_scored"]


# -- the file ---------------------------------------------------------------------------------------


def test_film_is_h264_yuv420p_with_even_sides_and_the_given_rate(tmp_path):
    with FilmWriter(tmp_path / "a.mp4", fps=8.75) as writer:
        for _ in range(7):
            writer.add(np.zeros((33, 51, 3), np.uint8))
    line = codec_line(tmp_path / "a.mp4")
    assert "h264" in line
    assert "yuv420p" in line
    assert "bt709" in line
    assert "52x34" in line
    assert "8.75 fps" in line
    facts, frames = read(tmp_path / "a.mp4")
    assert len(frames) == 7
    assert facts["duration"] == pytest.approx(7 / 8.75, abs=0.02)


def test_colours_come_back_as_they_were(tmp_path):
    colours = np.array([[230, 159, 0], [0, 158, 115], [86, 180, 233], [255, 255, 255], [0, 0, 0], [204, 121, 167]])
    frame = np.repeat(np.repeat(colours[None].astype(np.uint8), 32, 0), 32, 1).reshape(32, 192, 3)
    with FilmWriter(tmp_path / "c.mp4", fps=10) as writer:
        for _ in range(3):
            writer.add(frame)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(tmp_path / "c.mp4"), "-frames:v", "1"]
    subprocess.run([*command, "-vf", "scale=in_color_matrix=bt709", str(tmp_path / "c.png")], check=True)
    with Image.open(tmp_path / "c.png") as image:
        back = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(back[16, 16::32] - colours).max() <= 6


def test_odd_sides_are_padded_with_the_edge():
    frame = np.arange(5 * 3 * 3, dtype=np.uint8).reshape(5, 3, 3)
    even = pad_to_even(frame)
    assert even.shape == (6, 4, 3)
    assert np.array_equal(even[:5, :3], frame)
    assert np.array_equal(even[5, :3], frame[4])
    assert pad_to_even(even) is even


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"film.gif: films are written as .mp4"):
        FilmWriter(tmp_path / "film.gif", 30)


def test_a_film_that_breaks_off_leaves_nothing(tmp_path):
    with pytest.raises(KeyError):
        write(FilmWriter(tmp_path / "a.mp4", 10), [black()], then=KeyError())
    assert list(tmp_path.iterdir()) == []


def test_an_older_film_survives_a_new_one_that_breaks_off(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(ValueError, match="frames of one size"):
        write(FilmWriter(tmp_path / "a.mp4", 10), [black(), black(18)])
    assert (tmp_path / "a.mp4").read_bytes() == b"old"


def test_an_encoder_that_cannot_start_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("rlsuite.video.encode.encoder_path", lambda: str(tmp_path / "no-ffmpeg"))
    with pytest.raises(RunError, match="no-ffmpeg could not be started"), FilmWriter(tmp_path / "a.mp4", 10) as writer:
        writer.add(np.zeros((16, 16, 3), np.uint8))


def test_a_missing_encoder_says_what_to_do(tmp_path, monkeypatch):
    def missing():
        raise RuntimeError("No ffmpeg exe could be found")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
    with pytest.raises(RunError, match="IMAGEIO_FFMPEG_EXE"), FilmWriter(tmp_path / "a.mp4", 10) as writer:
        writer.add(np.zeros((16, 16, 3), np.uint8))


def test_a_full_disk_is_said_in_the_encoders_words(tmp_path, monkeypatch):
    fake = tmp_path / "ffmpeg"
    fake.write_text(
        "#!/bin/sh\nhead -c 10 >/dev/null\necho 'av_interleaved_write_frame(): No space left on device' >&2\nexit 1\n"
    )
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr("rlsuite.video.encode.encoder_path", lambda: str(fake))
    with pytest.raises(RunError, match=r"No space left on device. Make room"):
        write(FilmWriter(tmp_path / "a.mp4", 10), [black(64, 64)] * 50)
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_a_real_encoder_on_a_full_disk(tmp_path):
    writer = FilmWriter(tmp_path / "a.mp4", 10)
    (tmp_path / "full.mp4").symlink_to("/dev/full")
    writer._aside = tmp_path / "full.mp4"
    noise = np.random.default_rng(0).integers(0, 255, (30, 64, 64, 3), dtype=np.uint8)
    with pytest.raises(RunError, match=r"No space left on device"):
        write(writer, noise)
    assert not (tmp_path / "a.mp4").exists()


# -- the picture ------------------------------------------------------------------------------------


def test_pixels_are_enlarged_by_a_whole_factor():
    frame = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    big = upscale(frame, 10, 10)
    assert big.shape == (6, 9, 3)
    assert (big[3:6, 6:9] == frame[1, 2]).all()
    assert upscale(big, 5, 5) is big


def test_grid_places_frames_row_by_row():
    frames = [np.full((4, 6, 3), i, np.uint8) for i in range(6)]
    sheet = tile(frames, 2, 3, gap=2)
    assert sheet.shape == (10, 22, 3)
    assert [int(sheet[1, 1, 0]), int(sheet[1, 9, 0]), int(sheet[7, 17, 0])] == [0, 1, 5]
    assert tile(frames[:1], 1, 1).shape == (4, 6, 3)


def test_panel_draws_what_it_was_given():
    panel = Panel(["a reward"], 200, 150, window=10)
    empty = panel.draw(["title"])
    for value in (0.0, 1.0, 0.0):
        panel.add({"a reward": value})
    drawn = panel.draw(["title"])
    assert drawn.shape == (150, 200, 3)
    assert (drawn != empty).any()
    blue = (drawn[..., 2].astype(int) - drawn[..., 0] > 60).nonzero()
    assert blue[1].max() > 180  # the newest stands at the right edge


def test_panel_scale_never_shrinks_and_gaps_are_no_lines():
    panel = Panel(["r"], 200, 150, window=5)
    for value in (-2.0, 8.0, 1.0, 1.0, 1.0, 1.0, 1.0):
        panel.add({"r": value})
    assert panel._range["r"] == (-2.0, 8.0)
    panel.add(None)
    panel.draw([])
    panel.add({"r": float("nan")})
    assert panel.draw([]).dtype == np.uint8


# -- the play ---------------------------------------------------------------------------------------


def test_one_episode_at_the_levels_own_rate(tmp_path):
    found = film(Fixed(1), make_probe("corridor", 1), tmp_path / "a.mp4")
    assert found.episodes == [{"cell": 0, "return": 1.0, "length": 12, "truncated": False}]
    assert (found.n_frames, found.n_steps, found.fps, found.cut) == (12, 12, 10.0, False)
    facts, frames = read(found.path)
    assert len(frames) == 12
    assert facts["fps"] == 10.0
    assert facts["size"] == found.size


def test_frames_show_the_state_the_policy_acted_in(tmp_path):
    """The corridor's marker moves one cell a frame, enlarged by three: frame t shows cell t."""
    found = film(Fixed(1), make_probe("corridor", 1), tmp_path / "a.mp4")
    _, frames = read(found.path)
    bright = [int(f[72].min(axis=-1).argmax()) for f in frames]
    assert [(b - 9) // 30 for b in bright] == list(range(12))


def test_max_seconds_cuts_the_film(tmp_path):
    found = film(Fixed(0), make_probe("corridor", 1), tmp_path / "a.mp4", FilmOptions(max_seconds=1.0))
    assert (found.n_frames, found.cut, found.episodes) == (10, True, [])


@pytest.mark.parametrize(("fps", "n_frames"), [(5.0, 24), (20.0, 96), (3.0, 15)])
def test_other_rates_keep_the_pace(tmp_path, fps, n_frames):
    found = film(Fixed(0), make_probe("corridor", 1), tmp_path / "a.mp4", FilmOptions(fps=fps))
    assert found.n_steps == 48
    assert abs(found.n_frames - n_frames) <= 1
    assert found.n_frames / found.fps == pytest.approx(4.8, abs=1.01 / fps)


@pytest.mark.parametrize(
    ("level", "film"), [(125.0, 62.5), (67.0, 67.0), (60.0, 60.0), (35.0, 35.0), (8.75, 8.75), (500.0, 62.5)]
)
def test_fast_levels_are_filmed_at_a_whole_fraction_of_their_rate(level, film):
    assert film_rate(level) == film


def test_a_fast_level_plays_at_its_own_pace_in_half_the_frames(tmp_path):
    env = make_probe("corridor", 1)
    env.render_fps = 120.0
    found = film(Fixed(0), env, tmp_path / "a.mp4")
    assert (found.fps, found.n_steps, found.n_frames) == (60.0, 48, 24)


def test_the_same_seed_films_the_same_starts_and_another_others(tmp_path):
    policies = [Fixed(0, 9) for _ in range(3)]
    grid = FilmOptions(grid=(3, 3))
    for policy, seed in zip(policies, (FILM_SEED, FILM_SEED, 5), strict=True):
        film(
            policy, make_probe("obs-action", 9, seed=seed % 3), tmp_path / "a.mp4", dataclasses.replace(grid, seed=seed)
        )
    first, second, other = (p.asked[0][0] for p in policies)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_grid_must_fit_the_environment(tmp_path):
    with pytest.raises(UserError, match="a grid of 2 x 2 needs 4 environments, there are 3"):
        film(Fixed(0, 3), make_probe("action", 3), tmp_path / "a.mp4", FilmOptions(grid=(2, 2)))


def test_every_cell_plays_its_episodes(tmp_path):
    found = film(
        Fixed(1, 4), make_probe("delayed", 4), tmp_path / "a.mp4", FilmOptions(episodes=3, grid=(2, 2), panel=False)
    )
    assert [e["cell"] for e in found.episodes] == [0, 1, 2, 3] * 3
    assert found.n_frames == 6


def test_panel_shows_the_learned_reward_and_leaves_the_model_as_it_was(tmp_path):
    model = CellReward()
    env = make_probe("corridor", 1)
    plain = film(Fixed(1), env, tmp_path / "plain.mp4")
    found = film(Fixed(1), env, tmp_path / "panel.mp4", rewards=[model])
    assert found.learned == ["novelty"]
    assert found.size[0] > plain.size[0] + 200
    assert model.shapes == [(1, 1)] * 12
    assert model.n_scored == 0
    assert film(Fixed(1), env, tmp_path / "off.mp4", FilmOptions(panel=False), rewards=[model]).size == plain.size


def test_panel_on_request_shows_the_environments_reward(tmp_path):
    found = film(Fixed(1), make_probe("corridor", 1), tmp_path / "a.mp4", FilmOptions(panel=True))
    assert found.learned == []
    assert found.size[0] > 600
    _, frames = read(found.path)
    assert len(frames) == found.n_steps + 7, "0.7 seconds at ten frames"
    frames = frames.astype(int)
    ending = frames[-7:]
    assert abs(ending - ending[0]).max() < 12, "the last picture stays"
    before, after = frames[-8], ending[0]
    width = frames.shape[2] - 280
    assert abs(before[:, :width] - after[:, :width]).max() < 40
    assert abs(before[:60, width:] - after[:60, width:]).max() > 60, "the panel has the last reward in it"


def test_filming_leaves_the_global_streams_alone(tmp_path):
    before = torch.get_rng_state()
    env = make_probe("obs-action", 1)
    film(RandomPolicy(env.action_space, 1, 0), env, tmp_path / "a.mp4", FilmOptions(deterministic=False))
    assert torch.equal(before, torch.get_rng_state())


def test_deterministic_is_handed_on(tmp_path):
    for wanted in (True, False):
        policy = Fixed(1)
        film(policy, make_probe("action", 1), tmp_path / "a.mp4", FilmOptions(deterministic=wanted))
        assert [d for _, d in policy.asked] == [wanted]


def test_frames_folder_holds_the_levels_own_pictures(tmp_path):
    env = make_probe("corridor", 1)
    film(Fixed(1), env, tmp_path / "a.mp4", FilmOptions(frames_dir=tmp_path / "frames", fps=2.0))
    files = sorted((tmp_path / "frames").iterdir())
    assert [f.name for f in files] == [f"{i:06d}.png" for i in range(12)]
    env.reset_all(FILM_SEED)
    with Image.open(files[0]) as image:
        assert np.array_equal(np.asarray(image), env.render_frame(0))


def test_a_frames_folder_in_use_is_refused(tmp_path):
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "mine.txt").write_text("")
    with pytest.raises(UserError, match="is not empty"):
        film(Fixed(1), make_probe("action", 1), tmp_path / "a.mp4", FilmOptions(frames_dir=tmp_path / "frames"))
    assert not (tmp_path / "a.mp4").exists()


def test_success_is_told_where_the_level_tells_it(tmp_path):
    class Telling(ImageProbe):
        def recv(self, group=0):
            step = super().recv(group)
            return dataclasses.replace(step, info={**step.info, "is_success": np.array([True])})

    env = Telling(1)
    env.info_keys["is_success"] = np.dtype(bool)
    assert film(Fixed(1), env, tmp_path / "a.mp4").episodes[0]["success"] is True


def test_spread_keeps_first_and_last():
    assert spread(range(10), 4) == [0, 3, 6, 9]
    assert spread(range(3), 8) == [0, 1, 2]


def test_a_film_can_be_described_in_json(tmp_path):
    found = film(Fixed(1), make_probe("action", 1), tmp_path / "a.mp4")
    json.dumps({k: v for k, v in dataclasses.asdict(found).items() if k != "path"})
