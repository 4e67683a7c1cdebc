"""stable-baselines3's `VecEnv` without the rest of its package, which takes a third of a second to import.

Whoever trains imports all of it anyway; who steps a level in a loop of their own need not wait for it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

PACKAGE = "stable_baselines3"
MODULE = "stable_baselines3.common.vec_env.base_vec_env"


def load_base() -> ModuleType:
    """The module that defines `VecEnv`, alone where that works.

    It lies in ``sys.modules`` under its own name, so the package finds this one when it is imported later,
    and there is one `VecEnv` only.
    """
    if MODULE in sys.modules or PACKAGE in sys.modules:
        return importlib.import_module(MODULE)
    try:
        return _load_alone()
    except Exception:  # another release may need the package around this file
        sys.modules.pop(MODULE, None)
        return importlib.import_module(MODULE)


def _load_alone() -> ModuleType:
    package = importlib.util.find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise ImportError(PACKAGE)
    path = Path(package.submodule_search_locations[0], *MODULE.split(".")[1:]).with_suffix(".py")
    spec = importlib.util.spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None:
        raise ImportError(MODULE)
    module = sys.modules[MODULE] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    from stable_baselines3.common.vec_env.base_vec_env import VecEnv as VecEnv
else:
    VecEnv = load_base().VecEnv
