"""A data folder as stage `relabel` leaves it, and the review page on it."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from werkzeug.serving import make_server

from noisylab.core import files
from noisylab.core.images import KEEP, ImageSet
from noisylab.core.tables import CORRECTIONS
from noisylab.data import set_files
from noisylab.review import decisions
from noisylab.review.app import create_app
from noisylab.review.store import Store

#: Split, index and suggested class, in the order of review. The first two are flagged for certain,
#: the next two are less certain, the others are not flagged.
SUGGESTED = [
    ("train", 3, "cat"),
    ("train", 1, "cat"),
    ("dev", 0, "cat"),
    ("train", 6, "truck"),
    ("train", 4, "cat"),
    ("dev", 9, "cat"),
]
N_FLAGGED = 4
SCORES = (0.9, 0.85, 0.6, 0.7, 0.5, 0.4)

WriteData = Callable[[dict[str, ImageSet]], Path]


@pytest.fixture
def sets(train: ImageSet, dev: ImageSet) -> dict[str, ImageSet]:
    return {"train": train, "dev": dev}


@pytest.fixture
def write_data(tmp_path: Path) -> WriteData:
    def write(sets: dict[str, ImageSet]) -> Path:
        rows = []
        classes = sets["train"].classes
        for place, (split, index, name) in enumerate(SUGGESTED):
            suggested = classes[("car", "truck", "cat").index(name)]
            given = classes[sets[split].labels[index]]
            decided = ("yes", suggested) if place < N_FLAGGED else ("no", KEEP)
            rows.append((split, index, given, suggested, SCORES[place], *decided, "rule"))
        rows.sort(key=lambda row: -row[4])  # as stage relabel sorts them
        folder = tmp_path / "data"
        set_files.write_sets(folder, sets)
        files.write_csv(folder / "corrections.csv", CORRECTIONS, rows)
        (folder / "review.csv").write_text(",".join(decisions.COLUMNS) + "\n")
        return folder

    return write


@pytest.fixture
def data(write_data: WriteData, sets: dict[str, ImageSet]) -> Path:
    """The data folder, with three classes."""
    return write_data(sets)


@pytest.fixture
def store(data: Path) -> Store:
    return Store(data)


@pytest.fixture
def app(store: Store) -> Flask:
    return create_app(store)


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The address of the page, served by a real server."""
    with make_server("127.0.0.1", 0, app, threaded=True) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.port}/"
        server.shutdown()
        thread.join()


def with_other_images(image_set: ImageSet) -> ImageSet:
    """The labels of `image_set` on other images."""
    return ImageSet(255 - image_set.images, image_set.labels, image_set.classes)


def with_many_classes(image_set: ImageSet) -> ImageSet:
    """`image_set` with nine more classes that have no image."""
    more = tuple(f"more {letter}" for letter in "abcdefghi")
    return ImageSet(image_set.images, np.copy(image_set.labels), image_set.classes + more)
