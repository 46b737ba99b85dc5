"""Labels in pickles: integers 0 to K - 1, for K classes that may have no names."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from noisylab.core.errors import InputError, located, shown

_SUBTRACT = "labels start at 0: subtract 1"


def read_label(label: Any) -> int:
    """The label of one image: an integer of any kind, but not a bool."""
    try:
        number = -1 if isinstance(label, bool) else operator.index(label)
    except TypeError:
        number = -1
    if not 0 <= number < 2**31:
        raise InputError(f"expected a label 0, 1, 2, ..., got {shown(label)}")
    return number


def listed_labels(key: str, values: Sequence[Any]) -> np.ndarray:
    """The labels in a list, (N,) int64. `key` names the list in messages."""
    labels = []
    for index, value in enumerate(values):
        with located(f"{key}: index {index}"):
            labels.append(read_label(value))
    return np.array(labels, np.int64)


def integers(key: str, content: dict[str, np.ndarray]) -> np.ndarray:
    """The array of integers in a part of a dict, as int64."""
    values = content[key]
    if values.dtype.kind not in "iu":
        raise InputError(f"{key}: expected an array of integers, got {shown(values)}")
    too_large = values[values > np.iinfo(np.int64).max]  # uint64 that int64 would make negative
    if too_large.size:
        raise InputError(f"{key}: expected labels 0, 1, 2, ..., got {too_large[0]}")
    return values.astype(np.int64)


def class_names(labels: np.ndarray) -> tuple[str, ...]:
    """Names "0", "1", ... of classes that have none, one for each label."""
    found, first = np.unique(labels, return_index=True)
    gaps = np.flatnonzero(found != np.arange(len(found)))
    if gaps.size:
        gap = gaps[0]
        remedy = "renumber the classes, or name all of them in classes.txt"
        raise InputError(
            f"expected labels 0, 1, 2, ... without a gap, got {found[gap]} at index {first[gap]} "
            f"and no {gap}; {_SUBTRACT if found[0] == 1 else remedy}"
        )
    return tuple(str(label) for label in found)


def check_start(labels: np.ndarray, n_classes: int) -> None:
    """Raise InputError for labels 1 to K."""
    if labels.size and (labels.min(), labels.max()) == (1, n_classes):
        raise InputError(f"expected labels 0 to {n_classes - 1}, got 1 to {n_classes}; {_SUBTRACT}")


def check_labels(labels: np.ndarray, names: tuple[str, ...], names_from: str) -> None:
    """Raise InputError for labels that no class has. `names_from` is the file of the names."""
    check_start(labels, len(names))
    outside = np.flatnonzero(labels >= len(names))
    if outside.size:
        raise InputError(
            f"index {outside[0]}: expected a label in 0..{len(names) - 1}, as {names_from} names "
            f"{len(names)} classes, got {labels[outside[0]]}"
        )
