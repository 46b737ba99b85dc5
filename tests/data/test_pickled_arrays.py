"""Arrays and tensors come back from pickles of every protocol; invalid calls are refused."""

import _codecs
import pickle
import pickletools
import re
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from numpy._core import multiarray, numeric

from noisylab.core.errors import InputError
from noisylab.data.pickled_arrays import Budget
from noisylab.data.unpickler import load

_frombuffer = vars(numeric)["_frombuffer"]
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def reread(value: Any, protocol: int = 4) -> Any:
    return load(pickle.dumps(value, protocol))


def assert_same_array(found: Any, expected: np.ndarray) -> None:
    assert type(found) is np.ndarray
    assert found.dtype == expected.dtype.newbyteorder("=")
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_values_are_read(protocol: int) -> None:
    shared = ["a"]
    value = [
        *(None, True, False, 0, -1, 255, 65536, -(2**31), 2**70, -(2**2100), 1.5, float("inf")),
        *("", "text", "Zoë\n\\'\"", b"", b"\x00\xff", "x" * 300, b"y" * 300),
        *((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], {}, {"k": [1, {2: b"v"}], None: 1.0}),
        *(shared, shared, list(range(3000)), {i: str(i) for i in range(100)}),
    ]
    assert reread(value, protocol) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dtype", ["?", "u1", "i1", "<u2", ">i4", "<i8", ">u8", "<f2", ">f4", "f8"])
def test_arrays_are_read(protocol: int, dtype: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    layouts = [array, np.asfortranarray(array), array[:, ::2], array.transpose(1, 0, 2), array[0]]
    layouts += [array[:0], np.array(3, dtype), np.zeros((0, 32, 32, 3), dtype)]
    for found, expected in zip(reread(layouts, protocol), layouts, strict=True):
        assert_same_array(found, expected)
        found[...] = 0


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_names_of_numpy_1_are_read(protocol: int) -> None:
    written = pickletools.optimize(pickle.dumps([np.arange(5), np.float32(2.5)], protocol))
    for new, old in (
        (b"\x16numpy._core.multiarray", b"\x15numpy.core.multiarray"),
        (b"\x13numpy._core.numeric", b"\x12numpy.core.numeric"),
        (b"numpy._core", b"numpy.core"),
    ):
        written = written.replace(new, old)
    array, number = load(written)
    assert_same_array(array, np.arange(5))
    assert number == np.float32(2.5)
    assert type(number) is np.float32


def test_python_2_strings_are_text_or_bytes() -> None:
    assert load(b"U\x04text.") == "text"
    for literal in (b"U\x02\xc3\xa9.", b"T\x02\0\0\0\xc3\xa9."):
        assert load(literal) == b"\xc3\xa9"
    with pytest.raises(InputError, match="strings of Python 2 in protocol 0; write it again with"):
        load(b"S'\\xe9'\n.")


@pytest.mark.parametrize("numbers", [b"\1\2\3", b"\1\2\xff"])
def test_arrays_of_python_2_are_read(numbers: bytes) -> None:
    written = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x03\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U\x03" + numbers + b"tb."
    )
    assert_same_array(load(written), np.frombuffer(numbers, np.uint8))


@pytest.mark.parametrize("names", [np.array(["car", "cat"]), np.array(["car", "cat"], object)])
def test_arrays_of_strings_are_refused_with_a_remedy(names: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"only numbers are read; give names as a list, array"):
        load(pickle.dumps(names))


def tensors() -> list[torch.Tensor]:
    grid = torch.arange(24).reshape(2, 3, 4)
    dtypes = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
    floats = (torch.float16, torch.float32, torch.float64, torch.bfloat16)
    return [
        *(grid.to(dtype) for dtype in dtypes + floats),
        *(grid[1], grid[:, 1:, ::2], grid.permute(2, 0, 1), grid[:0], torch.tensor(7)),
        torch.ones(3, requires_grad=True),
        torch.nn.Parameter(torch.ones(2, 2)),
        torch.arange(3.0).expand(1, 3),
        torch.empty(0),
    ]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_tensors_come_as_arrays(protocol: int) -> None:
    for found, tensor in zip(reread(tensors(), protocol), tensors(), strict=True):
        detached = tensor.detach()
        expected = detached.float() if tensor.dtype == torch.bfloat16 else detached
        assert_same_array(found, expected.numpy())
        torch.from_numpy(found)


def test_pairs_are_read() -> None:
    pairs = [(torch.full((3, 32, 32), i / 10), i % 3) for i in range(20)]
    found = reread(pairs)
    assert [label for _, label in found] == [i % 3 for i in range(20)]
    assert all(type(pair) is tuple and pair[0].shape == (3, 32, 32) for pair in found)
    assert found[3][0].max() == np.float32(0.3)


def test_repeated_pairs_are_read() -> None:
    pair = (np.ones((3, 32, 32), np.float32), 1)
    assert len(reread([pair] * 50 + [(np.zeros(10), 2)])) == 51


