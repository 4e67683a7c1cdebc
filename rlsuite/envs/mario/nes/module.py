"""The one Warp module that all kernels share, and where its compiled code is kept.

Each Warp module costs about three seconds the first time, whatever its size, so there is one.
"""

from __future__ import annotations

import os

import warp as wp

from rlsuite.envs.mario.folders import cache_folder

# Warp greets every process on standard output; rlsuite's output is its own.
if wp.config.log_level < wp.LOG_WARNING:
    wp.config.log_level = wp.LOG_WARNING
if wp.config.kernel_cache_dir is None and "WARP_CACHE_PATH" not in os.environ:
    wp.config.kernel_cache_dir = str(cache_folder() / "warp")
MODULE = wp.get_module("rlsuite_nes")
# Nothing is differentiated; loops stay loops (unrolling them costs build time and gains nothing).
MODULE.options["enable_backward"] = False
MODULE.options["max_unroll"] = 1
