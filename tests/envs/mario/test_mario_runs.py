"""Whole runs on Mario: stopped and resumed bit for bit, and nothing of the ROM in what they leave."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from rlsuite.envs.mario import stages
from rlsuite.envs.mario.nes.rom import load_rom
from rlsuite.experiment import resume, train
from rlsuite.runs.checkpoint import load_checkpoint
from rlsuite.runs.folder import RunFolder
from rlsuite.runs.keeper import CheckpointKeeper
from rlsuite.testing.report import same_bits

N = 64
"""Half a training, in env steps."""

EXPERIMENT = {
    "name": "mario",
    "env": {"id": "mario/1-1/dense", "n_envs": 2, "n_threads": 1, "max_episode_steps": 20, "sticky": 0.25},
    "agent": {
        "kind": "rl",
        "learner": {"kind": "ppo", "n_steps": 16, "batch_size": 16, "n_epochs": 1, "network": {"encoder": "small"}},
    },
    "budget": {"env_steps": 2 * N},
    "eval": {"every_steps": 0, "n_episodes": 1, "final_episodes": 1},
    "video": {"final": False},
}


def final_state(run: Path) -> dict:
    parts = load_checkpoint(CheckpointKeeper(RunFolder(run).checkpoints).newest_sound()[0].path)
    parts.pop("run")
    return parts


def pieces_of_the_rom(rom: Path, size: int = 48) -> list[bytes]:
    """Pieces of program and pictures that no chance brings about."""
    cartridge = load_rom(rom)
    pieces = [bytes(b[i : i + size]) for b in (cartridge.prg, cartridge.chr) for i in range(0, len(b) - size, size)]
    return [piece for piece in pieces if len(set(piece)) >= 12]


def test_half_a_run_resumed_equals_a_whole_one_and_holds_nothing_of_the_rom(
    game: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlsuite.experiment import finish
    from rlsuite.experiment.session import Session

    monkeypatch.setattr(Session, "smoke", True)
    monkeypatch.setattr(finish, "_leave_plots", lambda session: None)
    whole = train(EXPERIMENT, runs_dir=tmp_path / "a", quiet=True)
    half = train(EXPERIMENT | {"budget": {"env_steps": N}}, runs_dir=tmp_path / "b", quiet=True)
    resumed = resume(half, [f"budget.env_steps={2 * N}"], quiet=True)
    assert resumed.summary["env_steps"] == whole.summary["env_steps"] == 2 * N
    assert same_bits(final_state(whole.path), final_state(resumed.path))

    pieces = pieces_of_the_rom(game)
    assert len(pieces) > 400
    files = [file for file in whole.path.rglob("*") if file.is_file()]
    assert any(file.name == "training.safetensors" for file in files)
    for file in files:
        content = file.read_bytes()
        assert not [piece for piece in pieces if piece in content], file.name


def test_start_snapshots_hold_nothing_of_the_rom(game: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "cache_folder", lambda: tmp_path)
    made, again = stages.load_stages(game)[1], stages.load_stages(game)[1]
    assert all(torch.equal(made.state[key], again.state[key]) for key in made.state), "the second comes from the cache"
    (file,) = tmp_path.glob("mario/*")
    content = file.read_bytes()
    assert len(content) < 160_000, "4.5 KB a stage"
    assert not [piece for piece in pieces_of_the_rom(game) if piece in content]
    planted = save({"chr": torch.from_numpy(load_rom(game).chr)})
    assert [piece for piece in pieces_of_the_rom(game) if piece in planted], "the search would find it"


def test_a_broken_cache_is_made_anew(game: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "cache_folder", lambda: tmp_path)
    made = stages.load_stages(game)[1]
    (file,) = tmp_path.glob("mario/*")
    whole = file.read_bytes()
    file.write_bytes(whole[:5000])
    again = stages.load_stages(game)[1]
    assert all(torch.equal(made.state[key], again.state[key]) for key in made.state)
    assert file.read_bytes() == whole
