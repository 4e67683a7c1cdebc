"""Skins on levels: who knows the engine, which looks an episode draws from, and how it all comes off again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlsuite.errors import UserError
from rlsuite.skins.contracts import Look, Slot, Tailor
from rlsuite.skins.doom import DoomTailor
from rlsuite.skins.mujoco import MujocoTailor
from rlsuite.skins.nes import NesTailor
from rlsuite.skins.pack import AssetPack, check_fit, load_pack

if TYPE_CHECKING:
    from rlsuite.skins.checking import Report

TAILORS: tuple[Tailor, ...] = (DoomTailor(), NesTailor(), MujocoTailor())
EVERY = 8
"""Episodes between changes of look where a change starts an engine anew."""


def engine_of(env: Any) -> Any:
    """The level itself, below wrappers of observations."""
    while hasattr(env, "inner"):
        env = env.inner
    return env


def tailor_of(env: Any) -> Tailor:
    """Who knows this level's engine.

    Raises:
        UserError: Nobody does.
    """
    level = engine_of(env)
    for tailor in TAILORS:
        if tailor.fits(level):
            return tailor
    raise UserError(
        f"{type(level).__name__} cannot be dressed: skins know {', '.join(t.engine for t in TAILORS)}. "
        "Anything that shows pictures can have its background replaced: env.observation with kind film or picture"
    )


def slots(env: Any) -> dict[str, Slot]:
    """What of a level can be painted."""
    return tailor_of(env).slots(engine_of(env))


def wear(
    env: Any,
    packs: AssetPack | Sequence[AssetPack],
    *,
    seed: int | None = None,
    every: int = EVERY,
    name: str = "this level",
    choices: Sequence[int] | None = None,
) -> Any:
    """Let every episode draw one of the packs' looks; returns the level. Reset it afterwards.

    Args:
        env: The level.
        packs: One or more.
        seed: Of the draws, which have streams of their own; None for the level's.
        every: Episodes between changes of look where a change starts an engine anew.
        name: What messages call the level.
        choices: Numbers of the looks that episodes draw from, over all packs; None for all. To wear the same packs
            again with other choices is cheap on every engine.

    Raises:
        UserError: A pack does not fit the level.
    """
    tailor, level = tailor_of(env), engine_of(env)
    found, looks = tailor.slots(level), []
    for pack in [packs] if isinstance(packs, AssetPack) else packs:
        painted = {name: slot for name, slot in found.items() if name in pack.looks[0]} if len(pack) else {}
        needed = {name: slot for name, slot in found.items() if slot.kind in {s.kind for s in painted.values()}}
        check_fit(pack, needed or found, engine=tailor.engine, level=name)
        looks += [{name: look[name] for name in needed} for look in pack.looks]
    tailor.wear(level, looks, seed=seed, every=every, choices=choices)
    return env


def undress(env: Any) -> Any:
    """Give a level its own look back. Reset it afterwards."""
    tailor_of(env).wear(engine_of(env), [], seed=None, every=EVERY)
    return env


@dataclass(frozen=True)
class PackSkin:
    """One look of a pack as a `Skin`."""

    pack: AssetPack
    look: int = 0

    def slots(self, env: Any) -> dict[str, Slot]:
        """What it paints of this level."""
        return {name: slot for name, slot in slots(env).items() if name in self.pack.looks[self.look]}

    def apply(self, env: Any) -> Any:
        """Let all episodes show it."""
        return wear(env, self.pack.part(slice(self.look, self.look + 1)))

    def check(self, env: Any, actions: np.ndarray, **options: Any) -> Report:
        """See `checking.check`."""
        from rlsuite.skins.checking import check

        return check(env, self.pack.part(slice(self.look, self.look + 1)), actions, **options)


@dataclass(frozen=True)
class Pools:
    """The looks of an experiment.

    Attributes:
        train: What training draws from; empty: the level's own look.
        test: What evaluation draws from.
    """

    train: Sequence[AssetPack]
    test: Sequence[AssetPack]


def open_pools(section: Any) -> Pools:
    """Read the packs of an ``env.skin`` section and part them.

    Raises:
        UserError: Too few looks, or a look in both pools.
    """
    train = [load_pack(Path(path)) for path in section.packs]
    test = [load_pack(Path(path)) for path in section.test_packs]
    if section.held_out:
        parted = [
            (pack.part(slice(0, len(pack) - section.held_out)), pack.part(slice(len(pack) - section.held_out, None)))
            for pack in train
        ]
        if short := next((pack for pack in train if len(pack) <= section.held_out), None):
            raise UserError(
                f"env.skin.held_out: {section.held_out} of a pack with {len(short)} looks leaves none to train on"
            )
        train, test = [a for a, _ in parted], test + [b for _, b in parted]
    train = first_looks(train, section.pool)
    seen = {pack.digest(k) for pack in train for k in range(len(pack))}
    if any(pack.digest(k) in seen for pack in test for k in range(len(pack))):
        raise UserError(
            "env.skin: a look lies in both the training and the test pool; name packs without a common look"
        )
    return Pools(train, test or train)


def first_looks(packs: Sequence[AssetPack], n: int | None) -> list[AssetPack]:
    """The first n looks, taken from the packs in turn.

    Raises:
        UserError: There are fewer.
    """
    have = sum(map(len, packs))
    if n is None or n == have:
        return list(packs)
    if n > have:
        raise UserError(f"env.skin.pool: {n} looks are wanted, the packs hold {have}; make more or lower it")
    places = sorted((k, p) for p, pack in enumerate(packs) for k in range(len(pack)))[:n]
    taken = [sum(1 for _, p in places if p == number) for number in range(len(packs))]
    return [pack.part(slice(0, m)) for pack, m in zip(packs, taken, strict=True) if m]


def dress(env: Any, section: Any, *, test: bool = False, name: str = "this level") -> Any:
    """Let a level wear what its ``env.skin`` section says.

    Args:
        env: The level, just made.
        section: The ``env.skin`` section, or None.
        test: Draw from the test pool.
        name: What messages call the level.
    """
    if section is None:
        return env
    pools = open_pools(section)
    looks: Sequence[AssetPack] = pools.test if test else pools.train
    return wear(env, looks, every=section.every, name=name) if looks else env


def all_looks(packs: Sequence[AssetPack]) -> list[Look]:
    """The looks of several packs in order, as `wear` numbers them (from 1)."""
    return [look for pack in packs for look in pack.looks]
