"""A run's TensorBoard opens in a browser and shows its scalars. Skips, with the reason, where there is none."""

import json
import os
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
from PIL import Image

from rlsuite.plots import plot_run
from rlsuite.runs.folder import RunFolder
from rlsuite.runs.writers import MetricWriters

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run's folder with the metrics and figures a training leaves."""
    folder = RunFolder.create("tensorboard_page", 0, tmp_path_factory.mktemp("runs"))
    folder.write_manifest({"experiment": "tensorboard_page", "seed": 0})
    writers = MetricWriters(folder, wall_s=lambda: 1.0)
    for step in range(1000, 21_000, 1000):
        writers.write({"rollout/ep_rew_mean": step / 10.0, "train/loss": 100.0 / step}, step)
    writers.close()
    plot_run(folder.path)
    return folder


@pytest.fixture(scope="module")
def url(run):
    """The address of a TensorBoard that shows the run."""
    from tensorboard.program import TensorBoard

    board = TensorBoard()
    board.configure(argv=["tensorboard", "--logdir", str(run.path), "--port", "0", "--load_fast", "false"])
    return board.launch()


def tags(url, plugin):
    with urllib.request.urlopen(f"{url}data/plugin/{plugin}/tags", timeout=60) as answer:
        return json.load(answer)


def test_tensorboard_serves_the_scalars_and_the_figures(url):
    (scalars,) = [found for found in tags(url, "scalars").values() if found]
    assert sorted(scalars) == ["rollout/ep_rew_mean", "train/loss"]
    (images,) = [found for found in tags(url, "images").values() if found]
    assert list(images) == ["plots/return"]


def test_the_page_shows_the_scalars_in_a_browser(url, tmp_path):
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser here (looked for {', '.join(BROWSERS)})")
    picture = Path(os.environ.get("RLSUITE_TEST_PICTURES", tmp_path)) / "tensorboard.png"
    command = [
        browser,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,1000", "--virtual-time-budget=60000"]
    page = f"{url}#timeseries"
    seen = subprocess.run(
        [*command, "--dump-dom", page], capture_output=True, text=True, timeout=300, check=True
    ).stdout
    assert "ep_rew_mean" in seen
    assert "No dashboards are active" not in seen
    subprocess.run([*command, f"--screenshot={picture}", page], capture_output=True, timeout=300, check=True)
    with Image.open(picture) as image:
        assert image.size == (1400, 1000)
        assert len(image.convert("RGB").getcolors(maxcolors=1 << 24)) > 100  # a drawn page, not a blank one
