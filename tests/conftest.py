"""Settings of the whole suite."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small networks on shared cores: a second thread makes them slower

# Tests run on busy machines: time is no measure of a test's worth, and examples are few.
settings.register_profile(
    "suite", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def game() -> Path:
    """The ROM of Super Mario Bros.; without it, or without Warp, the test is skipped."""
    pytest.importorskip("warp", reason="the extra 'mario' is not installed (no Warp)")
    from rlsuite.envs.mario.stages import find_rom
    from rlsuite.errors import MissingExtraError

    try:
        return find_rom()
    except MissingExtraError as error:
        pytest.skip(f"no ROM of Super Mario Bros.: {error}")
