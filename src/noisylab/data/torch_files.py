"""Files of `torch.save`, read without PyTorch: a zip file of a pickle and the tensors' numbers.

PyTorch's own reader, even restricted to weights, allocates as much as a small file claims: it
unpacks storages and enlarges them to any size. Here a tensor is as large as its part of the file.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

from noisylab.core.errors import InputError
from noisylab.data import pickled_arrays, unpickler
from noisylab.data.pickled_arrays import Budget, Name

#: The network with 1000 classes and its optimizer's state take 4 MB, in double precision.
MAX_FILE_BYTES = 16 * 2**20

_BEFORE_1_6 = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."


def load(content: bytes) -> Any:
    """The plain values in a file of `torch.save`; tensors as arrays, bfloat16 as float32.

    Raises InputError, which does not name the file, if it is damaged or holds anything else.
    `content` may have MAX_FILE_BYTES; for the memory it takes see `unpickler.load`.
    """
    if len(content) > MAX_FILE_BYTES:
        raise InputError(f"is larger than {MAX_FILE_BYTES:,} bytes; save only the weights")
    if content.startswith(_BEFORE_1_6):
        raise InputError("has the format of PyTorch before 1.6; save it with a newer version")
    records = _records(content)
    prefix = next((name[:-8] for name in records if name.endswith("data.pkl")), None)
    if prefix is None:
        raise InputError("holds no data.pkl; write it again with torch.save")
    if records.get(f"{prefix}byteorder", b"little") != b"little":
        raise InputError("is in big-endian byte order; save it on another machine")

    budget = Budget(len(content))

    def find(description: Any) -> Any:
        match description:
            case ("storage", Name(kind), str(key), str(), int(count)):
                data = records.get(f"{prefix}data/{key}", b"")
                return pickled_arrays.numbers(budget, kind, count, data)

    return unpickler.load(records[f"{prefix}data.pkl"], budget, find)


def _records(content: bytes) -> dict[str, bytes]:
    """The parts of the zip file by name. They must be uncompressed, so that none can swell."""
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
    except Exception:  # zipfile raises nearly anything for a damaged file
        raise InputError("is damaged or not from torch.save; write it again") from None
