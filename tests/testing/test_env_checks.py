"""The environment check must catch each fault, so each fault is planted here."""

import dataclasses

import numpy as np
import pytest
import torch

from rlsuite.testing import ConformanceError, check_vector_env
from rlsuite.testing.probes import DelayedProbe, ObsActionProbe, TruncationProbe


class _Altered(TruncationProbe):
    """A probe whose steps are tampered with."""

    def recv(self, group=0):
        return self.tamper(super().recv(group))

    def tamper(self, step):
        return step


class WrongDtype(_Altered):
    def tamper(self, step):
        return dataclasses.replace(step, reward=step.reward.double())


class ResetAsSuccessor(_Altered):
    def tamper(self, step):
        return dataclasses.replace(step, obs=step.obs + 0.5)


class UndeclaredInfo(_Altered):
    def tamper(self, step):
        return dataclasses.replace(step, info={**step.info, "extra": np.zeros(self.num_envs)})


class OutOfSpace(_Altered):
    def tamper(self, step):
        return dataclasses.replace(step, obs=step.obs * 9, next_obs=step.next_obs * 9)


class NotFinite(_Altered):
    def tamper(self, step):
        return dataclasses.replace(step, reward=step.reward / 0.0)


class GlobalRandom(_Altered):
    def tamper(self, step):
        return dataclasses.replace(step, reward=step.reward + float(np.random.rand()))  # noqa: NPY002


class ForgetsTheClock(DelayedProbe):
    def load_state_dict(self, state):
        return super().load_state_dict({**state, "time": np.zeros(self.num_envs)})


class ForeignState(DelayedProbe):
    def state_dict(self):
        return {**super().state_dict(), "stream": np.random.default_rng(0)}


class SharedBuffer(ObsActionProbe):
    """Both groups write into one reward buffer."""

    def recv(self, group=0):
        step = super().recv(group)
        if not hasattr(self, "_buffer"):
            self._buffer = torch.zeros(self.num_envs)
        view = self._buffer[: len(step.reward)]
        view.copy_(step.reward + group)
        return dataclasses.replace(step, reward=view)


class FloatPicture(DelayedProbe):
    def render_frame(self, index=0):
        return super().render_frame(index) / 255.0


class NoSeed(ObsActionProbe):
    """Ignores the seed of reset_all."""

    def reset_all(self, seed=None):
        return super().reset_all(None)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (WrongDtype, r"reward is \(3,\) torch.float64"),
        (ResetAsSuccessor, "obs and next_obs differ in an environment whose episode goes on"),
        (UndeclaredInfo, r"info has \['extra', 'time'\], info_keys declare \['time'\]"),
        (OutOfSpace, "leaves its space"),
        (NotFinite, "reward is not finite"),
        (GlobalRandom, "the same seed and actions give different bits"),
        (ForgetsTheClock, "does not go on bit for bit"),
        (ForeignState, r"state.stream is a Generator, which a checkpoint cannot hold"),
        (SharedBuffer, "group"),
        (FloatPicture, r"render_frame must return uint8 \(H, W, 3\), got float64"),
        (NoSeed, "twice gives different observations"),
    ],
)
def test_planted_fault_is_found(fault, message):
    with pytest.raises(ConformanceError, match=message):
        check_vector_env(fault(3), n_steps=17)


def test_all_faults_are_listed_at_once():
    class Twice(FloatPicture, ForeignState):
        pass

    with pytest.raises(ConformanceError) as error:
        check_vector_env(Twice(3))
    assert "render_frame" in str(error.value)
    assert "Generator" in str(error.value)


def test_an_exception_in_one_check_does_not_hide_the_others():
    class Raises(ForeignState):
        def render_frame(self, index=0):
            raise RuntimeError("no window")

    with pytest.raises(ConformanceError) as error:
        check_vector_env(Raises(3))
    assert "picture: raised RuntimeError: no window" in str(error.value)
    assert "Generator" in str(error.value)
