"""Hostile pickles run nothing, take little memory, and are refused with a reason."""

import contextlib
import os
import pickle
import re
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.data.pickles import read_pickle

CANARY = "noisylab_canary"
SHELL = f"touch {CANARY}"
PYTHON = f"__import__('pathlib').Path({CANARY!r}).touch()"


def refusal(tmp_path: Path, data: bytes) -> str:
    """The error's message without the path that it must start with."""
    path = tmp_path / "train.pickle"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_pickle(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
    assert len(message) < len(str(path)) + 200
    return message.removeprefix(f"{path}: ")


class Call:
    """Pickles as a call of `function`, the usual attack."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


def calls(function: Any, *arguments: Any, protocol: int = 4) -> bytes:
    return pickle.dumps([1, Call(function, *arguments)], protocol)


def named(module: bytes, name: bytes) -> bytes:
    return b"\x8c%c%b\x8c%c%b\x93." % (len(module), module, len(name), name)


RUNS_CODE = {
    "os.system": (
        b"cos\nsystem\n(V%b\ntR." % SHELL.encode(),
        "contains os.system; only arrays and",
    ),
    "posix.system": (calls(os.system, SHELL), "contains posix.system;"),
    "eval": (calls(eval, PYTHON), "contains builtins.eval;"),
    "protocol 0": (calls(eval, PYTHON, protocol=0), "contains __builtin__.eval;"),
    "Popen": (calls(subprocess.Popen, ["touch", CANARY]), "contains subprocess.Popen;"),
    "array of objects": (pickle.dumps(np.array([Call(os.system, SHELL)])), "arrays of type O8;"),
    "INST": (b"(V%b\nios\nsystem\n." % SHELL.encode(), "instruction INST os system;"),
    "OBJ": (b"(cos\nsystem\nV%b\no." % SHELL.encode(), "contains os.system;"),
    "storage": (
        calls(torch.storage._load_from_bytes, calls(os.system, SHELL, protocol=2)),
        "contains posix.system;",
    ),
}

REFUSED = {
    "open": (calls(open, CANARY, "w"), "contains _?io.open;"),
    "getattr": (calls(getattr, 1, "real"), "contains builtins.getattr;"),
    "torch.load": (calls(torch.load, CANARY), "contains torch.serialization.load;"),
    "numpy.load": (calls(np.load, CANARY), "contains numpy.load;"),
    "a class of ours": (
        pickle.dumps(ImageSet(np.zeros((0, 32, 32, 3), "u1"), np.zeros(0, int), ("a", "b"))),
        "contains noisylab.core.images.ImageSet;",
    ),
    "a path": (pickle.dumps(Path("x")), "contains pathlib"),
    "dotted name": (named(b"builtins", b"eval.__call__"), "contains builtins.eval.__call__;"),
    "dotted class": (named(b"numpy", b"dtype.__class__"), "contains numpy.dtype.__class__;"),
    "name of two lines": (named(b"a\nb", b"\xed\xb2\x80"), r"contains a\\nb.\\udc80;"),
    "name of numbers": (b"K\x01K\x02\x93.", "contains"),
    "long name": (b"c" + b"x" * 9999 + b"\ny\n.", "contains xxxx"),
    "OBJ of an allowed name": (b"(cnumpy\ndtype\nNo.", "contains the pickle instruction OBJ;"),
    "NEWOBJ": (b"\x80\x02cnumpy\nndarray\n)\x81.", "contains the pickle instruction NEWOBJ;"),
    "EXT1": (b"\x80\x02\x82\x01.", "contains the pickle instruction EXT1 1;"),
    "PERSID": (b"Pfile\n.", "contains the pickle instruction PERSID file;"),
    "BINPERSID": (b"K\x01Q.", "contains the pickle instruction BINPERSID;"),
    "NEXT_BUFFER": (b"\x80\x05\x97.", "contains the pickle instruction NEXT_BUFFER;"),
    "bare name": (b"cnumpy\nndarray\n.", "contains numpy.ndarray;"),
    "bare name in a dict": (b"}K\x01cnumpy\ndtype\ns.", "contains numpy.dtype;"),
    "bare dtype": (pickle.dumps([np.dtype("f8")]), "contains .*[dD][tT]ype;"),
    "state of a list": (b"]}b.", "contains the state given to list;"),
    "state of a function": (b"c_codecs\nencode\n}b.", "the state given to _codecs.encode;"),
    "dict as a call": (b"})R.", "is damaged"),
    "huge memo index": (b"\x80\x02Nr\xff\xff\xff\x7fh\x00.", "is damaged"),
    "huge bytes": (b"\x80\x05\x8e\xff\xff\xff\xff\xff\xff\xff\x7f12.", "is damaged"),
    "huge bytearray": (b"\x80\x05\x96\0\0\0\0\0\1\0\x0012.", "is damaged"),
    "huge text": (b"\x80\x04\x8d\0\0\0\0\0\1\0\x0012.", "is damaged"),
    "huge number": (b"\x80\x02\x8b\xff\xff\xff\x7f12.", "is damaged"),
    "deep tuples": (b")" + b"\x85" * 100_000 + b".", "nested deeper than 100"),
    "deep lists": (b"]" * 100_000 + b"a" * 99_999 + b".", "nested deeper than 100"),
    "deep dicts": (b"}" + b"K\1}" * 50_000 + b"s" * 50_000 + b".", "nested deeper than 100"),
    "deep key": (b"})" + b"\x85" * 100_000 + b"Ns.", "keys are not numbers or strings"),
    "deep argument": (b"c_codecs\nencode\n)" + b"\x85" * 100_000 + b"R.", "_codecs.encode with"),
    "deep marks": (b"(" * 100_000 + b".", "is damaged"),
    "list of itself": (b"]q\0h\0a.", "contains itself"),
    "dict of itself": (b"}q\0K\1h\0s.", "contains itself"),
    "billion laughs": (
        b"]q\0" + b"".join(b"](%beq%c" % (b"h%c" % i * 10, i + 1) for i in range(30)) + b".",
        "expands to over 64 times its size",
    ),
    "one array a million times": (pickle.dumps([np.zeros(10_000)] * 10**6), "expands to over"),
    "one text a thousand times": (pickle.dumps(["x" * 10_000] * 1000), "expands to over"),
    "keys of equal hash": (
        pickle.dumps({index * (2**61 - 1): 0 for index in range(101)}),
        "has a dict of more than 100 entries",
    ),
    "memo indices of equal hash": (b"]p%d\n." % (2**61 - 1), "is damaged"),
    "negative memo indices": (b"]p%d\n." % (1 - 2**61), "is damaged"),
    "one text encoded often": (
        b"c_codecs\nencode\nq\0X\0\0\1\0%bX\6\0\0\0latin1\x86q\1" % bytes(65536)
        + b"h\0h\1R" * 1000
        + b".",
        "builds arrays of more than 8 times its own size",
    ),
    "empty": (b"", "is empty"),
    "table": (b"image,label\n1.png,car\n", "contains the pickle instruction INST"),
    "prose": (b"This is not a pickle.\n", "contains|is damaged"),
    "zeros": (bytes(1000), "is damaged"),
    "two pickles": (pickle.dumps(1) * 2, "continues after the pickle's end"),
    "nothing": (b".", "is damaged"),
    "too short a stack": (b"K\1R.", "is damaged"),
    "unknown memo": (b"h\5.", "is damaged"),
    "odd items": (b"}(K\1u.", "is damaged"),
    "append to a tuple": (b")K\1a.", "is damaged"),
    "bad text": (b"X\2\0\0\0\xff\xff.", "is damaged"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", [*RUNS_CODE, *REFUSED])
def test_a_hostile_pickle_is_refused_and_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    data, said = (RUNS_CODE | REFUSED)[kind]
    assert re.search(f"^{said}" if said.startswith("contains") else said, refusal(tmp_path, data))
    assert [path.name for path in tmp_path.iterdir()] == ["train.pickle"]


@pytest.mark.parametrize("kind", [kind for kind in RUNS_CODE if kind != "storage"])
def test_pickle_load_would_run_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = pickle.loads(RUNS_CODE[kind][0])
    for process in result if kind == "Popen" else []:
        if process != 1:
            process.wait()
    assert Path(CANARY).exists()


@pytest.mark.parametrize("value", [[np.arange(9)], [(torch.ones(3, 4), 1)], {"a": [1.5, "b"]}])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_truncated_file_is_refused(tmp_path: Path, value: Any, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    for part in range(20):
        assert "write it again with pickle.dump" in refusal(
            tmp_path, data[: len(data) * part // 20]
        )


SIZE = 2**23
COUNT, MINUS_1 = SIZE.to_bytes(4, "little"), b"\xff" * 4
GREEDY = {
    "array": (pickle.dumps(np.zeros(SIZE, np.uint8), 4), 4),
    "array, protocol 0": (pickle.dumps(np.full(SIZE, 200, np.uint8), 0), 8),
    "tensor": (pickle.dumps(torch.zeros(SIZE // 4), 4), 5),
    "half precision": (pickle.dumps(torch.zeros(SIZE // 2, dtype=torch.bfloat16), 4), 10),
    "wide text": (b"X" + (SIZE + 4).to_bytes(4, "little") + b"x" * SIZE + "😀".encode() + b".", 9),
    "one state, many arrays": (
        b"](cnumpy.core.multiarray\n_reconstruct\nq\0"
        b"(cnumpy\nndarray\nK\0\x85X\1\0\0\0btq\1"
        b"(K\1J%b\x85cnumpy\ndtype\n(U\2u1K\0K\1tR(K\3U\1|NNNJ%bJ%bK\0tb\x89B%b%btq\2"
        % (COUNT, MINUS_1, MINUS_1, COUNT, bytes(SIZE))
        + b"h\0h\1Rh\2b" * 50
        + b"e.",
        12,
    ),
}


@pytest.mark.parametrize("kind", GREEDY)
def test_memory_is_a_small_multiple_of_the_file(tmp_path: Path, kind: str) -> None:
    data, multiple = GREEDY[kind]
    path = tmp_path / "greedy.pickle"
    path.write_bytes(data)
    tracemalloc.start()
    with contextlib.suppress(InputError):
        read_pickle(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < multiple * len(data)
