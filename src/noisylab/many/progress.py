"""Progress of trainings that run beside this thread, through a file that they append to."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import astuple
from pathlib import Path
from typing import Any, Protocol

from noisylab.learning.kept import Training
from noisylab.learning.training import Epoch

_SECONDS = 0.5  # between two reports of a training

#: Takes the name of a method of Watch and its arguments.
Send = Callable[[str, int, Any], None]


class Watch(Protocol):
    """Shows trainings while they run; each is known by its index."""

    def begin(self, trainings: Sequence[Training], n_images: Sequence[int]) -> None:
        """Called first, with the number of images of an epoch of each training."""

    def resume(self, index: int, n_epochs: int) -> None:
        """Called before the first step with the number of epochs of an earlier run."""

    def step(self, index: int, n_images: int) -> None:
        """Called now and then with the number of images since the last call."""

    def epoch(self, index: int, epoch: Epoch) -> None:
        """Called after each epoch."""

    def done(self, index: int, n_epochs: int, is_new: bool) -> None:
        """Called when a training has ended: just now, or, if not `is_new`, in an earlier run."""

    def end(self) -> None:
        """Called last, also after an error."""


class Unwatched:
    """A Watch that shows nothing."""

    def _ignore(self, *_: Any, **__: Any) -> None:
        """Show nothing."""

    begin = resume = step = epoch = done = end = _ignore


class Reporter:
    """The observer of one training, which sends what it observes."""

    def __init__(self, send: Send, index: int) -> None:
        self._send = send
        self._index = index
        self._n_images = 0
        self._due = time.monotonic() + _SECONDS

    def resume(self, history: list[Epoch]) -> None:
        """As Progress of fit()."""
        self._send("resume", self._index, len(history))

    def step(self, n_images: int) -> None:
        """As Progress of fit()."""
        self._n_images += n_images
        if time.monotonic() >= self._due:
            self._flush()

    def epoch(self, epoch: Epoch) -> None:
        """As Progress of fit()."""
        self._flush()
        self._send("epoch", self._index, astuple(epoch))

    def _flush(self) -> None:
        self._send("step", self._index, self._n_images)
        self._n_images, self._due = 0, time.monotonic() + _SECONDS


class Reports:
    """A file of reports; may be sent to another process on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._is_closed = False

    def send(self, kind: str, index: int, value: Any) -> None:
        """Append a report, in one write: several processes share the file.

        Raises CancelledError after close(), which ends the training that reports.
        """
        if self._is_closed:
            raise CancelledError(f"training {index} is no longer wanted")
        line = json.dumps([kind, index, value]) + "\n"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def close(self) -> None:
        """Take no more reports of threads of this process."""
        self._is_closed = True

    def show(self, watch: Watch) -> None:
        """Pass on what was reported since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            *lines, _ = file.read().split(b"\n")
        self._offset += sum(len(line) + 1 for line in lines)
        for line in lines:
            pass_on(watch, *json.loads(line))


def pass_on(watch: Watch, kind: str, index: int, value: Any) -> None:
    """Call the method `kind` of a Watch."""
    getattr(watch, kind)(index, Epoch(*value) if kind == "epoch" else value)
