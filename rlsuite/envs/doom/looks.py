"""Looks of Doom levels: which WAD and map an engine shows in its next episode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import vizdoom

from rlsuite.envs.doom.engine import ENGINE_PATH, SCENARIOS_FOLDER, Engine
from rlsuite.envs.doom.lane import Lane
from rlsuite.envs.doom.scenarios import Scenario
from rlsuite.runs.seeding import stream_seed

RESTART_SEED = 1
"""Engines that start anew for a look draw nothing from the episodes' streams: a look must not shift the play."""


@dataclass(frozen=True)
class ArtFiles:
    """Where a level's pictures and map lie.

    Attributes:
        game: The game file (IWAD), with palette, textures, flats and sprites.
        level: The WAD with the map; the game file itself for the maps of a game.
        map: Name of the map's lump.
    """

    game: Path
    level: Path
    map: str


def find_art(scenario: Scenario, wad: Path | None) -> ArtFiles:
    """The files of a scenario; ``wad`` is the one in use if not the cfg's own."""
    config = vizdoom.DoomGame()
    config.load_config(str(SCENARIOS_FOLDER / scenario.cfg))
    name = "freedoom1.wad" if Path(scenario.cfg).stem == "freedoom1" else "freedoom2.wad"
    game = ENGINE_PATH.parent / name
    if scenario.doom_map is not None:
        return ArtFiles(game, game, scenario.doom_map.upper())
    own = SCENARIOS_FOLDER / Path(scenario.cfg).with_suffix(".wad").name
    return ArtFiles(game, wad or own, "MAP01")


class Wardrobe:
    """Chooses each environment's look for its next episode.

    Args:
        looks: WAD and map (None: leave the map) of each.
        n_envs: Environments, each with a stream of its own.
        seed: Of the streams.
        every: Episodes that an engine keeps its file.
    """

    def __init__(self, looks: Sequence[tuple[Path, str | None]], n_envs: int, seed: int, every: int) -> None:
        self._looks, self._every = list(looks), max(1, every)
        children = np.random.SeedSequence(stream_seed(seed, "looks")).spawn(n_envs)
        self._streams = [np.random.Generator(np.random.PCG64(child)) for child in children]
        self._several_files = len({wad for wad, _ in looks}) > 1

    def dress(self, i: int, lane: Lane, start: Callable[[int, int], None]) -> None:
        """Choose for the episode that begins now; a look of another file restarts the engine first."""
        engine: Engine = lane.engine
        may_change = lane.look_episodes >= self._every or not any(wad == engine.wad for wad, _ in self._looks)
        fits = [k for k, (wad, _) in enumerate(self._looks) if may_change or wad == engine.wad]
        k = fits[int(self._streams[i].integers(len(fits)))]
        wad, doom_map = self._looks[k]
        if wad != engine.wad:
            engine.close()
            engine.wad = wad
            start(i, RESTART_SEED)
            lane.look_episodes = 0
        lane.doom_map, lane.look = doom_map, k + 1
        lane.look_episodes += self._several_files
