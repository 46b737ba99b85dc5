"""Arrays from the calls that NumPy and PyTorch write into pickles, for `unpickler.py`.

Each builder stands for one function of theirs and takes the arguments in the file. It returns the
result of that function, or None if no array was ever written that way; it never calls the function.
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

ONLY = "only arrays and tensors are read"

#: 50,000 pairs of a tensor and a label take 4.3 million.
MAX_INSTRUCTIONS = 6_000_000

#: How many times the file's size its arrays may take. Half-precision tensors take six.
MAX_BUILT = 8

_NUMBERS = re.compile(r"b1|[iu][1248]|f[248]")
_MAX_EMPTY = 2**20  # product of the other lengths of an array without numbers


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
        """Raise InputError if these are too many; called before they are allocated."""
        self.built += count
        if self.built > MAX_BUILT * self.size:
            raise InputError(f"builds arrays of more than {MAX_BUILT} times its own size")


Builder = Callable[[Budget, tuple[Any, ...]], Any]


@dataclass(frozen=True)
class Name:
    """A name in a pickle. It is never looked up."""

    text: str


@dataclass(eq=False)
class Unfinished:
    """An array or a dtype before its state is given, and its places in the memo."""

    name: str
    finish: Callable[[Budget, Any], Any]  # (budget, state): the finished thing, None if refused
    memo_indices: list[int] = field(default_factory=list)


def describe(value: Any) -> str:
    """The name of `value` in an error message."""
    if isinstance(value, Name):
        return value.text
    return value.name if isinstance(value, Unfinished) else type(value).__name__


def shorten(name: str) -> str:
    """A name from a file, printable and at most 80 characters long."""
    return repr(name[:80])[1:-1][:80]


def storage(budget: Budget, header: list[Any], data: bytes, start: int) -> np.ndarray | None:
    """The numbers of a torch storage, (N,): from `start` on, their count and then themselves."""
    match header:
        case [_, 1001, _, ("storage", Name(kind), str(), str(), int(count), None), _]:
            if int.from_bytes(data[start : start + 8], "little") == count:
                return numbers(budget, kind, count, memoryview(data)[start + 8 :])
    return None


def numbers(budget: Budget, kind: str, count: int, data: bytes | memoryview) -> np.ndarray | None:
    """The numbers (count,) of a storage of that kind; None unless `data` holds exactly these."""
    if kind not in _STORAGE_DTYPES:
        return None
    dtype = np.dtype(_STORAGE_DTYPES[kind])
    if count < 0 or len(data) != count * dtype.itemsize:
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
    budget: Budget,
    raw: bytes | bytearray,
    dtype: np.dtype[Any],
    shape: Any,
    order: Literal["C", "F"],
) -> np.ndarray | None:
    """A copy of the numbers in `raw`, if `shape` holds exactly as many."""
    if not _is_shape(shape) or math.prod(shape) * dtype.itemsize != len(raw):
        return None
    budget.count_bytes(len(raw))
    return _native(np.frombuffer(raw, dtype).reshape(shape, order=order))


def _native(array: np.ndarray) -> np.ndarray:
    """A copy in the machine's byte order, which PyTorch requires."""
    return np.array(array, array.dtype.newbyteorder("="))


def _reconstruct(budget: Budget, arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (Name("numpy.ndarray"), (0,), b"b" | "b"):
            return Unfinished("numpy.ndarray", _finish_array)


def _finish_array(budget: Budget, state: Any) -> Any:
    match state:
        case (1, shape, np.dtype() as dtype, bool(fortran), bytes(raw)):
            return _array(budget, raw, dtype, shape, "F" if fortran else "C")


def _frombuffer(budget: Budget, arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (bytes() | bytearray() as raw, np.dtype() as dtype, shape, "C" | "F" as order):
            return _array(budget, raw, dtype, shape, order)
        case (raw, dtype, shape, "K", tuple(axes)) if _is_shape(shape) and _is_order(axes, shape):
            array = _frombuffer(budget, (raw, dtype, shape, "C"))
            return None if array is None else array.transpose(axes)


def _is_order(axes: tuple[Any, ...], shape: tuple[int, ...]) -> bool:
    return all(type(axis) is int for axis in axes) and sorted(axes) == list(range(len(shape)))


def _scalar(budget: Budget, arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (np.dtype() as dtype, bytes(raw)):
            array = _array(budget, raw, dtype, (), "C")
            return None if array is None else array[()]


def _dtype(budget: Budget, arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (str() | bytes() as kind, int(), int()):
            kind = kind.decode("latin-1") if isinstance(kind, bytes) else kind
            if not _NUMBERS.fullmatch(kind):
                raise InputError(f"contains arrays of type {shorten(kind)}; only numbers are read")
            return Unfinished("numpy.dtype", partial(_finish_dtype, np.dtype(kind)))


def _finish_dtype(dtype: np.dtype[Any], budget: Budget, state: Any) -> Any:
    match state:
        case (3, "<" | b"<" | "|" | b"|", None, None, None, -1, -1, 0):
            return dtype.newbyteorder("<")
        case (3, ">" | b">", None, None, None, -1, -1, 0):
            return dtype.newbyteorder(">")


def _tensor(budget: Budget, arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (np.ndarray() as values, int(offset), tuple(size), tuple(stride), bool(), dict()):
            return _strided(budget, values, offset, size, stride)


def _strided(
    budget: Budget, values: np.ndarray, offset: int, size: tuple[Any, ...], stride: tuple[Any, ...]
) -> np.ndarray | None:
    """A copy of a view of `values`, if it stays inside and is no larger than they are."""
    if values.ndim != 1 or not _is_shape(size) or len(size) != len(stride):
        return None
    if not all(type(step) is int and step >= 0 for step in stride):
        return None
    n_items = math.prod(size)
    steps = [step if length > 1 else 0 for length, step in zip(size, stride, strict=True)]
    last = offset + sum((length - 1) * step for length, step in zip(size, steps, strict=True))
    if offset < 0 or n_items > len(values) or (n_items and last >= len(values)):
        return None
    budget.count_bytes(n_items * values.itemsize)
    if not n_items:
        return _native(np.empty(size, values.dtype))
    in_bytes = [step * values.itemsize for step in steps]
    view = np.lib.stride_tricks.as_strided(values[offset:], size, in_bytes)
    return _native(view)


def _parameter(budget: Budget, arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (np.ndarray() as values, bool(), dict()):
            return values


def _encode(budget: Budget, arguments: tuple[Any, ...]) -> Any:
    """Bytes in protocols 0 to 2, which write them as text."""
    match arguments:
        case (str(text), "latin1"):
            budget.count_bytes(len(text))
            return text.encode("latin-1")


def _never(budget: Budget, arguments: tuple[Any, ...]) -> None:
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
