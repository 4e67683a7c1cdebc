"""Sample Factory's asynchronous PPO on My Way Home, without curiosity; it stands still between measurements."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections import deque
from functools import partial
from importlib.metadata import version
from typing import Any, ClassVar

import cv2
import gymnasium as gym
import numpy as np
import psutil
import torch
from doom_gym import FRAME_SKIP, start_script  # pyright: ignore[reportMissingImports]
from driver import serve, spec  # pyright: ignore[reportMissingImports]
from sample_factory.algo.runners.runner import AlgoObserver, Runner
from sample_factory.algo.utils.context import global_model_factory
from sample_factory.cfg.arguments import parse_full_cfg, parse_sf_args
from sample_factory.envs.env_utils import register_env
from sample_factory.model.encoder import Encoder
from sample_factory.train import make_runner
from torch import nn

LEVEL = "my_way_home"


class MyWayHome(gym.Env):
    """160x120 gray, four pictures of 42x42, four tics a step."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self) -> None:
        options = {"screen_resolution": "RES_160X120", "screen_format": "GRAY8", "vizdoom_path": str(start_script())}
        self.env = gym.make("VizdoomMyWayHome-v1", frame_skip=FRAME_SKIP, disable_env_checker=True, **options)
        self.observation_space = gym.spaces.Dict({"obs": gym.spaces.Box(0, 255, (4, 42, 42), np.uint8)})
        self.action_space = self.env.action_space
        self.render_mode = None
        self.pictures: deque[np.ndarray] = deque(maxlen=4)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Begin an episode with four times its first picture."""
        obs, info = self.env.reset(seed=seed)
        self.pictures.extend([shrink(obs["screen"])] * 4)
        return {"obs": np.stack(self.pictures)}, info

    def step(self, action: Any) -> Any:
        """Take one decision."""
        obs, reward, terminated, truncated, info = self.env.step(int(action))
        self.pictures.append(shrink(obs["screen"]))
        return {"obs": np.stack(self.pictures)}, float(reward), terminated, truncated, info

    def close(self) -> None:
        """End the engine."""
        self.env.close()


def shrink(screen: np.ndarray) -> np.ndarray:
    """(120, 160, 1) to (42, 42)."""
    return cv2.resize(screen, (42, 42), interpolation=cv2.INTER_AREA)


class FourConvolutions(Encoder):
    """32 channels, 3x3, stride 2, padding 1, ELU, four times (Pathak et al. 2017), then one linear layer."""

    def __init__(self, cfg: Any, features: int) -> None:
        super().__init__(cfg)
        stack: list[nn.Module] = []
        channels = 4
        for _ in range(4):
            stack += [nn.Conv2d(channels, 32, 3, 2, 1), nn.ELU()]
            channels = 32
        self.net = nn.Sequential(*stack, nn.Flatten(), nn.Linear(288, features), nn.ELU())
        self.features = features

    def forward(self, obs_dict: Any) -> torch.Tensor:
        """Features (n, features)."""
        return self.net(obs_dict["obs"])

    def get_out_size(self) -> int:
        """Their number."""
        return self.features


class Count(AlgoObserver):
    """Env steps that have been learned from."""

    def __init__(self) -> None:
        self.steps = 0
        self.changed = threading.Condition()

    def on_training_step(self, runner: Runner, training_iteration_since_resume: int) -> None:
        """Take the runner's count over."""
        with self.changed:
            self.steps = sum(runner.env_steps.values())
            self.changed.notify_all()

    def advance(self) -> int:
        """Wait for the next one."""
        with self.changed:
            before = self.steps
            if not self.changed.wait_for(lambda: self.steps > before, timeout=600):
                os._exit(3)  # nothing has been learned for ten minutes
            return self.steps - before


def settings(want: dict[str, Any]) -> Any:
    """Its configuration: same rollout, minibatch and passes; the number of workers is the caller's choice."""
    ppo, workers = want["ppo"], want["n_workers"]
    batches = want["n_envs"] * ppo["n_steps"] // ppo["batch_size"]
    options = {
        "env": LEVEL,
        "experiment": "bench",
        "train_dir": tempfile.mkdtemp(),
        "seed": want["seed"],
        "device": "cpu",
        "num_workers": workers,
        "num_envs_per_worker": want["n_envs"] // workers,
        "worker_num_splits": 2,
        "decorrelate_envs_on_one_worker": False,
        "decorrelate_experience_max_seconds": 0,
        "rollout": ppo["n_steps"],
        "batch_size": ppo["batch_size"],
        "num_batches_per_epoch": batches,
        "num_epochs": ppo["n_epochs"],
        "learning_rate": ppo["learning_rate"],
        "use_rnn": False,
        "normalize_input": False,
        "normalize_returns": False,
        "obs_scale": 255.0,
        "train_for_env_steps": 10**10,
        "save_every_sec": 10**6,
        "save_best_every_sec": 10**6,
        "experiment_summaries_interval": 10**6,
        "heartbeat_interval": 10**5,
        "heartbeat_reporting_interval": 10**6,
        "with_wandb": False,
    }
    arguments = [f"--{key}={value}" for key, value in options.items()]
    parser, _ = parse_sf_args(arguments)
    return parse_full_cfg(parser, arguments)


def signal_workers(which: signal.Signals) -> None:
    """Stop or go on with every process below this one."""
    for process in psutil.Process().children(recursive=True):
        try:
            process.send_signal(which)
        except psutil.NoSuchProcess:
            continue


def answer(count: Count, versions: dict[str, str]) -> None:
    """Serve measurements beside the runner's own loop; ends the process when the parent is done."""
    serve(
        count.advance,
        FRAME_SKIP,
        versions,
        pause=partial(signal_workers, signal.SIGSTOP),
        go_on=partial(signal_workers, signal.SIGCONT),
    )
    signal_workers(signal.SIGKILL)
    os._exit(0)


def make_env(full_env_name: str, cfg: Any = None, env_config: Any = None, render_mode: str | None = None) -> MyWayHome:
    """What its workers call."""
    return MyWayHome()


def make_encoder(cfg: Any, obs_space: Any, features: int) -> Encoder:
    """What its learner and its inference call."""
    return FourConvolutions(cfg, features)


def main() -> None:
    """Serve measurements of its PPO."""
    want = spec()
    os.chdir(tempfile.mkdtemp())
    register_env(LEVEL, make_env)
    global_model_factory().register_encoder_factory(partial(make_encoder, features=want["features"]))
    _, runner = make_runner(settings(want))
    count = Count()
    runner.register_observer(count)
    runner.init()
    versions = {p: version(p) for p in ("sample-factory", "vizdoom", "torch", "gymnasium")}
    threading.Thread(target=answer, args=(count, versions), daemon=True).start()
    runner.run()


if __name__ == "__main__":
    main()
