"""Token models as runs: what was learned is there again when the run is opened."""

import pytest

from rlsuite.experiment import train
from rlsuite.experiment.generating import load_generator


@pytest.fixture
def cheap_scores(monkeypatch):
    """Features of a large network are not what these tests are about."""
    from rlsuite.experiment import generator_scores

    monkeypatch.setattr(generator_scores, "score_generator", lambda assembly: {})


def test_a_run_keeps_the_words_that_text_to_image_learned(tmp_path, cheap_scores):
    experiment = {
        "name": "words",
        "budget": {"train_steps": 3},
        "generator": {"kind": "dalle", "preset": "tiny", "batch_size": 4},
        "data": {"id": "shapes", "n_shapes": 24},
        "video": {"final": False},
    }
    run = train(experiment, runs_dir=tmp_path, quiet=True)
    model = load_generator(run.path)
    assert model.sample(1, seed=0, condition="a red circle").shape == (1, 3, 16, 16)
    assert model.provenance["data"] == "shapes"
