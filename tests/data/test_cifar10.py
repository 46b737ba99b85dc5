"""CIFAR-10 in both layouts, on forty images a batch."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from noisylab.core.errors import InputError
from noisylab.data.bundling.cifar10 import read_cifar10

from .conftest import BATCHES, Spoil, batch, noise, python2_pickle, read_cifar


@pytest.mark.parametrize("layout", ["torchvision", "npm"])
@pytest.mark.parametrize("inside", [False, True])
def test_both_layouts_come_back_exactly(
    torchvision_root: Path, npm_root: Path, layout: str, inside: bool
) -> None:
    root = {"torchvision": torchvision_root, "npm": npm_root}[layout]
    images = read_cifar(next(root.iterdir()) if inside else root)
    pixels = [*np.split(images.train.images, 5), images.test.images]
    for name, found in zip(BATCHES, pixels, strict=True):
        np.testing.assert_array_equal(found, batch(name).images)
    np.testing.assert_array_equal(images.train.labels, np.tile(batch("test_batch").labels, 5))
    np.testing.assert_array_equal(images.test.labels, batch("test_batch").labels)


def test_no_cifar10_is_none(tmp_path: Path) -> None:
    assert read_cifar10(tmp_path) is None


def _save_png(name: str, pixels: np.ndarray) -> Spoil:
    return lambda root: Image.fromarray(pixels).save(root / "package" / name)


def _save_json(content: str) -> Spoil:
    return lambda root: (root / "package" / "test_lables.json").write_text(content)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: (d / "package" / "data_batch_3.png").unlink(), r"data_batch_3\.png: .*No such"),
        (lambda d: (d / "package" / "test_lables.json").unlink(), r"test_lables\.json: .*No such"),
        (_save_png("data_batch_2.png", noise(40, 1023, 3)), r"_2\.png: expected rows of 1024"),
        (_save_png("test_batch.png", noise(39, 1024, 3)), r"test_lables\.json: expected 39 labels"),
        (_save_json("{"), r"test_lables\.json: expected a JSON list of labels"),
        (_save_json("7"), r"test_lables\.json: expected 40 labels, one an image"),
        (_save_json(str([10] * 40)), r"test_lables\.json: expected 40 labels.* in 0\.\.9"),
        (_save_json(str([1.5] * 40)), r"test_lables\.json: expected 40 labels"),
    ],
)
def test_a_damaged_npm_package_is_refused(npm_root: Path, spoil: Spoil, message: str) -> None:
    spoil(npm_root)
    with pytest.raises(InputError, match=message):
        read_cifar10(npm_root)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"data_batch_4: cannot be read"),
        (b"x", r"data_batch_4: "),
        (python2_pickle([1]), r"data_batch_4: expected a CIFAR-10 batch with data uint8 \(N, 307"),
        (python2_pickle({b"data": b""}), r"data_batch_4: expected a CIFAR-10 batch with data"),
        (
            python2_pickle({b"data": noise(2, 3072), b"labels": [1]}),
            r"data_batch_4: expected 2 labels, one an image",
        ),
    ],
)
def test_a_damaged_batch_is_refused(
    torchvision_root: Path, content: bytes | None, message: str
) -> None:
    path = torchvision_root / "cifar-10-batches-py" / "data_batch_4"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_cifar10(torchvision_root)
