"""Reading an experiment must not cost what training costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "numpy", "mujoco", "gymnasium", "stable_baselines3", "vizdoom", "matplotlib", "h5py")

CODE = """
import importlib, json, pkgutil, sys, pathlib
import rlsuite
for path in sorted(pathlib.Path(rlsuite.__path__[0]).rglob("config.py")):
    importlib.import_module(".".join(path.relative_to(pathlib.Path(rlsuite.__path__[0]).parent).with_suffix("").parts))
import rlsuite.config.view, rlsuite.config.json_schema
from rlsuite.config.schema import load_experiment
for path in sys.argv[2:]:
    load_experiment(path, smoke=True)
print(json.dumps([m for m in json.loads(sys.argv[1]) if m in sys.modules]))
"""


def test_sections_and_every_experiment_load_without_anything_heavy():
    files = [str(path) for path in sorted((ROOT / "experiments").glob("*.yaml"))]
    done = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(HEAVY), *files], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
