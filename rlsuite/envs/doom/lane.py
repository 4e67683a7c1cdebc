"""One environment of the vector: its engine, its random streams, its episode."""

from __future__ import annotations

import cv2
import numpy as np

from rlsuite.envs.doom.engine import Engine, Outcome
from rlsuite.envs.doom.floorplan import RoomFinder, cell_of
from rlsuite.runs.statetree import StateTree

GRAY = np.array([0.21, 0.72, 0.07], dtype=np.float32)
"""The engine's own weights of red, green and blue in its gray format."""


class Picture:
    """From the engine's screen to the agent's frame.

    Args:
        size: Side of the frame in pixels.
        noise: Part of the frame, its lower rows, that is uniform noise; the game is drawn into the rest.
    """

    def __init__(self, size: int, noise: float) -> None:
        self.size = size
        self.game_rows = size - round(size * noise)

    def __call__(self, screen: np.ndarray, rng: np.random.Generator, out: np.ndarray) -> None:
        """Write the frame (size, size) uint8 into ``out``."""
        gray = screen if screen.ndim == 2 else (screen @ GRAY).astype(np.uint8)
        cv2.resize(gray, (self.size, self.game_rows), dst=out[: self.game_rows], interpolation=cv2.INTER_AREA)
        if self.game_rows < self.size:
            noise_shape = (self.size - self.game_rows, self.size)
            out[self.game_rows :] = rng.integers(0, 256, noise_shape, dtype=np.uint8)


class Lane:
    """Everything about one environment that is not an array shared with the others.

    Args:
        engine: Its game.
        seed: Its seed sequence: episodes, and noise, have streams of their own.
        rooms: Finds rooms, or None where the level has no rooms.
    """

    def __init__(self, engine: Engine, seed: np.random.SeedSequence, rooms: RoomFinder | None) -> None:
        self.engine, self.rooms = engine, rooms
        self.screen: np.ndarray | None = None
        self.position = np.zeros(3)
        self.cells: set[tuple[int, int]] = set()
        self.visited_rooms: set[int] = set()
        self.n_steps = 0
        self.n_restarts = 0
        self.doom_map: str | None = None
        self.look, self.look_episodes = 0, 0
        self.reseed(seed)

    def reseed(self, seed: np.random.SeedSequence) -> None:
        """Begin the random streams anew."""
        episodes, noise = seed.spawn(2)
        self.episode_rng = np.random.Generator(np.random.PCG64(episodes))
        self.noise_rng = np.random.Generator(np.random.PCG64(noise))

    def next_seed(self) -> int:
        """The engine seed of the next episode."""
        return int(self.episode_rng.integers(1, 2**31 - 1))

    def begin(self) -> None:
        """Start a new episode in a running engine."""
        outcome = self.engine.new_episode(self.next_seed(), self.doom_map)
        self.cells.clear()
        self.visited_rooms.clear()
        self.n_steps = 0
        self.see(outcome)

    def see(self, outcome: Outcome) -> None:
        """Remember the picture and where the player stands."""
        if outcome.screen is not None:
            self.screen = outcome.screen
        if outcome.position is None:
            return
        self.position = outcome.position
        x, y = float(outcome.position[0]), float(outcome.position[1])
        self.cells.add(cell_of(x, y))
        if self.rooms is not None and (room := self.rooms(x, y)) >= 0:
            self.visited_rooms.add(room)

    def state_dict(self) -> StateTree:
        """The random streams: the engine itself cannot be saved."""
        return {"episodes": self.episode_rng.bit_generator.state, "noise": self.noise_rng.bit_generator.state}

    def load_state_dict(self, state: StateTree) -> None:
        """Bring the random streams back."""
        self.episode_rng.bit_generator.state = state["episodes"]
        self.noise_rng.bit_generator.state = state["noise"]
