"""Trainings kept on disk: a finished one is not repeated, an interrupted one resumes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from noisylab.config.settings import FitConfig
from noisylab.core import files
from noisylab.core.errors import located
from noisylab.core.images import ImageSet
from noisylab.learning.fingerprint import TRAINING, code_digest, fingerprint
from noisylab.learning.network import Network, SimpleModel, dump_weights, load_weights
from noisylab.learning.optimizers import as_one_parameter
from noisylab.learning.precision import find_device, used_precision
from noisylab.learning.training import DivergedError, Epoch, Progress, fit
from noisylab.learning.training_state import EpochFile, read_checked, write_checked

_IN_PROGRESS = ".epoch"  # suffix of the file of an unfinished training


@dataclass(frozen=True, eq=False)
class Training:
    """One training to run: its settings, its seed, and the indices to learn from (None: all).

    name: for progress and errors; it is no part of the result.
    network: the class of the model.
    """

    config: FitConfig
    seed: int
    indices: np.ndarray | None = None
    name: str = "training"
    network: type[Network] = SimpleModel

    def run(
        self,
        train: ImageSet,
        dev: ImageSet,
        progress: Progress | None = None,
        checkpoint: EpochFile | None = None,
    ) -> Trained:
        """Train; divergence is a result, any other error is raised with the training's name."""
        part = train if self.indices is None else train.subset(self.indices)
        generator = torch.Generator().manual_seed(self.seed)
        with located(self.name):
            try:
                fitted = fit(
                    part, dev, self.config, generator, progress, checkpoint, network=self.network
                )
            except DivergedError as error:
                return Trained(self.config, error.history, None, error.losses, self.network)
        return Trained(
            self.config, fitted.history, dump_weights(fitted.model), network=self.network
        )

    def settled(self) -> Training:
        """This training with what `auto` means here: on another machine, it may mean another."""
        device, precision = find_device(self.config.device), used_precision(self.config)
        return replace(self, config=replace(self.config, device=str(device), precision=precision))

    def n_images(self, train: ImageSet) -> int:
        """Number of images of an epoch."""
        return len(train) if self.indices is None else len(self.indices)

    def cost(self, train: ImageSet) -> float:
        """Time of the training, relative to that of other trainings."""
        return self.config.epochs * self.n_images(train) * self.network.cost

    def key(self, sets: str) -> str:
        """Fingerprint of all that the result depends on; `sets` is their sets_fingerprint()."""
        device, precision = find_device(self.config.device), used_precision(self.config)
        versions = (torch.__version__, np.__version__, str(device), precision)
        indices = b"all" if self.indices is None else self.indices.tobytes()
        own = (self.network.__name__, repr(self.config), str(self.seed), indices)
        return fingerprint(code_digest(*TRAINING), *versions, sets, *own)


@dataclass(frozen=True, eq=False)
class Trained:
    """The result of a training.

    history: its epochs; those before divergence.
    weights: as from dump_weights(); None if it diverged.
    losses:  those of DivergedError; None if it did not diverge.
    """

    config: FitConfig
    history: list[Epoch]
    weights: bytes | None
    losses: tuple[float, float] | None = None
    network: type[Network] = SimpleModel

    def revive(self) -> Network:
        """The model in eval mode; its predictions equal those of the model that fit() made.

        Their last bits depend on the layout of the weights and on torch's number of threads; both
        are set as in fit(). Raises DivergedError.
        """
        if self.losses:
            raise DivergedError(self.history, self.losses, self.config.lr)
        assert self.weights is not None
        torch.set_num_threads(1)
        model = load_weights(self.weights, self.network)
        as_one_parameter(model, find_device(self.config.device))
        return model


def sets_fingerprint(train: ImageSet, dev: ImageSet) -> str:
    """Fingerprint of the images, labels and probabilities that trainings share.

    The images' names are not in it: no training depends on them.
    """
    parts: list[str | np.ndarray] = []
    for part in (train, dev):
        arrays = (part.images, part.labels, part.pred_probs)
        described = [None if array is None else (array.shape, array.dtype) for array in arrays]
        parts.append(repr((part.classes, described)))
        parts += [np.ascontiguousarray(array) for array in arrays if array is not None]
    return fingerprint(*parts)


class Kept:
    """Results of trainings in a folder, by key; without a folder nothing is kept.

    also: another folder, whose results are read and never changed. A result is made of plain
    Python types and arrays.
    """

    def __init__(self, folder: str | Path | None = None, also: str | Path | None = None) -> None:
        self._folder = None if folder is None else Path(folder)
        self._also = None if also is None else Path(also)
        self._used: set[str] = set()

    def read(self, key: str) -> Any:
        """The result; None if it is missing or damaged."""
        self._used.add(key)
        for folder in (self._folder, self._also):
            result = read_checked(folder / key) if folder else None
            if result is not None:
                return result
        return None

    def write(self, key: str, result: Any) -> None:
        """Keep a result in place of the state. Raises InputError where it cannot be written."""
        self._used.add(key)
        if self._folder:
            write_checked(self._folder / key, result)
            (self._folder / f"{key}{_IN_PROGRESS}").unlink(missing_ok=True)

    def checkpoint(self, key: str) -> EpochFile | None:
        """The file for the state of a training in progress."""
        return EpochFile(self._folder / f"{key}{_IN_PROGRESS}") if self._folder else None

    def keep_used(self, n_others: int = 100) -> None:
        """Remove everything that was neither read nor written through this object.

        The newest `n_others` other results stay: a user may return to their parameters.
        """
        if not self._folder or not self._folder.is_dir():
            return
        others = {
            path
            for path in self._folder.iterdir()
            if path.is_file() and path.name not in self._used and not files.is_being_written(path)
        }
        results = [path for path in others if "." not in path.name]
        results.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in others - {*results[:n_others]}:
            path.unlink(missing_ok=True)
