"""Films of a real run: any checkpoint, grids, the panel, a time lapse, and what their cards say."""

import json
import shutil

import pytest
from PIL import Image

import rlsuite
from rlsuite.errors import UserError
from rlsuite.plots import compare, plot_runs
from rlsuite.video import FILM_SEED, record, time_lapse

EXPERIMENT = """
name: filmed
env: {id: probe/corridor, n_envs: 4}
agent: {kind: rl, learner: {kind: ppo, n_steps: 32, batch_size: 64, n_epochs: 2}}
budget: {env_steps: 384}
eval: {final_episodes: 4, every_steps: 0}
checkpoint: {milestones: [0, 128, 256]}
video: {max_seconds: 2.0, final: true}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run, trained in moments."""
    home = tmp_path_factory.mktemp("home")
    (home / "filmed.yaml").write_text(EXPERIMENT)
    patch = pytest.MonkeyPatch()
    patch.chdir(home)
    try:
        return rlsuite.train("filmed.yaml").path.resolve()
    finally:
        patch.undo()


def card(film):
    return json.loads(film.with_suffix(".json").read_text())


def test_a_run_leaves_one_film_and_its_figures_by_itself(run):
    (film,) = (run / "videos").glob("*.mp4")
    assert film.name == "step_000000000384.mp4"
    assert card(film)["n_frames"] == 20  # two seconds at ten frames
    assert (run / "plots" / "return.png").is_file()
    with Image.open(run / "plots" / "return.png") as image:
        assert image.size[0] > 800


def test_the_card_says_what_is_seen(run):
    film = record(run, checkpoint="128", seconds=4.8)
    said = card(film)
    assert film == run / "videos" / "step_000000000128.mp4"
    assert (said["run"], said["experiment"], said["level"]) == (run.name, "filmed", "probe/corridor")
    assert (said["step"], said["seed"], said["fps"], said["deterministic"]) == (128, FILM_SEED, 10.0, True)
    assert said["episodes"][0]["length"] == said["n_steps"] <= 48
    assert "torch" in said["versions"]


def test_grid_of_sampled_play_has_a_name_of_its_own(run):
    film = record(run, grid=(2, 2), seconds=1.0, deterministic=False)
    assert film.name == "step_000000000384-2x2-sampled.mp4"
    assert card(film)["n_steps"] == 10


def test_frames_and_place_on_request(run, tmp_path):
    film = record(run, out=tmp_path / "my.mp4", frames_dir=tmp_path / "frames", seconds=0.5, side_panel=True)
    assert film == tmp_path / "my.mp4"
    assert len(list((tmp_path / "frames").iterdir())) == 5


def test_time_lapse_goes_through_the_checkpoints_kept(run):
    film = time_lapse(run, seconds=0.5)
    said = card(film)
    assert said["checkpoints"][0] == "step_000000000000"
    assert said["checkpoints"][-1] == "step_000000000384"
    assert said["n_frames"] == 5 * len(said["checkpoints"])


def test_the_last_checkpoint_is_the_final_one(run, tmp_path):
    assert card(record(run, checkpoint="last", out=tmp_path / "a.mp4", seconds=0.2))["step"] == 384


def test_an_unknown_checkpoint_is_named_with_those_there_are(run):
    with pytest.raises(UserError, match=r"no checkpoint '7'; it has final, best, 0, 128"):
        record(run, checkpoint="7")


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(UserError, match="is no run"):
        record(tmp_path)


def test_a_run_with_one_checkpoint_has_no_time_lapse(run, tmp_path):

    copy = tmp_path / run.name
    shutil.copytree(run, copy)
    for checkpoint in sorted((copy / "checkpoints").iterdir())[1:]:
        shutil.rmtree(checkpoint)
    with pytest.raises(UserError, match=r"kept 1 checkpoint\(s\).*checkpoint.milestones"):
        time_lapse(copy)


def test_the_run_draws_and_compares(run, tmp_path):
    assert "filmed" in plot_runs(run, out=tmp_path / "fig")[1].read_text()
    (row,) = compare(run)
    assert (row["n_runs"], row["n_unfinished"], row["env_steps"]) == (1, 0, 384)
