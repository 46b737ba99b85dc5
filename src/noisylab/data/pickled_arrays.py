"""Arrays from the calls that NumPy and PyTorch write into pickles, for `unpickler.py`.

Each builder replaces one function of theirs, which is never called. It takes the arguments in the
file and returns the function's result, or None if no array is ever written with them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from noisylab.core.errors import InputError

#: 50,000 pairs of a tensor and a label take 4.3 million.
MAX_INSTRUCTIONS = 6_000_000

#: Arrays may take this many times the file's size. Half-precision tensors take six times.
MAX_BUILT = 8

_Order = Literal["C", "F"]
_NUMBERS = re.compile(r"b1|[iu][1248]|f[248]")
_STRINGS = tuple("UOS")  # kinds of arrays of strings; those of O may hold other objects
_MAX_EMPTY = 2**20  # product of the lengths that are not 0, if any is 0


@dataclass
class Budget:
    """Limits for one file of `size` bytes, including pickles inside pickles."""

    size: int
    instructions: int = MAX_INSTRUCTIONS
    built: int = 0

    def count_instruction(self) -> None:
        """Raise InputError if that is one too many."""
        self.instructions -= 1
        if self.instructions < 0:
            raise InputError(f"has over {MAX_INSTRUCTIONS:,} instructions; save arrays instead")

    def count_bytes(self, count: int) -> None:
        """Raise InputError if the arrays grow too large; to be called before they are allocated."""
        self.built += count
        if self.built > MAX_BUILT * self.size:
            raise InputError(f"builds arrays of more than {MAX_BUILT} times its own size")


Builder = Callable[[Budget, tuple[Any, ...]], Any]


@dataclass(frozen=True)
class Name:
    """A name in a pickle. It is never looked up."""

    name: str


@dataclass(eq=False)
class Unfinished:
    """An array or a dtype that still lacks its state, and its places in the memo."""

    name: str
    finish: Callable[[Budget, Any], Any]  # from the state to the value, None if refused
    memo_indices: list[int] = field(default_factory=list)


class Tensor(np.ndarray):
    """An array that was a tensor of PyTorch in its file."""


def describe(value: Any) -> str:
    """The name of `value` in an error message."""
    return value.name if isinstance(value, (Name, Unfinished)) else type(value).__name__


def shorten(name: str) -> str:
    """A name from a file, printable and at most 80 characters long."""
    return repr(name[:80])[1:-1][:80]


def storage(budget: Budget, header: list[Any], data: bytes, start: int) -> np.ndarray | None:
    """The numbers (N,) of a torch storage: their count stands at `start`, they follow."""
    match header:
        case [_, 1001, _, ("storage", Name(kind), str(), str(), int(count), None), _]:
            if int.from_bytes(data[start : start + 8], "little") == count:
                return numbers(budget, kind, count, memoryview(data)[start + 8 :])
    return None


def numbers(budget: Budget, kind: str, count: int, data: bytes | memoryview) -> np.ndarray | None:
    """The numbers (count,) of a storage of that kind; None unless `data` has just their size."""
    if kind not in _STORAGE_DTYPES:
        return None
    dtype = np.dtype(_STORAGE_DTYPES[kind])
    if len(data) != count * dtype.itemsize:
        return None
    values = np.frombuffer(data, dtype, count)
    if kind != "torch.BFloat16Storage":
        return values
    budget.count_bytes(8 * count)  # twice over: shifted, then copied
    return (values.astype("<u4") << 16).view("<f4")


def _is_shape(shape: Any) -> bool:
    return (
        isinstance(shape, tuple)
        and len(shape) <= 32
        and all(type(length) is int and 0 <= length < 2**40 for length in shape)
        and (0 not in shape or math.prod(length or 1 for length in shape) <= _MAX_EMPTY)
    )


def _array(
    budget: Budget, raw: bytes | bytearray, dtype: np.dtype[Any], shape: Any, order: _Order
) -> np.ndarray | None:
    """A copy of the numbers in `raw`, if `shape` holds exactly as many."""
    if not _is_shape(shape) or math.prod(shape) * dtype.itemsize != len(raw):
        return None
    budget.count_bytes(len(raw))
    return _native(np.frombuffer(raw, dtype).reshape(shape, order=order))


def _native(array: np.ndarray) -> np.ndarray:
    """A copy in the machine's byte order, which PyTorch requires."""
    return np.array(array, array.dtype.newbyteorder("="))


