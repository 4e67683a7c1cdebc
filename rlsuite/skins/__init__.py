"""Pictures into engines: skins that change what a level looks like and provably nothing else.

::

    from rlsuite import skins
    from rlsuite.envs.levels import make_vec

    env = make_vec("doom/my_way_home/dense", 8)
    skins.slots(env)                                  # what can be painted: name -> size, palette, original
    pack = skins.make_pack(env, generator, n=16, seed=0, level="doom/my_way_home/dense")
    pack.save("my-pack"); pack = skins.load_pack("my-pack")
    skins.check(env, pack, actions)                   # same seed and actions: same states and rewards, or an error
    skins.wear(env, pack)                             # from now on every episode draws a skin
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlsuite.lazy import open_on_use

if TYPE_CHECKING:
    from rlsuite.skins.checking import Report, check, random_actions
    from rlsuite.skins.contracts import Look, Skin, Slot
    from rlsuite.skins.making import make_pack, noise_pack, turn
    from rlsuite.skins.pack import AssetPack, load_pack
    from rlsuite.skins.wearing import PackSkin, dress, slots, undress, wear

_HOMES = {
    "checking": "Report check random_actions",
    "contracts": "Look Skin Slot",
    "making": "make_pack noise_pack turn",
    "pack": "AssetPack load_pack",
    "wearing": "PackSkin dress slots undress wear",
}

__all__ = [
    "AssetPack",
    "Look",
    "PackSkin",
    "Report",
    "Skin",
    "Slot",
    "check",
    "dress",
    "load_pack",
    "make_pack",
    "noise_pack",
    "random_actions",
    "slots",
    "turn",
    "undress",
    "wear",
]


__getattr__ = open_on_use(__name__, _HOMES)
