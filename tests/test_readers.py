"""Files that are damaged or hostile: one line why, nothing run, no more memory than is stated."""

import contextlib
import io
import os
import pickle
import re
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readers import (
    READERS,
    ROOT,
    Reader,
    checkpoint,
    checkpoint_parts,
    saved,
    with_checksums,
)

from noisylab import checkpoints, files
from noisylab.errors import InputError
from noisylab.network import SimpleModel, load_weights
from noisylab.params import read_params
from noisylab.sources.photos import read_rgb
from noisylab.tables import MAX_ROWS, read_table

SLOW = {
    "params": 8,
    "json labels": 20,
    "weights": 20,
    "weights' pickle": 20,
    "batch": 20,
}  # ruamel.yaml reads a thousand lines a second
EXAMPLES = 40
PIECES = (b"", b"\0", b"\xff" * 4, b"\x7f\xff\xff\xff", b"\n", b",", b'"', b"*a", b"PK\3\4")


@pytest.fixture(scope="module")
def forbidden() -> list[str]:
    """What a reader did that none may do, of the events that Python reports."""
    seen: list[str] = []

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3
        if is_watched and (writes or re.match(r"os\.system|subprocess|socket|exec$", event)):
            seen.append(f"{event} {arguments!r:.80}")

    sys.addaudithook(hear)
    return seen


is_watched = False


def outcome(reader: Reader, folder: Path) -> str:
    """Nothing, or the line with which the file is refused; any other exception is a failure."""
    global is_watched
    is_watched = True
    try:
        reader.read(folder)
    except InputError as error:
        return str(error)
    finally:
        is_watched = False
    return ""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pickletools
@pytest.mark.parametrize("name", READERS)
def test_changed_files_are_read_or_refused_in_a_line(
    tmp_path: Path, forbidden: list[str], name: str
) -> None:
    reader = READERS[name]()
    for other, content in reader.others.items():
        (tmp_path / other).write_bytes(content)
    for seed in reader.seeds:
        reader.put(tmp_path, seed)
        with contextlib.suppress(InputError):  # other files may go with another seed
            reader.read(tmp_path)  # and imports what is imported late

    @settings(
        max_examples=SLOW.get(name, EXAMPLES),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        seed=st.sampled_from(reader.seeds),
        changes=st.lists(
            st.tuples(
                st.floats(0, 1), st.integers(0, 9), st.sampled_from(PIECES) | st.binary(max_size=4)
            ),
            min_size=1,
            max_size=6,
        ),
        length=st.none() | st.floats(0, 1),
    )
    def try_changes(
        seed: bytes, changes: list[tuple[float, int, bytes]], length: float | None
    ) -> None:
        data = bytearray(seed)
        for place, removed, inserted in changes:
            start = int(place * len(data))
            data[start : start + removed] = inserted
        end = None if length is None else int(length * len(data))
        reader.put(tmp_path, bytes(data[:end]))
        said = outcome(reader, tmp_path)
        assert not said or said.isprintable()
        assert len(said) < 1000
        assert forbidden == []

    try_changes()


@pytest.mark.parametrize("name", READERS)
def test_a_pipe_or_an_endless_file_is_not_waited_for(tmp_path: Path, name: str) -> None:
    reader = READERS[name]()
    for other, content in reader.others.items():
        (tmp_path / other).write_bytes(content)
    (tmp_path / reader.name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / reader.name)
    assert "Is not a file" in outcome(reader, tmp_path) or name == "result"  # which is None
    (tmp_path / reader.name).unlink()
    (tmp_path / reader.name).symlink_to("/dev/zero")
    assert "Is not a file" in outcome(reader, tmp_path) or name == "result"


def test_a_file_larger_than_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"12345")
    assert files.read_file(path, 5) == b"12345"
    with pytest.raises(InputError, match=r"large: cannot be read: is larger than 4 bytes"):
        files.read_file(path, 4)


def refused(read: Callable[[], object]) -> tuple[str, float]:
    """The line, and the MB that Python took to say it."""
    tracemalloc.start()
    with pytest.raises(InputError) as caught:
        read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(caught.value).isprintable()
    return str(caught.value), peak / 2**20


# Parameters


