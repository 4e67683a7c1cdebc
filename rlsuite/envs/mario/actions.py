"""Buttons of the controller as discrete actions."""

from __future__ import annotations

from rlsuite.envs.mario.nes.layout import BUTTON_A, BUTTON_B, BUTTON_DOWN, BUTTON_LEFT, BUTTON_RIGHT, BUTTON_UP

PATHAK_14: tuple[int, ...] = (
    0,
    BUTTON_UP,
    BUTTON_DOWN,
    BUTTON_LEFT,
    BUTTON_LEFT | BUTTON_A,
    BUTTON_LEFT | BUTTON_B,
    BUTTON_LEFT | BUTTON_A | BUTTON_B,
    BUTTON_RIGHT,
    BUTTON_RIGHT | BUTTON_A,
    BUTTON_RIGHT | BUTTON_B,
    BUTTON_RIGHT | BUTTON_A | BUTTON_B,
    BUTTON_A,
    BUTTON_B,
    BUTTON_A | BUTTON_B,
)
"""The 14 actions of Pathak et al., "Curiosity-driven Exploration", ICML 2017, in ppaquette's order.

gym-super-mario-bros' COMPLEX_MOVEMENT has 12: it lacks B alone and A with B.
"""

MEANINGS = (
    "noop", "up", "down", "left", "left A", "left B", "left A B", "right", "right A", "right B", "right A B", "A", "B",
    "A B",
)  # fmt: skip
