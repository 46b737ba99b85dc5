"""What every stage script shares: params in, one line for a user's mistake, progress on screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tqdm import tqdm

from noisylab.artifacts import Places
from noisylab.errors import InputError
from noisylab.params import Params, read_params

if TYPE_CHECKING:
    from torch import Tensor

    from noisylab.training import Epoch


def run(main: Callable[[Params], None]) -> None:
    """Check the whole of params.yaml and run the stage.

    A user's mistake ends the program with its one line on standard error and exit code 1.
    """
    try:
        main(read_params("params.yaml"))
    except InputError as error:
        sys.exit(str(error))


def places(name: str) -> Places:
    """Where the train stage of that name writes."""
    return Places(
        model=f"models/{name}.pt",
        metrics=f"metrics/{name}",
        dev_metrics=f"metrics/dev/{name}",
        plots=f"plots/{name}",
    )


def say(lines: Iterable[str]) -> None:
    """Print what a stage has to tell."""
    for line in lines:
        print(line, flush=True)


class Watch:
    """Shows a training: a bar with loss and rate on a terminal, elsewhere a line an epoch."""

    def __init__(self, name: str, epochs: int, n_images: int) -> None:
        self._parent = os.getppid()  # DVC, which when killed leaves its stage running
        self._name = name
        self._epochs = epochs
        self._bar = tqdm(
            total=epochs * n_images, desc=name, unit=" images", unit_scale=True, disable=None
        )

    def step(self, n_images: int, loss: Tensor) -> None:
        """Move the bar on; the loss is fetched only when the bar is drawn anew."""
        if os.getppid() != self._parent:
            sys.exit("stopped, since the program that started this stage is gone")
        if self._bar.update(n_images):
            self._bar.set_postfix(loss=f"{loss.item():.4f}", refresh=False)

    def epoch(self, epoch: Epoch) -> None:
        """Say how the epoch went, where there is no bar, and end the bar with the last."""
        if self._bar.disable:
            losses = f"train loss {epoch.train_loss:.4f}, dev loss {epoch.dev_loss:.4f}"
            number = f"epoch {epoch.epoch}/{self._epochs}"
            say([f"{self._name}: {number}, {losses}, dev accuracy {epoch.dev_accuracy:.2%}"])
            return
        self._bar.set_postfix(loss=f"{epoch.train_loss:.4f}", dev_loss=f"{epoch.dev_loss:.4f}")
        if epoch.epoch == self._epochs:
            self._bar.close()
