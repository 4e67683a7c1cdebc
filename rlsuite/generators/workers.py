"""Several processes that train one generator: each draws its own images, all take the mean of their gradients.

    accelerate launch --num_processes 2 -m rlsuite.run FILE

The first process owns the run: it decides about every step and writes everything. The others
follow it. ``batch_size`` is each process's own, so that n processes take steps of n batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from rlsuite.errors import MissingExtraError, UserError
from rlsuite.generators.contracts import FitState
from rlsuite.generators.training import NetworkState
from rlsuite.runs.seeding import stream_seed
from rlsuite.runs.statetree import StateTree

STOP, STEP, SAVE = 0, 1, 2
ALIKE = ("networks", "optimizers", "n_steps")
"""Parts of a training's state that all processes share."""


class Workers(Protocol):
    """Processes that work together.

    Attributes:
        n: How many.
        rank: Which this is; 0 leads.
        device: Where this one computes.
    """

    n: int
    rank: int
    device: torch.device

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Overwrite each tensor by its mean over all processes."""
        ...

    def share(self, thing: Any) -> Any:
        """What the first process has."""
        ...

    def gather(self, thing: Any) -> list[Any]:
        """What each process has, in order of rank."""
        ...


class AccelerateWorkers:
    """Workers that Hugging Face ``accelerate`` brought together: NCCL between GPUs, gloo between CPU processes.

    Args:
        device: ``cpu``, or anything else for this process's own GPU.

    Raises:
        MissingExtraError: accelerate is not installed.
    """

    def __init__(self, device: str) -> None:
        try:
            from accelerate import PartialState
        except ImportError as error:
            raise MissingExtraError("training in several processes", "generators", str(error)) from error
        state = PartialState(cpu=device == "cpu" or not torch.cuda.is_available())
        self.n, self.rank, self.device = state.num_processes, state.process_index, torch.device(state.device or "cpu")

    def average(self, tensors: Sequence[Tensor]) -> None:
        """All of a kind in one message."""
        from accelerate.utils import reduce

        for kind in {tensor.dtype for tensor in tensors}:
            alike = [tensor for tensor in tensors if tensor.dtype == kind]
            mean: Any = reduce(torch.cat([tensor.reshape(-1) for tensor in alike]), "mean")
            for tensor, part in zip(alike, mean.split([tensor.numel() for tensor in alike]), strict=True):
                tensor.copy_(part.view(tensor.shape))

    def share(self, thing: Any) -> Any:
        """What the first process has."""
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([thing])[0]

    def gather(self, thing: Any) -> list[Any]:
        """What each process has."""
        from accelerate.utils import gather_object

        return gather_object([thing])


class SharedTraining(FitState):
    """A training whose gradients are the mean over several processes'.

    The networks begin as the first process's. Batch statistics stay each process's own; those that are saved are the
    first's.

    Args:
        inner: This process's training, begun alike in all; from now on each draws its own images and noise.
        workers: The others.
        seed: Of those draws.

    Raises:
        UserError: The generator's training is of its own kind.
    """

    def __init__(self, inner: FitState, workers: Workers, seed: int) -> None:
        if not isinstance(inner, NetworkState):
            raise UserError(f"{type(inner).__name__} trains in one process: start it without accelerate or torchrun")
        self.inner, self.workers = inner, workers
        self.hooked: set[int] = set()
        if workers.rank:
            inner.generator.manual_seed(stream_seed(seed, f"generator/worker {workers.rank}"))
        first = workers.share({name: network.state_dict() for name, network in inner.networks.items()})
        for name, network in inner.networks.items():
            network.load_state_dict(first[name])
        self._hook()

    @property
    def n_steps(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Gradient steps taken so far."""
        return self.inner.n_steps

    @property
    def images_per_step(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Training images that a step of all processes looks at."""
        return self.inner.images_per_step * self.workers.n

    def step(self) -> Mapping[str, Tensor | float]:
        """Let every process take its step; the metrics are the first's."""
        self.workers.share(STEP)
        return self._step()

    def follow(self) -> None:
        """Do what the first process says until it is done."""
        while (word := self.workers.share(None)) != STOP:
            if word == STEP:
                self._step()
            else:
                self.workers.gather(self._own())

    def close(self) -> None:
        """Let the others go."""
        self.workers.share(STOP)

    def state_dict(self) -> StateTree:
        """The first process's state, and the streams of the others."""
        self.workers.share(SAVE)
        others = self.workers.gather(self._own())[1:]
        return {**self.inner.state_dict(), "others": others}

    def load_state_dict(self, tree: StateTree) -> None:
        """Bring the first process's tree back in all; with another number of them the others' streams begin anew."""
        tree = self.workers.share(tree)
        own, others, rank = self._own(), tree.get("others", []), self.workers.rank
        if rank and len(others) == self.workers.n - 1:
            own = others[rank - 1]
        self.inner.load_state_dict({**tree, **own} if rank else tree)

    def _own(self) -> StateTree:
        return {key: value for key, value in self.inner.state_dict().items() if key not in ALIKE}

    def _step(self) -> Mapping[str, Tensor | float]:
        metrics = self.inner.step()
        if shared := self.inner.shared():
            self.workers.average(shared)
        self._hook()  # a training of several stages makes optimisers on its way
        return metrics

    def _hook(self) -> None:
        for optimizer in self.inner.optimizers.values():
            if id(optimizer) not in self.hooked:
                optimizer.register_step_pre_hook(lambda own, *_: self.workers.average(gradients(own)))
                self.hooked.add(id(optimizer))


def gradients(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """The gradients that an optimiser is about to use."""
    parameters: Iterable[Tensor] = (p for group in optimizer.param_groups for p in group["params"])
    return [p.grad for p in parameters if p.grad is not None]
