"""`noisylab export` of class folders, and what it refuses."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from noisylab.core.files import write_bytes
from noisylab.core.images import ImageSet
from noisylab.data.sources import read_source
from noisylab.export.linking import place_files

from .conftest import APPLIED, copied, decide, files, photo, rows

Export = Callable[..., list[str]]

PLACES = {
    "dev/car/0.png": "dev/car/0.png",
    "dev/car/1.png": "dev/car/1.png",
    "dev/cat/2.png": "dev/cat/2.png",
    "dev/cat/3.png": "dev/cat/3.png",
    "train/car/0.png": "train/cat/0.png",
    "train/car/1.png": "train/cat/1.png",
    "train/car/2.png": "train/car/2.png",
    "train/cat/1.png": "train/car/1.png",
    "train/cat/4.png": "train/cat/4.png",
    "train/cat/5.png": "train/cat/5.png",
}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_images_move_to_the_folder_of_their_corrected_class(
    photos: Path, export: Export, project: Path
) -> None:
    before = copied(photos, project / "before")
    assert export("out") == [
        "train: 3 of 6 labels changed, 2 by the rule, 1 by a person",
        "dev: 0 of 4 labels changed, 0 by the rule, 0 by a person",
        "written: out",
    ]
    assert files(project / "out") == sorted(PLACES.values())
    for name, place in PLACES.items():
        assert (project / "out" / place).samefile(photos / name), name
    assert files(photos) == files(before)
    assert names(project) == ["before", "data", "out", "params.yaml", "photos"]


def test_the_export_is_a_source(photos: Path, export: Export, project: Path) -> None:
    export("deep/er/out")
    train = read_source(project / "deep/er/out").train
    assert (train.classes, train.labels.tolist()) == (("car", "cat"), [0, 0, 1, 1, 1, 1])
    assert train.names == (
        *("train/car/1.png", "train/car/2.png", "train/cat/0.png", "train/cat/1.png"),
        *("train/cat/4.png", "train/cat/5.png"),
    )
    assert np.array_equal(train.images[0], np.asarray(photo(3)))


def test_files_are_copied_where_no_link_is_possible(
    photos: Path, export: Export, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    export("out")
    for name, place in PLACES.items():
        copy = project / "out" / place
        assert copy.read_bytes() == (photos / name).read_bytes()
        assert not copy.samefile(photos / name)


def test_a_name_that_is_taken_gets_a_number(photos: Path, export: Export, project: Path) -> None:
    decide(project, {**APPLIED, ("train", 3): 1})  # cat/1.png stays, and car/1.png joins it
    assert export("out")[2:] == [
        "train/car/1.png: moved to train/cat/1_2.png, since that folder has a 1.png",
        "written: out",
    ]
    assert (project / "out/train/cat/1.png").samefile(photos / "train/cat/1.png")
    assert (project / "out/train/cat/1_2.png").samefile(photos / "train/car/1.png")


def test_names_differ_by_more_than_case_and_accents() -> None:
    old = ("d/a/É.png", "d/a/x.png", "d/b/e\u0301.PNG", "d/b/É_2.PNG", "d/b/X.png")
    images = np.zeros((5, 32, 32, 3), np.uint8)
    known = ImageSet(images, np.array([0, 0, 1, 1, 1]), ("a", "b"), names=old)
    placed = place_files(known, np.array([1, 1, 1, 1, 1]))
    assert placed == ["d/b/É_3.png", "d/b/x_2.png", *old[2:]]


def test_a_class_without_images_keeps_its_folder(
    photos: Path, export: Export, project: Path
) -> None:
    decide(project, {**APPLIED, ("dev", 2): 0, ("dev", 3): 0})
    export("out")
    assert list((project / "out/dev/cat").iterdir()) == []
    assert len(files(project / "out/dev/car")) == 4


def test_an_empty_folder_is_filled(photos: Path, export: Export, project: Path) -> None:
    (project / "out").mkdir()
    export("out")
    assert files(project / "out") == sorted(PLACES.values())


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("data", "data: is not empty; choose a new folder"),
        (".", ".: is not empty; choose a new folder"),
        ("params.yaml", "params.yaml: exists and is no folder; choose a new folder"),
        ("params.yaml/out", "params.yaml/out: cannot be written: File exists"),
        ("photos", "photos: lies in the source photos; choose a folder outside of it"),
        ("photos/x/out", "photos/x/out: lies in the source photos; choose a folder outside of it"),
        ("link/out", "link/out: lies in the source photos; choose a folder outside of it"),
    ],
)
@pytest.mark.parametrize("option", [[], ["--changes"]])
def test_other_targets_are_refused(
    photos: Path, export: Export, project: Path, target: str, message: str, option: list[str]
) -> None:
    (project / "link").symlink_to(photos)
    before = files(project)
    assert export(target, *option) == [message]
    assert files(project) == before


def change(photos: Path, what: str) -> None:
    path = photos / "train/cat/4.png"
    if what == "replaced":
        photo(77).save(path)
    elif what == "removed":
        path.unlink()
    elif what == "added":
        photo(78).save(photos / "train/cat/9.png")
    else:
        path.rename(photos / "train/car/4.png")


@pytest.mark.parametrize(
    ("what", "where"),
    [
        ("replaced", ", first at train/cat/4.png"),
        ("removed", ", first at train/cat/5.png"),
        ("added", ", first at train/cat/9.png"),
        ("moved", ", first at train/car/4.png"),
    ],
)
def test_a_source_that_has_changed_is_refused(
    photos: Path, export: Export, project: Path, what: str, where: str
) -> None:
    change(photos, what)
    expected = f"photos: train has changed since the last run{where}; run make repro, then "
    assert export("out") == [f"{expected}export again"]
    assert export("out", "--changes") == [f"{expected}export again"]
    assert not (project / "out").exists()


def test_nothing_is_left_where_the_disk_is_full(
    photos: Path, export: Export, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def full(*arguments: object) -> None:
        done.append(arguments)
        if len(done) == 3:
            raise OSError(28, "No space left on device")

    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    before = names(project)
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(shutil, "copyfileobj", full)
    assert export("out") == ["out: cannot be written: No space left on device"]
    assert len(done) == 3
    assert names(project) == before


def test_the_rest_of_a_killed_export_is_removed(
    photos: Path, export: Export, project: Path
) -> None:
    for name in (".out.999999999.partial", ".old.999999999.partial"):
        (project / name / "train").mkdir(parents=True)
        (project / name / "train/0.png").touch()
    write_bytes(project / "report.html", b"")
    assert not list(project.glob(".*.partial"))
    export("out")
    assert rows(project / "data/review.csv")
