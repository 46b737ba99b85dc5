"""What `torch.save` writes, read without PyTorch: a zip file of a pickle and tensors' numbers.

PyTorch's own reader, even of weights only, allocates what a small file claims: storages that it
unpacks or enlarges to any size. Here a tensor is as large as the numbers that are really there.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np

from noisylab.core.errors import InputError
from noisylab.data import rebuild, unpickler
from noisylab.data.rebuild import Budget, Name

#: The network with 1000 classes and its optimizer's state take 4 MB, in double precision.
MAX_FILE_BYTES = 16 * 2**20

_BEFORE_1_6 = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."


def load(content: bytes) -> Any:
    """The plain values in a file of `torch.save`; tensors as arrays, bfloat16 as float32.

    Raises InputError, which does not name the file, for whatever else it holds, and for one that
    is damaged. Memory: at most 16 times the size of `content`, which is at most MAX_FILE_BYTES,
    and 100 bytes for each instruction, as unpickler.load().
    """
    if len(content) > MAX_FILE_BYTES:
        raise InputError(f"is larger than {MAX_FILE_BYTES:,} bytes; save the weights alone")
    if content.startswith(_BEFORE_1_6):
        raise InputError("is in PyTorch's form before 1.6; load it there and save it anew")
    records = _records(content)
    prefix = next((name[:-8] for name in records if name.endswith("data.pkl")), None)
    if prefix is None:
        raise InputError("holds no data.pkl; write it again with torch.save")
    if records.get(f"{prefix}byteorder", b"little") != b"little":
        raise InputError("is in big-endian byte order; save it on another machine")

    def find(budget: Budget, description: Any) -> np.ndarray | None:
        match description:
            case ("storage", Name(kind), str(key), str(), int(count)) if kind in rebuild.STORAGES:
                data = records.get(f"{prefix}data/{key}", b"")
                return rebuild.numbers(budget, kind, count, data)
        return None

    return unpickler.load_tensors(records[f"{prefix}data.pkl"], Budget(len(content)), find)


def _records(content: bytes) -> dict[str, bytes]:
    """The parts of the zip file by name; they must be stored as they are, so none can swell."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if any(part.compress_type or part.file_size != part.compress_size for part in parts):
                raise InputError("is compressed; write it again with torch.save")
            if sum(part.file_size for part in parts) > len(content):
                raise InputError("claims to hold more than its size; write it again")
            return {part.filename: archive.read(part) for part in parts}
    except InputError:
        raise
    except Exception:  # of damaged files zipfile raises nearly anything
        raise InputError("is damaged, or not of torch.save at all; write it again") from None
