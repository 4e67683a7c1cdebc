"""A gradient step as one CUDA graph. Not yet run on a GPU: opt in with ``cuda_graph: true``."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from rlsuite.agents.learners.losses import LossSettings, Minibatch
from rlsuite.agents.learners.update import PolicyUpdate

WARM_UP_STEPS = 3


class GraphedUpdate(PolicyUpdate):
    """`PolicyUpdate` whose step is captured once and replayed: one launch instead of a hundred.

    Minibatches of another size than the captured one (the last of an epoch) and updates with ``target_kl``
    go the eager way; so does everything, after one warning, if the capture fails.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._settings: LossSettings | None = None
        self._failed = False

    def step(self, batch: Minibatch, settings: LossSettings) -> torch.Tensor:
        """One gradient step; returns `METRICS`."""
        if self._failed:
            return super().step(batch, settings)
        if self._graph is None or settings != self._settings:
            try:
                self._capture(batch, settings)
            except RuntimeError as error:
                self._failed = True
                warnings.warn(
                    f"the update could not be captured as a CUDA graph and runs eagerly: {error}", stacklevel=2
                )
        if self._graph is None or len(batch.log_prob) != len(self._batch.log_prob):
            return super().step(batch, settings)
        for held, new in zip(self._batch, batch, strict=True):
            held.copy_(new)
        self._graph.replay()
        return self._metrics

    def _capture(self, batch: Minibatch, settings: LossSettings) -> None:
        """Warm up on a side stream, undo what that changed, then record one step without running it."""
        self._graph = None
        self._batch = Minibatch(*(x.clone() for x in batch))
        if not self.optimizer.state:  # the first step makes Adam's state and cannot be recorded
            self.optimizer.prepare()
        before = self._snapshot()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        try:
            with torch.cuda.stream(stream):
                for _ in range(WARM_UP_STEPS):
                    super().step(self._batch, settings)
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._metrics = super().step(self._batch, settings)
        finally:
            self._restore(before)
        self._graph, self._settings = graph, settings

    def _snapshot(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        state = self.optimizer.state[self.flat.param]
        held = [self.flat.param.detach(), *(v for v in state.values() if isinstance(v, torch.Tensor))]
        return [(tensor, tensor.clone()) for tensor in held]

    @staticmethod
    def _restore(before: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        for tensor, value in before:
            tensor.copy_(value)
