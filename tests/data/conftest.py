"""Small sources on disk for the tests to read and to spoil."""

import csv
import json
import pickle
from collections.abc import Callable
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import CIFAR10

from noisylab.data.bundling.cifar10 import Half

COLUMNS = ["tile", "split", "label", "true_label", "cifar10_index"]
LabelRows = list[list[object]]
Spoil = Callable[[Path], object]
BATCHES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
HEAD = [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]  # how CIFAR-10's own labels begin


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def save_image(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_labels(folder: Path, rows: LabelRows, columns: list[str] = COLUMNS) -> None:
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


@pytest.fixture
def class_folders(tmp_path: Path) -> Path:
    """Two images each of zebra and ant in train and dev, all different."""
    for seed, (split, name, index) in enumerate(
        (split, name, index)
        for split in ("train", "dev")
        for name in ("zebra", "ant")
        for index in (0, 1)
    ):
        save_image(tmp_path / split / name / f"{index}.png", noise(32, 32, 3, seed=seed))
    return tmp_path


@pytest.fixture
def label_rows() -> LabelRows:
    """The rows of `bundle`: three of train, two of dev, two of test."""
    return [
        [3, "train", "b", "b", 30],
        [0, "train", "b", "a", 10],
        [1, "train", "a", "a", 20],
        [2, "dev", "b", "b", 40],
        [5, "dev", "a", "a", 50],
        [0, "test", "a", "a", 0],
        [1, "test", "b", "b", 1],
    ]


@pytest.fixture
def bundle(tmp_path: Path, label_rows: LabelRows) -> Path:
    """A bundle with 6 tiles in rows of 3, and 2 tiles of test."""
    save_image(tmp_path / "images.png", noise(64, 96, 3))
    save_image(tmp_path / "test.png", noise(32, 64, 3, seed=1))
    write_labels(tmp_path, label_rows)
    return tmp_path


def batch(name: str) -> Half:
    """Forty images: the ten classes four times, in the order in which CIFAR-10 begins."""
    order = [*HEAD[:5], 0, 2, 3, 5, 1]
    return Half(noise(40, 32, 32, 3, seed=BATCHES.index(name)), np.array(order * 4))


@pytest.fixture
def torchvision_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Batches as in CIFAR-10's archive; torchvision takes their MD5 sums for the right ones."""
    folder = tmp_path / "torchvision" / CIFAR10.base_folder
    folder.mkdir(parents=True)
    contents: dict[str, object] = {"batches.meta": {"label_names": []}}
    for name in BATCHES:
        images, labels = batch(name)
        planes = images.transpose(0, 3, 1, 2).reshape(40, 3072)
        contents[name] = {"labels": labels.tolist(), "data": planes}
    for name, content in contents.items():
        (folder / name).write_bytes(pickle.dumps(content, 2))
    sums = [(name, md5((folder / name).read_bytes()).hexdigest()) for name in BATCHES]
    meta = md5((folder / "batches.meta").read_bytes()).hexdigest()
    monkeypatch.setattr(CIFAR10, "train_list", sums[:-1])
    monkeypatch.setattr(CIFAR10, "test_list", sums[-1:])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": meta})
    return tmp_path / "torchvision"


@pytest.fixture
def npm_root(tmp_path: Path) -> Path:
    folder = tmp_path / "npm" / "package"
    for name in BATCHES:
        save_image(folder / f"{name}.png", batch(name).images.reshape(40, 1024, 3))
    labels = batch("test_batch").labels.tolist()  # those of every batch
    (folder / "train_lables.json").write_text(json.dumps(labels * 5))
    (folder / "test_lables.json").write_text(json.dumps(labels))
    return folder.parent
