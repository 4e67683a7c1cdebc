"""Skins leave the dynamics alone: at least 5,000 steps on each engine, with deaths, stages changed and goals reached.

    python benchmarks/skin_proof.py                 # all engines, a minute or two
    python benchmarks/skin_proof.py mario mujoco

Prints one line a level and ends with 1 if anything differed. Looks are coloured noise: nobody can overlook them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from rlsuite import registry, skins
from rlsuite.envs.levels import make_vec

STEPS = 5000


def level(id: str, n_envs: int, **settings: Any) -> Any:
    options = registry.levels.get(id).config_class()(id=id, **settings)
    return make_vec(id, n_envs, seed=0, options=options, n_threads=1)


def rows_of(tree: Any, i: int, n: int) -> Any:
    """A state in which every environment is environment i."""
    if isinstance(tree, dict):
        return {key: rows_of(value, i, n) for key, value in tree.items()}
    if isinstance(tree, torch.Tensor):
        return tree[i : i + 1].expand(n, *tree.shape[1:]).clone()
    return np.repeat(np.asarray(tree)[i : i + 1], n, axis=0)


def clear_stages(env: Any, n_steps: int, seed: int = 0) -> np.ndarray:
    """Actions (n_steps,) that get far in the game: every eight decisions the best of many random plays goes on."""
    stream, n = np.random.default_rng(seed), env.num_envs
    meanings = [i for i, words in enumerate(env.action_meanings) if "right" in str(words).lower()]
    env.reset_all(0)
    found: list[int] = []
    while len(found) < n_steps:
        hold = stream.integers(1, 6, n)
        tried = np.empty((8, n), np.int64)
        action = stream.choice(meanings, n)
        for t in range(8):
            action = np.where(t % hold == 0, stream.choice(meanings, n), action)
            tried[t] = action
            step = env.step_tensor(action)
        score = (
            np.asarray(step.info["progress"]) - (np.asarray(step.info["life"]) < 2) - np.asarray(step.info["is_dying"])
        )
        best = int((score + 1e-6 * stream.random(n)).argmax())
        found += tried[:, best].tolist()
        env.load_state_dict(rows_of(env.state_dict(), best, n))
    return np.array(found[:n_steps])


def mario() -> list[tuple[str, Any]]:
    id, n = "mario/full/dense", 8
    searcher = level(id, 64, noop_max=0)
    expert = clear_stages(searcher, STEPS // n + 400)
    searcher.close()
    env = level(id, n, noop_max=0)
    stream = np.random.default_rng(1)
    actions = stream.integers(0, env.action_space.n, (len(expert), n))
    actions[:, :2] = expert[:, None]  # two play well, the others die
    report = skins.check(env, skins.noise_pack(env, level=id, n=16), actions)
    one = level("mario/1-1/dense", n, noop_max=0)
    again = skins.check(one, skins.noise_pack(one, level=id, n=16), actions)
    env.close()
    one.close()
    return [(id, report), ("mario/1-1/dense", again)]


def mario_nes_py() -> list[tuple[str, Any]]:
    id = "mario/1-1/dense"
    env = level(id, 1, noop_max=0, backend="nes_py")
    stream = np.random.default_rng(1)
    actions = stream.integers(0, env.action_space.n, (1000, 1))
    report = skins.check(env, skins.noise_pack(env, level=id, n=4), actions)
    env.close()
    return [(f"{id} on nes_py", report)]


def doom() -> Iterator[tuple[str, Any]]:
    for id, kinds, n_looks in (
        ("doom/my_way_home/dense", None, 6),
        ("doom/deadly_corridor", ("wall", "flat", "sprite"), 3),
        ("doom/freedoom1/e1m1", ("wall", "flat"), 3),
    ):
        env = level(id, 4, max_episode_steps=60 if "home" in id else 300)
        stream = np.random.default_rng(2)
        actions = stream.integers(0, env.action_space.n, (STEPS // 4 + 50, 4))
        forward = stream.random(actions.shape) < 0.5
        actions[forward] = 1
        pack = skins.noise_pack(env, level=id, n=n_looks, kinds=kinds)
        report = skins.check(env, pack, actions, every=8)
        env.close()
        yield id, report


def mujoco() -> list[tuple[str, Any]]:
    found = []
    for id in ("mujoco/Hopper-v5", "mujoco/Ant-v5"):
        env = level(id, 4)
        actions = skins.random_actions(env, STEPS // 4)
        found.append((id, skins.check(env, skins.noise_pack(env, level=id, n=4), actions, pictures=4)))
        env.close()
    return found


def main() -> int:
    engines = {"mario": mario, "mario_nes_py": mario_nes_py, "doom": doom, "mujoco": mujoco}
    wrong = 0
    print("| level | steps | episodes | terminated | goals | stages | looks | differences |")
    print("|---|---|---|---|---|---|---|---|")
    for name in sys.argv[1:] or engines:
        for id, r in engines[name]():
            wrong += not r.ok
            counts = sum(r.differences.values())
            row = (id, r.steps, r.episodes, r.terminated, r.successes, r.levels or "", r.looks, counts)
            print("|", " | ".join(map(str, row)), "|", flush=True)
            print(
                f"  {id}: {r.differences} {r.first} {r.events} pictures changed {r.changed_pictures:.2f}",
                file=sys.stderr,
            )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
