"""Sets from train.pickle, dev.pickle and perhaps test.pickle, of either of two contents.

Pairs: a list of (float tensor (3, H, W) in [-1, 1], int label). Classes are named by the lines
of a classes.txt beside the pickles, or "0", "1", ... where there is none.
Arrays: a dict of `images` uint8 (N, H, W, 3), `labels` (N,) int, `classes` (K names) and perhaps
`true_labels` (N,) int, as noisylab writes its own sets.
"""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noisylab.core.errors import InputError, shown, shown_list
from noisylab.core.files import read_text
from noisylab.core.images import SIZE, ImageSet, check_classes
from noisylab.data.pickles import read_pickle
from noisylab.data.sources.photos import MAX_PIXELS, fit

_ROUNDING = 1e-5  # how far float arithmetic may carry a value out of [-1, 1]; a level is 8e-3
_GREY = 128  # what 0 becomes as uint8

#: Images may take this much, or this often their file's size, once they are 32x32. CIFAR-10 as a
#: whole takes 184 MB; without a bound half a megabyte of tiny images would become a gigabyte.
_MAX_IMAGE_BYTES = 256 * 2**20
_MAX_GROWTH = 64  # images of 4x4 pixels as uint8

MAX_NAMES_BYTES = 2**20  # of classes.txt

_KEYS = ("images", "labels", "classes", "true_labels")


def read_pickled(
    folder: Path,
) -> tuple[dict[str, ImageSet], Counter[tuple[int, int]], list[str]]:
    """The sets by split, how many images of each other (height, width) were resized, notices.

    Raises InputError that names the file and, where there is one, the index in it.
    """
    splits = ["train", "dev"] + ["test"] * (folder / "test.pickle").exists()
    resized: Counter[tuple[int, int]] = Counter()
    sets: dict[str, ImageSet] = {}
    notices: list[str] = []
    names = _read_names(folder / "classes.txt")
    named_in = "train.pickle" if names is None else "classes.txt"
    for split in splits:
        path = folder / f"{split}.pickle"
        contents = _read_contents(path, resized)
        if split != "test" and not len(contents.images):
            raise InputError(f"{path}: holds no images; expected at least one of every class")
        if contents.classes is None and names is None:
            names = _numbered(path, contents.labels)
        sets[split] = _make_set(path, contents, names or (), named_in)
        _check_same_classes(folder / "train.pickle", sets["train"], path, sets[split])
        if contents.classes is None and len(contents.images) and contents.images.min() >= _GREY:
            notices.append(
                f"{path.name}: no value is below 0: are the tensors in [0, 1]? "
                "expected [-1, 1], (pixels / 255 - 0.5) / 0.5"
            )
    return sets, resized, notices


def to_uint8(tensor: np.ndarray) -> np.ndarray:
    """Floats in [-1, 1] as uint8: the exact inverse of (pixels / 255 - 0.5) / 0.5."""
    levels = np.rint((tensor.astype(np.float64) + 1) / 2 * 255)
    return np.clip(levels, 0, 255).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class _Contents:
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...] | None = None  # None: a list of pairs, which knows no names
    true_labels: np.ndarray | None = None


def _read_contents(path: Path, resized: Counter[tuple[int, int]]) -> _Contents:
    content: Any = read_pickle(path)
    if isinstance(content, dict):
        return _from_arrays(path, content, resized)
    if isinstance(content, (list, tuple)):
        return _from_pairs(path, content, resized)
    raise InputError(
        f"{path}: expected a list of (tensor, label) pairs or a dict of arrays, "
        f"got {shown(content)}"
    )


def _from_pairs(
    path: Path, pairs: list[Any] | tuple[Any, ...], resized: Counter[tuple[int, int]]
) -> _Contents:
    images = _empty_images(path, len(pairs))
    labels = np.empty(len(pairs), np.int64)
    for index, pair in enumerate(pairs):
        where = f"{path}: index {index}"
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise InputError(f"{where}: expected a (tensor, label) pair, got {shown(pair)}")
        _check_tensor(where, pair[0])
        images[index] = _fit(to_uint8(pair[0]).transpose(1, 2, 0), resized)
        labels[index] = _label(where, pair[1])
    return _Contents(images, labels)


def _empty_images(path: Path, n_images: int) -> np.ndarray:
    limit = max(_MAX_IMAGE_BYTES, _MAX_GROWTH * path.stat().st_size)
    if n_images * SIZE * SIZE * 3 > limit:
        raise InputError(
            f"{path}: expected at most {limit // (SIZE * SIZE * 3):,} images in a file of its "
            f"size, got {n_images:,}; save them as {SIZE}x{SIZE}"
        )
    return np.empty((n_images, SIZE, SIZE, 3), np.uint8)


