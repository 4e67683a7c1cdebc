"""Persistent threads: one that steps in the background, and helpers that share out a loop.

A thread that waits sleeps; nothing spins, because on a busy machine the CPU time would be somebody else's.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue


class Job:
    """Something that is done again and again, by a thread of a crew or by whoever waits for it.

    Whoever waits does it himself if no thread has begun: on a busy machine that saves two changes of thread.

    Args:
        work: What to do.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._orders: deque[None] = deque()  # append and pop are atomic, so that one thread gets an order
        self._done = threading.Semaphore(0)
        self._error: BaseException | None = None

    def order(self) -> None:
        """Ask for it to be done once more; `wait` must follow."""
        self._orders.append(None)

    def run(self) -> None:
        """Do it here and now, unless somebody else has begun."""
        try:
            self._orders.pop()
        except IndexError:
            return
        try:
            self._work()
        except BaseException as error:
            self._error = error
        self._done.release()

    def wait(self) -> None:
        """Return when it has been done once more, and raise what it raised."""
        self.run()
        self._done.acquire()
        if self._error is not None:
            error, self._error = self._error, None
            raise error


class Crew:
    """A few threads that take jobs from one queue, first come, first served.

    Args:
        n_threads: How many; they are started by the first `start`.
    """

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def start(self, job: Job) -> None:
        """Put a job into the queue and return at once."""
        if not self._threads:
            self._hire()
        job.order()
        self._queue.put(job)

    def close(self) -> None:
        """End the threads once the queue is empty; `start` begins anew."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(timeout=10.0)
        self._threads = []

    def _hire(self) -> None:
        for i in range(self.n_threads):
            thread = threading.Thread(target=self._serve, name=f"rlsuite-step-{i}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self) -> None:
        while (job := self._queue.get()) is not None:
            job.run()


class SharedLoop:
    """A loop whose rounds go to whichever thread is free, the caller's included.

    Args:
        body: Called once per index.
        n_threads: Threads that work at the same time.
    """

    def __init__(self, body: Callable[[int], None], n_threads: int) -> None:
        self._body = body
        self._crew = Crew(n_threads - 1)
        self._helpers = [Job(self._take) for _ in range(n_threads - 1)]
        self._rest = iter(())  # type: ignore[var-annotated]

    def run(self, indices: range) -> None:
        """Go through the indices, in any order; raises the first error.

        Called by one thread at a time.
        """
        self._rest = iter(indices)  # next() on a range's iterator is atomic: it runs under the GIL
        for job in self._helpers:
            self._crew.start(job)
        caller = Job(self._take)
        caller.order()
        errors = [error for job in (caller, *self._helpers) if (error := _outcome(job)) is not None]
        if errors:
            raise errors[0]

    def close(self) -> None:
        """End the helpers."""
        self._crew.close()

    def _take(self) -> None:
        body = self._body
        for index in self._rest:
            body(index)


def _outcome(job: Job) -> BaseException | None:
    """Wait for a job and return what it raised."""
    try:
        job.wait()
    except BaseException as error:
        return error
    return None
