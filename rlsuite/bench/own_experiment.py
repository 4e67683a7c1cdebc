"""rlsuite's own side where a whole agent is timed: ``python -m rlsuite.bench.own_experiment SPEC``."""

from __future__ import annotations

import os
from importlib.metadata import version

from rlsuite.bench.peers.shared.driver import serve, spec
from rlsuite.config.schema import load_experiment


def main() -> None:
    """Serve measurements of whole iterations of the agent that an experiment file describes.

    The spec names the file (``experiment``) and what is set in it (``overrides``).
    """
    from stable_baselines3.common.logger import Logger

    from rlsuite.experiment import assemble

    want = spec()
    os.environ.pop("OMP_NUM_THREADS", None)  # the suite chooses its threads, as it does for a user
    assembly = assemble(load_experiment(want["experiment"], want["overrides"]).experiment)
    learner = assembly.learner
    learner.set_logger(Logger(None, []))
    per_iteration = learner.n_steps * learner.n_envs

    def advance() -> int:
        learner.learn(learner.num_timesteps + per_iteration, reset_num_timesteps=False)
        return per_iteration

    try:
        serve(advance, assembly.env.frames_per_step, {p: version(p) for p in ("rlsuite", "torch")})
    finally:
        assembly.close()


if __name__ == "__main__":
    main()
