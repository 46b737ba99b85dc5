"""CIFAR-10 in both layouts, forty images per batch."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import CIFAR10

from noisylab.core.errors import InputError
from noisylab.data.bundling.cifar10 import read_cifar10

from .conftest import BATCHES, Spoil, batch, noise


@pytest.mark.parametrize("layout", ["torchvision", "npm"])
def test_both_layouts_come_back_exactly(
    torchvision_root: Path, npm_root: Path, layout: str
) -> None:
    images = read_cifar10({"torchvision": torchvision_root, "npm": npm_root}[layout])
    pixels = [*np.split(images.train.images, 5), images.test.images]
    for name, found in zip(BATCHES, pixels, strict=True):
        np.testing.assert_array_equal(found, batch(name).images)
    np.testing.assert_array_equal(images.train.labels, np.tile(batch("test_batch").labels, 5))
    np.testing.assert_array_equal(images.test.labels, batch("test_batch").labels)
    assert images.test.labels.dtype == np.int64


class Forged:
    """Creates a file when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("canary"),)


def test_a_forged_batch_is_never_unpickled(
    torchvision_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", fail)
    path = torchvision_root / CIFAR10.base_folder / "data_batch_4"
    path.write_bytes(pickle.dumps(Forged()))
    with pytest.raises(InputError, match=r"torchvision could not download it \(OSError\)"):
        read_cifar10(torchvision_root)
    assert not Path("canary").exists()
    pickle.loads(path.read_bytes())
    assert Path("canary").exists()


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
        (_save_json("7"), r"test_lables\.json: expected 40 labels, each in 0\.\.9"),
        (_save_json(str([10] * 40)), r"test_lables\.json: expected 40 labels, each in 0\.\.9"),
        (_save_json(str([1.5] * 40)), r"test_lables\.json: expected 40 labels"),
    ],
)
def test_a_damaged_npm_package_is_refused(npm_root: Path, spoil: Spoil, message: str) -> None:
    spoil(npm_root)
    with pytest.raises(InputError, match=message):
        read_cifar10(npm_root)
