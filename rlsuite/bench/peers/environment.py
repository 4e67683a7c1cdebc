"""Making a peer's environment: uv, a lock, a stamp."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rlsuite.errors import RunError, UserError

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Peer:
    """Other software, as its folder describes it.

    Attributes:
        name: Folder name, what a user types after ``--peer``.
        description: One line.
        levels: Prefixes of the level ids that it can run.
        folder: Where its lock and drivers lie.
        python: The Python that it needs, such as ``3.11``; None: the one that runs rlsuite.
    """

    name: str
    description: str
    levels: tuple[str, ...]
    folder: Path
    python: str | None = None

    def driver(self, benchmark: str) -> Path:
        """The script of one benchmark.

        Raises:
            UserError: The peer does not take part in it.
        """
        path = self.folder / f"{benchmark}.py"
        if not path.exists():
            known = sorted(p.stem for p in self.folder.glob("*.py"))
            raise UserError(f"peer '{self.name}' has no benchmark '{benchmark}'; it has {', '.join(known)}.")
        return path


def list_peers() -> list[Peer]:
    """Every peer that comes with rlsuite, by name."""
    return [_read(path.parent) for path in sorted(HERE.glob("*/peer.json"))]


def find_peer(name: str) -> Peer:
    """The peer of that name.

    Raises:
        UserError: There is none; the message names the nearest ones.
    """
    peers = {peer.name: peer for peer in list_peers()}
    if name in peers:
        return peers[name]
    near = difflib.get_close_matches(name, peers, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else "."
    raise UserError(f"unknown peer '{name}'{hint} There are: {', '.join(peers)}.")


def prepare(peer: Peer) -> Path:
    """Make the peer's environment if it is missing or its lock has changed.

    Returns:
        Its Python interpreter.

    Raises:
        UserError: There is no uv.
        RunError: The packages could not be installed.
    """
    home = peers_root() / peer.name
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp, wanted = home / ".rlsuite-peer", _fingerprint(peer)
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    uv = find_uv()
    print(f"making the environment of peer '{peer.name}' in {home} ...", file=sys.stderr)
    shutil.rmtree(home, ignore_errors=True)
    _run([uv, "venv", "--quiet", "--python", peer.python or sys.executable, str(home)], peer)
    lock = peer.folder / "requirements.lock"
    _run([uv, "pip", "install", "--quiet", "--python", str(python), "--requirement", str(lock)], peer)
    stamp.write_text(wanted)
    return python


def peers_root() -> Path:
    """Where the environments lie: ``$RLSUITE_PEERS``, or ``.peers`` in the checkout (elsewhere: here)."""
    if named := os.environ.get("RLSUITE_PEERS"):
        return Path(named)
    return _project_root() / ".peers"


def find_uv() -> str:
    """Find uv on the PATH, or the one that the set-up fetched.

    Raises:
        UserError: There is none.
    """
    for candidate in (shutil.which("uv"), shutil.which("uv", path=str(_project_root() / ".uv" / "bin"))):
        if candidate and subprocess.run([candidate, "--version"], capture_output=True, check=False).returncode == 0:
            return candidate
    raise UserError("peers are installed with uv, which was found neither on the PATH nor in .uv. Run: pip install uv")


def _project_root() -> Path:
    root = HERE.parents[2]
    return root if (root / "pyproject.toml").exists() else Path.cwd()


def _read(folder: Path) -> Peer:
    text = json.loads((folder / "peer.json").read_text())
    return Peer(folder.name, text["description"], tuple(text["levels"]), folder, text.get("python"))


def _fingerprint(peer: Peer) -> str:
    digest = hashlib.sha256((peer.folder / "requirements.lock").read_bytes())
    version = peer.python or f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"{digest.hexdigest()} python {version}\n"


def _run(command: list[str], peer: Peer) -> None:
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    if backend := os.environ.get("TORCH_BACKEND"):
        environment["UV_TORCH_BACKEND"] = backend
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        tail = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise RunError(f"the environment of peer '{peer.name}' could not be made:\n{tail}")
