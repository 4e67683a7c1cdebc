"""Freed memory is given out again without new pages."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import ctypes, resource, sys
if sys.argv[1] == "keep":
    from rlsuite.runs.memory import keep_freed_memory
    assert keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.memset.argtypes, libc.free.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t), (ctypes.c_void_p,)
def use(n):
    block = libc.malloc(ctypes.c_size_t(n))
    libc.memset(block, 1, n)
    libc.free(block)
use(96 << 20)  # more than malloc keeps by itself
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    use(96 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc only")
def test_pages_are_used_again() -> None:
    faults = {
        how: int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True).stdout)
        for how in ("leave", "keep")
    }
    assert faults["keep"] < 100
    assert faults["leave"] > 10 * faults["keep"] + 100
