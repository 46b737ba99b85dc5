"""Reading pickles without trusting them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from noisylab.core.errors import InputError
from noisylab.core.files import read_file
from noisylab.data import unpickler
from noisylab.data.unpickler import Encoding

#: All 60,000 images of CIFAR-10 as tensors of doubles take 1.5 GB.
MAX_FILE_BYTES = 2 * 2**30


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
