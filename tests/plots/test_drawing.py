import csv

import numpy as np
import pytest
from PIL import Image

from rlsuite.errors import RunError, UserError
from rlsuite.plots import compare, plot_run, plot_runs, plot_solved
from rlsuite.plots.drawing import draw_runs
from rlsuite.plots.reading import read_runs
from rlsuite.plots.style import GREY, PALETTE, short_number, to_image


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_png_svg_and_csv_lie_side_by_side(make_run, tmp_path):
    for seed in range(3):
        make_run(seed=seed)
    paths = plot_runs(tmp_path / "runs", out=tmp_path / "fig" / "hopper.png")
    assert [p.name for p in paths] == ["hopper.png", "hopper.svg", "hopper.csv"]
    with Image.open(paths[0]) as image:
        assert image.size[0] >= 1000
        assert len(set(image.convert("RGBA").getdata())) > 50
    assert "n = 3" in paths[1].read_text()
    assert "env steps" in paths[1].read_text()


def test_csv_holds_every_seed_and_the_iqm_that_is_drawn(make_run, tmp_path):
    for seed in range(3):
        make_run(seed=seed, n=5, curve=lambda x, s=seed: (s + 1.0) * np.ones(len(x)))
    rows = read_csv(plot_runs(tmp_path / "runs", out=tmp_path / "x")[2])
    assert {r["seed"] for r in rows if r["kind"] == "run"} == {"0", "1", "2"}
    both = [r for r in rows if r["kind"] == "iqm"]
    assert {float(r["value"]) for r in both} == {2.0}
    assert {r["n_runs"] for r in both} == {"3"}
    assert {float(r["low"]) for r in both} == {1.0}
    assert {r["group"]: float(r["value"]) for r in rows if r["kind"] == "reference"} == {"expert": 3300, "random": 18}


def test_default_places(make_run):
    one, two = make_run(seed=0), make_run(seed=1)
    assert plot_runs(one)[0] == one / "plots" / "return.png"
    assert plot_runs([one, two])[0].resolve() == (one.parent / "plots" / "return.png").resolve()
    assert plot_runs(one, key="eval/std_reward")[0].name == "eval_std_reward.png"


def test_thin_seeds_thick_mean_and_a_band(make_run, tmp_path):
    for seed in range(4):
        make_run(seed=seed)
    figure, _ = draw_runs(read_runs(tmp_path / "runs"))
    (ax,) = figure.axes
    curves = [line for line in ax.lines if len(line.get_xdata()) > 2]
    widths = sorted(line.get_linewidth() for line in curves)
    assert widths[:4] == [0.8] * 4
    assert widths[4] > 2
    assert len(ax.collections) == 1


def test_a_run_that_ended_early_gets_a_circle_and_the_rest_a_dashed_mean(make_run, tmp_path):
    make_run(seed=0)
    make_run(seed=1)
    make_run(seed=2, status="interrupted", steps=500_000)
    figure, rows = draw_runs(read_runs(tmp_path / "runs"))
    circles = [line for line in figure.axes[0].lines if line.get_marker() == "o" and len(line.get_xdata()) == 1]
    assert [line.get_xdata()[0] for line in circles] == [500_000]
    assert "ended before its budget" in [t.get_text() for t in figure.legends[0].get_texts()]
    assert {r[-1] for r in rows if r[2] == "iqm"} == {3, 2}
    dashed = [line for line in figure.axes[0].lines if line.get_linestyle() == "--" and len(line.get_xdata()) > 2]
    assert dashed[0].get_xdata()[0] == 500_000


def test_levels_get_axes_of_their_own(make_run, tmp_path):
    make_run("a", 0)
    make_run("b", 0, level="mujoco/Walker2d-v5")
    figure, _ = draw_runs(read_runs(tmp_path / "runs"))
    assert [ax.get_title() for ax in figure.axes] == ["mujoco/Hopper-v5", "mujoco/Walker2d-v5"]


def test_grouping_by_run_and_by_a_function(make_run, tmp_path):
    make_run(seed=0)
    make_run(seed=1)
    runs = read_runs(tmp_path / "runs")
    single = draw_runs(runs, group_by="run")[0].legends[0].get_texts()
    assert sorted(t.get_text()[-12:] for t in single) == ["ab00 (n = 1)", "ab01 (n = 1)"]
    named = draw_runs(runs, group_by=lambda r: f"seed is {'even' if r.seed % 2 == 0 else 'odd'}")[1]
    assert {r[1] for r in named if r[2] == "run"} == {"seed is even", "seed is odd"}


