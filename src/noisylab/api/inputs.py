"""Arrays of users, of any type, as the arrays that the library computes with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from noisylab.core.errors import InputError, shown
from noisylab.core.images import SIZE, check_probs


def as_labels(labels: ArrayLike, n_rows: int, n_classes: int, name: str = "labels") -> np.ndarray:
    """Labels as (n_rows,) int64. Raises InputError unless all are integers in 0..n_classes - 1."""
    found = _as_array(name, labels)
    if found.shape != (n_rows,):
        raise InputError(
            f"{name} must be of shape ({n_rows},), a class number for each row, got {shown(found)}"
        )
    wanted = f"{name} must be integers in 0..{n_classes - 1}"
    if found.size and found.dtype.kind not in "iub":
        raise InputError(f"{wanted}, got {_first_bad(found.tolist())}")
    outside = np.flatnonzero((found < 0) | (found >= n_classes))
    if outside.size:
        raise InputError(f"{wanted}, got {found[outside[0]]} at index {outside[0]}")
    return found.astype(np.int64)


def _first_bad(labels: list[Any]) -> str:
    """The first label that is no integer, its index, and the remedy."""
    whole = [
        isinstance(label, int) or (isinstance(label, float) and label % 1 == 0) for label in labels
    ]
    index, remedy = 0, "; use astype(int)"
    if not all(whole):
        index, remedy = whole.index(False), ""
    if isinstance(labels[index], str):
        remedy = "; number the classes in the order of the model's outputs"
    return f"{shown(labels[index])} at index {index}{remedy}"


def as_probs(pred_probs: ArrayLike) -> np.ndarray:
    """Probabilities as (N, K) float64, K >= 2. Raises InputError unless all rows sum to 1."""
    found = _as_array("pred_probs", pred_probs)
    if found.ndim != 2 or found.shape[1] < 2 or found.dtype.kind not in "fiu":
        raise InputError(
            "pred_probs must be numbers of shape (N, K), a row for each image and a column for "
            f"each of two or more classes, got {shown(found)}"
        )
    found = found.astype(np.float64)
    check_probs(found, *found.shape)
    return found


def as_images(images: ArrayLike) -> np.ndarray:
    """Images as (N, 32, 32, 3) uint8. Raises InputError unless they are of that shape and type."""
    found = _as_array("images", images)
    if found.dtype != np.uint8 or found.shape[1:] != (SIZE, SIZE, 3):
        got = shown(found if found.ndim else images)
        raise InputError(
            f"images must be uint8 of shape (N, {SIZE}, {SIZE}, 3), RGB in 0..255, got {got}"
        )
    return np.require(found, requirements=("C", "W"))  # torch takes no other arrays


def _as_array(name: str, values: Any) -> np.ndarray:
    if hasattr(values, "detach"):  # a tensor, which may be on another device
        values = values.detach().cpu()
        if values.is_floating_point():
            values = values.double()  # numpy has no bfloat16
    try:
        found = np.asarray(values)
        # A column of objects may hold numbers.
        return np.array(found.tolist()) if found.dtype == object else found
    except (ValueError, TypeError, RuntimeError):
        raise InputError(f"{name} must be an array, got {shown(values)} of mixed shapes") from None