LAUGHS = "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
)
BAD_YAML = {
    "huge number": ("lr: 0x" + "f" * 9999, "line 1: a value has more than 1000 characters"),
    "number too long to write": ("lr: 0x" + "f" * 900, "lr must be a number > 0, got "),
    "billion laughs": (f"a0: &a0 lol\n{LAUGHS}", "holds more than 10,000 values, aliases unfolded"),
    "merged laughs": (
        "a: &a {x: 1}\n" + "b: &b\n  <<: [" + ", ".join(["*a"] * 9999) + "]\n",
        "holds more than 10,000 values, aliases unfolded",
    ),
    "alias of itself": ("a: &a [*a]", "a is unknown"),
    "deep": ("[" * 5000, "more than 20 levels"),
    "deep and closed": ("[" * 30 + "]" * 30, "more than 20 levels"),
    "key of a list": ("? [a, b]\n: 1", "is unknown"),
    "a tag that makes an object": ("lr: !!python/object/apply:os.system [ls]", "is not valid YAML"),
    "another version": ("%YAML 1.3\n---\nlr: 1", "is not valid YAML: version minor part"),
    "two documents": ("lr: 1\n---\nlr: 2", "is not valid YAML"),
    "a key twice": ("lr: 1\nlr: 2", 'found duplicate key "lr"'),
    "a month 13": ("lr: 2001-13-01", "is not valid YAML"),
    "too large": ("#" * 100_001, "cannot be read: is larger than 100,000 bytes"),
    "nothing": ("", "the file must be a section with seed, lr"),
}


@pytest.mark.parametrize("kind", BAD_YAML)
def test_hostile_parameters_are_refused(tmp_path: Path, kind: str) -> None:
    text, message = BAD_YAML[kind]
    if text.startswith("lr: "):
        shipped = (ROOT / "params.yaml").read_text(encoding="utf-8")
        value = text.partition("\n")[0]
        text = f"{shipped.replace('lr: 0.001', value, 1)}{text.removeprefix(value)}"
        message = message.replace("line 1:", "line 5:")
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    said, megabytes = refused(lambda: read_params(path))
    assert message in said
    assert megabytes < 100


# Tables


BAD_TABLES = {
    "a column twice": ("a,b,a\n", "expected each column once, got 'a' again"),
    "many columns": (",".join(["a", *map(str, range(10**6))]), "at most 20 columns, got 1000001"),
    "many rows": ("a\n" + "1\n" * (MAX_ROWS + 1), "expected at most 200,000 rows, got more"),
    "a huge cell": (f"a\n{'x' * 200_000}\n", "expected a CSV table in UTF-8, got field larger"),
    "an open quote": ('a\n"' + "x\n" * 100, "expected a CSV table in UTF-8"),
}


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_hostile_tables_are_refused(tmp_path: Path, kind: str) -> None:
    text, message = BAD_TABLES[kind]
    path = tmp_path / "a.csv"
    path.write_text(text)
    said, megabytes = refused(lambda: read_table(path, ["a"]))
    assert message in said
    assert megabytes < 512


# Weights


def compressed() -> bytes:
    """A zip file whose last part is a hundred times as large as the file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in {**checkpoint_parts(), "archive/data/99": bytes(10**8)}.items():
            archive.writestr(name, part)
    return buffer.getvalue()


def with_claim() -> bytes:
    """A part that claims 2 GB in the zip's directory, both before and after compression."""
    data = bytearray(checkpoint())
    entry = data.rindex(b"PK\1\2")
    struct.pack_into("<LL", data, entry + 20, 2**31, 2**31)
    return bytes(data)


