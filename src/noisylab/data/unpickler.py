"""A pickle machine that builds plain values and arrays, and nothing else.

A pickle is a program. `load` runs it on its own machine, whose instructions make numbers, strings,
lists, tuples and dicts. Names in the program are never imported: a name stands for a function in
`_BUILDERS` that makes a NumPy array of what NumPy or PyTorch wrote. Every other name, and every
instruction not listed here, is refused.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from noisylab.core.errors import InputError
from noisylab.data import pickled_arrays
from noisylab.data.pickled_arrays import Budget, Builder, Name, Unfinished

#: Levels of nested lists: far more than a set needs, far fewer than Python's recursion limit.
MAX_DEPTH = 100

#: The result may weigh this many times the file's size, where a part counts as often as it occurs.
#: Pairs may be repeated, but to unfold lists of the same list, ten levels deep, would never end.
MAX_REPETITION = 64

#: Entries of a dict; sets have four. Keys with equal hashes make a large dict take hours.
MAX_ENTRIES = 100

_MAX_MEMO = 2**32  # the limit of the binary instructions; below it, no two hashes are equal
_VALUES = (str, bytes, bytearray, bool, int, float, type(None), np.ndarray, np.generic)
_KEYS = (str, bytes, bool, int, float, type(None))  # hashing a nested tuple can end the process
_FindStorage = Callable[[Any], Any]


def load(
    data: bytes,
    budget: Budget | None = None,
    find: _FindStorage | None = None,
    *,
    mark_tensors: bool = False,
) -> Any:
    """The value in the pickle `data`; tensors as arrays, an OrderedDict as a dict.

    budget: limits of a larger file that holds the pickle; without it, `data` is the whole file.
    find:   numbers of a storage outside the pickle, from the description that torch.save gives it;
            None refuses the storage.
    mark_tensors: make the arrays that were tensors of class `pickled_arrays.Tensor`.

    Raises InputError, which does not name the file, if there is anything but plain data. Memory: at
    most 16 times the size of `data` (4 for tensors, 3 for an array), and 100 bytes for each
    instruction, so 0.6 GB for the `pickled_arrays.MAX_INSTRUCTIONS` allowed.
    """
    builders = {**_BUILDERS, **pickled_arrays.MARKING} if mark_tensors else _BUILDERS
    machine = _Machine(io.BytesIO(data), budget or Budget(len(data)), builders, find)
    try:
        value = machine.run()
    except InputError:
        raise
    except (LookupError, ValueError, DeprecationWarning) as error:  # a short stack, a cut literal
        if isinstance(error, UnicodeDecodeError) and error.encoding == "ascii":
            raise InputError(
                "contains strings of Python 2 in protocol 0; write it again with protocol 2"
            ) from None
        raise InputError("is damaged or not a pickle; write it again with pickle.dump") from None
    if machine.file.read(1):
        raise InputError("continues after the pickle's end; write one object with pickle.dump")
    _check_plain(value, MAX_REPETITION * machine.budget.size)
    return value


def _check_plain(value: Any, weight: int) -> None:
    """Refuse anything but plain values, nested too deeply, or heavier than `weight` unfolded."""
    pending: list[tuple[Any, int]] = [((value,), 0)]
    while pending:
        children, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise InputError(f"contains itself, or lists nested deeper than {MAX_DEPTH} levels")
        for child in children:
            weight -= _weight(child)
            if weight < 0:
                raise InputError(f"expands to over {MAX_REPETITION} times its size by repetition")
            if isinstance(child, (list, tuple, dict)):
                parts = child.values() if isinstance(child, dict) else child
                pending.append((parts, depth + 1))
            elif not isinstance(child, _VALUES):
                raise _refusal(pickled_arrays.describe(child))


def _weight(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return 1 + value.nbytes
    return 1 + (len(value) if isinstance(value, (str, bytes, bytearray)) else 0)


def _refusal(what: str) -> InputError:
    return InputError(f"contains {what}; only arrays and tensors are read")


@dataclass
class _Machine:
    """The stack, the marks in it, and the memo of one pickle."""

    file: io.BytesIO
    budget: Budget
    names: Mapping[str, Builder]
    find: _FindStorage | None
    stack: list[Any] = field(default_factory=list)
    marks: list[list[Any]] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def run(self) -> Any:
        for opcode, argument, _ in pickletools.genops(self.file):
            self.budget.count_instruction()
            instruction = _INSTRUCTIONS.get(opcode.name)
            if instruction is None or (opcode.name == "BINPERSID" and self.find is None):
                shown = "" if argument is None else f" {pickled_arrays.shorten(str(argument))}"
                raise _refusal(f"the pickle instruction {opcode.name}{shown}")
            instruction(self, argument)
        return self.stack.pop()

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def push_storage(self, _: None) -> None:
        assert self.find is not None
        numbers = self.find(*self.pop(1))
        if numbers is None:
            raise _refusal("a storage that no tensor has")
        self.push(numbers)

    def mark(self, _: None) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def pop_to_mark(self) -> list[Any]:
        values, self.stack = self.stack, self.marks.pop()
        return values

    def pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError("stack too short")
        values = self.stack[-count:]
        del self.stack[-count:]
        return values

    def extend(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise ValueError("not a list")
        self.stack[-1].extend(values)

    def set_items(self, values: list[Any]) -> None:
        keys = values[::2]
        if not isinstance(self.stack[-1], dict) or len(values) % 2:
            raise ValueError("not a dict, or a key without a value")
        if not all(isinstance(key, _KEYS) for key in keys):
            raise InputError("has a dict whose keys are not numbers or strings")
        if len(self.stack[-1]) + len(keys) > MAX_ENTRIES:
            raise InputError(f"has a dict of more than {MAX_ENTRIES} entries; save arrays instead")
        self.stack[-1].update(zip(keys, values[1::2], strict=True))

    def make_dict(self, _: None) -> None:
        values = self.pop_to_mark()
        self.push({})
        self.set_items(values)

    def memoize(self, index: int | None) -> None:
        index = len(self.memo) if index is None else index
        if not 0 <= index < _MAX_MEMO:
            raise ValueError("no pickler counts that far")
        self.memo[index] = self.stack[-1]
        if isinstance(self.stack[-1], Unfinished):
            self.stack[-1].memo_indices.append(index)

    def name(self, name: str) -> None:
        if name not in self.names:
            raise _refusal(pickled_arrays.shorten(name))
        self.push(Name(name))

    def name_from_stack(self, _: None) -> None:
        module, name = self.pop(2)
        self.name(f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else "")

    def reduce(self, _: None) -> None:
        function, arguments = self.pop(2)
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise ValueError("not a call")
        value = self.names[function.name](self.budget, arguments)
        if value is None:
            raise _refusal(f"{function.name} with arguments that no array has")
        self.push(value)

    def build(self, _: None) -> None:
        target, state = self.pop(2)
        if isinstance(target, dict):  # attributes, as those of a state_dict(), are ignored
            self.push(target)
            return
        value = target.finish(self.budget, state) if isinstance(target, Unfinished) else None
        if value is None:
            raise _refusal(f"the state given to {pickled_arrays.describe(target)}")
        self.push(value)
        self.memo.update(dict.fromkeys(target.memo_indices, value))


def _load_storage(budget: Budget, arguments: tuple[Any, ...]) -> Any:
    """The form of torch.save before zip files: five pickles, then the numbers."""
    match arguments:
        case (bytes(data),):
            file = io.BytesIO(data)
            names = pickled_arrays.STORAGES
            header = [_Machine(file, budget, names, lambda kind: kind).run() for _ in range(5)]
            return pickled_arrays.storage(budget, header, data, file.tell())


_BUILDERS = {
    **pickled_arrays.BUILDERS,
    **pickled_arrays.STORAGES,
    "torch.storage._load_from_bytes": _load_storage,
}


def _from_python_2(text: str) -> str | bytes:
    """A str of Python 2: text where it is ASCII, otherwise bytes, such as those of an array."""
    return text if text.isascii() else text.encode("latin-1")


_LITERALS = (
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT UNICODE SHORT_BINUNICODE "
    "BINUNICODE BINUNICODE8 SHORT_BINBYTES BINBYTES BINBYTES8 BYTEARRAY8"
)
_INSTRUCTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda machine, _: None),
    **dict.fromkeys(_LITERALS.split(), _Machine.push),
    **dict.fromkeys(
        ("STRING", "BINSTRING", "SHORT_BINSTRING"),  # of Python 2
        lambda machine, text: machine.push(_from_python_2(text)),
    ),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.memoize),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda m, index: m.push(m.memo[index])),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "MARK": _Machine.mark,
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "LIST": lambda machine, _: machine.push(machine.pop_to_mark()),
    "APPEND": lambda machine, _: machine.extend(machine.pop(1)),
    "APPENDS": lambda machine, _: machine.extend(machine.pop_to_mark()),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.pop(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.pop(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.pop(3))),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "DICT": _Machine.make_dict,
    "SETITEM": lambda machine, _: machine.set_items(machine.pop(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_to_mark()),
    "GLOBAL": lambda machine, name: machine.name(name.replace(" ", ".", 1)),
    "STACK_GLOBAL": _Machine.name_from_stack,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.push_storage,
}
