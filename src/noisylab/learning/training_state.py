"""The state of a training between epochs as plain arrays and numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Checkpoint(Protocol):
    """A place for the state of one training."""

    def read(self) -> Mapping[str, Any] | None:
        """The state kept last of this very training, if any."""

    def write(self, make_state: Callable[[], Mapping[str, Any]]) -> None:
        """Keep the state after an epoch, unless one was kept a moment ago."""


def get_state(
    history: list[list[Any]],
    weights: nn.Parameter,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
) -> dict[str, Any]:
    """The state of a training whose weights are one parameter, with its epochs so far.

    Settings and the number of epochs determine the rest, such as the learning rate.
    """
    moments = optimizer.state[weights].items()
    state: dict[str, Any] = {
        "history": history,
        "weights": weights.detach().cpu().numpy(),
        "optimizer": {name: value.cpu().numpy() for name, value in moments},
        "generator": generator.get_state().numpy(),
        "torch": torch.get_rng_state().numpy(),  # of dropout
    }
    if weights.is_cuda:
        state["cuda"] = torch.cuda.get_rng_state(weights.device).numpy()
    return state


def set_state(
    state: Mapping[str, Any],
    weights: nn.Parameter,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
) -> list[list[Any]]:
    """Restore a state of get_state() and torch's own generators; return the epochs so far."""
    with torch.no_grad():
        weights.copy_(_tensor(state["weights"]))  # in place: the model's own are views of them
    by_name = {name: _tensor(value) for name, value in state["optimizer"].items()}
    optimizer.load_state_dict({**optimizer.state_dict(), "state": {0: by_name}})
    generator.set_state(_tensor(state["generator"]))
    torch.set_rng_state(_tensor(state["torch"]))
    if weights.is_cuda:
        torch.cuda.set_rng_state(_tensor(state["cuda"]), weights.device)
    history: list[list[Any]] = state["history"]
    return history


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(array.copy())  # arrays from a file are read-only
