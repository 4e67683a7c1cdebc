"""After training: final scores, baselines, film, plots, and the last words on the terminal."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rlsuite.evaluation import RandomPolicy
from rlsuite.experiment.logs import LOGGER
from rlsuite.experiment.opening import evaluation_level, play_level, scores
from rlsuite.runs.stopping import Interrupted

if TYPE_CHECKING:
    from rlsuite.experiment.session import Session

PLOTS = "rlsuite.plots"
VISITS = "rlsuite.bench.sparse_maps"
VIDEO = "rlsuite.video"


def finish(session: Session) -> dict[str, Any]:
    """Score the final policy and the baselines, leave a film and plots.

    Returns:
        ``final`` of ``summary.json``.
    """
    config = session.experiment.eval
    final = _scored(session, session.assembly.learner, "evaluating the final policy", config.deterministic)
    final["deterministic"] = config.deterministic
    session.final = final
    if session.assembly.demos is not None:
        final["baselines"] = _baselines(session)
    if session.experiment.video.final:
        leave_film(session)
    _leave_plots(session)
    return final


def _scored(session: Session, policy: Any, doing: str, deterministic: bool) -> dict[str, Any]:
    """The scores of the final evaluation's episodes, the same for every policy."""
    session.progress.update(session.boundary.state(doing), force=session.progress.live)
    n = session.experiment.eval.final_episodes
    result = play_level(session.assembly, policy, n, deterministic=deterministic, on_step=session.stop.check)
    return scores(session.assembly, result)


def _baselines(session: Session) -> dict[str, Any]:
    """What the policy is compared with: the expert, behavioural cloning, random actions."""
    demos, experiment = session.assembly.demos, session.experiment
    found: dict[str, Any] = {}
    if demos.ref_max_score is not None:
        found["expert"] = {"return_mean": demos.ref_max_score, "normalized_score": 1.0}
    if session.assembly.steps_env:
        found["behavioural cloning"] = _scored(session, _clone(session), "evaluating behavioural cloning", True)
    env = evaluation_level(experiment, experiment.eval.final_episodes, session.assembly.threads)
    n_envs, space = env.num_envs, env.action_space
    env.close()
    policy = RandomPolicy(space, n_envs, experiment.seed)
    found["random"] = _scored(session, policy, "evaluating random actions", False)
    return found


def _clone(session: Session) -> Any:
    """Behavioural cloning on the same demonstrations, as small as the run if that is a smoke test."""
    from rlsuite.agents.bc.agent import clone
    from rlsuite.agents.bc.config import BcConfig

    session.progress.update(session.boundary.state("behavioural cloning for comparison"), force=session.progress.live)
    config = BcConfig(**BcConfig.smoke) if session.smoke else BcConfig()
    assembly = session.assembly
    return clone(assembly.demos, assembly.env, config=config, seed=session.experiment.seed, device=assembly.device)


def leave_film(session: Session, checkpoint: str = "final") -> None:
    """Film the policy of a checkpoint into ``videos/``; a failure is a warning."""
    _attempt(
        session, VIDEO, "no film was made", lambda module: module.record(session.folder.path, checkpoint=checkpoint)
    )


def _leave_plots(session: Session) -> None:
    def draw(module: Any) -> Any:
        return module.plot_run(session.folder.path, final=session.final)  # the summary is written later

    def draw_visits(module: Any) -> Any:
        return module.leave_visits(session.folder.path, session.boundary.num_steps)

    _attempt(session, PLOTS, "no plot was drawn", draw)
    _attempt(session, VISITS, "no visits were drawn", draw_visits)


def _attempt(session: Session, module: str, failure: str, call: Callable[[Any], Any]) -> None:
    """Do what the training does not depend on."""
    if importlib.util.find_spec(module) is None:
        return
    try:
        call(importlib.import_module(module))
    except (Interrupted, KeyboardInterrupt):
        raise
    except Exception as error:  # a missing codec or display must not turn a finished training into a failed one
        session.notices.add(f"{failure}: {error}")
        LOGGER.debug("%s", failure, exc_info=True)


# -- last words ------------------------------------------------------------------------------------


def print_ending(session: Session, status: str) -> None:
    """Print the scores and the next three commands to type."""
    console, path = session.progress.console, session.folder.path
    if status != "done":
        console.print(
            f"stopped at step {session.boundary.num_steps:,}; go on with: rlsuite resume {path}", markup=False
        )
        return
    console.print(_table(session))
    clock = session.clock
    steps, unit = session.boundary.num_steps, "env" if session.assembly.steps_env else "gradient"
    rate = steps / max(clock.train_s, 1e-9)
    console.print(
        f"{steps:,} {unit} steps in {clock.train_s:,.0f} s of training ({rate:,.0f} steps/s), "
        f"{clock.wall_s:,.0f} s all told",
        markup=False,
    )
    for text, count in session.notices.counts.items():
        console.print(f"warning ({count}x): {text}", markup=False, soft_wrap=True)
    for film in sorted(session.folder.videos.glob("*.mp4"))[-1:]:
        console.print(f"film: {film}", markup=False, soft_wrap=True)
    console.print("next:", markup=False)
    for command in next_commands(session):
        console.print(f"  {command}", markup=False, soft_wrap=True)


def next_commands(session: Session) -> list[str]:
    """Three commands that make sense now."""
    path = session.folder.path
    return [f"rlsuite eval {path}", f"rlsuite record {path}", f"tensorboard --logdir {path}"]


def _table(session: Session) -> Any:
    from rich.table import Table

    final = session.final or {}
    rows = {"policy": final, **final.get("baselines", {})}
    success = any(row.get("success_rate") is not None for row in rows.values())
    table = Table("", "return", "±", "score", *(["success"] if success else []), box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, row in rows.items():
        cells = [
            _number(row.get("return_mean")),
            _number(row.get("return_std")),
            _number(row.get("normalized_score"), 3),
        ]
        table.add_row(name, *cells, *([_number(row.get("success_rate"), 2)] if success else []))
    return table


def _number(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
