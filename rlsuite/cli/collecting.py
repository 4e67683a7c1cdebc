"""Records a run's policy as demonstrations."""

from __future__ import annotations

from pathlib import Path

MAX_ENVS = 8


def collect_from_run(
    run: Path,
    id: str,
    *,
    n_episodes: int,
    deterministic: bool,
    seed: int,
    checkpoint: str = "final",
    overwrite: bool = False,
) -> Path:
    """Play episodes with a run's policy and store them as a Minari set.

    The set's reference scores are those of the level, and the mean return of these episodes where the
    policy takes its mode: that is what later imitators are measured by.

    Returns:
        Folder of the set.

    Raises:
        UserError: There is no such run or checkpoint, or the id is taken.
    """
    from rlsuite import demos
    from rlsuite.demos.collect import Predicting
    from rlsuite.experiment import open_run

    assembly = open_run(run, checkpoint, n_envs=min(n_episodes, MAX_ENVS))
    try:
        experiment = assembly.experiment
        assert experiment.env is not None
        kind = "mean" if deterministic else "sampled"
        recorded = demos.collect(
            Predicting(assembly.learner, deterministic),
            assembly.env,
            n_episodes,
            id,
            seed=seed,
            env_id=experiment.env.id,
            algorithm=experiment.agent.kind if experiment.agent else "",
            description=f"{n_episodes} episodes of {experiment.env.id} with {kind} actions of {experiment.name}.",
            ref_min_score=assembly.level.tags.get("ref_min_score"),
        )
    finally:
        assembly.close()
    if deterministic:
        from dataclasses import replace

        recorded = replace(recorded, ref_max_score=float(recorded.returns.mean()))
    return demos.write_set(recorded, overwrite=overwrite)
