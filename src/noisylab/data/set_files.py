"""The sets that stages hand on, as pickles of plain arrays."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from noisylab.core.errors import InputError, located, shown, shown_list
from noisylab.core.files import write_bytes
from noisylab.core.images import REVIEWED, SPLITS, ImageSet
from noisylab.data.pickles import read_pickle

PRED_PROBS = "pred_probs.pickle"

_NEEDED = {
    "images": "an array uint8 (N, H, W, 3)",
    "labels": "an array of integers (N,)",
    "classes": "a list of class names",
}
_LISTS = ("classes", "names")  # parts that are lists of strings, not arrays
_PROTOCOL = 4  # in protocol 5, bytes depend on whether an array is writable, and on its layout


def write_sets(folder: str | Path, sets: Mapping[str, ImageSet], prefix: str = "") -> None:
    """Write `{prefix}{split}_set.pickle` for each split."""
    for split, image_set in sets.items():
        write_bytes(Path(folder, f"{prefix}{split}_set.pickle"), dump_set(image_set))


def read_sets(folder: str | Path) -> dict[str, ImageSet]:
    """The sets `train`, `dev` and `test` from `write_sets`; `test` may be empty."""
    return {split: read_set(Path(folder, f"{split}_set.pickle")) for split in SPLITS}


def write_fixed_sets(
    folder: str | Path, sets: Mapping[str, ImageSet], pred_probs: Mapping[str, np.ndarray]
) -> None:
    """Write the corrected train and dev, and the predicted probabilities (N, K) float64."""
    write_sets(folder, sets, prefix="fixed_")
    write_bytes(Path(folder, PRED_PROBS), dump_pred_probs(pred_probs))


def read_fixed_sets(folder: str | Path) -> dict[str, ImageSet]:
    """The corrected train and dev with their `pred_probs`, and test, which is never corrected."""
    folder = Path(folder)
    sets = {split: read_set(folder / f"fixed_{split}_set.pickle") for split in REVIEWED}
    pred_probs = read_pickle(folder / PRED_PROBS)
    with located(folder / PRED_PROBS):
        if not isinstance(pred_probs, dict) or pred_probs.keys() != sets.keys():
            raise InputError("expected probabilities of train and dev; run relabel again")
        for split, image_set in sets.items():
            try:
                sets[split] = replace(image_set, pred_probs=pred_probs[split])
            except InputError as error:
                raise InputError(f"{split}: {error}; run relabel again") from None
    return {**sets, "test": read_set(folder / "test_set.pickle")}


def read_set(path: str | Path) -> ImageSet:
    """The set in a pickle from `dump_set`."""
    content = read_pickle(path)
    with located(path):
        check_parts(content)
        lists = {key: tuple(content[key]) for key in _LISTS if key in content}
        return ImageSet(**{**content, **lists})


def check_parts(content: Any) -> None:
    """Raise InputError unless `content` is a dict of arrays and lists, as in `dump_set`."""
    if not isinstance(content, dict):
        raise InputError(f"expected a dict of images, labels and classes, got {shown(content)}")
    for key, what in _NEEDED.items():
        if key not in content:
            raise InputError(f"expected a dict with {key!r}, {what}, got {shown_list([*content])}")
    known = ("images", "labels", "true_labels", *_LISTS)
    unknown = [key for key in content if key not in known]
    if unknown:
        raise InputError(
            "expected only images, labels, classes, true_labels and names, "
            f"got {shown_list(unknown)}"
        )
    for key, value in content.items():
        if key in _LISTS:
            if not isinstance(value, (list, tuple)):
                raise InputError(f"{key}: expected a list of names, got {shown(value)}")
        elif not isinstance(value, np.ndarray):
            raise InputError(f"{key}: expected an array, got {shown(value)}")


def dump_set(image_set: ImageSet) -> bytes:
    """The set as a pickle of plain arrays, which `pickle.load` can also read.

    Equal numbers and names give equal bytes, wherever the arrays come from.
    """
    content: dict[str, Any] = {
        "images": _plain(image_set.images, np.uint8),
        "labels": _plain(image_set.labels, np.int64),
        "classes": [str(name) for name in image_set.classes],
    }
    if image_set.true_labels is not None:
        content["true_labels"] = _plain(image_set.true_labels, np.int64)
    if image_set.names is not None:
        content["names"] = [str(name) for name in image_set.names]
    return _dump(content)


def dump_pred_probs(pred_probs: Mapping[str, np.ndarray]) -> bytes:
    """Probabilities (N, K) by split as a pickle; equal numbers give equal bytes."""
    return _dump({str(split): _plain(part, np.float64) for split, part in pred_probs.items()})


def _dump(content: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pickler = pickle.Pickler(file, _PROTOCOL)
    pickler.fast = True  # no memo: it would record which strings and dtypes are one object
    pickler.dump(content)
    return file.getvalue()


def _plain(array: np.ndarray, dtype: type[np.generic]) -> np.ndarray:
    return array.astype(dtype, order="C", subok=False)
