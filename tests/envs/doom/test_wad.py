from pathlib import Path

import numpy as np
import pytest

from rlsuite.envs.doom.engine import SCENARIOS_FOLDER
from rlsuite.envs.doom.floorplan import RoomFinder, load_floor_plan, parse_textmap
from rlsuite.envs.doom.scenarios import SCENARIOS
from rlsuite.envs.doom.wad import Spawn, assemble_enter_script, lumps, read_lump, with_spawn
from rlsuite.errors import DataError

HOME = SCENARIOS_FOLDER / "my_way_home.wad"


def test_a_pinned_start_changes_the_script_and_nothing_else() -> None:
    before, after = HOME.read_bytes(), with_spawn(HOME.read_bytes(), Spawn(15, (0.49, 0.51)))
    changed = np.flatnonzero(np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8))
    offset, _ = lumps(before)["BEHAVIOR"]
    assert len(before) == len(after)
    assert changed.min() >= offset + 20, "script 2 begins at byte 20 of the lump"
    assert changed.max() < offset + 64, "script 3 begins at byte 64"
    assert lumps(before) == lumps(after)


def test_the_assembled_script_is_what_an_acs_compiler_gives() -> None:
    code = assemble_enter_script(Spawn(10, (0.0, 0.5)))
    stand = bytes.fromhex("a700 a70a c4 a70a c5 b00000 f02b 36")
    face = bytes.fromhex("a700 0300000000 0300800000 39 f024")
    assert code == stand + face + bytes.fromhex("a700 b500 8e 01")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a WAD"),
        (b"GIF89a" + bytes(40), "not a WAD"),
        (HOME.read_bytes()[:2000], "cut short"),
        (b"PWAD" + bytes(8), "cut short"),
    ],
)
def test_a_broken_wad_is_refused_by_name(content: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        with_spawn(content, Spawn(10, (0.0, 0.0)))


def test_a_missing_lump_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.wad").write_bytes(HOME.read_bytes())
    with pytest.raises(DataError, match="no lump TITLEPIC"):
        read_lump(tmp_path / "x.wad", "TITLEPIC")


def test_the_floor_plan_has_the_papers_nine_rooms() -> None:
    plan = load_floor_plan(HOME)
    scenario = SCENARIOS["doom/my_way_home/sparse"]
    rooms = RoomFinder(plan, scenario.room_sectors)
    assert rooms.n_rooms == 9
    assert rooms(240, -176) == 0
    assert rooms(1040, -352) == 8, "the vest's room"
    assert rooms(464, -60) == -1, "a corridor"
    assert rooms(-5000, 0) == -1
    assert plan.sector_of(240.0, -176.0) == 0
    assert plan.sector_of(0.0, 0.0) == -1


def test_room_centres_lie_in_nine_different_rooms() -> None:
    plan = load_floor_plan(HOME)
    scenario = SCENARIOS["doom/my_way_home/sparse"]
    rooms = RoomFinder(plan, scenario.room_sectors)
    centres = [plan.sectors[s].reshape(-1, 2) for s in scenario.room_sectors]
    found = [rooms(*((c.min(0) + c.max(0)) / 2)) for c in centres]
    assert found == list(range(9))


def test_a_broken_textmap_is_refused() -> None:
    with pytest.raises(DataError, match="TEXTMAP"):
        parse_textmap("linedef { v1 = 0; v2 = 99; sidefront = 0; }")


def test_every_level_has_an_id_a_description_and_at_least_two_actions() -> None:
    assert len(SCENARIOS) == 6 + 10 + 68
    for id, scenario in SCENARIOS.items():
        assert id.startswith("doom/")
        assert scenario.description.endswith(".")
        assert len(scenario.actions) >= 3
