"""A few persistent threads that share out blocks of work; the caller lends a hand.

With n threads there are n - 1 workers: whoever waits for a task runs what is still queued, so that two
cores are busy with two threads, whether the caller is inferring the next action or waiting. With one
thread nothing is handed over at all: the work is done where it is waited for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue


class Task:
    """Pieces of work that are done together, and what to do after the last of them.

    Args:
        pieces: Each is run once per `Crew.start`, in any order, on any thread.
        finish: Run once, by whoever completes the last piece.
    """

    def __init__(self, pieces: Sequence[Callable[[], None]], finish: Callable[[], None]) -> None:
        self.pieces = pieces
        self._finish = finish
        self._lock = threading.Lock()
        self._remaining = 0
        self._done = threading.Event()
        self._error: BaseException | None = None

    def begin(self) -> None:
        """Expect every piece anew."""
        self._remaining = len(self.pieces)
        self._error = None
        self._done.clear()

    def run(self, piece: Callable[[], None]) -> None:
        """Run one piece; errors are kept for `result`."""
        try:
            piece()
        except BaseException as error:
            self._error = error
        with self._lock:
            self._remaining -= 1
            last = self._remaining == 0
        if last:
            try:
                if self._error is None:
                    self._finish()
            except BaseException as error:
                self._error = error
            self._done.set()

    @property
    def done(self) -> bool:
        """Whether every piece and the finish have been run."""
        return self._done.is_set()

    def result(self) -> None:
        """Wait, then raise what a piece raised."""
        self._done.wait()
        if self._error is not None:
            raise self._error


class Crew:
    """The threads.

    Args:
        n_threads: Threads that work at the same time, the caller included.
    """

    def __init__(self, n_threads: int) -> None:
        self._queue: SimpleQueue[tuple[Task, Callable[[], None]] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"rlsuite-step-{i}", daemon=True) for i in range(n_threads - 1)
        ]
        for thread in self._threads:
            thread.start()

    def start(self, task: Task) -> None:
        """Begin a task and return at once."""
        task.begin()
        for piece in task.pieces:
            self._queue.put((task, piece))

    def wait(self, task: Task) -> None:
        """Help until the task is done; raises what it raised."""
        while not task.done:
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
            if item is not None:
                item[0].run(item[1])
        task.result()

    def close(self) -> None:
        """End the threads once the queue is empty."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(timeout=5.0)
        self._threads = []

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            item[0].run(item[1])