def test_other_x_axes(make_run, tmp_path):
    _, rows = draw_runs(read_runs([make_run(seed=0)]), x="wall_s")
    assert max(r[6] for r in rows if r[2] == "run") == 59.0


def test_unknown_metric_names_the_nearest(make_run):
    with pytest.raises(UserError, match=r"no metric 'rollout/ep_rew_men'; did you mean rollout/ep_rew_mean"):
        plot_runs(make_run(), key="rollout/ep_rew_men")


def test_unknown_x_is_named(make_run):
    with pytest.raises(UserError, match="has no points along 'steps'; x may be env_steps"):
        plot_runs(make_run(), x="steps")


def test_a_run_that_measured_nothing_is_named(make_run):
    path = make_run()
    (path / "metrics.jsonl").write_text("")
    with pytest.raises(UserError, match="nothing has been measured yet"):
        plot_runs(path)
    with pytest.raises(UserError, match="no episode has ended yet"):
        plot_run(path)


def test_other_picture_formats_are_refused(make_run, tmp_path):
    with pytest.raises(UserError, match="name one of them"):
        plot_runs(make_run(), out=tmp_path / "fig.pdf")


def test_a_place_that_cannot_be_written_is_named(make_run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="could not be written"):
        plot_runs(make_run(), out=tmp_path / "file" / "fig.png")


def test_figures_are_the_same_to_the_byte_each_time(make_run, tmp_path):
    make_run(seed=0)
    make_run(seed=1)
    first, second = (plot_runs(tmp_path / "runs", out=tmp_path / name) for name in "ab")
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(first, second, strict=True))


def contrast(a, b):
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_reads_on_white_and_on_black():
    assert min(contrast(GREY, "#ffffff"), contrast(GREY, "#000000")) >= 4.5


def test_curves_are_seen_on_white_and_on_black():
    assert all(min(contrast(c, "#ffffff"), contrast(c, "#000000")) > 2 for c in PALETTE)
    assert len(set(PALETTE)) == 6


def test_a_runs_own_figures_and_tensorboard_images(make_run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    path = make_run(extra={"gail/disc_acc_expert": lambda x: 0.7, "gail/disc_acc_policy": lambda x: 0.6})
    names = {p.name for p in plot_run(path)}
    assert names == {f"{n}.{e}" for n in ("return", "discriminator") for e in ("png", "svg", "csv")}
    events = EventAccumulator(str(path / "tb"))
    events.Reload()
    assert sorted(events.Tags()["images"]) == ["plots/discriminator", "plots/return"]
    assert events.Images("plots/return")[0].step == 1_000_000


def test_baselines_not_yet_in_the_summary_can_be_handed_in(make_run):
    path = make_run(final={})
    final = {"baselines": {"expert": {"return_mean": 4321.0}}}
    assert "expert 4.321k" in plot_run(path, final=final, tensorboard=False)[1].read_text()
    assert "expert" not in plot_run(path, tensorboard=False)[1].read_text()


def test_image_for_tensorboard_is_on_white(make_run):
    image = to_image(draw_runs(read_runs([make_run()]))[0])
    assert image.dtype == np.uint8
    assert image[0, 0].tolist() == [255, 255, 255]


def test_share_of_solved_runs(make_run, tmp_path):
    make_run(seed=0, n=10, curve=lambda x: x / 1e6)
    make_run(seed=1, n=10, curve=lambda x: x / 2e6)
    rows = read_csv(plot_solved(tmp_path / "runs", threshold=0.6, key="rollout/ep_rew_mean", out=tmp_path / "s")[2])
    assert [(r["seed"], float(r["x"]), r["solved"]) for r in rows] == [("0", 6e5, "1"), ("1", 1e6, "0")]


def test_compare_counts_unfinished_runs_and_scores_the_finished(make_run, tmp_path):
    for seed in range(4):
        make_run(seed=seed)
    make_run(seed=9, status="failed", final={"return_mean": -1e9})
    (row,) = compare(tmp_path / "runs")
    assert (row["n_runs"], row["n_unfinished"], row["seeds"]) == (5, 1, [0, 1, 2, 3, 9])
    assert row["return_mean"] == pytest.approx(3015.0)
    assert row["return_mean_low"] >= 3000
    assert row["env_steps_per_s"] == 9000.0
    assert row["success_rate"] is None


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (950, "950"), (1500, "1.5k"), (2e6, "2M"), (-3200, "-3.2k"), (0.25, "0.25")]
)
def test_short_numbers(value, text):
    assert short_number(value) == text
