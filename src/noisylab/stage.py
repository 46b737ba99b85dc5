"""What every stage script shares: params in, one line for a user's mistake, progress on screen."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tqdm import tqdm

from noisylab.config.params import Params, read_params
from noisylab.config.settings import ENGINES, is_engine
from noisylab.core.errors import InputError, shown
from noisylab.core.processes import when_orphaned

_STOPS = (signal.SIGINT, signal.SIGTERM)
_GC_THRESHOLD = 50_000  # new objects until Python looks for garbage; by default 2,000 at most
_GRACE_SECONDS = 10  # from a stage's being told to stop until it is stopped

if TYPE_CHECKING:
    from types import FrameType

    from torch import Tensor

    from noisylab.learning.training import Epoch
    from noisylab.many.trainer import Trainings


def run(main: Callable[[Params], None]) -> None:
    """Check the whole of params.yaml and run the stage.

    `main` imports what takes seconds itself, so that a wrong number is told at once, and Ctrl-C
    heeded from the start.

    A user's mistake ends the program with its one line on standard error and exit code 1. So do
    Ctrl-C and SIGTERM, after which nothing half done is left, and the end of DVC, which when
    killed leaves its stage running.
    """
    for number in _STOPS:
        signal.signal(number, _stop)
    when_orphaned(_stop_orphan)
    gc.set_threshold(_GC_THRESHOLD)  # more often slows the imports of torch and matplotlib
    try:
        main(read_params("params.yaml"))
    except InputError as error:
        sys.exit(str(error))
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        sys.exit(f"out of memory: free some, or lower batch_size or threads; {_first_line(error)}")
    gc.freeze()  # to look through all that they made, at the end, takes a third of a second


def _is_out_of_memory(error: Exception) -> bool:
    """Whether there was no memory; torch has no class for that on a CPU."""
    text = str(error)
    return isinstance(error, MemoryError) or "allocate memory" in text or "out of memory" in text


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _stop(number: int, frame: FrameType | None) -> None:
    for other in _STOPS:
        signal.signal(other, signal.SIG_IGN)  # a second one would cut short what the first began
    sys.exit(f"stopped by {signal.Signals(number).name}; the same command goes on from here")


def _stop_orphan() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)  # it is busy where no signal reaches it, and all that it wrote is whole


def say(lines: Iterable[str]) -> None:
    """Print what a stage has to tell."""
    for line in lines:
        print(line, flush=True)


def engine(params: Params) -> str:
    """Where many trainings run: NOISYLAB_ENGINE if it is set, else what params.yaml says."""
    name = os.environ.get("NOISYLAB_ENGINE") or params.engine
    if not is_engine(name):
        raise InputError(f"NOISYLAB_ENGINE must be {ENGINES}, got {shown(name)}")
    return name


def watch_trainings(trainings: Trainings, n_trainings: int) -> Trainings:
    """Show how many of the trainings ended: a bar on a terminal, elsewhere a line each."""
    bar = tqdm(trainings, desc="models", total=n_trainings, unit=" models", disable=None)
    for number, training in enumerate(bar, start=1):
        if bar.disable:
            say([f"models: {number}/{n_trainings} trained"])
        yield training


class Watch:
    """Shows a training: a bar with loss and rate on a terminal, elsewhere a line an epoch."""

    def __init__(self, name: str, epochs: int, n_images: int) -> None:
        self._name = name
        self._epochs = epochs
        self._n_images = n_images
        self._bar = tqdm(
            total=epochs * n_images, desc=name, unit=" images", unit_scale=True, disable=None
        )

    def resume(self, history: list[Epoch]) -> None:
        """Say how many epochs an earlier run has done, and move the bar there."""
        if self._bar.disable:
            say([f"{self._name}: {len(history)}/{self._epochs} epochs done before"])
            return
        self._bar.update(len(history) * self._n_images)
        if len(history) == self._epochs:
            self._bar.close()

    def step(self, n_images: int, loss: Tensor) -> None:
        """Move the bar on; the loss is fetched only when the bar is drawn anew."""
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
