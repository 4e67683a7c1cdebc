"""Engines die, hang and lose their trainer; nothing may be left over and training goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from rlsuite.envs.doom import engine as engine_module
from rlsuite.envs.doom.config import DoomConfig
from rlsuite.envs.doom.engine import private_folder
from rlsuite.envs.doom.scenarios import SCENARIOS
from rlsuite.envs.doom.vector import DoomVectorEnv
from rlsuite.errors import DataError, MissingExtraError

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

SPARSE = SCENARIOS["doom/my_way_home/sparse"]


def make(n_envs: int = 2, **options: object) -> DoomVectorEnv:
    config = DoomConfig(id=SPARSE.id, **options)  # type: ignore[arg-type]
    return DoomVectorEnv(SPARSE, n_envs, options=config, n_threads=2)


def wait_until(condition, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_killed_engine_is_replaced_and_counted() -> None:
    env = make()
    try:
        env.reset_all()
        env.step_tensor(np.ones(2, np.int64))
        before = env._obs[1].copy()
        pids = env.engine_pids
        os.kill(pids[1], signal.SIGKILL)
        assert wait_until(lambda: gone(pids[1]))
        with pytest.warns(RuntimeWarning, match=f"pid {pids[1]}"):
            step = env.step_tensor(np.ones(2, np.int64))
        assert step.info["engine_restarted"].tolist() == [False, True]
        assert step.truncated.tolist() == [False, True]
        assert step.reward.tolist() == [0.0, 0.0]
        assert (step.next_obs[1].numpy() == before).all()
        assert env.n_restarts == 1
        assert env.engine_pids[0] == pids[0]
        assert env.engine_pids[1] != pids[1]
        for _ in range(5):
            step = env.step_tensor(np.ones(2, np.int64))
        assert step.info["x"][1] > 260, "the new engine walks"
        assert not step.info["engine_restarted"].any()
    finally:
        env.close()


def test_a_stopped_engine_is_killed_by_the_watchdog() -> None:
    env = make(engine_timeout_s=1.5)
    try:
        env.reset_all()
        os.kill(env.engine_pids[0], signal.SIGSTOP)
        begin = time.monotonic()
        with pytest.warns(RuntimeWarning, match="a new one was started"):
            step = env.step_tensor(np.ones(2, np.int64))
        assert time.monotonic() - begin < 30
        assert step.info["engine_restarted"].tolist() == [True, False]
        assert env.n_restarts == 1
    finally:
        env.close()


def test_engines_inherit_no_streams_and_no_files() -> None:
    with open(os.devnull) as held:
        os.set_inheritable(held.fileno(), True)
        env = make(n_envs=1)
        try:
            files = Path(f"/proc/{env.engine_pids[0]}/fd")
            targets = {int(fd.name): os.readlink(fd) for fd in files.iterdir()}
            assert [targets[i] for i in (0, 1, 2)] == [os.devnull] * 3
            assert not any(t.startswith("pipe:") for t in targets.values())
            assert os.readlink(f"/proc/{env.engine_pids[0]}/cwd") == str(env._folder / "0")
        finally:
            env.close()


def test_closing_ends_every_engine_and_frees_its_memory() -> None:
    env = make()
    env.reset_all()
    pids = env.engine_pids
    instances = [json.loads((env._folder / str(i) / "engine.json").read_text())["instance"] for i in (0, 1)]
    assert all(Path(f"/dev/shm/ViZDoomSM{i}").exists() for i in instances)
    env.close()
    env.close()
    assert wait_until(lambda: all(gone(pid) for pid in pids))
    assert not any(Path(f"/dev/shm/ViZDoomSM{i}").exists() for i in instances)


KILLED = """
import json, time
from rlsuite.envs.doom.engine import Engine, private_folder, scenario_wad
from rlsuite.envs.doom.scenarios import SCENARIOS
scenario, folder = SCENARIOS["doom/my_way_home/sparse"], private_folder()
settings = dict(frame_skip=4, skill=None, color=False, patience_s=30.0)
engines = [Engine(scenario, scenario_wad(scenario, folder), folder / str(i), **settings) for i in range(2)]
for engine in engines:
    engine.start(1)
    engine.new_episode(1)
print(json.dumps({"pids": [engine.pid for engine in engines], "folder": str(folder)}), flush=True)
while True:
    engines[0].act(1)
"""

FORGETFUL = """
import json
from rlsuite.envs.doom.config import DoomConfig
from rlsuite.envs.doom.scenarios import SCENARIOS
from rlsuite.envs.doom.vector import DoomVectorEnv
scenario = SCENARIOS["doom/my_way_home/sparse"]
env = DoomVectorEnv(scenario, 2, options=DoomConfig(id=scenario.id))
env.reset_all()
print(json.dumps({"pids": env.engine_pids, "folder": str(env._folder)}), flush=True)
"""


def test_no_engine_outlives_a_killed_trainer_and_the_next_one_sweeps_up() -> None:
    trainer = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True)
    assert trainer.stdout is not None
    report = json.loads(trainer.stdout.readline())
    assert not any(gone(pid) for pid in report["pids"])
    time.sleep(0.3)
    trainer.kill()
    trainer.wait()
    assert wait_until(lambda: all(gone(pid) for pid in report["pids"]), 5.0)
    assert Path(report["folder"]).exists()
    instances = [json.loads(r.read_text())["instance"] for r in Path(report["folder"]).glob("*/engine.json")]
    assert len(instances) == 2
    mine = private_folder()
    assert mine.exists()
    assert not Path(report["folder"]).exists()
    assert not any(Path(f"/dev/shm/ViZDoomSM{i}").exists() for i in instances)
    private_folder()
    assert mine.exists(), "the folder of a living trainer stays"
    for folder in mine.parent.glob(f"{engine_module.FOLDER_PREFIX}*"):
        if json.loads((folder / "owner.json").read_text())["pid"] == os.getpid():
            (folder / "owner.json").unlink()
            folder.rmdir()


def test_a_trainer_that_forgets_to_close_leaves_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", FORGETFUL], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert wait_until(lambda: all(gone(pid) for pid in report["pids"]), 5.0)
    assert not Path(report["folder"]).exists()


def test_an_engine_that_cannot_be_executed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "ENGINE_PATH", tmp_path / "vizdoom")
    with pytest.raises(MissingExtraError, match="may not be executed"):
        make(n_envs=1)


def test_a_broken_wad_is_refused_before_an_engine_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = engine_module.SCENARIOS_FOLDER / "my_way_home.wad"
    (tmp_path / "my_way_home.cfg").write_text(source.with_suffix(".cfg").read_text())
    (tmp_path / "my_way_home.wad").write_bytes(source.read_bytes()[:9000])
    monkeypatch.setattr(engine_module, "SCENARIOS_FOLDER", tmp_path)
    with pytest.raises(DataError, match=r"my_way_home\.wad is cut short"):
        make(n_envs=1)
