"""Recognising the form of a source, and its summary."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from noisylab.core.errors import InputError
from noisylab.data.sources import read_source

from .conftest import noise

FORMS = (
    r"labels\.csv with images\.png .* train/<class>/ .* train\.pickle and dev\.pickle, "
    r"or CIFAR-10's data_batch_1 to 5 and test_batch"
)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"photos: expected a folder .* {FORMS}"):
        read_source(tmp_path / "photos")


@pytest.mark.parametrize(
    ("name", "said"),
    [("photos", "a file; a source"), ("photos.zip", "a file; unpack photos.zip; a source")],
)
def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(InputError, match=f"{name}: expected a folder of images, got {said} has "):
        read_source(tmp_path / name)


def test_the_error_for_an_empty_folder_lists_the_forms(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"expected {FORMS}, found none"):
        read_source(tmp_path)


def test_two_forms_at_once_are_refused(bundle: Path) -> None:
    (bundle / "dev").mkdir()
    message = r"expected one source format, got both images\.png and dev; move one away"
    with pytest.raises(InputError, match=message):
        read_source(bundle)


def test_the_missing_half_of_a_form_is_named(class_folders: Path) -> None:
    (class_folders / "dev").rename(class_folders / "validation")
    with pytest.raises(InputError, match=r"dev: not found, although the source needs it"):
        read_source(class_folders)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 10_000, "a\nb", "a\0b", "\udcff"])
def test_a_path_that_cannot_be_a_folder_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(InputError, match=r"expected a|cannot be read") as caught:
        read_source(name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_the_summary_counts_each_class_and_names_an_empty_test(class_folders: Path) -> None:
    assert read_source(class_folders).summary() == [
        "train: 4 images: ant 2, zebra 2",
        "dev: 4 images: ant 2, zebra 2",
        "test: none",
    ]


def _arrays(classes: list[str], levels: int = 255) -> bytes:
    images = (noise(4, 32, 32, 3) % levels).astype(np.uint8)
    return pickle.dumps({"images": images, "labels": np.arange(4) % 2, "classes": classes})


@pytest.mark.parametrize("name", ["Test", "testing", "eval", "holdout"])
def test_a_test_folder_by_another_name_is_not_dropped_in_silence(
    class_folders: Path, name: str
) -> None:
    shutil.copytree(class_folders / "dev", class_folders / name)
    message = rf"{name}: is not read; rename it to test if it is that, or else move it away"
    with pytest.raises(InputError, match=message):
        read_source(class_folders)
    (class_folders / name).rename(class_folders / "test")
    assert len(read_source(class_folders).test) == 4


def test_another_folder_with_class_folders_gives_a_notice(class_folders: Path) -> None:
    shutil.copytree(class_folders / "dev", class_folders / "rest")
    (class_folders / "notes").mkdir()
    assert read_source(class_folders).notices == (
        "rest: not read, although it has class folders; only train, dev and test are",
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("test.pkl", "test.pkl: is not read; rename it to test.pickle"),
        ("Testing.pickle", "Testing.pickle: is not read; rename it to test.pickle"),
    ],
)
def test_a_test_pickle_by_another_name_is_not_dropped_in_silence(
    tmp_path: Path, name: str, message: str
) -> None:
    for file in ("train.pickle", "dev.pickle", name):
        (tmp_path / file).write_bytes(_arrays(["a", "b"]))
    with pytest.raises(InputError, match=message):
        read_source(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dev.pickle", "val.pkl", "dev.pickle: not found, .*; rename 'val.pkl' to dev.pickle"),
        ("train.pickle", "train.pkl", "train.pickle: not found, .*; rename 'train.pkl' to train.p"),
    ],
)
def test_a_pickle_by_another_name_is_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    for file in ("train.pickle", "dev.pickle"):
        (tmp_path / file).write_bytes(_arrays(["a", "b"]))
    (tmp_path / old).rename(tmp_path / new)
    with pytest.raises(InputError, match=message):
        read_source(tmp_path)


def test_a_list_of_classes_by_another_name_is_not_dropped_in_silence(tmp_path: Path) -> None:
    pairs = [(np.full((3, 4, 4), value, np.float32), value % 2) for value in (-1, 0, 1)]
    for split in ("train", "dev"):
        (tmp_path / f"{split}.pickle").write_bytes(pickle.dumps(pairs))
    (tmp_path / "Classes.txt").write_text("car\ncat\n")
    with pytest.raises(InputError, match=r"Classes\.txt: is not read; rename it to classes\.txt"):
        read_source(tmp_path)
    (tmp_path / "Classes.txt").rename(tmp_path / "classes.txt")
    assert read_source(tmp_path).train.classes == ("car", "cat")


@pytest.mark.parametrize(
    "classes",
    [
        ["Cat", "cat"],
        ["traffic light", "trafficlight"],
        ["\ufb01sh", "fish"],
        ["t-shirt", "t_shirt"],
        ["feu rouge", "feu\u00a0rouge"],
        ["ab", "a\u200cb"],
    ],
)
def test_classes_that_may_be_one_give_a_notice(tmp_path: Path, classes: list[str]) -> None:
    for split in ("train", "dev"):
        (tmp_path / f"{split}.pickle").write_bytes(_arrays(classes))
    expected = f"classes {classes[0]!r} and {classes[1]!r}: are they one class, written twice?"
    assert read_source(tmp_path).notices[0] == expected


def test_classes_that_differ_in_other_signs_give_no_notice(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        (tmp_path / f"{split}.pickle").write_bytes(_arrays(["c", "c++"]))
    assert not any("one class" in line for line in read_source(tmp_path).notices)


def test_a_class_named_as_a_decision_is_refused(class_folders: Path) -> None:
    for split in ("train", "dev"):
        (class_folders / split / "ant").rename(class_folders / split / "keep")
    with pytest.raises(InputError, match="a class must not be named keep, which is a decision"):
        read_source(class_folders)


@pytest.mark.parametrize("name", ["ant ", " ant"])
def test_a_class_with_space_at_an_end_is_refused(class_folders: Path, name: str) -> None:
    for split in ("train", "dev"):
        (class_folders / split / "ant").rename(class_folders / split / name)
    with pytest.raises(InputError, match=rf"train: .* without space at either end, got '{name}'"):
        read_source(class_folders)


def test_images_of_few_levels_give_a_notice(tmp_path: Path) -> None:
    (tmp_path / "train.pickle").write_bytes(_arrays(["a", "b"], levels=2))
    (tmp_path / "dev.pickle").write_bytes(_arrays(["a", "b"]))
    assert read_source(tmp_path).notices == (
        "train: all pixels have levels from 0 to 1 of 0 to 255: were the images saved with "
        "another range?",
    )


def test_a_tilde_stands_for_the_home_folder(
    class_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(class_folders.parent))
    assert len(read_source(f"~/{class_folders.name}").train) == 4
    with pytest.raises(InputError, match="~nobody-of-that-name/photos: cannot be read: Could not"):
        read_source("~nobody-of-that-name/photos")
