"""A generator's run is a run like any other: folder, metrics, samples, resume, verbs."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from rlsuite.cli.app import call
from rlsuite.errors import ConfigError, UserError
from rlsuite.experiment import resume, train
from rlsuite.experiment.generating import load_generator, load_run_images
from rlsuite.experiment.generator_session import next_commands
from rlsuite.generators import load_images, make
from rlsuite.runs.checkpoint import load_checkpoint
from rlsuite.runs.folder import RunFolder
from rlsuite.runs.keeper import CheckpointKeeper
from rlsuite.testing import same_bits

TIMED = ("time/", "sys/", "wall_s")


def experiment(**more) -> dict:
    return {
        "name": "tiny",
        "seed": 3,
        "budget": {"train_steps": 8},
        "generator": {"kind": "dcgan", "preset": "tiny", "batch_size": 4, "n_scored": 6},
        "data": {"id": "shapes", "n_shapes": 24, "held_out": 0.25},
        "eval": {"every_steps": 4},
        "checkpoint": {"every_seconds": 0, "every_steps": 4},
        "video": {"final": False},
    } | more


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(experiment(video={"final": True}), runs_dir=tmp_path_factory.mktemp("runs"), quiet=True)


@pytest.fixture
def cheap_scores(monkeypatch):
    """Features of a large network are not what these tests are about."""
    from rlsuite.experiment import generator_scores

    monkeypatch.setattr(generator_scores, "score_generator", lambda assembly: {})


def test_the_folder_holds_what_a_run_leaves(run):
    folder = RunFolder(run.path)
    summary = folder.read_summary()
    assert summary["status"] == "done"
    assert summary["train_steps"] == 8
    assert summary["images"] == 32
    assert summary["final"]["train_steps"] == 8
    assert summary["final"]["against"] == "held-out images"
    assert 0 <= summary["final"]["precision"] <= 1
    manifest = folder.read_manifest()
    assert manifest["generator"] == "dcgan"
    assert manifest["n_images"] == 18
    assert manifest["data_licence"] == "CC0"
    assert sorted(p.name for p in (run.path / "samples").iterdir()) == [f"step_{step:012d}.png" for step in (0, 4, 8)]
    assert (run.path / "videos" / "training.mp4").stat().st_size > 0
    lines = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    assert any("gen/loss_d" in line for line in lines)
    assert any("gen/fd_lite0" in line for line in lines)
    assert not [p for p in run.path.rglob("*") if p.suffix in (".pt", ".pth", ".pkl")]


@pytest.mark.parametrize(
    ("kind", "verbs"),
    [
        ("dcgan", ["sample", "grid"]),
        ("pix2pix", ["transform"]),
        ("dalle", ["sample", "complete"]),
        ("contrast", ["rank"]),
        ("image_gpt", ["sample", "complete"]),
    ],
)
def test_a_run_ends_with_what_its_generator_can_do(kind, verbs):
    data = load_images({"id": "shapes", "n_shapes": 4}, make(kind, {"preset": "tiny"}).spec)
    work = SimpleNamespace(generator=make(kind, {"preset": "tiny"}), data=data)
    commands = next_commands(work, Path("RUN"))  # pyright: ignore[reportArgumentType]
    assert [c.split()[1] for c in commands] == verbs
    if kind in ("dalle", "contrast"):
        assert data.captions is not None
        assert data.captions[0] in commands[0]


def test_samples_are_in_tensorboard(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.path / "tb"))
    events.Reload()
    assert [e.step for e in events.Images("gen/samples")] == [0, 4, 8]


def test_its_generator_opens_again(run):
    images = load_generator(run.path).sample(3, seed=0)
    assert torch.equal(images, load_generator(run.path).sample(3, seed=0))
    assert not torch.equal(images, load_generator(run.path, "4").sample(3, seed=0))
    data, held_out = load_run_images(run.path)
    assert (len(data), len(held_out)) == (18, 6)
    assert load_generator(run.path).provenance["n_steps"] == 8


def final_state(path):
    parts = load_checkpoint(CheckpointKeeper(RunFolder(path).checkpoints).newest_sound()[0].path)
    parts.pop("run")
    return parts


def metrics(path):
    lines = [json.loads(line) for line in RunFolder(path).metrics.read_text().splitlines()]
    return [{k: v for k, v in line.items() if not k.startswith(TIMED)} for line in lines]


def test_stopping_in_the_middle_and_resuming_changes_no_bit(run, tmp_path, monkeypatch, cheap_scores):
    from rlsuite.experiment import generator_session

    monkeypatch.setattr(generator_session, "LOG_EVERY", 1)
    whole = train(experiment(), runs_dir=tmp_path / "a", quiet=True)
    real = generator_session.GeneratorSession._step

    def stop_after_five(self):
        real(self)
        if self.work.n_steps == 5:
            self.stop.requested = True

    with monkeypatch.context() as patched:
        patched.setattr(generator_session.GeneratorSession, "_step", stop_after_five)
        half = train(experiment(), runs_dir=tmp_path / "b", quiet=True)
    assert half.status == "interrupted"
    assert half.summary["train_steps"] == 5
    resumed = resume(half, quiet=True)
    assert resumed.status == "done"
    assert same_bits(final_state(whole.path), final_state(resumed.path))
    assert metrics(whole.path) == metrics(resumed.path)
    assert same_bits(final_state(run.path)["generator"], final_state(whole.path)["generator"])  # same seed, same bits


def test_a_killed_run_goes_on_from_its_checkpoint(tmp_path, monkeypatch, cheap_scores):
    from rlsuite.experiment import generator_session

    whole = train(experiment(), runs_dir=tmp_path / "a", quiet=True)
    real = generator_session.GeneratorSession._step

    def die_after_six(self):
        real(self)
        if self.work.n_steps == 6:
            raise MemoryError("as if killed")

    with monkeypatch.context() as patched:
        patched.setattr(generator_session.GeneratorSession, "_step", die_after_six)
        with pytest.raises(MemoryError):
            train(experiment(), runs_dir=tmp_path / "b", quiet=True)
    resumed = resume(tmp_path / "b" / "tiny", quiet=True)
    assert same_bits(final_state(whole.path), final_state(resumed.path))


def test_a_larger_budget_carries_a_finished_run_on(tmp_path, cheap_scores):
    done = train(experiment(budget={"train_steps": 4}), runs_dir=tmp_path, quiet=True)
    with pytest.raises(UserError, match="is done"):
        resume(done, quiet=True)
    assert resume(done, ["budget.train_steps=8"], quiet=True).summary["train_steps"] == 8
    assert len(list((done.path / "samples").iterdir())) == 3


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"budget": {"env_steps": 8}}, UserError, "train_steps"),
        ({"data": None}, UserError, "data: is missing"),
        ({"data": {"id": "shape"}}, ConfigError, "did you mean shapes"),
        ({"generator": {"kind": "dcgan", "sizes": 16}}, ConfigError, "did you mean generator.size"),
        ({"generator": {"kind": "dcgan", "size": 20}}, ConfigError, "power of two"),
        ({"device": "cuda:7"}, UserError, "cuda:7 was asked for"),
    ],
)
def test_mistakes_leave_nothing_behind(change, error, message, tmp_path):
    config = {k: v for k, v in experiment(**change).items() if v is not None}
    with pytest.raises(error, match=message):
        train(config, runs_dir=tmp_path, quiet=True)
    assert not list(tmp_path.iterdir())


def test_divergence_is_told(tmp_path, monkeypatch):
    from rlsuite.errors import RunError
    from rlsuite.generators.gan import dcgan

    monkeypatch.setattr(dcgan.DcganState, "step", lambda self: {"loss_g": torch.tensor(float("nan"))})
    monkeypatch.setattr(dcgan.DcganState, "n_steps", 50)
    with pytest.raises(RunError, match="diverged"):
        train(experiment(budget={"train_steps": 100}), runs_dir=tmp_path, quiet=True)


def test_an_agents_run_has_no_generator(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    text = "budget: {env_steps: 8}\nenv: {id: mujoco/Hopper-v5}\nagent: {learner: {kind: ppo}}\nname: x\n"
    (tmp_path / "config.resolved.yaml").write_text(text)
    with pytest.raises(UserError, match="trained an agent"):
        load_generator(tmp_path)


def test_a_stop_before_the_first_step_ends_training(tmp_path, cheap_scores, monkeypatch):
    from rlsuite.experiment.generator_session import GeneratorSession

    monkeypatch.setattr(GeneratorSession, "_begin", lambda self: setattr(self.stop, "requested", True))
    assert train(experiment(), runs_dir=tmp_path, quiet=True).status == "interrupted"


# -- verbs ---------------------------------------------------------------------------------------------------


def pictures(capsys) -> list[str]:
    return json.loads(capsys.readouterr().out)["pictures"]


@pytest.mark.parametrize(
    "words",
    [
        ["sample", "-n", "4", "--seamless", "--palette", "nes", "--dither", "--block-colours", "4"],
        ["sample", "-n", "4", "--best", "2"],
        ["grid", "-n", "3"],
        ["arithmetic", "--plus", "0,1,2", "--plus", "3", "--minus", "4,5", "-n", "3"],
        ["arithmetic", "--plus", "0,1,2", "--minus", "4,5,6", "--walk", "5", "-n", "2"],
    ],
    ids=lambda words: " ".join(words[:4]),
)
def test_verbs_write_pictures(run, words, tmp_path, capsys):
    verb, *options = words
    assert call([verb, str(run.path), *options, "--out", str(tmp_path / "x.png"), "--json"]) == 0
    for path in pictures(capsys):
        assert read_size(path) > (16, 16)


def read_size(path):
    from PIL import Image

    with Image.open(path) as image:
        return image.size


def test_verbs_say_what_is_wrong(run, capsys):
    assert call(["sample", str(run.path), "--palette", "c64"]) == 2
    assert "nes, doom" in capsys.readouterr().err
    assert call(["grid", str(run.path), "--corners", "1,2"]) == 2
    assert call(["sample", str(run.path), "--checkpoint", "77"]) == 2
    assert "has no checkpoint '77'" in capsys.readouterr().err


def test_verbs_for_agents_say_that_a_generator_does_not_act(run, capsys):
    assert call(["eval", str(run.path)]) == 2
    assert "trained a generator" in capsys.readouterr().err


def test_a_plan_says_what_would_be_trained(monkeypatch):
    from rlsuite.config.schema import load_experiment
    from rlsuite.experiment import generator_plan

    monkeypatch.setattr(generator_plan, "MOST_STEPS", 2)
    planned = generator_plan.plan_generator(load_experiment(experiment()).experiment)
    assert planned["image"] == "3 x 16 x 16"
    assert planned["n_images"] == 18
    assert planned["parameters"]["decoder"] > 1000
    assert planned["estimated_s"] > 0


def test_data_verbs(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RLSUITE_DATA", str(tmp_path))
    assert call(["data", "list", "--json"]) == 0
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["shapes"]["available"]
    assert rows["emoji/pairs"]["needs"] == "rlsuite data get emoji"
    assert rows["emoji"]["licence"]
    sheet = tmp_path / "sheet.png"
    assert call(["data", "info", "shapes", "--size", "16", "--out", str(sheet), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"]["shape"] == 5
    assert sheet.stat().st_size > 0
    assert call(["data", "get", "shapes"]) == 2
    assert call(["ls", "generators", "--json"]) == 0
    listed = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert "decodes" in listed["dcgan"]["capabilities"]
