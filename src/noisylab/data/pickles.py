"""Reading pickles without trusting them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from noisylab.core.errors import InputError, located
from noisylab.core.files import read_file
from noisylab.data import unpickler

#: All 60,000 images of CIFAR-10 as tensors of doubles take 1.5 GB.
MAX_FILE_BYTES = 2 * 2**30


def read_pickle(path: str | Path, *, mark_tensors: bool = False) -> Any:
    """The numbers, strings, bytes, lists, tuples, dicts and arrays in a pickle.

    Tensors come as arrays, bfloat16 as float32; arrays come in the machine's byte order.

    mark_tensors: make the arrays that were tensors of class `pickled_arrays.Tensor`.

    Runs no code from the file. Raises InputError if the file holds anything else, is damaged,
    missing, or not a pickle. For the memory it takes see `unpickler.load`.
    """
    data = read_file(path, MAX_FILE_BYTES)
    with located(path):
        if not data:
            raise InputError("is empty; write it again with pickle.dump")
        if data.startswith(b"PK\x03\x04"):
            raise InputError("is a zip file, the format of torch.save; save it with pickle.dump")
        return unpickler.load(data, mark_tensors=mark_tensors)
