"""Sets come back as written; equal sets give equal bytes; a bad file is refused with the reason."""

import os
import pickle
import re
import subprocess
import sys
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.data.pickles import read_pickle
from noisylab.data.set_files import dump_set, read_set

SRC = Path(__file__).parents[2] / "src"
CLASSES = ("car", "truck", "cat")


def make_set(n: int = 6, true_labels: bool = True) -> ImageSet:
    labels = np.arange(n, dtype=np.int64) % 3
    images = np.arange(n * 3072, dtype=np.uint32).reshape(n, 32, 32, 3).astype(np.uint8)
    return ImageSet(images, labels, CLASSES, labels[::-1].copy() if true_labels else None)


def write(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "train_set.pickle"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("n", [0, 1, 6])
@pytest.mark.parametrize("true_labels", [True, False])
def test_a_set_comes_back_as_it_was_written(tmp_path: Path, n: int, true_labels: bool) -> None:
    written = make_set(n, true_labels)
    found = read_set(write(tmp_path, dump_set(written)))
    np.testing.assert_array_equal(found.images, written.images)
    np.testing.assert_array_equal(found.labels, written.labels)
    np.testing.assert_array_equal(found.true_labels, written.true_labels)
    assert found.classes == CLASSES


def test_names_come_back_as_they_were_written(tmp_path: Path) -> None:
    named = replace(make_set(), names=("train/car/1.png", "日本/2.jpg", "a", "a", "é", "x" * 1000))
    assert read_set(write(tmp_path, dump_set(named))).names == named.names
    assert read_set(write(tmp_path, dump_set(make_set()))).names is None
    assert dump_set(replace(named, names=None)) == dump_set(make_set())


def test_names_take_at_most_100_bytes_an_image(tmp_path: Path) -> None:
    def kept(image_set: ImageSet) -> int:
        path = write(tmp_path, dump_set(image_set))
        tracemalloc.start()
        found = read_set(path)
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert len(found) == 600
        return size

    plain = make_set(600)
    names = tuple(f"train/automobile/IMG_{index:05}.jpeg" for index in range(600))
    assert kept(replace(plain, names=names)) - kept(plain) < 100 * 600


def test_a_plain_pickle_load_reads_a_set() -> None:
    content = pickle.loads(dump_set(make_set()))
    assert list(content) == ["images", "labels", "classes", "true_labels"]
    assert content["classes"] == list(CLASSES)
    np.testing.assert_array_equal(content["images"], make_set().images)


def equal_sets() -> dict[str, ImageSet]:
    """Sets equal to `make_set()` whose arrays and names are laid out differently in memory."""
    plain = make_set()
    doubled = np.repeat(plain.images, 2, axis=0)
    read_only = plain.images.copy()
    read_only.flags.writeable = False
    return {
        "subset": plain.subset(np.arange(6)),
        "subset of reversed": plain.subset(np.arange(6)[::-1]).subset(np.arange(6)[::-1]),
        "fortran": ImageSet(
            np.asfortranarray(plain.images), plain.labels, CLASSES, plain.true_labels
        ),
        "not contiguous": ImageSet(doubled[::2], plain.labels, CLASSES, plain.true_labels),
        "read-only": ImageSet(read_only, plain.labels, CLASSES, plain.true_labels),
        "other names": ImageSet(
            plain.images, plain.labels, tuple(np.array(CLASSES)), plain.true_labels
        ),
        "strided labels": plain.with_labels(np.repeat(plain.labels, 2)[::2]),
        "own dtype": plain.with_labels(plain.labels.astype("longlong")),
        "unpickled": pickle.loads(pickle.dumps(plain)),
    }


@pytest.mark.parametrize("kind", equal_sets())
def test_equal_sets_give_equal_bytes(kind: str) -> None:
    assert dump_set(equal_sets()[kind]) == dump_set(make_set())


def test_shared_objects_do_not_change_the_bytes() -> None:
    images, labels = make_set().images, make_set().labels
    once = ImageSet(images, labels, ("labels", "cat", "i8"), labels)
    twice = ImageSet(images, labels, ("".join("labels"), "cat", "i" + "8"), labels.copy())
    assert dump_set(once) == dump_set(twice)


def test_two_processes_write_equal_bytes(tmp_path: Path) -> None:
    program = (
        "import sys, hashlib; from noisylab.data.set_files import *\n"
        "print(hashlib.sha256(dump_set(read_set(sys.argv[1]))).hexdigest(), 'torch' in sys.modules)"
    )
    path = write(tmp_path, dump_set(make_set()))
    printed = {
        subprocess.run(
            [sys.executable, "-c", program, path],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(SRC)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert printed.pop().split()[1] == "False"


def content(**changes: Any) -> dict[str, Any]:
    plain = pickle.loads(dump_set(make_set()))
    plain.update(changes)
    return {key: value for key, value in plain.items() if value is not ...}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1, 2], "expected a dict of images, labels and classes, got list of 2"),
        (
            content(labels=...),
            "expected a dict with 'labels', an array of integers (N,), got ['imag",
        ),
        (
            content(extra=1),
            "expected only images, labels, classes, true_labels and names, got ['",
        ),
        (content(names="abcdef"), "names: expected a list of names, got 'abcdef'"),
        (content(names=["a", "b"]), "expected 6 names, one per image, got 2"),
        (
            content(names=[*"abcd", "e\u202e", "f"]),
            "names must have 1 to 1,000 printable characters, got 'e\\u202e'",
        ),
        (content(images=[1]), "images: expected an array, got list of 1"),
        (content(true_labels=None), "true_labels: expected an array, got None"),
        (content(classes="abc"), "classes: expected a list of names, got 'abc'"),
        (content(classes=["car", "car", "cat"]), "classes must be distinct"),
        (content(classes=[np.eye(9), 1]), "classes must be names of 1 to 100 printable characters"),
        (content(images=make_set().images / 255), "images must be uint8 of shape"),
        (content(images=make_set().images[0]), "images must be uint8 of shape"),
        (content(labels=np.arange(6)), "labels must be in 0..2, got 3 at index 3"),
        (content(labels=np.zeros(5, int)), "labels must be int64 of shape (6,)"),
        (content(labels=np.zeros(6, np.int32)), "labels must be int64"),
    ],
)
def test_a_bad_set_is_refused_with_the_reason(tmp_path: Path, value: Any, said: str) -> None:
    path = write(tmp_path, pickle.dumps(value))
    with pytest.raises(InputError, match=re.escape(f"{path}: {said}")):
        read_set(path)


def test_a_zip_file_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "pairs.pt"
    torch.save(torch.ones(2), path)
    assert zipfile.is_zipfile(path)
    with pytest.raises(InputError, match=r"pairs.pt: is a zip file, .* save it with pickle.dump"):
        read_pickle(path)


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent.pickle: cannot be read: No such file"):
        read_pickle(tmp_path / "absent.pickle")
    with pytest.raises(InputError, match="cannot be read: not a regular file"):
        read_pickle(tmp_path)
    with pytest.raises(InputError, match=r"^/dev/zero: cannot be read: not a regular file"):
        read_pickle("/dev/zero")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.pickle"
    with path.open("wb") as file:
        file.truncate(2**31 + 1)
    with pytest.raises(InputError, match="larger than"):
        read_pickle(path)
