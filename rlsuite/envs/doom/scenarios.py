"""The Doom levels, as data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rlsuite.envs.doom.wad import Spawn

Actions = tuple[tuple[str, ...], ...]

PATHAK_ACTIONS: Actions = ((), ("MOVE_FORWARD",), ("TURN_RIGHT",), ("TURN_LEFT",))
"""Pathak et al. 2017: no-op, forward, turn right, turn left."""

EXPLORER_ACTIONS: Actions = (
    (),
    ("MOVE_FORWARD",),
    ("MOVE_BACKWARD",),
    ("TURN_RIGHT",),
    ("TURN_LEFT",),
    ("MOVE_FORWARD", "TURN_RIGHT"),
    ("MOVE_FORWARD", "TURN_LEFT"),
    ("MOVE_RIGHT",),
    ("MOVE_LEFT",),
    ("USE",),
    ("ATTACK",),
    ("MOVE_FORWARD", "SPEED"),
)
"""Enough to walk, fight, open doors and press switches on a real map."""


@dataclass(frozen=True)
class Scenario:
    """One level.

    Attributes:
        id: Level id.
        description: One line.
        cfg: Configuration file of the vizdoom package.
        actions: The buttons that each action holds down.
        max_tics: The clock: an episode is truncated after so many tics.
        goal_reward: A reward above this is the goal: the episode is terminated and won. None: the level
            has no goal and its score is the return.
        spawn: Pinned start, or None for the WAD's own.
        doom_map: Map of the game file, or None for the cfg's.
        skill: Difficulty, or None for the cfg's.
        living_reward: Reward per tic, or None for the cfg's.
        noise: Part of the picture that is white noise.
        room_sectors: Sectors of the map that are rooms (not corridors), or empty.
    """

    id: str
    description: str
    cfg: str
    actions: Actions
    max_tics: int = 2100
    goal_reward: float | None = None
    spawn: Spawn | None = None
    doom_map: str | None = None
    skill: int | None = None
    living_reward: float | None = None
    noise: float = 0.0
    room_sectors: tuple[int, ...] = field(default=())

    @property
    def buttons(self) -> tuple[str, ...]:
        """Every button that some action uses, in the order of first use."""
        return tuple(dict.fromkeys(button for action in self.actions for button in action))


def _single(*buttons: str) -> Actions:
    """No-op and each button alone."""
    return ((), *((button,) for button in buttons))


# Sectors 0 to 7 are the square rooms of 160 units, 8 is the vest's; 9 to 17 are corridors (64 units wide).
_HOME = Scenario(
    id="doom/my_way_home/dense",
    description="Find the vest in nine rooms, starting anywhere (Pathak et al. 2017, dense).",
    cfg="my_way_home.cfg",
    actions=PATHAK_ACTIONS,
    goal_reward=0.5,
    living_reward=0.0,
    room_sectors=tuple(range(9)),
)

_MY_WAY_HOME = (
    _HOME,
    replace(
        _HOME,
        id="doom/my_way_home/sparse",
        description="Find the vest from a room about 270 steps away (Pathak et al. 2017, sparse).",
        spawn=Spawn(10, (0.0, 0.01)),
    ),
    replace(
        _HOME,
        id="doom/my_way_home/very_sparse",
        description="Find the vest from the corridor farthest away, about 350 steps (Pathak et al. 2017, very sparse).",
        spawn=Spawn(15, (0.49, 0.51)),
    ),
)

_NOISE = tuple(
    replace(s, id=f"{s.id}_noise", description=f"{s.description[:-1]}; 40 % of the picture is noise.", noise=0.4)
    for s in _MY_WAY_HOME
)

_TURN = ("TURN_LEFT", "TURN_RIGHT")
_SIDE = ("MOVE_LEFT", "MOVE_RIGHT")

_OTHERS = (
    Scenario("doom/basic", "Shoot the one monster across the room.", "basic.cfg", _single(*_SIDE, "ATTACK"), 300),
    Scenario(
        "doom/simpler_basic",
        "Shoot the one monster across the room, easier to see.",
        "simpler_basic.cfg",
        _single(*_SIDE, "ATTACK"),
        300,
    ),
    Scenario(
        "doom/rocket_basic",
        "Hit the one monster with a slow rocket.",
        "rocket_basic.cfg",
        _single(*_SIDE, "ATTACK"),
        300,
    ),
    Scenario(
        "doom/deadly_corridor",
        "Reach the vest at the end of a corridor of shooters.",
        "deadly_corridor.cfg",
        _single("MOVE_FORWARD", "MOVE_BACKWARD", *_SIDE, *_TURN, "ATTACK"),
    ),
    Scenario(
        "doom/defend_the_center",
        "Turn on the spot and shoot what comes, with 26 rounds.",
        "defend_the_center.cfg",
        _single(*_TURN, "ATTACK"),
    ),
    Scenario(
        "doom/defend_the_line",
        "Turn on the spot and shoot what comes from ahead.",
        "defend_the_line.cfg",
        _single(*_TURN, "ATTACK"),
    ),
    Scenario(
        "doom/health_gathering",
        "Live on a floor of acid by finding medkits.",
        "health_gathering.cfg",
        _single(*_TURN, "MOVE_FORWARD"),
    ),
    Scenario(
        "doom/health_gathering_supreme",
        "Live in a maze of acid by finding medkits and leaving poison.",
        "health_gathering_supreme.cfg",
        _single(*_TURN, "MOVE_FORWARD"),
    ),
    Scenario(
        "doom/predict_position",
        "Lead a walking monster with one rocket.",
        "predict_position.cfg",
        _single(*_TURN, "ATTACK"),
        300,
    ),
    Scenario("doom/take_cover", "Step aside from fireballs.", "take_cover.cfg", _single(*_SIDE)),
)


def _freedoom() -> tuple[Scenario, ...]:
    """The 68 maps of the two Freedoom games: reaching the exit gives 1, nothing else gives anything."""
    episodes = [("freedoom1", f"e{e}m{m}") for e in range(1, 5) for m in range(1, 10)]
    maps = [("freedoom2", f"map{m:02d}") for m in range(1, 33)]
    return tuple(
        Scenario(
            id=f"doom/{game}/{name}",
            description=f"Reach the exit of Freedoom's {name.upper()}.",
            cfg=f"{game}.cfg",
            actions=EXPLORER_ACTIONS,
            max_tics=10_500,
            goal_reward=0.5,
            doom_map=name,
            skill=1,
        )
        for game, name in episodes + maps
    )


SCENARIOS: dict[str, Scenario] = {s.id: s for s in (*_MY_WAY_HOME, *_NOISE, *_OTHERS, *_freedoom())}
