"""Packs made: from a generator, or from plain noise for tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from rlsuite.errors import UserError
from rlsuite.runs.seeding import torch_stream
from rlsuite.skins.contracts import Look, Slot
from rlsuite.skins.fitting import fit, mix
from rlsuite.skins.pack import AssetPack
from rlsuite.skins.sources import How, pictures
from rlsuite.skins.wearing import slots, tailor_of


def make_pack(
    env: Any,
    generator: Any,
    *,
    level: str,
    n: int = 1,
    seed: int = 0,
    how: How = "auto",
    dial: float = 1.0,
    kinds: Collection[str] | None = None,
    condition: Any = None,
    to: str | None = None,
    provenance: Mapping[str, Any] | None = None,
    on_look: Callable[[int], None] = lambda _: None,
) -> AssetPack:
    """Draw looks for a level from a generator.

    Args:
        env: The level.
        generator: Where the pictures come from.
        level: The level's id.
        n: Looks.
        seed: Of all draws.
        how: See `sources.pictures`.
        dial: From the original look (0) to the generated one (1).
        kinds: Kinds of slots to paint; the others keep their pictures. None: all but sprites where the engine would
            have to start anew for them (Doom), else all.
        condition: See `sources.pictures`.
        to: See `sources.pictures`.
        provenance: What to say beside what the generator says of itself.
        on_look: Told of each look that is done.

    Raises:
        UserError: The level cannot be dressed, or the generator cannot do it.
    """
    if n < 1:
        raise UserError(f"{n} looks were asked for; 1 or more are possible")
    engine, wanted = tailor_of(env).engine, choose(slots(env), kinds, tailor_of(env).engine)
    drawn = pictures(generator, groups_of(wanted), n, seed=seed, how=how, condition=condition, to=to)
    looks = []
    for k, look in enumerate(drawn):
        looks.append({name: fit(look[slot.group or name], slot, dial) for name, slot in wanted.items()})
        on_look(k)
    facts = {
        "generator": generator.spec.kind,
        "seed": seed,
        "how": how,
        "dial": dial,
        "trained_on": generator.provenance,
    }
    told = {"condition": condition, "to": to}
    return AssetPack(
        level, engine, looks, facts | {k: v for k, v in told.items() if v is not None} | dict(provenance or {})
    )


def choose(found: Mapping[str, Slot], kinds: Collection[str] | None, engine: str) -> dict[str, Slot]:
    """The slots of these kinds.

    Raises:
        UserError: The level has none of them.
    """
    if kinds is None:
        kinds = {slot.kind for slot in found.values()} - ({"sprite"} if engine == "doom" else set())
    wanted = {name: slot for name, slot in found.items() if slot.kind in kinds}
    if not wanted:
        has = ", ".join(sorted({slot.kind for slot in found.values()}))
        raise UserError(f"this level has no slot of kind {', '.join(sorted(kinds))}; it has {has}")
    return wanted


def groups_of(found: Mapping[str, Slot]) -> dict[str, Slot]:
    """The first slot of every group."""
    groups: dict[str, Slot] = {}
    for name, slot in found.items():
        groups.setdefault(slot.group or name, slot)
    return groups


def noise_pack(env: Any, *, level: str, n: int = 2, seed: int = 0, kinds: Collection[str] | None = None) -> AssetPack:
    """Looks of coloured noise, which nobody could overlook: for checks that need a skin and no generator."""
    wanted = choose(slots(env), kinds, tailor_of(env).engine)
    looks: list[Look] = []
    for k in range(n):
        generator = torch_stream(seed, f"skins/test/{k}")
        look = {group: _noise(generator) for group in groups_of(wanted)}
        looks.append({name: fit(look[slot.group or name], slot) for name, slot in wanted.items()})
    return AssetPack(level, tailor_of(env).engine, looks, {"generator": "noise", "seed": seed})


def _noise(generator: torch.Generator) -> Tensor:
    """Coloured checks, 3 x 16 x 16."""
    coarse = torch.rand((3, 4, 4), generator=generator)
    return coarse.repeat_interleave(4, dim=1).repeat_interleave(4, dim=2)


def turn(pack: AssetPack, env: Any, dial: float) -> AssetPack:
    """The same looks with the dial between the level's own (0) and the pack's (1).

    Raises:
        UserError: A picture belongs to no slot of this level.
    """
    found, looks = slots(env), []
    for look in pack.looks:
        if foreign := next((name for name in look if name not in found), None):
            raise UserError(f"the pack's {foreign} is no slot of this level; it was made for {pack.level}")
        looks.append({name: mix(picture, found[name], dial) for name, picture in look.items()})
    return AssetPack(pack.level, pack.engine, looks, {**pack.provenance, "turned": dial})
