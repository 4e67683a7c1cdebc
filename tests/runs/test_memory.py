"""Freed memory is given out again without new pages."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, torch
if sys.argv[1] == "keep":
    from rlsuite.runs.memory import keep_freed_memory
    assert keep_freed_memory()
def use(n=24_000_000):
    block = torch.ones(n)  # 96 MB, more than malloc keeps by itself
use(30_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    use()
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
