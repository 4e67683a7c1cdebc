"""The same source on a GPU: it compiles for CUDA anywhere, and plays bit for bit the same where there is a GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import warp as wp

import rlsuite.envs.mario.level  # noqa: F401 (every kernel of the module)
from rlsuite.envs.mario.config import MarioConfig
from rlsuite.envs.mario.level import MarioVectorEnv
from rlsuite.envs.mario.nes.module import MODULE


@pytest.mark.slow
@pytest.mark.parametrize("arch", [80, 90])
def test_the_source_compiles_for_cuda(arch: int, tmp_path: Path) -> None:
    if arch not in wp.get_cuda_supported_archs():
        pytest.skip(f"this Warp cannot compile for sm_{arch}")
    wp.compile_aot_module(MODULE, arch=arch, module_dir=str(tmp_path), use_ptx=False)
    (binary,) = tmp_path.glob("*.cubin")
    content = binary.read_bytes()
    for kernel in (b"play_", b"draw_", b"mix_colours_", b"shrink_", b"straighten_", b"judge_"):
        assert kernel in content, kernel


@pytest.mark.usefixtures("game")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_plays_bit_for_bit_as_the_cpu() -> None:
    options = MarioConfig(id="mario/1-1/dense", frame_size=84, frame_skip=4, sticky=0.1, max_episode_steps=60)
    ours, theirs = (MarioVectorEnv("1-1", "dense", 64, seed=1, options=options, device=d) for d in ("cpu", "cuda"))
    assert torch.equal(ours.reset_all(0), theirs.reset_all(0).cpu())
    for action in np.random.default_rng(0).integers(0, 14, (200, 64)):
        a, b = ours.step_tensor(action), theirs.step_tensor(action)
        assert torch.equal(a.obs, b.obs.cpu())
        assert torch.equal(a.next_obs, b.next_obs.cpu())
        assert torch.equal(a.reward, b.reward.cpu())
        assert torch.equal(a.terminated, b.terminated.cpu())
    for name in ("ram", "vram", "oam", "palette", "regs"):
        assert torch.equal(getattr(ours.console.batch, name), getattr(theirs.console.batch, name).cpu()), name
