"""Predictions of one model for files of images, many at a time."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np

from noisylab.core.errors import InputError
from noisylab.data.sources import deep
from noisylab.learning.network import SimpleModel
from noisylab.learning.training import predict_probs
from noisylab.predict.finding import PICKLES, Named, find_depths, read_file

_BATCH = 256  # photos decoded before the model sees them
_MAX_THREADS = 8  # a photograph of 16 megapixels takes 262 MiB while it is decoded


@dataclass(frozen=True, eq=False)
class Prediction:
    """name: of the image. label: the most probable one. probs: (K,) float64, they sum to 1."""

    name: str
    label: int
    probs: np.ndarray


def predict_files(
    model: SimpleModel, files: Sequence[Path], bits: int | None = None
) -> Iterator[tuple[int, list[Prediction | InputError | str]]]:
    """Predictions in the order of the files, an error in place of a file that cannot be read.

    Yields the number of files in a batch with its results; a pickle is a batch of its own. A text
    among the results says how the next ones were read.

    bits: of the values in PNG with 16 bits a channel, 8 to 16. None: found from the files, which
    need not use the range of those that the model was trained on.
    """
    depths = find_depths(files)
    scale = deep.bits_of(depths) if bits is None else bits
    hint = "; to use the scale of the training set, give --bits" if bits is None else ""
    yield 0, [notice + hint for notice in deep.notices(depths, scale)]

    def read(file: Path) -> Sequence[Named | InputError | str]:
        try:
            return read_file(file, scale)
        except InputError as error:
            return [error]

    n_threads = min(os.cpu_count() or 1, _MAX_THREADS)
    # Threads that each set and reset the filter of warnings can leave it in any state.
    with ThreadPool(n_threads) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for batch in _batches(files):
            parts = chain.from_iterable(pool.map(read, batch))
            yield len(batch), _predict(model, [*parts])


def _batches(files: Sequence[Path]) -> Iterator[list[Path]]:
    batch: list[Path] = []
    for file in files:
        is_pickle = file.suffix.lower() in PICKLES
        if batch and (is_pickle or len(batch) == _BATCH):
            yield batch
            batch = []
        batch.append(file)
        if is_pickle:
            yield batch
            batch = []
    if batch:
        yield batch


def _predict(
    model: SimpleModel, parts: Sequence[Named | InputError | str]
) -> list[Prediction | InputError | str]:
    images = [part[1] for part in parts if isinstance(part, tuple)]
    probs = iter(predict_probs(model, np.stack(images))) if images else iter(())
    return [_named(part[0], next(probs)) if isinstance(part, tuple) else part for part in parts]


def _named(name: str, probs: np.ndarray) -> Prediction:
    return Prediction(name, int(probs.argmax()), probs)
