from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet, image_digest
from noisylab.review.decisions import read_review, write_decisions
from noisylab.review.places import Row

HEADER = "split,index,image,decision\n"  # of tables before there were names


@pytest.fixture
def sets(train: ImageSet, dev: ImageSet) -> dict[str, ImageSet]:
    return {"train": train, "dev": dev}


def row(sets: dict[str, ImageSet], split: str, index: int, decision: str) -> str:
    return f"{split},{index},{image_digest(sets[split].images[index])},{decision}\n"


def with_names(sets: dict[str, ImageSet]) -> dict[str, ImageSet]:
    return {
        split: replace(
            image_set, names=tuple(f"{split}/{index}.png" for index in range(len(image_set)))
        )
        for split, image_set in sets.items()
    }


def test_decisions_come_back_as_they_were_written(
    tmp_path: Path, sets: dict[str, ImageSet]
) -> None:
    path = tmp_path / "review.csv"
    decisions = {("dev", 3): 2, ("train", 10): 0, ("train", 2): int(sets["train"].labels[2])}
    write_decisions(path, decisions, sets)
    assert read_review(path, sets).decisions == decisions
    lines = path.read_text().splitlines(keepends=True)
    assert lines == [
        "split,index,image,decision,given,name\n",
        row(sets, "train", 2, "keep,cat,"),
        row(sets, "train", 10, "car,truck,"),
        row(sets, "dev", 3, "cat,car,"),
    ]

    write_decisions(path, dict(reversed(decisions.items())), sets)
    assert path.read_text().splitlines(keepends=True) == lines


