"""stable-baselines3's base class, loaded without its package."""

from __future__ import annotations

import subprocess
import sys

ALONE = """
import sys
from rlsuite.envs.vector import VectorEnv
assert "stable_baselines3" not in sys.modules, "the package came along"
import stable_baselines3.common.vec_env as package
from stable_baselines3.common.vec_env.dummy_vec_env import DummyVecEnv
assert issubclass(VectorEnv, package.VecEnv)
assert issubclass(DummyVecEnv, VectorEnv.__mro__[1])
"""

AFTERWARDS = """
import stable_baselines3
from rlsuite.envs.vec_env import VecEnv
from stable_baselines3.common.vec_env import VecEnv as theirs
assert VecEnv is theirs
"""

ANOTHER_RELEASE = """
import sys
from rlsuite.envs import vec_env
del sys.modules[vec_env.MODULE]
def fails():
    sys.modules[vec_env.MODULE] = object()
    raise ImportError("needs the package around it")
vec_env._load_alone = fails
module = vec_env.load_base()
from stable_baselines3.common.vec_env import VecEnv
assert module.VecEnv is VecEnv
"""


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_there_is_one_class_whichever_comes_first():
    run(ALONE)
    run(AFTERWARDS)


def test_a_release_that_needs_its_package_gets_it():
    run(ANOTHER_RELEASE)