def _check_tensor(where: str, tensor: Any) -> None:
    if not isinstance(tensor, np.ndarray) or tensor.dtype.kind != "f":
        raise InputError(f"{where}: expected a float tensor (3, H, W), got {shown(tensor)}")
    if tensor.ndim != 3 or tensor.shape[0] != 3 or tensor.size == 0:
        raise InputError(
            f"{where}: expected a tensor of shape (3, H, W), got {shown(tensor)}; "
            "give RGB with the channels first"
        )
    if tensor.size > 3 * MAX_PIXELS:
        raise InputError(
            f"{where}: expected at most {MAX_PIXELS // 10**6} million pixels, got {shown(tensor)}"
        )
    if not (np.abs(tensor) <= 1 + _ROUNDING).all():  # so that NaN fails too
        value = tensor[~(np.abs(tensor) <= 1 + _ROUNDING)][0]
        raise InputError(
            f"{where}: expected values in [-1, 1], got {value:g}; "
            "divide pixels by 255, then subtract 0.5 and divide by 0.5"
        )


def _label(where: str, label: Any) -> int:
    try:
        number = -1 if isinstance(label, bool) else operator.index(label)
    except TypeError:
        number = -1
    if not 0 <= number < 2**31:
        raise InputError(f"{where}: expected a label 0, 1, 2, ..., got {shown(label)}")
    return number


def _from_arrays(
    path: Path, content: dict[Any, Any], resized: Counter[tuple[int, int]]
) -> _Contents:
    for key in _KEYS[:3]:
        if key not in content:
            raise InputError(f"{path}: expected a dict with {key!r}, got {shown_list([*content])}")
    unknown = [key for key in content if key not in _KEYS]
    if unknown:
        raise InputError(
            f"{path}: expected only {', '.join(_KEYS)}, got the unknown {shown_list(unknown)}"
        )
    images, classes = content["images"], content["classes"]
    if (
        not isinstance(images, np.ndarray)
        or images.dtype != np.uint8
        or images.ndim != 4
        or images.shape[3] != 3
        or 0 in images.shape[1:3]
    ):
        raise InputError(f"{path}: images: expected uint8 (N, H, W, 3), got {shown(images)}")
    if not isinstance(classes, (list, tuple)):
        raise InputError(f"{path}: classes: expected a list of names, got {shown(classes)}")
    fitted = _empty_images(path, len(images))
    for index, image in enumerate(images):
        fitted[index] = _fit(image, resized)
    true_labels = content.get("true_labels")
    return _Contents(
        fitted,
        _integers(path, "labels", content["labels"]),
        tuple(classes),
        None if true_labels is None else _integers(path, "true_labels", true_labels),
    )


def _integers(path: Path, key: str, values: Any) -> np.ndarray:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iu":
        raise InputError(f"{path}: {key}: expected an array of integers, got {shown(values)}")
    too_large = values[values > np.iinfo(np.int64).max]  # of uint64: they would become negative
    if too_large.size:
        raise InputError(f"{path}: {key}: expected labels 0, 1, 2, ..., got {too_large[0]}")
    return values.astype(np.int64)


def _fit(image: np.ndarray, resized: Counter[tuple[int, int]]) -> np.ndarray:
    if image.shape[:2] != (SIZE, SIZE):
        resized[image.shape[0], image.shape[1]] += 1
    return fit(image)


def _make_set(path: Path, contents: _Contents, names: tuple[str, ...], named_in: str) -> ImageSet:
    classes = names if contents.classes is None else contents.classes
    if contents.classes is None and contents.labels.max(initial=0) >= len(names):
        index = np.flatnonzero(contents.labels >= len(names))[0]
        raise InputError(
            f"{path}: index {index}: expected a label in 0..{len(names) - 1}, as {named_in} names "
            f"{len(names)} classes, got {contents.labels[index]}"
        )
    try:
        return ImageSet(contents.images, contents.labels, classes, contents.true_labels)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _read_names(path: Path) -> tuple[str, ...] | None:
    if not path.exists():
        return None
    lines = read_text(path, MAX_NAMES_BYTES).split("\n")
    names = tuple(line.strip() for line in lines if line.strip())
    try:
        check_classes(names)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return names


def _numbered(path: Path, labels: np.ndarray) -> tuple[str, ...]:
    found, first = np.unique(labels, return_index=True)
    gaps = np.flatnonzero(found != np.arange(len(found)))
    if gaps.size:
        raise InputError(
            f"{path}: expected labels 0, 1, 2, ... without a gap, got {found[gaps[0]]} "
            f"at index {first[gaps[0]]} and no {gaps[0]}; number the classes anew or name them all "
            "in classes.txt"
        )
    return tuple(str(label) for label in found)


def _check_same_classes(train_path: Path, train: ImageSet, path: Path, images: ImageSet) -> None:
    if images.classes != train.classes:
        raise InputError(
            f"{path}: expected the classes of {train_path.name}, {shown_list(train.classes)}, "
            f"got {shown_list(images.classes)}"
        )
