"""Sets from train.pickle, dev.pickle and optionally test.pickle, in any of three forms.

Pairs: a list of (float tensor (3, H, W), int label). Values are in [-1, 1], or else in [0, 1] or
[0, 255] with a notice; see `value_ranges`. The lines of a classes.txt beside the pickles name the
classes; without that file they are called "0", "1", ...
Arrays: a dict of `images` uint8 (N, H, W, 3), `labels` (N,) int, `classes` (K names) and
optionally `true_labels` (N,) int and `names` (N strings), as in the sets that noisylab writes. A
classes.txt may name the classes, and labels may be lists.
Batches of CIFAR, as its authors pickled them; classes.txt as for pairs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from noisylab.core.errors import InputError, located, shown, shown_list
from noisylab.core.files import read_text
from noisylab.core.images import SIZE, ImageSet, check_classes, check_names
from noisylab.data.pickles import read_pickle
from noisylab.data.set_files import check_parts
from noisylab.data.sources.cifar_batches import from_batch, is_batch
from noisylab.data.sources.forms import check_class_names
from noisylab.data.sources.photos import MAX_PIXELS, Sizes, fit_all, resize_notices
from noisylab.data.sources.pickled_labels import (
    check_labels,
    check_start,
    class_names,
    integers,
    listed_labels,
    read_label,
)
from noisylab.data.sources.value_ranges import Ranges

#: As 32x32, images may take this much, or this many times the file's size. All of CIFAR-10 takes
#: 184 MB; without a limit, half a megabyte of tiny images would become a gigabyte.
_MAX_IMAGE_BYTES = 256 * 2**20
_MAX_GROWTH = 64  # images of 4x4 pixels as uint8

MAX_NAMES_BYTES = 2**20  # of classes.txt


def read_tensors(folder: Path) -> tuple[dict[str, ImageSet], list[str]]:
    """The sets by split, and notices.

    Raises InputError that names the file and, for pairs, the index in it.
    """
    resized = Sizes()
    sets: dict[str, ImageSet] = {}
    ranges = Ranges()
    names = _read_names(folder / "classes.txt")
    names_from = "train.pickle" if names is None else "classes.txt"
    for split in ["train", "dev"] + ["test"] * (folder / "test.pickle").exists():
        path = folder / f"{split}.pickle"
        content = _read(path)
        with located(path):
            file_bytes = path.stat().st_size
            if is_batch(content):
                parts = from_batch(content)
            elif isinstance(content, dict):
                named = content if names is None else {"classes": names, **content}
                parts = _from_arrays(named, file_bytes, resized)
                check_start(parts["labels"], len(parts["classes"]))
            else:
                parts = _from_pairs(content, file_bytes, resized, ranges, path.name)
            if split != "test" and not len(parts["images"]):
                raise InputError("holds no images; expected at least one of every class")
            if "classes" not in parts:
                if names is None:
                    check_class_names(folder)
                    names = class_names(parts["labels"])
                parts["classes"] = names
                check_labels(parts["labels"], names, names_from)
            sets[split] = ImageSet(**parts)
            if sets[split].classes != sets["train"].classes:
                raise InputError(
                    f"expected the classes of train.pickle, {shown_list(sets['train'].classes)}, "
                    f"got {shown_list(sets[split].classes)}"
                )
    return sets, ranges.notices + resize_notices(resized)


def read_images(path: Path) -> tuple[np.ndarray, tuple[str, ...] | None, list[str]]:
    """Images (N, 32, 32, 3) uint8 in a pickle, their names if it has any, and notices.

    Labels may be absent: the file may also hold a dict of only `images`, a list of tensors, or one
    array of either. Raises InputError that names the file.
    """
    content = _read(path)
    file_bytes = path.stat().st_size
    ranges = Ranges()
    with located(path):
        if isinstance(content, np.ndarray):
            is_pixels = content.dtype == np.uint8 and content.shape[3:] == (3,)
            content = {"images": content} if is_pixels or not content.ndim else list(content)
        if is_batch(content):
            parts = from_batch(content)
        elif isinstance(content, dict):
            unlabelled = {"labels": np.zeros(0, np.int64), "classes": []}
            if "images" in content:
                content = {**unlabelled, **content}
            parts = _from_arrays(content, file_bytes, Sizes())
        else:
            if isinstance(content, (list, tuple)):
                content = [(part, 0) if isinstance(part, np.ndarray) else part for part in content]
            parts = _from_pairs(content, file_bytes, Sizes(), ranges, str(path))
        if not len(parts["images"]):
            raise InputError("holds no images")
        names = parts.get("names")
        if names is not None:
            check_names(names, len(parts["images"]))
    return parts["images"], names, ranges.notices


def _read(path: Path) -> Any:
    try:
        return read_pickle(path)
    except InputError as error:
        if "only arrays and tensors are read" not in str(error):
            raise
        raise InputError(
            f"{error}; write the images as a uint8 array (N, H, W, 3) in a dict, see "
            "docs/own-images.md"
        ) from None


def _from_pairs(
    pairs: Any, file_bytes: int, resized: Sizes, ranges: Ranges, name: str
) -> dict[str, Any]:
    """Images and labels; no classes, which pairs do not name."""
    if not isinstance(pairs, (list, tuple)):
        raise InputError(
            f"expected a list of (tensor, label) pairs or a dict of arrays, got {shown(pairs)}"
        )
    _check_growth(len(pairs), file_bytes)
    labels = []
    for index, pair in enumerate(pairs):
        with located(f"index {index}"):
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise InputError(f"expected a (tensor, label) pair, got {shown(pair)}")
            _check_tensor(pair[0])
            labels.append(read_label(pair[1]))
    values = ranges.of(name, [tensor for tensor, _ in pairs])
    images = (values.to_uint8(tensor).transpose(1, 2, 0) for tensor, _ in pairs)
    return {"images": fit_all(images, len(pairs), resized), "labels": np.array(labels, np.int64)}


def _check_tensor(tensor: Any) -> None:
    if not isinstance(tensor, np.ndarray) or not (
        tensor.dtype.kind == "f" or tensor.dtype == np.uint8
    ):
        raise InputError(f"expected a tensor (3, H, W) of floats or uint8, got {shown(tensor)}")
    if tensor.ndim != 3 or tensor.shape[0] != 3 or tensor.size == 0:
        raise InputError(
            f"expected a tensor of shape (3, H, W), got {shown(tensor)}; "
            "give RGB with the channels first"
        )
    if tensor.size > 3 * MAX_PIXELS:
        raise InputError(
            f"expected at most {MAX_PIXELS // 10**6} million pixels, got {shown(tensor)}"
        )


def _from_arrays(content: dict[str, Any], file_bytes: int, resized: Sizes) -> dict[str, Any]:
    for key in ("labels", "true_labels"):
        if isinstance(content.get(key), (list, tuple)):
            content = {**content, key: listed_labels(key, content[key])}
    check_parts(content)
    images = content["images"]
    if images.dtype != np.uint8 or images.shape[3:] != (3,) or 0 in images.shape[1:]:
        raise InputError(
            f"images: expected uint8 (N, H, W, 3), got {shown(images)}; "
            "give RGB pixels from 0 to 255, the channels last"
        )
    parts: dict[str, Any] = {
        "classes": tuple(content["classes"]),
        "labels": integers("labels", content),
    }
    if "true_labels" in content:
        parts["true_labels"] = integers("true_labels", content)
    if "names" in content:
        parts["names"] = tuple(content["names"])
    _check_growth(len(images), file_bytes)
    return {**parts, "images": fit_all(images, len(images), resized)}


def _check_growth(n_images: int, file_bytes: int) -> None:
    most = max(_MAX_IMAGE_BYTES, _MAX_GROWTH * file_bytes) // (SIZE * SIZE * 3)
    if n_images > most:
        raise InputError(
            f"expected at most {most:,} images in a file of this size, got {n_images:,}; "
            f"save them as {SIZE}x{SIZE}"
        )


def _read_names(path: Path) -> tuple[str, ...] | None:
    if not path.exists():
        return None
    lines = read_text(path, MAX_NAMES_BYTES).split("\n")
    names = tuple(line.strip() for line in lines if line.strip())
    with located(path):
        check_classes(names)
    return names
