"""The state of a training between epochs: taken, restored, and kept in a file."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from noisylab.core import files
from noisylab.core.errors import InputError
from noisylab.data import unpickler

MAX_FILE_BYTES = 2**30  # of one file


@dataclass
class EpochFile:
    """A file for the state of one training; may be sent to another process on this machine.

    seconds: least time between two states.
    share:   largest share of a training's time that writing may take.
    """

    path: Path
    seconds: float = 2.0
    share: float = 0.01
    _due: float = field(default=0.0, init=False)  # by the monotonic clock

    def read(self) -> Any:
        """The state; None if it is missing or damaged."""
        self._due = time.monotonic() + self.seconds
        return read_checked(self.path)

    def write(self, make_state: Callable[[], Mapping[str, Any]]) -> None:
        """Keep the state if one is due. Raises InputError where it cannot be written."""
        start = time.monotonic()
        if start < self._due:
            return
        write_checked(self.path, make_state())
        end = time.monotonic()
        self._due = end + max(self.seconds, (end - start) / self.share)


def read_checked(path: Path) -> Any:
    """The value in a file of write_checked(); None if it is missing or damaged."""
    try:
        content = files.read_file(path, MAX_FILE_BYTES)
        digest, data = content[:32], content[32:]
        return unpickler.load(data) if sha256(data).digest() == digest else None
    except InputError:
        return None


def write_checked(path: Path, value: Any) -> None:
    """Write a value made of plain Python types and arrays, after a digest that reveals damage."""
    data = pickle.dumps(value, protocol=4)
    files.write_bytes(path, sha256(data).digest() + data)


def get_state(
    model: nn.Module,
    weights: nn.Parameter,
    optimizer: torch.optim.Optimizer,
    generators: Sequence[torch.Generator],
) -> dict[str, Any]:
    """The state of a training as plain arrays and numbers; its weights are one parameter.

    Settings and the number of epochs determine the rest, such as the learning rate.
    """
    moments = [optimizer.state[part] for part in optimizer.param_groups[0]["params"]]
    return {
        "weights": weights.detach().cpu().numpy(),
        "buffers": _arrays(dict(model.named_buffers())),
        "optimizer": [_arrays(of_part) for of_part in moments],
        "generators": [one.get_state().numpy() for one in generators],
    }


def set_state(
    state: Mapping[str, Any],
    model: nn.Module,
    weights: nn.Parameter,
    optimizer: torch.optim.Optimizer,
    generators: Sequence[torch.Generator],
) -> None:
    """Restore a state of get_state()."""
    with torch.no_grad():
        weights.copy_(_tensor(state["weights"]))  # in place: the model's own are views of them
        for name, value in model.named_buffers():  # running means of batch normalisation
            value.copy_(_tensor(state["buffers"][name]))
    moments = {
        place: {name: _tensor(value) for name, value in of_part.items()}
        for place, of_part in enumerate(state["optimizer"])
    }
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    for one, its_state in zip(generators, state["generators"], strict=True):
        one.set_state(_tensor(its_state))


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: value.cpu().numpy() for name, value in tensors.items()}


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(array.copy())  # arrays from a file are read-only