class Call:
    """Pickles as a call of `function`, and the state for its result."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.reduced = (function, arguments, state)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


def array_with(state: Any) -> Call:
    return Call(multiarray._reconstruct, np.ndarray, (0,), b"b", state=state)


def array_of(shape: Any, raw: bytes) -> Call:
    return array_with((1, shape, np.dtype("u1"), False, raw))


def dtype_with(state: Any) -> Call:
    return Call(np.dtype, "f8", False, True, state=state)


def saved_storage(count: int, written: int | None = None) -> bytes:
    """A storage of three floats from torch.save, changed to claim `count` and `written`."""
    tensor: Any = torch.arange(3.0)
    saved: bytes = tensor.__reduce_ex__(2)[1][0].__reduce__()[1][0]
    head = saved[: -8 - 12].replace(b"K\x03Nt", b"\x8a\x08%bNt" % count.to_bytes(8, "little"))
    return head + (count if written is None else written).to_bytes(8, "little") + saved[-12:]


def storage(data: Any) -> Call:
    return Call(torch.storage._load_from_bytes, data)


def tensor_of(offset: Any, size: Any, stride: Any) -> Call:
    hooks: OrderedDict[Any, Any] = OrderedDict()
    arguments = (storage(saved_storage(3)), offset, size, stride, False, hooks)
    return Call(torch._utils._rebuild_tensor_v2, *arguments)


def test_the_calls_below_are_read_if_their_arguments_are_valid() -> None:
    assert_same_array(reread(array_of((2,), b"ab")), np.frombuffer(b"ab", np.uint8))
    assert_same_array(reread(tensor_of(1, (2, 1), (1, 7))), np.array([[1], [2]], np.float32))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Call(np.ndarray, (10**12,)), "numpy.ndarray with arguments"),
        (Call(multiarray._reconstruct, np.dtype, (0,), b"b"), "_reconstruct with arguments"),
        (Call(multiarray._reconstruct, np.ndarray, (10**12,), b"b"), "_reconstruct with arguments"),
        (Call(multiarray._reconstruct, np.ndarray, (0,), b"b"), "numpy.ndarray; only"),
        (array_with({"shape": 1}), "the state given to numpy.ndarray"),
        (array_with((1, (1,), np.dtype("u1"), False, [1])), "the state given to numpy.ndarray"),
        (array_of((10**12,), b"ab"), "the state given to numpy.ndarray"),
        (array_of((2**62, 4), b""), "the state given to numpy.ndarray"),
        (array_of((0, 2**39), b""), "the state given to numpy.ndarray"),
        (array_of((-1, -2), b"ab"), "the state given to numpy.ndarray"),
        (array_of((1,) * 99, b"a"), "the state given to numpy.ndarray"),
        (Call(_frombuffer, b"ab", np.dtype("u1"), (10**12,), "C"), "_frombuffer with arguments"),
        (Call(_frombuffer, b"ab", np.dtype("u1"), (2,), "K", ((),)), "_frombuffer with arguments"),
        (Call(_frombuffer, b"ab", np.dtype("u1"), (2,), "K", (-1,)), "_frombuffer with arguments"),
        (Call(multiarray.scalar, np.dtype("f8"), b""), "scalar with arguments"),
        (Call(np.dtype, np.ones(3), False, True), "numpy.dtype with arguments"),
        (Call(np.dtype, "i4,O", False, True), "arrays of type i4,O;"),
        (np.zeros(2, [("a", "O")]), "arrays of type V8;"),
        (np.array(["a"]), "arrays of type U1;"),
        (np.zeros(1, complex), "arrays of type c16;"),
        (dtype_with((3, "|", None, ("a",), {"a": 1}, -1, -1, 63)), "the state given to numpy.dtyp"),
        (dtype_with((3, "<", None, None, None, -1, -1, 63)), "the state given to numpy.dtype"),
        (dtype_with({"__class__": 1}), "the state given to numpy.dtype"),
        (Call(_codecs.encode, "x", "rot13"), "_codecs.encode with arguments"),
        (Call(_codecs.encode, [], "latin1"), "_codecs.encode with arguments"),
        (Call(bytes, 10**12), "builtins.bytes with arguments"),
        (Call(OrderedDict, [(1, 2)]), "collections.OrderedDict with arguments"),
        (storage(saved_storage(10**12)), "_load_from_bytes with arguments"),
        (storage(saved_storage(3, 10**12)), "_load_from_bytes with arguments"),
        (storage(pickle.dumps(1) * 5), "_load_from_bytes with arguments"),
        (storage("text"), "_load_from_bytes with arguments"),
        (storage(pickle.dumps(storage(b""))), "torch.storage._load_from_bytes; only"),
        (torch.zeros(2).untyped_storage(), "torch.storage.UntypedStorage; only"),
        (torch.zeros(2).to_sparse(), "torch._utils._rebuild_sparse_tensor; only"),
        (tensor_of(0, (10**12,), (1,)), "_rebuild_tensor_v2 with arguments"),
        (tensor_of(0, (4,), (1,)), "_rebuild_tensor_v2 with arguments"),
        (tensor_of(1, (3,), (1,)), "_rebuild_tensor_v2 with arguments"),
        (tensor_of(0, (2,), (2**62,)), "_rebuild_tensor_v2 with arguments"),
        (tensor_of(-1, (3,), (1,)), "_rebuild_tensor_v2 with arguments"),
        (tensor_of(2, (3,), (-1,)), "_rebuild_tensor_v2 with arguments"),
        (tensor_of(0, (10**9,), (0,)), "_rebuild_tensor_v2 with arguments"),
        (tensor_of(0, (3,), (1, 1)), "_rebuild_tensor_v2 with arguments"),
        (tensor_of(0, ("3",), (1,)), "_rebuild_tensor_v2 with arguments"),
    ],
)
def test_calls_that_never_write_an_array_are_refused(value: Any, said: str) -> None:
    with pytest.raises(InputError, match="^contains .*" + re.escape(said)):
        reread(value)


def test_a_spent_budget_is_refused() -> None:
    budget = Budget(size=10, instructions=1)
    budget.count_instruction()
    budget.count_bytes(80)
    with pytest.raises(InputError, match="instructions; save arrays instead"):
        budget.count_instruction()
    with pytest.raises(InputError, match="more than 8 times its own size"):
        budget.count_bytes(1)
