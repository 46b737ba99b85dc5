"""CIFAR's own batches: dicts of `data` uint8 (N, 3072), `labels` or `fine_labels`, `filenames`.

The folder cifar-10-batches-py is a source as it is: data_batch_1 to 4 are train, data_batch_5 is
dev, test_batch is test, and batches.meta names the classes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from noisylab.core.errors import InputError, located, shown
from noisylab.core.images import MAX_CLASSES, SIZE, ImageSet, check_classes, joined
from noisylab.data.pickles import read_pickle

FILES = {
    "train": tuple(f"data_batch_{number}" for number in range(1, 5)),
    "dev": ("data_batch_5",),
    "test": ("test_batch",),
}
META = "batches.meta"  # names of the classes


def read_cifar_batches(folder: Path) -> tuple[dict[str, ImageSet], list[str]]:
    """The sets by split in the order of the files, and a notice of the files that make them.

    Raises InputError that names the file.
    """
    classes = _read_classes(folder / META)
    sets = {}
    for split, files in FILES.items():
        parts = [_read_batch(folder / name, classes) for name in files]
        sets[split] = parts[0]
        for part in parts[1:]:
            sets[split] = joined(sets[split], part)
    return sets, ["data_batch_1 to 4 are train, data_batch_5 is dev, test_batch is test"]


def is_batch(content: Any) -> bool:
    """Whether a pickle's content is such a batch, with keys as Python 2 or 3 writes them."""
    return isinstance(content, dict) and bool({"data", b"data"} & content.keys())


def label_key(content: dict[Any, Any]) -> Any:
    """The key of the labels in a batch."""
    keys = {_text(key): key for key in content}
    return keys.get("fine_labels", keys.get("labels", "labels"))


def from_batch(content: dict[Any, Any]) -> dict[str, Any]:
    """Images, labels and, if the batch has them, names; no classes. Raises InputError."""
    content = {_text(key): value for key, value in content.items()}
    rows = content["data"]
    n_values = SIZE * SIZE * 3
    if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8 or rows.shape[1:] != (n_values,):
        raise InputError(f"data: expected uint8 (N, {n_values}), got {shown(rows)}")
    key = label_key(content)
    labels = content.get(key)
    if not isinstance(labels, (list, tuple)) or not all(type(label) is int for label in labels):
        raise InputError(f"{key}: expected a list of integers, got {shown(labels)}")
    if not all(0 <= label < MAX_CLASSES for label in labels):
        raise InputError(f"{key}: expected labels 0, 1, 2, ..., got {shown(max(labels, key=abs))}")
    images = rows.reshape(-1, 3, SIZE, SIZE).transpose(0, 2, 3, 1)
    parts: dict[str, Any] = {
        "images": np.ascontiguousarray(images),
        "labels": np.array(labels, np.int64),
    }
    names = content.get("filenames")
    if isinstance(names, (list, tuple)):
        parts["names"] = tuple(map(_text, names))
    return parts


def _read_batch(path: Path, classes: tuple[str, ...]) -> ImageSet:
    content = read_pickle(path)
    with located(path):
        if not is_batch(content):
            raise InputError(
                f"expected a batch of CIFAR-10 with data and labels, got {shown(content)}"
            )
        return ImageSet(**from_batch(content), classes=classes)


def _read_classes(path: Path) -> tuple[str, ...]:
    content = read_pickle(path)
    with located(path):
        pairs = content.items() if isinstance(content, dict) else ()
        names = {_text(key): value for key, value in pairs}.get("label_names")
        if not isinstance(names, (list, tuple)):
            raise InputError(f"expected label_names, a list of the classes, got {shown(names)}")
        classes = tuple(map(_text, names))
        check_classes(classes)
    return classes


def _text(value: Any) -> Any:
    return value.decode("latin-1") if isinstance(value, bytes) else value
