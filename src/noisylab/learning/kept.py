"""Trainings kept on disk: a finished one is not repeated, an interrupted one resumes."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from noisylab.config.settings import FitConfig
from noisylab.core import files
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.data import unpickler
from noisylab.data.set_files import dump_set
from noisylab.learning.fingerprint import TRAINING, code_digest, fingerprint
from noisylab.learning.network import SimpleModel, dump_weights, load_weights
from noisylab.learning.optimizers import as_one_parameter
from noisylab.learning.training import DivergedError, Epoch, Progress, as_rows, find_device, fit
from noisylab.learning.training_state import Checkpoint

MAX_FILE_BYTES = 2**30  # of one file

_IN_PROGRESS = ".epoch"  # suffix of the file of an unfinished training


@dataclass(frozen=True, eq=False)
class Training:
    """One training to run: its settings, its seed, and the indices to learn from (None: all)."""

    config: FitConfig
    seed: int
    indices: np.ndarray | None = None

    def run(
        self,
        train: ImageSet,
        dev: ImageSet,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> dict[str, Any]:
        """The history and the weights, None if it diverged, as plain values; see fit()."""
        part = train if self.indices is None else train.subset(self.indices)
        generator = torch.Generator().manual_seed(self.seed)
        try:
            fitted = fit(part, dev, self.config, generator, progress, checkpoint)
        except DivergedError as error:
            return {"history": as_rows(error.history), "weights": None}
        return {"history": as_rows(fitted.history), "weights": dump_weights(fitted.model)}

    def key(self, sets: str) -> str:
        """Fingerprint of all that the result depends on; `sets` is their sets_fingerprint()."""
        versions = (torch.__version__, np.__version__, str(find_device(self.config.device)))
        indices = b"all" if self.indices is None else self.indices.tobytes()
        own = (repr(self.config), str(self.seed), indices)
        return fingerprint(code_digest(*TRAINING), *versions, sets, *own)


@dataclass(frozen=True, eq=False)
class Trained:
    """A training that ended: its epochs, and its weights as of dump_weights().

    Of one that diverged: the epochs before, and None.
    """

    config: FitConfig
    history: list[Epoch]
    weights: bytes | None

    def revive(self) -> SimpleModel:
        """The model in eval mode, with the predictions, to the bit, of the model that fit() made.

        They depend on the layout of the weights and on torch's number of threads, which it sets.
        Raises DivergedError.
        """
        if self.weights is None:
            raise DivergedError(self.history, self.config.lr)
        torch.set_num_threads(self.config.threads)
        model = load_weights(self.weights)
        as_one_parameter(model, find_device(self.config.device))
        return model


def sets_fingerprint(train: ImageSet, dev: ImageSet) -> str:
    """Fingerprint of the images, labels and probabilities that trainings share."""
    probs = [part.pred_probs for part in (train, dev) if part.pred_probs is not None]
    return fingerprint(dump_set(train), dump_set(dev), *(part.tobytes() for part in probs))


class Kept:
    """A folder of results of trainings by key; without a folder nothing is kept.

    A result is made of numbers, strings, bytes, None, lists, dicts and arrays. A digest in front
    of its bytes reveals damage.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self._folder = None if folder is None else Path(folder)
        self._used: set[str] = set()

    def read(self, key: str) -> Any:
        """The result; None if it is missing or damaged."""
        self._used.add(key)
        return _read(self._folder / key) if self._folder else None

    def write(self, key: str, result: Any) -> None:
        """Keep a result in place of the state. Raises InputError where it cannot be written."""
        self._used.add(key)
        if self._folder:
            _write(self._folder / key, result)
            (self._folder / f"{key}{_IN_PROGRESS}").unlink(missing_ok=True)

    def checkpoint(self, key: str) -> EpochFile | None:
        """The file for the state of a training in progress."""
        return EpochFile(self._folder / f"{key}{_IN_PROGRESS}") if self._folder else None

    def keep_used(self, n_others: int = 100) -> None:
        """Remove all that was neither read nor written through this object.

        The newest `n_others` results stay: a user may return to their parameters.
        """
        if not self._folder or not self._folder.is_dir():
            return
        others = [path for path in self._folder.iterdir() if path.name not in self._used]
        others = [path for path in others if not files.is_being_written(path)]
        results = [path for path in others if "." not in path.name]
        results.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in set(others) - set(results[:n_others]):
            path.unlink(missing_ok=True)


class EpochFile:
    """A training_state.Checkpoint in a file; may be sent to another process on this machine.

    seconds: least time between two states.
    share:   largest share of a training's time that writing may take.
    """

    def __init__(self, path: Path, seconds: float = 2.0, share: float = 0.01) -> None:
        self._path = path
        self._seconds = seconds
        self._share = share
        self._due = 0.0

    def read(self) -> Mapping[str, Any] | None:
        """The state; None if it is missing or damaged."""
        self._due = time.monotonic() + self._seconds
        state: Mapping[str, Any] | None = _read(self._path)
        return state

    def write(self, make_state: Callable[[], Mapping[str, Any]]) -> None:
        """Keep the state if one is due. Raises InputError where it cannot be written."""
        start = time.monotonic()
        if start < self._due:
            return
        _write(self._path, make_state())
        end = time.monotonic()
        self._due = end + max(self._seconds, (end - start) / self._share)


def _read(path: Path) -> Any:
    try:
        content = files.read_file(path, MAX_FILE_BYTES)
        digest, data = content[:32], content[32:]
        return unpickler.load(data) if sha256(data).digest() == digest else None
    except InputError:
        return None


def _write(path: Path, value: Any) -> None:
    data = pickle.dumps(value, protocol=4)
    files.write_bytes(path, sha256(data).digest() + data)
