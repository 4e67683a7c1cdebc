"""docs/plugins.md is installed as a package and must do what it says."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rlsuite.registry import Registry

PAGE = Path(__file__).parents[1] / "docs" / "plugins.md"


def blocks():
    """Language and text of each code block, with the file name that stands before it, if one does."""
    pattern = re.compile(r"(?:`([\w/.]+)`[^\n`]*:\n\n)?```(\w+)\n(.*?)```", re.S)
    return [(name, language, text) for name, language, text in pattern.findall(PAGE.read_text())]


def block(language, mark):
    return next(text for _, kind, text in blocks() if kind == language and mark in text)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder on the path that holds the page's package as an installer would leave it."""
    root = tmp_path_factory.mktemp("site")
    for name, language, text in blocks():
        if language == "python" and name:
            path = root / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    (root / "drift_levels" / "__init__.py").write_text("")
    project = tomllib.loads(block("toml", "[project]"))["project"]
    info = root / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"].items()
    lines = [f"[{group}]\n" + "\n".join(f"{k} = {v}" for k, v in points.items()) for group, points in groups]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return root


def test_the_page_has_the_files_it_names():
    names = [name for name, language, _ in blocks() if name and language == "python"]
    assert names == ["drift_levels/entries.py", "drift_levels/walk.py", "drift_levels/speed.py"]


def test_the_entry_points_are_found(site, monkeypatch):
    monkeypatch.syspath_prepend(str(site))
    levels, rewards = Registry("level"), Registry("reward")
    assert levels.get("drift/walk").description.startswith("A point that drifts")
    assert rewards.get("drift_speed").config_class().model_fields["momentum"].default == 0.9
    assert "drift/walk" in levels.suggestion("drift/wlak")


def test_the_pages_own_tests_pass(site, monkeypatch):
    monkeypatch.syspath_prepend(str(site))
    names: dict = {}
    exec(compile(block("python", "def test_level"), "plugins.md", "exec"), names)
    names["test_level"]()
    names["test_reward"]()


def test_the_pages_experiment_trains(site, tmp_path):
    (tmp_path / "drift.yaml").write_text(block("yaml", "drift/walk"))
    env = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "rlsuite.run", "drift.yaml", "--smoke", "--set", "video.final=false"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    (metrics,) = tmp_path.glob("runs/**/metrics.jsonl")
    assert "drift_speed/scale" in metrics.read_text()


def test_a_broken_plugin_is_named_and_skipped(tmp_path, monkeypatch):
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rlsuite.levels]\nbroken_levels = nowhere.at_all:register\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    levels = Registry("level")
    with pytest.warns(UserWarning, match="plug-in 'broken_levels'.*was skipped: No module named 'nowhere'"):
        assert "probe/action" in levels.ids()
