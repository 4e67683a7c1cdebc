"""Recording a policy that remembers: its memory ends with each episode, and only then."""

from __future__ import annotations

import numpy as np

from rlsuite.demos.collect import Predicting, record_episodes
from rlsuite.testing.probes import MemoryProbe


class Counter:
    """Acts by how many observations of the episode it has seen; what it was told is kept."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        n = len(observation)
        before = np.zeros(n, int) if state is None else state
        count = np.where(episode_start, 0, before) + 1
        self.seen.append(count.tolist())
        return np.zeros(n, int), count


def test_the_memory_of_an_episode_begins_with_it():
    env, model = MemoryProbe(3), Counter()
    episodes = record_episodes(Predicting(model, deterministic=True), env, 6, seed=0)
    length = len(episodes[0].reward)
    assert length > 1
    assert len(episodes) == 6
    expected = [[t % length + 1] * 3 for t in range(2 * length)]
    assert model.seen == expected
