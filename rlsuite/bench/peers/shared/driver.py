"""What every driver does alike, in any environment: standard library; numpy and torch inside functions."""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

WARM_UP_S = 0.5


def spec() -> dict[str, Any]:
    """What the parent asked for."""
    return json.loads(sys.argv[1])


def unsupported(reason: str) -> NoReturn:
    """Refuse the level."""
    say({"unsupported": reason})
    raise SystemExit(0)


def nothing() -> None:
    """For drivers that stand still by themselves."""


def serve(
    advance: Callable[[], int],
    frames_per_step: int,
    versions: dict[str, str],
    pause: Callable[[], None] = nothing,
    go_on: Callable[[], None] = nothing,
) -> None:
    """Answer the parent's questions until it closes the pipe.

    Args:
        advance: Takes one vector step (or as much as is natural) and returns the env steps it took.
        frames_per_step: Engine frames of one env step.
        versions: What is running, for the report.
        pause: Stops what works on by itself between measurements.
        go_on: Lets it go on.
    """
    _run(advance, WARM_UP_S)
    pause()
    say({"ready": True, "versions": versions, "python": sys.version.split()[0]})
    for line in sys.stdin:
        go_on()
        steps, wall = _run(advance, float(json.loads(line)["measure"]))
        pause()
        say({"env_steps": steps, "frames": steps * frames_per_step, "wall_s": wall})


def random_actions(low: Any, high: Any, n_envs: int, seed: int) -> Callable[[], Any]:
    """Uniform actions from a bank drawn beforehand, so that drawing costs nothing."""
    import numpy as np

    rng = np.random.default_rng(seed)
    bank = rng.uniform(low, high, (64, n_envs, len(low))).astype(np.float32)
    count = 0

    def draw() -> Any:
        nonlocal count
        count += 1
        return bank[count % len(bank)]

    return draw


def mlp_policy(obs_size: int, low: Any, high: Any, seed: int) -> Callable[[Any], Any]:
    """A usual actor: 64-64 tanh, Gaussian with its own standard deviation, clipped to the box.

    In float32 numpy on every side: for so small a network its calls cost a third of torch's.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    sizes = (obs_size, 64, 64, len(low))
    layers = [
        (rng.standard_normal((n, m), np.float32) / np.float32(n**0.5), np.zeros(m, np.float32))
        for n, m in itertools.pairwise(sizes)
    ]
    std = np.ones(len(low), np.float32)

    def act(obs: Any) -> Any:
        x = np.asarray(obs, np.float32)
        for weight, bias in layers[:-1]:
            x = x @ weight
            x += bias
            np.tanh(x, out=x)
        weight, bias = layers[-1]
        mean = x @ weight + bias
        action = mean + std * rng.standard_normal(mean.shape, np.float32)
        return np.clip(action, low, high, out=action)

    return act


def _run(advance: Callable[[], int], seconds: float) -> tuple[int, float]:
    steps, start = 0, time.perf_counter()
    while (wall := time.perf_counter() - start) < seconds:
        steps += advance()
    return steps, wall


def say(answer: dict[str, Any]) -> None:
    """Answer the parent."""
    print(json.dumps(answer), flush=True)