def _reconstruct(_: Budget, arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (Name("numpy.ndarray"), (0,), b"b" | "b"):
            return Unfinished("numpy.ndarray", _finish_array)


def _finish_array(budget: Budget, state: Any) -> Any:
    match state:
        case (1, shape, np.dtype() as dtype, bool(fortran), bytes() | str() as raw):
            return _array(budget, _raw(raw), dtype, shape, "F" if fortran else "C")


def _raw(numbers: bytes | str) -> bytes:
    """The bytes of an array. Those of a str of Python 2 come as text if all are ASCII."""
    return numbers.encode("latin-1") if isinstance(numbers, str) else numbers


def _frombuffer(budget: Budget, arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (bytes() | bytearray() as raw, np.dtype() as dtype, shape, "C" | "F" as order):
            return _array(budget, raw, dtype, shape, order)
        case (raw, dtype, shape, "K", tuple(axes)) if all(type(axis) is int for axis in axes):
            array = _frombuffer(budget, (raw, dtype, shape, "C"))
            if array is not None and sorted(axes) == list(range(array.ndim)):
                return array.transpose(axes)


def _scalar(budget: Budget, arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (np.dtype() as dtype, bytes() | str() as raw):
            array = _array(budget, _raw(raw), dtype, (), "C")
            return None if array is None else array[()]


def _dtype(_: Budget, arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (str() | bytes() as kind, int(), int()):
            kind = kind.decode("latin-1") if isinstance(kind, bytes) else kind
            if not _NUMBERS.fullmatch(kind):
                remedy = "; give names as a list, array.tolist()" if kind[:1] in _STRINGS else ""
                raise InputError(
                    f"contains arrays of type {shorten(kind)}; only numbers are read{remedy}"
                )
            return Unfinished("numpy.dtype", partial(_finish_dtype, np.dtype(kind)))


def _finish_dtype(dtype: np.dtype[Any], _: Budget, state: Any) -> Any:
    match state:
        case (3, "<" | b"<" | "|" | b"|", None, None, None, -1, -1, 0):
            return dtype.newbyteorder("<")
        case (3, ">" | b">", None, None, None, -1, -1, 0):
            return dtype.newbyteorder(">")


def _tensor(budget: Budget, arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (np.ndarray(ndim=1) as values, int(offset), size, tuple(stride), bool(), dict()) if (
            _is_shape(size)
            and len(size) == len(stride)
            and all(type(step) is int and step >= 0 for step in stride)
        ):
            return _strided(budget, values, offset, size, stride)


def _marked_tensor(budget: Budget, arguments: tuple[Any, ...]) -> Any:
    array = _tensor(budget, arguments)
    return None if array is None else array.view(Tensor)


def _strided(
    budget: Budget, values: np.ndarray, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
) -> np.ndarray | None:
    """A copy of a view of `values` (N,), if it stays inside and is no larger than they are."""
    n_items = math.prod(size)
    steps = [step if length > 1 else 0 for length, step in zip(size, stride, strict=True)]
    last = offset + sum((length - 1) * step for length, step in zip(size, steps, strict=True))
    if offset < 0 or n_items > len(values) or (n_items and last >= len(values)):
        return None
    budget.count_bytes(n_items * values.itemsize)
    if not n_items:
        return np.empty(size, values.dtype.newbyteorder("="))
    in_bytes = [step * values.itemsize for step in steps]
    return _native(np.lib.stride_tricks.as_strided(values[offset:], size, in_bytes))


def _parameter(_: Budget, arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (np.ndarray() as values, bool(), dict()):
            return values


def _encode(budget: Budget, arguments: tuple[Any, ...]) -> Any:
    """Bytes in protocols 0 to 2, which write them as text."""
    match arguments:
        case (str(text), "latin1"):
            budget.count_bytes(len(text))
            return text.encode("latin-1")


def _never(_: Budget, __: tuple[Any, ...]) -> None:
    """For names that occur only as arguments."""


BUILDERS: dict[str, Builder] = {
    "numpy.ndarray": _never,
    "numpy.dtype": _dtype,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "collections.OrderedDict": lambda _, arguments: None if arguments else {},
    "_codecs.encode": _encode,
    "builtins.bytes": lambda _, arguments: None if arguments else b"",
    "__builtin__.bytes": lambda _, arguments: None if arguments else b"",
}
#: In place of those above, where it matters which arrays were tensors.
MARKING: dict[str, Builder] = {"torch._utils._rebuild_tensor_v2": _marked_tensor}
for _core in ("numpy._core", "numpy.core"):  # NumPy 2 and NumPy 1
    BUILDERS[f"{_core}.multiarray._reconstruct"] = _reconstruct
    BUILDERS[f"{_core}.multiarray.scalar"] = _scalar
    BUILDERS[f"{_core}.numeric._frombuffer"] = _frombuffer

_STORAGE_DTYPES = {
    "torch.BoolStorage": "?",
    "torch.ByteStorage": "u1",
    "torch.CharStorage": "i1",
    "torch.ShortStorage": "<i2",
    "torch.IntStorage": "<i4",
    "torch.LongStorage": "<i8",
    "torch.HalfStorage": "<f2",
    "torch.BFloat16Storage": "<u2",  # the upper half of a float32
    "torch.FloatStorage": "<f4",
    "torch.DoubleStorage": "<f8",
}
STORAGES: dict[str, Builder] = dict.fromkeys(_STORAGE_DTYPES, _never)
