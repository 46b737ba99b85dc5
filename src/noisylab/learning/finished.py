"""Results and states of trainings kept on disk: what was interrupted does not begin anew."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from noisylab.core import files
from noisylab.core.errors import InputError
from noisylab.core.files import read_file
from noisylab.data import unpickler

MAX_FILE_BYTES = 2**30  # of one result: weights, and probabilities of each image

_IN_PROGRESS = ".epoch"  # ends the name of the file of a training that is not finished


class Finished:
    """A folder of results, each by the fingerprint of what it was made of.

    A result is made of numbers, strings, bytes, None, lists, dicts and arrays. What is read has
    the bytes that were written: a digest comes before them.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._used: set[str] = set()

    def read(self, key: str) -> Any:
        """The result of that fingerprint; None if there is none, or if it is damaged."""
        self._used.add(key)
        return _read(self._folder / key)

    def write(self, key: str, result: Any) -> None:
        """Keep a result, and no state any longer. Raises InputError where it cannot be written."""
        self._used.add(key)
        _write(self._folder / key, result)
        (self._folder / f"{key}{_IN_PROGRESS}").unlink(missing_ok=True)

    def checkpoint(self, key: str) -> EpochFile:
        """Where the state of the training with that fingerprint is kept while it goes on."""
        return EpochFile(self._folder / f"{key}{_IN_PROGRESS}")

    def keep_used(self, n_others: int = 100) -> None:
        """Remove what has neither been read nor written through this object.

        But for the newest `n_others` results: a user may want one of them again.
        """
        if not self._folder.is_dir():
            return
        others = [path for path in self._folder.iterdir() if path.name not in self._used]
        others = [path for path in others if not files.is_being_written(path)]
        results = [path for path in others if "." not in path.name]
        results.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in set(others) - set(results[:n_others]):
            path.unlink(missing_ok=True)


class EpochFile:
    """A training_state.Checkpoint in a file; it can be sent to another process on this machine.

    seconds: at least, between two states that are kept.
    share:   of a training's time, the most that keeping them may take.
    """

    def __init__(self, path: Path, seconds: float = 2.0, share: float = 0.01) -> None:
        self._path = path
        self._seconds = seconds
        self._share = share
        self._due = 0.0

    def read(self) -> Mapping[str, Any] | None:
        """The state; None if there is none, or if it is damaged."""
        self._due = time.monotonic() + self._seconds
        state: Mapping[str, Any] | None = _read(self._path)
        return state

    def write(self, make_state: Callable[[], Mapping[str, Any]]) -> None:
        """Keep a state unless that was done a moment ago.

        Raises InputError where it cannot be written.
        """
        start = time.monotonic()
        if start < self._due:
            return
        _write(self._path, make_state())
        end = time.monotonic()
        self._due = end + max(self._seconds, (end - start) / self._share)


def _read(path: Path) -> Any:
    try:
        content = read_file(path, MAX_FILE_BYTES)
    except InputError:
        return None
    digest, data = content[:32], content[32:]
    if sha256(data).digest() != digest:
        return None
    try:
        return unpickler.load(data)
    except InputError:
        return None


def _write(path: Path, value: Any) -> None:
    data = pickle.dumps(value, protocol=4)
    files.write_bytes(path, sha256(data).digest() + data)
