"""Threads that step environments: engine calls release the GIL, so threads are enough."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence


class Job:
    """Some environments to be worked on, by whichever thread is free.

    Args:
        work: Called once with each index.
        indices: The environments.
    """

    def __init__(self, work: Callable[[int], None], indices: Sequence[int]) -> None:
        self._work = work
        self._indices = list(indices)
        self._left = len(self._indices)
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._errors: list[BaseException] = []
        if not self._indices:
            self._done.set()

    def run_some(self) -> None:
        """Work until no environment is left to begin."""
        while True:
            with self._lock:
                if not self._indices:
                    return
                index = self._indices.pop()
            try:
                self._work(index)
            except BaseException as error:
                self._errors.append(error)
            with self._lock:
                self._left -= 1
                if self._left == 0:
                    self._done.set()

    def wait(self) -> None:
        """Wait for all of them.

        Raises:
            BaseException: The first error of the work.
        """
        self._done.wait()
        if self._errors:
            raise self._errors[0]


class ThreadPool:
    """Daemon threads with one queue. Several jobs may be under way."""

    def __init__(self, n_threads: int, name: str) -> None:
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.threads = [
            threading.Thread(target=_loop, args=(self._queue,), daemon=True, name=f"{name}-{i}")
            for i in range(n_threads)
        ]
        for thread in self.threads:
            thread.start()

    def submit(self, work: Callable[[int], None], indices: Sequence[int]) -> Job:
        """Begin ``work(i)`` for every index, and return at once."""
        job = Job(work, indices)
        for _ in range(min(len(self.threads), len(indices))):
            self._queue.put(job)
        return job

    def close(self) -> None:
        """Let the threads end when they are free."""
        for _ in self.threads:
            self._queue.put(None)


def _loop(jobs: queue.SimpleQueue[Job | None]) -> None:
    while (job := jobs.get()) is not None:
        job.run_some()
        del job  # keep no environment alive while waiting
