"""Other software to compare with, each in an environment of its own.

A peer is a folder here: ``peer.json`` says what it is, ``requirements.in`` and ``requirements.lock`` what to
install, and a script per benchmark (``throughput.py``, ``training.py``, ...) drives it as a child process. The
environment is made on first use in ``.peers/<name>``, so that nothing of a peer touches rlsuite's own packages.

    child = start("envpool", "throughput", {"level": "mujoco/Hopper-v5", "n_envs": 64})
    sample = child.measure(2.0)      # {"env_steps": ..., "frames": ..., "wall_s": ..., "cpu_s": ...}
    child.close()
"""

from __future__ import annotations

from rlsuite.bench.peers.environment import Peer, find_peer, list_peers, prepare
from rlsuite.bench.peers.process import Child, Sample, start, start_own

__all__ = ["Child", "Peer", "Sample", "find_peer", "list_peers", "prepare", "start", "start_own"]
