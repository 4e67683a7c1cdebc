"""What happens between two iterations of training: evaluation, film, checkpoint, progress, the end of the budget."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from stable_baselines3.common.callbacks import BaseCallback

from rlsuite.agents.curiosity.exploration import ExplorationLog
from rlsuite.evaluation import play
from rlsuite.experiment.logs import LOGGER
from rlsuite.experiment.opening import evaluation_level, scores
from rlsuite.runs.progress import State
from rlsuite.runs.seeding import stream_seed

if TYPE_CHECKING:
    from rlsuite.experiment.session import Session

SYSTEM_EVERY_S = 1.0


class Boundary(BaseCallback):
    """The run's one callback: between iterations the learner's state is whole, so all that needs it happens there.

    Args:
        session: The run that is trained.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        experiment = session.experiment
        every = experiment.eval.every_steps
        self.eval_every = (session.assembly.step_budget or 0) // 10 if every is None else every
        self.film_every = experiment.video.every_steps or 0
        self.last_eval = 0
        self.last_film = 0
        self.saved_at_step = -1
        self._saved_at = time.monotonic()
        self._system_at = 0.0
        self._env: Any = None
        self.solved_since: int | None = None
        """Training episodes that had ended when the budget's share of successes was reached last."""
        self.exploration = ExplorationLog((session.assembly.step_budget or 1_000_000) // 20)

    # -- what stable-baselines3 calls -----------------------------------------------------------

    def _on_training_start(self) -> None:
        if self.session.stop.requested:  # the signal came while the learner was set up
            self.session.assembly.learner.stop_requested = True

    def _on_rollout_start(self) -> None:
        step = self.num_steps
        score = self._evaluate(step) if _crossed(step, self.last_eval, self.eval_every) else None
        if self._save_is_due(step, score):
            self.save(score)
        if _crossed(step, self.last_film, self.film_every):
            self._film(step)

    def _on_step(self) -> bool:
        session = self.session
        if session.progress.due():
            session.progress.update(self.state())
        return True

    def _on_rollout_end(self) -> None:
        session, logger = self.session, self.logger
        rollout = getattr(session.assembly.learner, "rollout", None)
        if rollout is not None and session.assembly.steps_env:
            n_actions = getattr(session.assembly.env.action_space, "n", None)
            for key, value in self.exploration.observe(rollout, n_actions, self.num_steps).items():
                logger.record(key, value)
        logger.record("time/frames", session.assembly.env_steps * session.assembly.env.frames_per_step)
        logger.record("time/train_s", session.clock.train_s)
        if time.monotonic() - self._system_at > SYSTEM_EVERY_S:
            self._system_at = time.monotonic()
            for key, value in _system_metrics().items():
                logger.record(key, value)
        limit = session.experiment.budget.seconds
        if (limit is not None and session.clock.train_s >= limit) or self._solved():
            session.assembly.learner.stop_requested = True

    def _solved(self) -> bool:
        """Whether success has been as frequent as the budget asks, for as many episodes as its share is taken of."""
        wanted, learner = self.session.experiment.budget.success, self.session.assembly.learner
        known = learner.ep_success_buffer
        if wanted is None or known is None or len(known) < known.maxlen:
            return False
        if sum(map(float, known)) / len(known) < wanted:
            self.solved_since = None
            return False
        if self.solved_since is None:
            self.solved_since = learner._episode_num
        if learner._episode_num - self.solved_since < known.maxlen:
            return False
        LOGGER.info("solved: success in %.0f%% of training episodes, for %s episodes", 100 * wanted, known.maxlen)
        return True

    # -- what happens at a boundary --------------------------------------------------------------

    @property
    def num_steps(self) -> int:
        """The learner's steps so far: env steps, or gradient steps of behavioural cloning."""
        return int(self.session.assembly.learner.num_timesteps)

    def save(self, score: float | None = None) -> None:
        """Save a checkpoint of this moment.

        Raises:
            RunError: It could not be written.
        """
        began = time.monotonic()
        self.session.save(score=score, milestone=self._milestone(self.num_steps))
        self.saved_at_step = self.num_steps
        self._saved_at = time.monotonic()
        self.session.writers.logger.record("sys/checkpoint_s", self._saved_at - began)

    def state_dict(self) -> dict[str, Any]:
        """The schedules, for a checkpoint."""
        return {
            "last_eval": self.last_eval,
            "last_film": self.last_film,
            "solved_since": self.solved_since,
            "exploration": self.exploration.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Bring `state_dict` back."""
        self.last_eval, self.last_film = state["last_eval"], state["last_film"]
        self.solved_since = state.get("solved_since")
        self.exploration.load_state_dict(state["exploration"])
        self.saved_at_step = self.num_steps

    def state(self, doing: str = "") -> State:
        """What the progress line shows."""
        session, learner = self.session, self.session.assembly.learner
        budget = session.experiment.budget
        episodes, successes = learner.ep_info_buffer or (), learner.ep_success_buffer or ()
        return State(
            steps=self.num_steps,
            total=session.assembly.step_budget,
            elapsed_s=session.clock.train_s,
            limit_s=budget.seconds,
            mean_return=sum(e["r"] for e in episodes) / len(episodes) if episodes else None,
            success=sum(map(float, successes)) / len(successes) if successes else None,
            doing=doing,
        )

    def close(self) -> None:
        """Free the evaluation's engines."""
        if self._env is not None:
            self._env.close()
            self._env = None

    def _evaluate(self, step: int) -> float:
        """Play the evaluation's episodes, always the same ones; write and return the mean return."""
        session, config = self.session, self.session.experiment.eval
        session.progress.update(self.state("evaluating"), force=session.progress.live)
        with session.pause_training():
            if self._env is None:
                self._env = evaluation_level(session.experiment, config.n_episodes, session.assembly.threads)
            result = play(
                session.assembly.learner,
                self._env,
                config.n_episodes,
                seed=stream_seed(session.experiment.seed, "evaluation"),
                deterministic=config.deterministic,
                on_step=session.stop.check,
            )
        self.last_eval = step
        found = scores(session.assembly, result)
        metrics = {
            "eval/mean_reward": found["return_mean"],
            "eval/std_reward": found["return_std"],
            "eval/mean_ep_length": found["length_mean"],
            "eval/success_rate": found["success_rate"],
            "eval/normalized_score": found["normalized_score"],
        }
        session.writers.write({k: v for k, v in metrics.items() if v is not None}, step)
        return found["return_mean"]

    def _film(self, step: int) -> None:
        self.last_film = step
        if self.saved_at_step != step:
            self.save()
        self.session.film(str(step))

    def _save_is_due(self, step: int, score: float | None) -> bool:
        config = self.session.experiment.checkpoint
        if step == self.saved_at_step:
            return False
        if self.saved_at_step < 0 or self._milestone(step):
            return True
        if score is not None and config.best and self._is_best(score):
            return True
        if config.every_steps and _crossed(step, self.saved_at_step, config.every_steps):
            return True
        return bool(config.every_seconds) and time.monotonic() - self._saved_at >= config.every_seconds

    def _is_best(self, score: float) -> bool:
        best = self.session.keeper.best()
        return best is None or best.score is None or score >= best.score

    def _milestone(self, step: int) -> bool:
        before = max(self.saved_at_step, -1)
        return any(before < m <= step for m in self.session.experiment.checkpoint.milestones)


def _crossed(step: int, last: int, every: int) -> bool:
    """Whether a multiple of ``every`` lies in (last, step]."""
    return every > 0 and step // every > last // every


def _system_metrics() -> dict[str, float]:
    import psutil
    import torch

    found = {"sys/memory_mb": psutil.Process().memory_info().rss / 2**20}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        found["sys/gpu_memory_mb"] = torch.cuda.memory_allocated() / 2**20
    return found
