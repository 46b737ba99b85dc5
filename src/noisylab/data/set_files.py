"""The sets that stages hand on, as pickles of plain arrays."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from noisylab.core.errors import InputError, shown
from noisylab.core.files import write_bytes
from noisylab.core.images import SPLITS, ImageSet
from noisylab.data import pickles

PRED_PROBS = "pred_probs.pickle"

_PROTOCOL = 4  # in protocol 5 the bytes depend on whether an array is writable, and on its layout
_ARRAYS = ("images", "labels", "true_labels")
_KEYS = {"images", "labels", "classes"}


def write_sets(folder: str | Path, sets: Mapping[str, ImageSet], prefix: str = "") -> None:
    """Write `{prefix}{split}_set.pickle` for each split."""
    for split, image_set in sets.items():
        write_bytes(Path(folder) / f"{prefix}{split}_set.pickle", dump_set(image_set))


def read_sets(folder: str | Path) -> dict[str, ImageSet]:
    """The sets `train`, `dev` and `test`, as `write_sets` wrote them; `test` may be empty."""
    return {split: read_set(Path(folder) / f"{split}_set.pickle") for split in SPLITS}


def read_fixed_sets(folder: str | Path) -> dict[str, ImageSet]:
    """The same with the corrected labels of train and dev, and what models say of these.

    Nobody corrects test. Raises InputError where what models say is not of these sets.
    """
    names = {"train": "fixed_train", "dev": "fixed_dev", "test": "test"}
    folder = Path(folder)
    sets = {split: read_set(folder / f"{names[split]}_set.pickle") for split in SPLITS}
    path = folder / PRED_PROBS
    pred_probs = pickles.read_pickle(path)
    if not isinstance(pred_probs, dict) or {*pred_probs} != {"train", "dev"}:
        raise InputError(f"{path}: must hold probabilities of train and dev; run relabel again")
    for split, part in pred_probs.items():
        try:
            sets[split] = replace(sets[split], pred_probs=part)
        except InputError as error:
            raise InputError(f"{path}: {split}: {error}; run relabel again") from None
    return sets


def write_fixed_sets(
    folder: str | Path, sets: Mapping[str, ImageSet], pred_probs: Mapping[str, np.ndarray]
) -> None:
    """Write the corrected train and dev, and what models say of them, (N, K) float64 by split."""
    write_sets(folder, sets, prefix="fixed_")
    write_bytes(Path(folder) / PRED_PROBS, dump_pred_probs(pred_probs))


def read_set(path: str | Path) -> ImageSet:
    """The set in a pickle that `dump_set` wrote."""
    content = pickles.read_pickle(path)
    try:
        return _as_set(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _as_set(content: Any) -> ImageSet:
    if not isinstance(content, dict):
        raise InputError(f"must hold a dict of images, labels and classes, got {_kind(content)}")
    missing = sorted(_KEYS - content.keys())
    if missing:
        raise InputError(f"lacks {', '.join(missing)}; a set is made by the stage prepare")
    unknown = sorted(shown(key) for key in content.keys() - _KEYS - {"true_labels"})
    if unknown:
        raise InputError(
            f"has the unknown key {unknown[0]}; images, labels, classes and true_labels are read"
        )
    for name in _ARRAYS:
        if name in content and not isinstance(content[name], np.ndarray):
            raise InputError(f"{name} must be an array, got {_kind(content[name])}")
    classes = content["classes"]
    if not isinstance(classes, (list, tuple)):
        raise InputError(f"classes must be a list of names, got {_kind(classes)}")
    for name in classes:
        if not isinstance(name, str):
            raise InputError(f"classes must be names, got {_kind(name)}")
    return ImageSet(
        content["images"], content["labels"], tuple(classes), content.get("true_labels")
    )


def _kind(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__


def dump_set(image_set: ImageSet) -> bytes:
    """The set as a pickle of plain arrays, which a plain `pickle.load` reads, too.

    Sets that hold the same numbers and names give the same bytes, wherever their arrays come from.
    """
    content: dict[str, Any] = {
        "images": _plain(image_set.images, np.uint8),
        "labels": _plain(image_set.labels, np.int64),
        "classes": [str(name) for name in image_set.classes],
    }
    if image_set.true_labels is not None:
        content["true_labels"] = _plain(image_set.true_labels, np.int64)
    return _dump(content)


def dump_pred_probs(pred_probs: Mapping[str, np.ndarray]) -> bytes:
    """Probabilities (N, K) by split as a pickle, of which the same holds."""
    return _dump({str(split): _plain(part, np.float64) for split, part in pred_probs.items()})


def _dump(content: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pickler = pickle.Pickler(file, _PROTOCOL)
    pickler.fast = True  # no memo: it would record which strings and dtypes are one object
    pickler.dump(content)
    return file.getvalue()


def _plain(array: np.ndarray, dtype: type[np.generic]) -> np.ndarray:
    plain = np.empty(array.shape, dtype)
    plain[...] = array
    return plain