def test_a_header_alone_decides_nothing(tmp_path: Path, sets: dict[str, ImageSet]) -> None:
    (tmp_path / "review.csv").write_text(HEADER)
    review = read_review(tmp_path / "review.csv", sets)
    assert (review.decisions, review.waiting(), review.notices("review.csv")) == ({}, [], [])


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path: Path, sets: dict[str, ImageSet]) -> None:
    text = HEADER + row(sets, "train", 2, "cat") + "\n" + row(sets, "train", 2, "cat")
    (tmp_path / "review.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read_review(tmp_path / "review.csv", sets).decisions == {("train", 2): 2}


def test_names_of_files_are_written_beside_the_decisions(
    tmp_path: Path, sets: dict[str, ImageSet]
) -> None:
    path = tmp_path / "review.csv"
    write_decisions(path, {("dev", 3): 2}, with_names(sets))
    assert path.read_text().splitlines()[1].endswith(",cat,car,dev/3.png")
    assert read_review(path, with_names(sets)).decisions == {("dev", 3): 2}


def test_a_photo_added_in_front_changes_no_decision(
    tmp_path: Path, sets: dict[str, ImageSet]
) -> None:
    path = tmp_path / "review.csv"
    path.write_text(HEADER + row(sets, "train", 5, "car") + row(sets, "dev", 0, "keep"))
    train = sets["train"]
    images = np.concatenate([255 - train.images[:1], train.images])
    labels = np.concatenate([train.labels[:1], train.labels])
    review = read_review(path, {**sets, "train": ImageSet(images, labels, train.classes)})
    assert review.decisions == {("train", 6): 0, ("dev", 0): int(sets["dev"].labels[0])}
    assert review.notices(path) == []


def test_decisions_on_images_that_are_gone_are_reported_at_once_and_kept(
    tmp_path: Path, sets: dict[str, ImageSet]
) -> None:
    path, images = tmp_path / "review.csv", with_names(sets)
    made = {("train", index): 1 for index in (0, 1, 2, 3, 40)}
    write_decisions(path, made, images)
    before = path.read_text()
    left = {**images, "train": images["train"].subset(range(4, 90))}
    review = read_review(path, left)
    assert review.decisions == {("train", 36): 1}
    assert review.notices("data/review.csv") == [
        "data/review.csv: 4 decisions about images that are in neither train nor dev: "
        "['train/0.png', 'train/1.png', 'train/2.png', ... 4 in all]; kept in the file, they count "
        "again when the images return"
    ]
    write_decisions(path, review.decisions, left, review.waiting())
    assert read_review(path, images).decisions == made
    write_decisions(path, made, images)
    assert path.read_text() == before


def test_after_a_class_was_renamed_only_decisions_for_it_wait(
    tmp_path: Path, sets: dict[str, ImageSet]
) -> None:
    path = tmp_path / "review.csv"
    made = {("train", 0): 0, ("train", 1): 2, ("train", 2): 2, ("dev", 0): 1, ("dev", 1): 2}
    write_decisions(path, made, sets)  # two are `keep`
    renamed = {
        split: replace(image_set, classes=("car", "truck", "kitten"))
        for split, image_set in sets.items()
    }
    review = read_review(path, renamed)
    assert review.decisions == {("train", 0): 0, ("train", 2): 2, ("dev", 0): 1}
    assert review.notices("review.csv") == [
        "review.csv: 2 decisions for ['cat'], not a class of these images; if a class was renamed, "
        "write its new name there"
    ]
    path.write_text(path.read_text().replace(",cat,", ",kitten,"))
    assert read_review(path, renamed).decisions == made


def test_a_new_decision_replaces_one_for_a_class_that_is_gone(
    tmp_path: Path, sets: dict[str, ImageSet]
) -> None:
    path = tmp_path / "review.csv"
    path.write_text(HEADER + row(sets, "train", 0, "dog") + row(sets, "train", 1, "dog"))
    review = read_review(path, sets)
    dog = Row("train", 1, image_digest(sets["train"].images[1]), "dog")
    assert review.waiting({("train", 0): 1}) == [dog]
    write_decisions(path, {("train", 0): 1}, sets, review.waiting({("train", 0): 1}))
    again = read_review(path, sets)
    assert (again.decisions, again.waiting()) == ({("train", 0): 1}, [dog])


BAD = [
    ("test,0,{0},keep", "line 2: split must be train or dev, got 'test'"),
    ("train,-1,{0},keep", "line 2: index must be 0, 1, 2, ..., got '-1'"),
    ("train,1e3,{0},keep", "line 2: index must be 0, 1, 2, ..., got '1e3'"),
    ("train,0,,keep", "line 2: image must be 32 hexadecimal digits, got ''"),
    ("train,0,{0}0,keep", "line 2: image must be 32 hexadecimal digits, got '"),
    ("train,0,{0},", "line 2: decision must be keep or the name of a class, got ''"),
    ("train,0,{0},cat\ntrain,0,{0},truck", "line 3: contradicts line 2; remove one"),
    ("train,0,{0}", "line 2: expected 4 cells, got 3"),
    ('train,0,{0},"cat', "expected a CSV table in UTF-8, got "),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_wrong_line_is_named(
    tmp_path: Path, sets: dict[str, ImageSet], text: str, message: str
) -> None:
    path = tmp_path / "review.csv"
    path.write_text(HEADER + text.format(image_digest(sets["train"].images[0])) + "\n")
    with pytest.raises(InputError) as error:
        read_review(path, sets)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a column 'split', got []"),
        (b"split;index\n", "expected a column 'split', got ['split;index']; separate columns with"),
        (b"split,index,image\n", "expected a column 'decision', got ['split', 'index', 'image']"),
        (b"\xff\xfe", "cannot be read: byte 0 is not UTF-8"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_is_no_table_of_decisions_is_refused(
    tmp_path: Path, sets: dict[str, ImageSet], content: bytes | None, message: str
) -> None:
    path = tmp_path / "review.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_review(path, sets)
    assert str(error.value).startswith(f"{path}: {message}")


def test_an_unknown_column_is_refused(tmp_path: Path, sets: dict[str, ImageSet]) -> None:
    path = tmp_path / "review.csv"
    path.write_text("split,index,image,decision,why\n" + row(sets, "dev", 0, "keep,so"))
    with pytest.raises(InputError, match=r"line 2: unknown column 'why'; expected split"):
        read_review(path, sets)


def test_a_class_must_not_be_called_keep(tmp_path: Path, train: ImageSet) -> None:
    sets = {"train": ImageSet(train.images, train.labels, ("car", "keep", "cat")), "dev": train}
    path = tmp_path / "review.csv"
    path.write_text(HEADER + row(sets, "train", 0, "keep"))
    with pytest.raises(InputError, match="a class must not be named keep"):
        read_review(path, sets)