def torch_saved(value: object, **options: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def state(**changes: torch.Tensor | None) -> bytes:
    weights = {**SimpleModel(3).state_dict(), **changes}
    return torch_saved({"model_state_dict": weights})


def of(make: Callable[[], bytes], message: str) -> tuple[Callable[[], bytes], str]:
    return make, message


def dotted(name: str, tensor: torch.Tensor) -> Callable[[], bytes]:
    return lambda: state(**{name: tensor})


OTHER = "holds no weights of SimpleModel"
LAST = "fc3.weight"
BAD_WEIGHTS = {
    "zip bomb": of(compressed, "is compressed; write it again with torch.save"),
    "gigantic part": of(with_claim, "claims to hold more than its size"),
    "expanded": of(dotted(LAST, torch.zeros(1).expand(10**7, 84)), "is not a file of weights"),
    "empty, of many classes": of(dotted(LAST, torch.zeros(10**9, 0)), ""),
    "too many classes": of(lambda: state(**{LAST: torch.zeros(1001, 1)}), OTHER),
    "one class": of(dotted(LAST, torch.zeros(1, 84)), OTHER),
    "a scalar": of(dotted(LAST, torch.zeros(())), OTHER),
    "sparse": of(dotted(LAST, torch.eye(3, 84).to_sparse()), "is not a file of weights: refuses"),
    "meta": of(dotted(LAST, torch.empty(3, 84, device="meta")), "is not a file of weights: refus"),
    "quantized": of(
        lambda: torch_saved(
            {
                "model_state_dict": {
                    LAST: torch.quantize_per_tensor(torch.zeros(3, 84), 1.0, 0, torch.qint8)
                }
            }
        ),
        "is not a file of weights: refuses",
    ),
    "complex": of(dotted(LAST, torch.zeros(3, 84, dtype=torch.complex64)), "is not a file of weig"),
    "integers": of(dotted(LAST, torch.zeros(3, 84, dtype=torch.int64)), "fc3.weight that are no"),
    "not a number": of(
        dotted("conv1.bias", torch.full((16,), torch.nan)), "in conv1.bias that are"
    ),
    "infinite": of(dotted("conv1.bias", torch.full((16,), torch.inf)), "in conv1.bias that are no"),
    "before 1.6": of(
        lambda: torch_saved({"a": torch.ones(1)}, _use_new_zipfile_serialization=False),
        "is in PyTorch's form before 1.6; load it there and save it anew",
    ),
    "a pickle": of(lambda: pickle.dumps({"model_state_dict": {}}), "is damaged, or not of torch."),
    "a zip without a pickle": of(lambda: b"PK\5\6" + bytes(18), "holds no data.pkl"),
}


@pytest.mark.parametrize("kind", BAD_WEIGHTS)
def test_hostile_weights_are_refused_in_little_memory(kind: str) -> None:
    make, message = BAD_WEIGHTS[kind]
    content = make()
    said, megabytes = refused(lambda: load_weights(content))
    assert message in said
    assert megabytes < 32


def test_weights_of_any_truncated_length_are_refused() -> None:
    content = checkpoint()
    for part in range(30):
        with pytest.raises(InputError, match="is not a file of weights"):
            load_weights(content[: len(content) * part // 30])


def test_weights_in_other_precision_and_layout_are_read() -> None:
    model = SimpleModel(3)
    changed = {
        "conv1.weight": model.conv1.weight.detach().double(),
        "conv2.weight": model.conv2.weight.detach().to(memory_format=torch.channels_last),
        "fc1.weight": model.fc1.weight.detach().t().contiguous().t(),
        "fc2.weight": model.fc2.weight.detach().bfloat16(),
        "fc3.weight": torch.nn.Parameter(model.fc3.weight.detach().half()),
    }
    back = load_weights(state(**{**model.state_dict(), **changed})).state_dict()
    for name, weight in model.state_dict().items():
        assert torch.equal(back[name], changed.get(name, weight).detach().float())


def test_a_checkpoint_is_what_pytorch_reads() -> None:
    value = {"a": torch.arange(6.0).reshape(2, 3).t(), "b": [1, (2.5, "x")], "c": torch.tensor(7)}
    back = checkpoints.load(torch_saved(value))
    np.testing.assert_array_equal(back["a"], value["a"])
    assert back["b"] == value["b"]
    assert back["c"] == 7


# Photographs


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


PNG, JPEG = saved("RGB", "PNG"), saved("RGB", "JPEG", progressive=True)
SCAN = JPEG[JPEG.index(b"\xff\xda") : -2]
BAD_PHOTOS = {
    "claims 2 gigapixels": (
        with_checksums(PNG[:16] + struct.pack(">LL", 50_000, 40_000) + PNG[24:]),
        "at most 16 million pixels",
    ),
    "a million chunks": (PNG[:33] + chunk(b"abCd", b"") * 10**6 + PNG[33:], "at most 50,000 parts"),
    "a thousand scans": (JPEG[:-2] + SCAN * 1000 + JPEG[-2:], "at most 50,000 parts"),
    "a million segments": (
        JPEG[:2] + b"\xff\xe5\0\2" * 10**6 + JPEG[2:],
        "at most 50,000 parts",
    ),
    "EXIF in ten thousand parts": (
        JPEG[:2] + b"\xff\xe1\0\x09Exif\0\0x" * 10_000 + JPEG[2:],
        "at most 50,000 parts",
    ),
}


@pytest.mark.parametrize("kind", BAD_PHOTOS)
def test_hostile_photographs_are_refused_before_they_are_decoded(tmp_path: Path, kind: str) -> None:
    content, message = BAD_PHOTOS[kind]
    path = tmp_path / "a.png"
    path.write_bytes(content)
    began = time.process_time()
    said, megabytes = refused(lambda: read_rgb(path))
    assert message in said
    assert megabytes < 64
    assert time.process_time() - began < 5


def test_exif_data_that_repeat_themselves_take_little_memory(tmp_path: Path) -> None:
    """Sixty thousand tags that each claim the whole of the same 700 kB."""
    count = 60_000
    tags = b"".join(struct.pack("<HHLL", tag, 7, 12 * count, 10) for tag in range(1, count + 1))
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", count) + tags
    path = tmp_path / "a.png"
    path.write_bytes(PNG[:33] + chunk(b"eXIf", exif) + PNG[33:])
    tracemalloc.start()
    assert read_rgb(path).shape == (24, 20, 3)
    assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    tracemalloc.stop()


def test_the_fuzzer_says_that_it_is_not_there() -> None:
    script = ROOT / "tests" / "benchmarks" / "fuzz.py"
    command = [sys.executable, "-I", str(script), "no such reader"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "atheris is not installed" in result.stderr or "no such reader" in result.stderr
