"""Become a Doom engine that cannot outlive its trainer, inherits nothing and litters nowhere.

Run by path, not imported: ``python -I -S launcher.py TRAINER_PID RECORD ENGINE [ARGUMENT ...]``. Standard
library only. It asks the kernel for SIGKILL at its parent's death, writes pid and instance id to RECORD,
turns to RECORD's folder (the engine writes ``_vizdoom.ini`` where it stands), closes what it inherited
and becomes the engine.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask for SIGKILL when the parent dies, and go at once if it already has (Linux only)."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def write_record(path: str, arguments: list[str]) -> None:
    """Tell the trainer which process this is, in one atomic step."""
    instance = arguments[arguments.index("+viz_instance_id") + 1] if "+viz_instance_id" in arguments else ""
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump({"pid": os.getpid(), "instance": instance}, file)
    os.replace(path + ".part", path)


def drop_descriptors() -> None:
    """Standard streams to /dev/null, everything else closed."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.closerange(3, 65536)


def main(argv: list[str]) -> None:
    """Prepare the process and replace it with the engine."""
    parent, record, engine, *arguments = argv
    die_with_parent(int(parent))
    write_record(record, arguments)
    folder = os.path.dirname(record)
    os.chdir(folder)
    os.environ.update(HOME=folder, XDG_CONFIG_HOME=folder, XDG_DATA_HOME=folder)
    drop_descriptors()
    os.execv(engine, [engine, *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
