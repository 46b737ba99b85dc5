"""Damaged or hostile files: refused in one line, in limited memory, with nothing run."""

import contextlib
import os
import re
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest
from conftest import refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readers import READERS, ROOT, Reader, saved, with_checksums

from noisylab.config.params import read_params
from noisylab.core import files, tables
from noisylab.core.errors import InputError
from noisylab.core.tables import read_table
from noisylab.data.sources.photos import read_rgb

EXAMPLES = 40
SLOW = {"json labels": 20, "weights": 20, "weights' pickle": 20}  # examples of these
PIECES = (b"", b"\0", b"\xff" * 4, b"\x7f\xff\xff\xff", b"\n", b",", b'"', b"*a", b"PK\3\4")


@pytest.fixture(scope="module")
def forbidden() -> list[str]:
    """Forbidden actions of a reader, among the audit events of Python."""
    seen: list[str] = []

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3
        if is_watched and (writes or re.match(r"os\.system|subprocess|socket|exec$", event)):
            seen.append(f"{event} {arguments!r:.80}")

    sys.addaudithook(hear)
    return seen


is_watched = False


def outcome(reader: Reader, folder: Path) -> str:
    """The message that refuses the file, empty if it is read; other exceptions are failures."""
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
def test_changed_files_are_read_or_refused_in_one_line(
    tmp_path: Path, forbidden: list[str], name: str
) -> None:
    reader = READERS[name]()
    reader.put_others(tmp_path)
    for seed in reader.seeds:
        reader.put(tmp_path, seed)
        with contextlib.suppress(InputError):  # other files may go with another seed
            reader.read(tmp_path)  # late imports happen here, before anything is forbidden

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
def test_a_pipe_or_an_endless_file_is_refused(tmp_path: Path, name: str) -> None:
    reader = READERS[name]()
    reader.put_others(tmp_path)
    (tmp_path / reader.name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / reader.name)
    assert (
        "not a regular file" in outcome(reader, tmp_path) or name == "result"
    )  # which is then absent
    (tmp_path / reader.name).unlink()
    (tmp_path / reader.name).symlink_to("/dev/zero")
    assert "not a regular file" in outcome(reader, tmp_path) or name == "result"


def test_a_file_larger_than_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"12345")
    assert files.read_file(path, 5) == b"12345"
    with pytest.raises(InputError, match=r"large: cannot be read: larger than 4 bytes"):
        files.read_file(path, 4)


# Parameters


LAUGHS = "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
)
BAD_YAML = {
    "huge number": ("lr: 0x" + "f" * 9999, "line 1: value has more than 1000 characters"),
    "number too long to write": ("lr: 0x" + "f" * 900, "lr must be a number > 0, got "),
    "billion laughs": (
        f"a0: &a0 lol\n{LAUGHS}",
        "more than 10,000 values, counting aliases unfolded",
    ),
    "merged laughs": (
        "a: &a {x: 1}\n" + "b: &b\n  <<: [" + ", ".join(["*a"] * 9999) + "]\n",
        "more than 10,000 values, counting aliases unfolded",
    ),
    "alias of itself": ("a: &a [*a]", "a is unknown"),
    "deep": ("[" * 5000, "more than 20 levels"),
    "deep and closed": ("[" * 30 + "]" * 30, "more than 20 levels"),
    "key of a list": ("? [a, b]\n: 1", "found unhashable key"),
    "a tag that makes an object": ("lr: !!python/object/apply:os.system [ls]", "tags are not"),
    "another version": ("%YAML 2.0\n---\nlr: 1", "is not valid YAML: found incompatible"),
    "two documents": ("lr: 1\n---\nlr: 2", "is not valid YAML"),
    "a key twice": ("lr: 1\nlr: 2", 'found duplicate key "lr"'),
    "a month 13": ("lr: 2001-13-01", "lr must be a number > 0, got '2001-13-01'"),
    "too large": ("#" * 100_001, "cannot be read: larger than 100,000 bytes"),
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


MANY = 20_000  # rows; a tenth of the limit, which takes ten seconds under tracemalloc
BAD_TABLES = {
    "a column twice": ("a,b,a\n", "expected each column once, got 'a' again"),
    "many columns": (",".join(["a", *map(str, range(10**6))]), "at most 20 columns, got 1000001"),
    "many rows": ("a\n" + "1\n" * (MANY + 1), "expected at most 20,000 rows, got more"),
    "a huge cell": (f"a\n{'x' * 200_000}\n", "expected a CSV table in UTF-8, got field larger"),
    "an open quote": ('a\n"' + "x\n" * 100, "expected a CSV table in UTF-8"),
}


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_hostile_tables_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    assert tables.MAX_ROWS == 10 * MANY
    monkeypatch.setattr(tables, "MAX_ROWS", MANY)
    text, message = BAD_TABLES[kind]
    path = tmp_path / "a.csv"
    path.write_text(text)
    said, megabytes = refused(lambda: read_table(path, ["a"]))
    assert message in said
    assert megabytes < (51 if kind == "many rows" else 512)


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


def test_repetitive_exif_data_takes_little_memory(tmp_path: Path) -> None:
    """Fifteen thousand tags that each claim all of the same 180 kB, 2.7 GB in all."""
    count = 15_000
    tags = b"".join(struct.pack("<HHLL", tag, 7, 12 * count, 10) for tag in range(1, count + 1))
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", count) + tags
    path = tmp_path / "a.png"
    path.write_bytes(PNG[:33] + chunk(b"eXIf", exif) + PNG[33:])
    tracemalloc.start()
    assert read_rgb(path).shape == (24, 20, 3)
    assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    tracemalloc.stop()


def test_without_atheris_the_fuzzer_names_it() -> None:
    script = ROOT / "tests" / "benchmarks" / "fuzz.py"
    command = [sys.executable, "-I", str(script), "no such reader"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "atheris is not installed" in result.stderr or "no such reader" in result.stderr
