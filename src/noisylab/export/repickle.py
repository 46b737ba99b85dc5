"""A user's pickle with other labels: the same containers, arrays, tensors and number types."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from noisylab.data.pickled_arrays import Tensor
from noisylab.data.pickles import read_pickle
from noisylab.data.sources.cifar_batches import is_batch, label_key


def with_labels(path: Path, labels: np.ndarray) -> bytes:
    """The content of a pickle in a form of `sources.tensors`, with other labels (N,) int64.

    All else stays: lists and tuples, keys and their order, dtypes, tensors of PyTorch, and the
    pickle's protocol. Only tensors of bfloat16 become float32.
    """
    content = read_pickle(path, mark_tensors=True)
    if is_batch(content):
        key = label_key(content)
        changed = {**content, key: type(content[key])(labels.tolist())}
    elif isinstance(content, dict):
        changed = {**content, "labels": _like(content["labels"], labels)}
    else:
        pairs = zip(content, labels, strict=True)
        changed = type(content)(type(pair)((pair[0], _like(pair[1], own))) for pair, own in pairs)
    return pickle.dumps(_torch(changed), _protocol(path))


def count_images(path: Path) -> int:
    """Number of images in a batch of CIFAR."""
    content = read_pickle(path)
    return len(content[label_key(content)])


def _like(old: Any, new: Any) -> Any:
    """A label, or an array or list of labels, of the type of the old one."""
    if isinstance(old, (list, tuple)):
        return type(old)(map(_like, old, new))
    if isinstance(old, np.ndarray):
        return np.array(new, old.dtype).view(type(old))
    return old.dtype.type(new) if isinstance(old, np.generic) else int(new)


def _torch(value: Any) -> Any:
    """The value with the arrays that were tensors as tensors."""
    if isinstance(value, Tensor):
        import torch  # here: it takes seconds, and few pickles hold tensors

        return torch.from_numpy(np.asarray(value))
    if isinstance(value, (list, tuple)):
        return type(value)(map(_torch, value))
    if isinstance(value, dict):
        return {key: _torch(part) for key, part in value.items()}
    return value


def _protocol(path: Path) -> int:
    with path.open("rb") as file:
        first, version = file.read(2)
    return version if first == pickle.PROTO[0] else 0
