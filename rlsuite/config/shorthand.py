"""What a short ``agent.kind`` stands for: `show` prints what it became.

A registered agent says it in its entry's tags, all of them optional::

    {"rewards": ["gail"], "extrinsic_coef": 0.0, "demos": True, "learner": "ppo"}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlsuite import registry
from rlsuite.config.tree import Origin, Tree

DEFAULT_LEARNER = "ppo"


def expand(tree: Tree) -> None:
    """Fill in what ``agent.kind`` implies and the file leaves out: learner, rewards, extrinsic coefficient."""
    agent = tree.get(("agent",))
    if not isinstance(agent, dict):
        return
    kind = agent.get("kind", "rl")
    entry = _entry(kind)
    if entry is not None and entry.config:
        return  # a kind with a section of its own is written as it is
    tags: Mapping[str, Any] = entry.tags if entry else {}
    origin = Origin("shorthand", text=f"agent.kind: {kind}")
    _learner(tree, agent, tags.get("learner", DEFAULT_LEARNER), origin)
    rewards = agent.get("rewards")
    present = [r.get("kind") for r in rewards if isinstance(r, dict)] if isinstance(rewards, list) else []
    for name in tags.get("rewards", ()):
        if name not in present and (rewards is None or isinstance(rewards, list)):
            tree.put(("agent", "rewards", len(present)), {"kind": name}, origin)
            present.append(name)
    if "extrinsic_coef" in tags and "extrinsic_coef" not in agent:
        tree.put(("agent", "extrinsic_coef"), tags["extrinsic_coef"], origin)


def _learner(tree: Tree, agent: Mapping[str, Any], kind: str, origin: Origin) -> None:
    learner = agent.get("learner")
    if learner is None or (isinstance(learner, dict) and "kind" not in learner):
        tree.put(("agent", "learner", "kind"), kind, origin)


def _entry(kind: Any) -> registry.Entry | None:
    return registry.agents.get(kind) if isinstance(kind, str) and kind in registry.agents else None


def needs_demos(tree: Tree) -> str:
    """What in the agent learns from demonstrations, or ``""``."""
    kind = tree.get(("agent", "kind"), "rl")
    entry = _entry(kind)
    if entry is not None and entry.tags.get("demos"):
        return f"agent.kind {kind}"
    rewards = tree.get(("agent", "rewards"))
    hungry = {name for a in registry.agents if a.tags.get("demos") for name in a.tags.get("rewards", ())}
    for reward in rewards if isinstance(rewards, list) else ():
        name = reward.get("kind") if isinstance(reward, dict) else None
        if isinstance(name, str) and (name in hungry or _tagged(name)):
            return f"the reward {name}"
    return ""


def _tagged(reward: str) -> bool:
    return reward in registry.rewards and bool(registry.rewards.get(reward).tags.get("needs_demos"))
