"""What a run says and counts: progress, warnings, clocks, threads, metrics, signals."""

import io
import json
import os
import signal
import warnings
from pathlib import Path

import pytest
import torch
from rich.console import Console

from rlsuite.runs import metrics, threads
from rlsuite.runs.clock import RunClock
from rlsuite.runs.folder import RunFolder
from rlsuite.runs.notices import Notices
from rlsuite.runs.progress import Progress, Rate, State, duration, line
from rlsuite.runs.stopping import Interrupted, StopRequest
from rlsuite.runs.threads import Threads, choose_threads
from rlsuite.runs.writers import MetricWriters, cut_back

DOCS = Path(__file__).parents[2] / "docs"


def test_the_line_tells_share_steps_time_left_speed_and_return():
    text = line(State(250_000, 1_000_000, 100.0, mean_return=1234.4, success=0.5, doing="evaluating"), 2500.0)
    for part in ("25%", "250 k / 1 M steps", "5:00 left", "2,500 steps/s", "return 1,234", "success 50%", "evaluating"):
        assert part in text


def test_a_budget_of_seconds_has_a_share_and_an_end_too():
    text = line(State(10, None, 45.0, limit_s=60.0), None)
    assert "75%" in text
    assert "15 s left" in text


@pytest.mark.parametrize(("seconds", "text"), [(8, "8 s"), (185, "3:05"), (7800, "2:10:00")])
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_speed_is_that_of_the_last_stretch():
    rate = Rate(window_s=10)
    assert rate.per_second is None
    for t in range(31):
        rate.add(State(1000 * t if t <= 15 else 15_000 + 100 * (t - 15), None, float(t)))
    assert rate.per_second == pytest.approx(100, rel=0.2)


def test_without_a_terminal_there_is_a_plain_line_every_half_minute():
    out, clock = io.StringIO(), [0.0]
    with Progress(Console(file=out, width=200), now=lambda: clock[0]) as progress:
        for _ in range(100):
            clock[0] += 1.0
            progress.update(State(int(clock[0]), 100, clock[0]))
    lines = out.getvalue().splitlines()
    assert len(lines) == 3
    assert all("\x1b" not in text and "steps" in text for text in lines)


def test_on_a_terminal_one_line_rewrites_itself_and_goes():
    out, clock = io.StringIO(), [0.0]
    console = Console(file=out, width=100, force_terminal=True)
    with Progress(console, now=lambda: clock[0]) as progress:
        for _ in range(10):
            clock[0] += 1.0
            progress.update(State(int(clock[0]), 10, clock[0]))
        assert progress.live
    assert all(f" {n} / 10 steps" in out.getvalue() for n in range(1, 11))
    assert out.getvalue().count("\n") == 1
    assert out.getvalue().endswith("\x1b[2K")  # the line is gone at the end


def test_warnings_are_shown_once_and_counted(caplog):
    notices = Notices({"earlier": 2})
    with warnings.catch_warnings():
        warnings.resetwarnings()  # as outside pytest: no rule for these categories
        warnings.filterwarnings("ignore", message="hush")
        with notices.capture():
            for _ in range(3):
                warnings.warn("too hot", stacklevel=1)
            warnings.warn("hush", stacklevel=1)
            warnings.warn("odd number", RuntimeWarning, stacklevel=1)
        notices.add("too hot")
    assert notices.counts == {"earlier": 2, "too hot": 4, "RuntimeWarning: odd number": 1}
    assert [r.getMessage() for r in caplog.records] == ["too hot", "RuntimeWarning: odd number"]


def test_training_time_leaves_pauses_out_and_goes_on_from_earlier_sessions():
    time = [0.0]
    clock = RunClock(100.0, 50.0, now=lambda: time[0])
    with clock.training():
        time[0] += 10
        with clock.paused():
            time[0] += 5
            assert clock.train_s == 60.0
        time[0] += 2
        assert clock.train_s == 62.0
    time[0] += 7
    assert clock.train_s == 62.0
    assert clock.wall_s == 124.0


def test_vectors_get_one_thread_images_on_the_cpu_half_the_cores_and_all_for_updates(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "usable_cores", lambda: 8)
    assert choose_threads(images=False, device="cpu") == Threads(1, None)
    assert choose_threads(images=True, device="cpu", env_threads=3) == Threads(4, 3, 8)
    assert choose_threads(images=True, device="cuda") == Threads(1, None)
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    assert choose_threads(images=False, device="cpu") == Threads(6, None, 6)
    assert Threads.from_dict(json.loads(json.dumps(Threads(4, None, 8).to_dict()))) == Threads(4, None, 8)
    assert Threads.from_dict({"torch": 4, "env": None}) == Threads(4, None, 4)  # manifests of before 22 November 2026


def test_an_update_gets_its_threads_and_gives_them_back(monkeypatch):
    usual = torch.get_num_threads()
    monkeypatch.setattr(threads, "_applied", Threads(1, None))
    try:
        threads.apply_threads(Threads(1, None, 3))
        with threads.while_updating():
            assert torch.get_num_threads() == 3
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(usual)


def test_the_first_signal_asks_the_second_ends(monkeypatch):
    stop, asked = StopRequest(), []
    stop.on_request = lambda: asked.append(1)
    before = signal.getsignal(signal.SIGTERM)
    with stop.listen():
        stop.check()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.requested
        assert asked == [1]
        with pytest.raises(Interrupted):
            stop.check()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before


# -- metrics ---------------------------------------------------------------------------------------


def test_the_page_is_made_from_the_list():
    assert (DOCS / "metrics.md").read_text() == metrics.page()
    keys = [m.key for m in metrics.METRICS]
    assert len(keys) == len(set(keys))


def test_keys_of_the_house_are_declared():
    for key in ("rollout/ep_rew_mean", "gail/disc_acc_expert", "icm/inverse_acc", "rollout/ep_int_rew_mean", "step"):
        assert metrics.declared(key)
    assert not metrics.declared("rollout/ep_rew_meanx")


def test_metrics_are_cut_back_to_where_a_checkpoint_was(tmp_path):
    folder = RunFolder.create("x", 0, tmp_path)
    writers = MetricWriters(folder, lambda: 1.5)
    writers.logger.record("a/b", torch.tensor(2.0))
    writers.logger.record("a/nan", float("nan"))
    writers.logger.dump(10)
    writers.logger.record("train/later", 7.0)
    pending, position = writers.pending(), writers.position()
    writers.write({"eval/x": 3.0}, 20)
    writers.close()
    second = MetricWriters(folder, lambda: 2.0)  # another session's TensorBoard file
    second.write({"eval/x": 4.0}, 30)
    second.close()
    assert len(folder.metrics.read_text().splitlines()) == 3

    cut_back(folder, position)
    assert json.loads(folder.metrics.read_text()) == {"step": 10, "wall_s": 1.5, "a/b": 2.0, "a/nan": None}
    files = [p for p in folder.tensorboard.iterdir() if p.stat().st_size]
    assert [(p.name, p.stat().st_size) for p in files] == list(position["tensorboard"].items())

    third = MetricWriters(folder, lambda: 3.0)
    third.restore_pending(pending)
    third.logger.dump(20)
    third.close()
    assert json.loads(folder.metrics.read_text().splitlines()[1])["train/later"] == 7.0
