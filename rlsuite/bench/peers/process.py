"""Driving a benchmark in a child process: start it, ask for measurements one by one, end it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from rlsuite.bench.peers.environment import HERE, find_peer, prepare
from rlsuite.errors import RunError, UserError

SHARED = HERE / "shared"


@dataclass(frozen=True)
class Sample:
    """One measurement.

    Attributes:
        env_steps: Agent decisions taken, over all environments.
        frames: Engine frames (mj_steps, game ticks) they took.
        wall_s: Wall time in seconds, by the child's clock.
        cpu_s: CPU time in seconds of the child and its workers, user and system.
        extra: Whatever else the driver reports.
    """

    env_steps: int
    frames: int
    wall_s: float
    cpu_s: float
    extra: Mapping[str, Any]

    @property
    def per_core_s(self) -> float:
        """Env steps per CPU-second."""
        return self.env_steps / self.cpu_s

    @property
    def per_s(self) -> float:
        """Env steps per second."""
        return self.env_steps / self.wall_s


class Child:
    """A driver script in a process of its own; it stays idle between measurements.

    Args:
        name: What is measured, for messages.
        command: Interpreter and script.
        spec: What to set up; passed as JSON.
    """

    def __init__(self, name: str, command: list[str], spec: Mapping[str, Any]) -> None:
        self.name = name
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed with the child
        self._process = subprocess.Popen(
            [*command, json.dumps(dict(spec))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=_environment(),
        )
        self.ready = self._answer()

    def measure(self, seconds: float) -> Sample:
        """Let the child work for that long and read its count and its CPU time.

        Raises:
            RunError: The child failed; its last words are in the message.
        """
        before = self._cpu()
        self._ask({"measure": seconds})
        answer = self._answer()
        cpu = self._cpu() - before
        known = {key: answer.pop(key) for key in ("env_steps", "frames", "wall_s")}
        return Sample(**known, cpu_s=cpu, extra=answer)

    def close(self) -> None:
        """End the child."""
        if self._process.poll() is None:
            _pipe(self._process.stdin).close()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        _pipe(self._process.stdout).close()
        self._log.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, question: Mapping[str, Any]) -> None:
        pipe = _pipe(self._process.stdin)
        try:
            pipe.write(json.dumps(question) + "\n")
            pipe.flush()
        except BrokenPipeError:
            self._fail()

    def _answer(self) -> dict[str, Any]:
        for line in _pipe(self._process.stdout):
            if line.startswith("{"):
                answer = json.loads(line)
                if "unsupported" in answer:
                    self.close()
                    raise UserError(f"peer '{self.name}': {answer['unsupported']}")
                return answer
        return self._fail()

    def _fail(self) -> Any:
        self._process.wait()
        self._log.seek(0)
        tail = "\n".join(self._log.read().strip().splitlines()[-8:])
        raise RunError(f"'{self.name}' stopped with exit code {self._process.returncode}:\n{tail}")

    def _cpu(self) -> float:
        """User and system seconds of the child and of the workers that live as long as it does."""
        total = 0.0
        root = psutil.Process(self._process.pid)
        for process in [root, *root.children(recursive=True)]:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
        return total


def start(peer: str, benchmark: str, spec: Mapping[str, Any]) -> Child:
    """Start a peer's driver, making its environment first if need be.

    Raises:
        UserError: No such peer, benchmark or level of it.
        RunError: Its environment cannot be made, or it failed at once.
    """
    found = find_peer(peer)
    level = str(spec.get("level", ""))
    if level and not level.startswith(found.levels):
        raise UserError(f"peer '{peer}' cannot run '{level}'; it runs {', '.join(p + '...' for p in found.levels)}.")
    script = found.driver(benchmark)
    return Child(peer, [str(prepare(found)), str(script)], spec)


def start_own(module: str, spec: Mapping[str, Any]) -> Child:
    """Start one of rlsuite's own drivers, ``python -m module``, under the same conditions."""
    return Child("rlsuite", [sys.executable, "-m", module], spec)


def _environment() -> dict[str, str]:
    """One thread in every numerical library: what is measured is the stepping, not a spinning pool."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    path = os.pathsep.join([str(SHARED), str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, **one, "PYTHONPATH": path.rstrip(os.pathsep), "PYTHONWARNINGS": "ignore"}


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
