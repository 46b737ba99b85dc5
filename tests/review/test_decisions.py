from pathlib import Path

import pytest

from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet, image_digest
from noisylab.review.decisions import read_decisions, write_decisions

HEADER = "split,index,image,decision\n"


@pytest.fixture
def sets(train: ImageSet, dev: ImageSet) -> dict[str, ImageSet]:
    return {"train": train, "dev": dev}


def row(sets: dict[str, ImageSet], split: str, index: int, decision: str) -> str:
    return f"{split},{index},{image_digest(sets[split].images[index])},{decision}\n"


def test_decisions_come_back_as_they_were_written(
    tmp_path: Path, sets: dict[str, ImageSet]
) -> None:
    path = tmp_path / "review.csv"
    decisions = {("dev", 3): 2, ("train", 10): 0, ("train", 2): int(sets["train"].labels[2])}
    write_decisions(path, decisions, sets)
    assert read_decisions(path, sets) == decisions
    lines = path.read_text().splitlines(keepends=True)
    assert lines[0] == HEADER
    assert lines[1] == row(sets, "train", 2, "keep")
    assert lines[2] == row(sets, "train", 10, "car")
    assert lines[3] == row(sets, "dev", 3, "cat")

    write_decisions(path, dict(reversed(decisions.items())), sets)
    assert path.read_text().splitlines(keepends=True) == lines


def test_a_header_alone_decides_nothing(tmp_path: Path, sets: dict[str, ImageSet]) -> None:
    (tmp_path / "review.csv").write_text(HEADER)
    assert read_decisions(tmp_path / "review.csv", sets) == {}


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path: Path, sets: dict[str, ImageSet]) -> None:
    text = HEADER + row(sets, "train", 2, "cat") + "\n" + row(sets, "train", 2, "cat")
    (tmp_path / "review.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read_decisions(tmp_path / "review.csv", sets) == {("train", 2): 2}


BAD = [
    ("test,0,{0},keep", "line 2: split must be train or dev, got 'test'"),
    ("train,-1,{0},keep", "line 2: index must be 0, 1, 2, ..., got '-1'"),
    ("train,1e3,{0},keep", "line 2: index must be 0, 1, 2, ..., got '1e3'"),
    ("train,90,{0},keep", "line 2: image 90 of train is not the one that was reviewed; remove"),
    ("train,1,{0},keep", "line 2: image 1 of train is not the one that was reviewed; remove"),
    ("train,0,,keep", "line 2: image 0 of train is not the one that was reviewed; remove"),
    (
        "train,0,{0},dog",
        "line 2: decision must be keep or one of ['car', 'truck', 'cat'], got 'dog'",
    ),
    ("train,0,{0},", "line 2: decision must be keep or one of ['car', 'truck', 'cat'], got ''"),
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
        read_decisions(path, sets)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a column 'split', got []"),
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
        read_decisions(path, sets)
    assert str(error.value).startswith(f"{path}: {message}")


def test_an_unknown_column_is_refused(tmp_path: Path, sets: dict[str, ImageSet]) -> None:
    path = tmp_path / "review.csv"
    path.write_text("split,index,image,decision,why\n" + row(sets, "dev", 0, "keep,so"))
    with pytest.raises(InputError, match=r"line 2: unknown column 'why'; expected split"):
        read_decisions(path, sets)


def test_a_class_must_not_be_called_keep(tmp_path: Path, train: ImageSet) -> None:
    sets = {"train": ImageSet(train.images, train.labels, ("car", "keep", "cat")), "dev": train}
    path = tmp_path / "review.csv"
    path.write_text(HEADER + row(sets, "train", 0, "keep"))
    with pytest.raises(InputError, match="a class must not be named keep"):
        read_decisions(path, sets)
