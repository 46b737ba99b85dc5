"""A training in progress as plain arrays and numbers: all that its next epoch depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Checkpoint(Protocol):
    """Where the state of one training is kept between its epochs."""

    def read(self) -> Mapping[str, Any] | None:
        """The state last kept of the very same training, if there is one."""

    def write(self, make_state: Callable[[], Mapping[str, Any]]) -> None:
        """After an epoch: keep the state, or not, if that was done a moment ago."""


def get_state(
    history: list[list[Any]],
    weights: nn.Parameter,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
) -> dict[str, Any]:
    """The state of a training whose weights are one parameter, and its epochs so far.

    What follows from its settings and the number of epochs, as the learning rate, is not part.
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
    """Put a training where get_state() found it, and torch's own generators; its epochs so far."""
    with torch.no_grad():
        weights.copy_(_tensor(state["weights"]))  # in place: the model's own are views of them
    by_name = {name: _tensor(value) for name, value in state["optimizer"].items()}
    optimizer.load_state_dict({**optimizer.state_dict(), "state": {0: by_name}})
    generator.set_state(_tensor(state["generator"]))
    torch.set_rng_state(_tensor(state["torch"]))
    if weights.is_cuda:
        torch.cuda.set_rng_state(_tensor(state["cuda"]), weights.device)
    rows: list[list[Any]] = state["history"]
    return rows


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(array.copy())  # what is read from a file may not be written to
