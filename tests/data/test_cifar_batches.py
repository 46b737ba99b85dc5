"""CIFAR's own batches: as a folder, as train.pickle, written by Python 2 and 3."""

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from noisylab.core.errors import InputError
from noisylab.data.sources import read_source

from .conftest import noise

BATCHES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
LABELS = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7] * 2


def images(name: str) -> np.ndarray:
    return noise(20, 32, 32, 3, seed=BATCHES.index(name))


def content(name: str, keys: type = str) -> dict[Any, Any]:
    parts = {
        "data": images(name).transpose(0, 3, 1, 2).reshape(20, 3072),
        "labels": LABELS,
        "filenames": [f"{name}_{index}.png" for index in range(20)],
    }
    return {key.encode() if keys is bytes else key: part for key, part in parts.items()}


@pytest.fixture
def cifar(tmp_path: Path) -> Path:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in BATCHES:
        (folder / name).write_bytes(pickle.dumps(content(name), 2))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [*"abcdefghij"]}, 2))
    return folder


def test_the_folder_of_cifar_10_is_a_source(cifar: Path) -> None:
    source = read_source(cifar)
    assert source.train.classes == tuple("abcdefghij")
    expected = np.concatenate([images(name) for name in BATCHES[:4]])
    np.testing.assert_array_equal(source.train.images, expected)
    np.testing.assert_array_equal(source.dev.images, images("data_batch_5"))
    assert source.test.labels.tolist() == LABELS
    assert source.notices == (
        "data_batch_1 to 4 are train, data_batch_5 is dev, test_batch is test",
    )
    with pytest.raises(InputError, match=r"found none; give .*/cifar-10-batches-py$"):
        read_source(cifar.parent)


@pytest.mark.parametrize("keys", [str, bytes])
def test_batches_may_be_named_as_pickles(tmp_path: Path, keys: type) -> None:
    for split, name in (("train", "data_batch_1"), ("dev", "test_batch")):
        (tmp_path / f"{split}.pickle").write_bytes(pickle.dumps(content(name, keys)))
    source = read_source(tmp_path)
    np.testing.assert_array_equal(source.train.images, images("data_batch_1"))
    assert source.train.classes == tuple("0123456789")
    assert source.dev.names is not None
    assert source.dev.names[19] == "test_batch_19.png"


def test_a_batch_of_python_2_is_read(tmp_path: Path) -> None:
    rows = bytes(range(256)) * 36  # three images
    written = (
        b"\x80\x02}q\x00(U\x04dataq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\n"
        b"q\x03K\x00\x85U\x01b\x87Rq\x04(K\x01K\x03M\x00\x0c\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + struct.pack("<I", len(rows))
        + rows
        + b"tbU\x06labels](K\x00K\x01K\x02eu."
    )
    for split in ("train", "dev"):
        (tmp_path / f"{split}.pickle").write_bytes(written)
    (tmp_path / "classes.txt").write_text("plane\ncar\nbird\n")
    train = read_source(tmp_path).train
    assert train.classes == ("plane", "car", "bird")
    np.testing.assert_array_equal(train.images[2, 0, :, 0], np.arange(32))
    assert train.labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": [1]}, r"data: expected uint8 \(N, 3072\), got list of 1"),
        ({"data": np.zeros((20, 784), np.uint8)}, r"data: .* got uint8 of shape \(20, 784\)"),
        ({"labels": None}, "labels: expected a list of integers, got None"),
        ({"labels": [0, "1"]}, "labels: expected a list of integers, got list of 2"),
        ({"labels": [0, -1]}, "labels: expected labels 0, 1, 2, ..., got -1"),
        ({"labels": [0, 1]}, r"labels must be int64 of shape \(20,\)"),
        ({"filenames": ["a"]}, "expected 20 names, one per image, got 1"),
    ],
)
def test_bad_batches_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    good = content("test_batch")
    (tmp_path / "dev.pickle").write_bytes(pickle.dumps(good))
    (tmp_path / "train.pickle").write_bytes(pickle.dumps(good | changes))
    with pytest.raises(InputError, match=rf"train\.pickle: {message}"):
        read_source(tmp_path)


@pytest.mark.parametrize("meta", [[1], {"label_names": 3}, {}])
def test_a_bad_list_of_classes_is_refused(cifar: Path, meta: object) -> None:
    (cifar / "batches.meta").write_bytes(pickle.dumps(meta))
    with pytest.raises(InputError, match=r"batches\.meta: expected label_names, a list of the cl"):
        read_source(cifar)
