"""The steps of a training: for each batch, forwards, backwards, and new weights."""

from __future__ import annotations

import threading
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from noisylab.learning.network import Network, to_unit
from noisylab.learning.precision import send

_BATCHES = 8  # of a record: more would save little time and take longer to record
_AHEAD = 2  # records that wait for the GPU: to start more would keep other threads from it
_RECORDING = threading.Lock()  # CUDA records one graph at a time


class Steps:
    """Takes steps on batches.

    weights: those of the model, by as_one_parameter(); the optimizer's are views of them.
    cast: sets the precision of the model. temperature: divides the logits in the loss.
    """

    def __init__(
        self,
        model: Network,
        weights: nn.Parameter,
        optimizer: torch.optim.Optimizer,
        cast: torch.autocast,
        batch_size: int,
        temperature: float,
    ) -> None:
        self._model, self._optimizer, self._cast = model, optimizer, cast
        self.batch_size, self._temperature = batch_size, temperature
        self.random = torch.default_generator  # of dropout
        self._whole = weights.detach()
        self._weights: dict[str, Tensor] = dict(model.named_parameters())
        # Views of the gradient of all weights.
        self._gradients = [part.grad for part in self._weights.values() if part.grad is not None]

    def take(
        self, images: Tensor, targets: Tensor, rates: Sequence[float] | Tensor
    ) -> Iterator[Tensor]:
        """Take a step on each batch; yield detached logits (N, K) float32 of one or more of them.

        images: (N, 32, 32, 3) uint8; targets: (N, K) float32, rows sum to 1; rates: the learning
        rate of each batch.
        """
        for part in self._batches(images, targets, rates):
            yield self._step(to_unit(part[0]), *part[1:])

    def _batches(
        self, images: Tensor, targets: Tensor, rates: Sequence[float] | Tensor
    ) -> Iterator[tuple[Tensor, Tensor, float | Tensor]]:
        parts = images.split(self.batch_size), targets.split(self.batch_size)
        return zip(*parts, rates, strict=True)

    def _step(self, images: Tensor, targets: Tensor, rate: float | Tensor) -> Tensor:
        with self._cast:
            logits = self._logits(images)
        logits = logits.float()
        found: Tensor = logits.detach()
        # The gradient of the mean cross-entropy by the logits; autograd would take longer.
        errors = (found / self._temperature).softmax(dim=1).sub_(targets)
        errors.div_(self._temperature * len(targets))
        gradients = torch.autograd.grad(logits, [*self._weights.values()], errors)
        torch._foreach_copy_(self._gradients, gradients)
        self._optimizer.param_groups[0]["lr"] = rate
        with torch.no_grad():
            self._optimizer.step()
        return found

    def _logits(self, images: Tensor) -> Tensor:
        logits: Tensor = self._model(images)
        return logits


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
        self._started = deque[torch.cuda.Event]()
        self.random = _default_generator().clone_state().manual_seed(seed)
        with self._cast:
            dtype = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else None
        self._narrow = self._whole.to(dtype) if dtype else None
        if self._narrow is not None:
            self._learn_through(self._narrow)

    def _learn_through(self, narrow: Tensor) -> None:
        """Compute gradients on a copy of the weights in the precision of convolutions and products.

        It is made in one call; autocast would convert each weight and each gradient separately.
        """
        for name, module in self._model.named_modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                for own, part in module.named_parameters(name, recurse=False):
                    layout = part.shape, part.stride(), part.storage_offset()
                    self._weights[own] = narrow.as_strided(*layout).requires_grad_()

    def _logits(self, images: Tensor) -> Tensor:
        if self._narrow is not None:
            with torch.no_grad():
                self._narrow.copy_(self._whole)
        logits: Tensor = functional_call(self._model, self._weights, images)
        return logits

    def take(
        self, images: Tensor, targets: Tensor, rates: Sequence[float] | Tensor
    ) -> Iterator[Tensor]:
        """As Steps.take(), for several batches at once and ahead of the GPU."""
        n_images = _BATCHES * self.batch_size
        parts = images.split(n_images), targets.split(n_images), torch.tensor(rates).split(_BATCHES)
        for part in zip(*parts, strict=True):
            if len(part[0]) not in self._records:
                inputs = part[0].clone(), part[1].clone(), part[2].to(images.device)
                self._records[len(part[0])] = self._record(inputs)
            record = self._records[len(part[0])]
            for known, new in zip(record.inputs, part, strict=True):
                known.copy_(send(new, known.device))
            if len(self._started) == _AHEAD:
                self._started.popleft().synchronize()
            record.graph.replay()
            self._started.append(torch.cuda.Event(blocking=True))
            self._started[-1].record()
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
                units = to_unit(inputs[0])  # of all batches at once
                logits = torch.cat(
                    [self._step(*part) for part in self._batches(units, *inputs[1:])]
                )
        return _Record(graph, inputs, logits)

    def _warm_up(self, images: Tensor, targets: Tensor, rates: Tensor) -> None:
        """Take a step of each size, since libraries set themselves up first; then undo it."""
        moments = self._moments()  # none before the first step
        kept = [self._whole, *self._model.buffers(), *moments]
        before = [value.clone() for value in kept]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the optimizer misses the recording
            for start in (0, (len(rates) - 1) * self.batch_size):
                part = slice(start, start + self.batch_size)
                self._step(to_unit(images[part]), targets[part], rates[0])
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
