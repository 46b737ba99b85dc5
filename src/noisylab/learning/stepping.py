"""The steps of a training: for each batch, forwards, backwards, and new weights."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from noisylab.learning.network import Network, to_unit
from noisylab.learning.precision import send

_BATCHES = 32  # of a record: starting it takes little, and so does recording it
_RECORDING = threading.Lock()  # CUDA records one graph at a time


class Steps:
    """Takes steps on batches.

    model: its weights are those of as_one_parameter(), and the optimizer's are views of them.
    cast: sets the precision of the model. temperature: divides the logits in the loss.
    """

    def __init__(
        self,
        model: Network,
        optimizer: torch.optim.Optimizer,
        cast: torch.autocast,
        batch_size: int,
        temperature: float,
    ) -> None:
        self._model, self._optimizer, self._cast = model, optimizer, cast
        self.batch_size, self._temperature = batch_size, temperature
        self.random = torch.default_generator  # of dropout
        self._weights = list(model.parameters())
        # Views of the gradient of all weights.
        self._gradients = [part.grad for part in self._weights if part.grad is not None]

    def take(
        self, images: Tensor, targets: Tensor, rates: Sequence[float] | Tensor
    ) -> Iterator[Tensor]:
        """Yield logits (B, K) float32 while learning, without a gradient, for some of the images.

        images: (N, 32, 32, 3) uint8; targets: (N, K) float32, rows sum to 1; rates: the learning
        rate of each batch.
        """
        parts = images.split(self.batch_size), targets.split(self.batch_size), rates
        for part in zip(*parts, strict=True):
            yield self._step(*part)

    def _step(self, images: Tensor, targets: Tensor, rate: float | Tensor) -> Tensor:
        with self._cast:
            logits = self._model(to_unit(images))
        logits = logits.float()
        found: Tensor = logits.detach()
        # The gradient of the mean cross-entropy by the logits; autograd would take longer.
        errors = (found / self._temperature).softmax(dim=1).sub_(targets)
        errors.div_(self._temperature * len(targets))
        gradients = torch.autograd.grad(logits, self._weights, errors)
        torch._foreach_copy_(self._gradients, gradients)
        self._optimizer.param_groups[0]["lr"] = rate
        with torch.no_grad():
            self._optimizer.step()
        return found


@dataclass(frozen=True, eq=False)
class _Record:
    """A CUDA graph of some steps, and the tensors that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, Tensor, Tensor]
    logits: Tensor


class RecordedSteps(Steps):
    """Takes steps on a GPU, as CUDA graphs: recorded once and replayed.

    A step of a small network is a hundred kernels of microseconds: starting each of them from
    Python would take longer than running them. Dropout draws from `random`.
    """

    def __init__(self, *args: Any, seed: int) -> None:
        super().__init__(*args)
        self._records: dict[int, _Record] = {}
        self.random = _default_generator().clone_state().manual_seed(seed)

    def take(
        self, images: Tensor, targets: Tensor, rates: Sequence[float] | Tensor
    ) -> Iterator[Tensor]:
        """As Steps.take(), for many batches at once and without waiting for the GPU."""
        n_images = _BATCHES * self.batch_size
        parts = images.split(n_images), targets.split(n_images), torch.tensor(rates).split(_BATCHES)
        for part in zip(*parts, strict=True):
            if len(part[0]) not in self._records:
                inputs = part[0].clone(), part[1].clone(), part[2].to(images.device)
                self._records[len(part[0])] = self._record(inputs)
            record = self._records[len(part[0])]
            for known, new in zip(record.inputs, part, strict=True):
                known.copy_(send(new, known.device))
            record.graph.replay()
            yield record.logits.clone()

    def _record(self, inputs: tuple[Tensor, Tensor, Tensor]) -> _Record:
        graph = torch.cuda.CUDAGraph()
        recording = torch.cuda.graph(
            graph, stream=torch.cuda.current_stream(), capture_error_mode="thread_local"
        )
        with _RECORDING:
            with _default_random(self.random.clone_state()):
                self._warm_up(*inputs)
            with _default_random(self.random), recording:  # replays draw from it, too
                logits = torch.cat([*super().take(*inputs)])
        return _Record(graph, inputs, logits)

    def _warm_up(self, images: Tensor, targets: Tensor, rates: Tensor) -> None:
        """Take a step of each size, since libraries set themselves up first; then undo it."""
        moments = self._moments()  # none before the first step
        kept = [*self._weights, *self._model.buffers(), *moments]
        before = [value.detach().clone() for value in kept]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the optimizer misses the recording
            for start in (0, (len(rates) - 1) * self.batch_size):
                part = slice(start, start + self.batch_size)
                self._step(images[part], targets[part], rates[0])
        with torch.no_grad():
            for value, old in zip(kept, before, strict=True):
                value.copy_(old)
            for value in self._moments() if not moments else []:
                value.zero_()

    def _moments(self) -> list[Tensor]:
        """The optimizer's tensors, of which all are 0 at first."""
        return [value for state in self._optimizer.state.values() for value in state.values()]


@contextmanager
def _default_random(random: torch.Generator) -> Iterator[None]:
    """Let torch draw from another generator of the GPU."""
    default = _default_generator()
    before = default.graphsafe_get_state()
    default.graphsafe_set_state(random)
    try:
        yield
    finally:
        default.graphsafe_set_state(before)


def _default_generator() -> torch.Generator:
    generator: torch.Generator = torch.cuda.default_generators[torch.cuda.current_device()]
    return generator
