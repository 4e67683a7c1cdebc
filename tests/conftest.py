"""Settings of the whole suite."""

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small networks on shared cores: a second thread makes them slower

# Tests run on busy machines: time is no measure of a test's worth, and examples are few.
settings.register_profile(
    "suite", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("suite")
