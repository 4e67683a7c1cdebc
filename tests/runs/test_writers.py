"""The files that metrics are written to."""

import time

from rlsuite.runs.folder import RunFolder
from rlsuite.runs.writers import MetricWriters


def test_a_new_event_file_sorts_after_those_of_the_same_second(tmp_path):
    """TensorBoard reads them by name; a resumed run may have the smaller process number and the same second."""
    folder = RunFolder(tmp_path)
    folder.tensorboard.mkdir()
    old = folder.tensorboard / f"events.out.tfevents.{int(time.time())}.zzz.99999999.0"
    old.touch()
    writers = MetricWriters(folder, lambda: 0.0)
    writers.write({"a": 1.0}, 1)
    writers.close()
    first, second = sorted(folder.tensorboard.iterdir())
    assert first == old
    assert second.stat().st_size > 0
