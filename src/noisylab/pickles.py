"""Reading and writing sets as pickles, without trusting the pickles."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from noisylab import unpickler
from noisylab.errors import InputError, shown
from noisylab.files import read_file
from noisylab.images import ImageSet
from noisylab.unpickler import Encoding

#: All 60,000 images of CIFAR-10 as tensors of doubles take 1.5 GB.
MAX_FILE_BYTES = 2 * 2**30

_PROTOCOL = 4  # in protocol 5 the bytes depend on whether an array is writable, and on its layout
_ARRAYS = ("images", "labels", "true_labels")
_KEYS = {"images", "labels", "classes"}


def read_set(path: str | Path) -> ImageSet:
    """The set in a pickle that `dump_set` wrote."""
    content = read_pickle(path)
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


def read_pickle(path: str | Path, encoding: Encoding = "ASCII") -> Any:
    """What a pickle holds: numbers, strings, bytes, lists, tuples, dicts and arrays.

    Tensors come as arrays, bfloat16 as float32; arrays come in the machine's byte order.
    encoding: "bytes" for what Python 2 wrote, such as CIFAR-10's own `data_batch_1`.

    Runs nothing that the file says. Raises InputError for a file that holds anything else, and for
    one that is damaged, missing, or not a pickle. For the memory it takes see `unpickler.load`.
    """
    data = read_file(path, MAX_FILE_BYTES)
    try:
        return unpickler.load(_checked(data), encoding)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _checked(data: bytes) -> bytes:
    if not data:
        raise InputError("is empty; write it again with pickle.dump")
    if data.startswith(b"PK\x03\x04"):
        raise InputError("is a zip file, as torch.save writes them; save it with pickle.dump")
    return data
