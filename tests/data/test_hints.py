"""A folder that is nearly a source is refused with the step that makes it one."""

import pickle
import shutil
from pathlib import Path

import pytest

from noisylab.core.errors import InputError
from noisylab.data.sources import read_source

from .conftest import COLUMNS, noise, save_image


def refusal(folder: Path) -> str:
    """The message, without the path of the folder."""
    with pytest.raises(InputError) as caught:
        read_source(folder)
    assert str(caught.value).isprintable()
    return str(caught.value).replace(f"{folder}/", "")


def remedy(folder: Path) -> str:
    """The end of the message for a folder that has no form of a source."""
    return refusal(folder).partition(", found none")[2]


def put(folder: Path, *names: str) -> None:
    for index, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        save_image(path, noise(32, 32, 3, seed=index)) if path.suffix == ".png" else path.touch()


TABLE = "is not read, as labels are read from a table only with mosaics: move each image to"


@pytest.mark.parametrize("name", ["labels.csv", "train.csv"])
def test_a_table_of_labels_without_mosaics_is_explained(tmp_path: Path, name: str) -> None:
    put(tmp_path, "images/1.png")
    (tmp_path / name).write_text("id,label\n1.png,cat\n")
    assert remedy(tmp_path) == f"; {name} {TABLE} train/<class>/ or dev/<class>/"


def test_a_bundled_table_needs_its_mosaic(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(",".join(COLUMNS))
    assert refusal(tmp_path) == "images.png: not found, although the source needs it"


def test_a_stray_table_beside_the_splits_is_not_read(class_folders: Path) -> None:
    (class_folders / "labels.csv").write_text("id,label\n1.png,cat\n")
    assert len(read_source(class_folders).train) == 4


@pytest.mark.parametrize("other", ["__MACOSX/dataset/._train", "readme.txt", ".git/HEAD"])
@pytest.mark.parametrize("dev", ["dev", "val"])
def test_a_source_one_level_deeper_is_found(tmp_path: Path, other: str, dev: str) -> None:
    put(tmp_path, "dataset/train/cat/1.png", f"dataset/{dev}/cat/2.png", other)
    assert remedy(tmp_path) == "; give dataset"


def test_folders_that_systems_leave_are_no_classes(tmp_path: Path) -> None:
    put(tmp_path, "photos/1.png", "__MACOSX/photos/._1.png", "@eaDir/1.png")
    assert remedy(tmp_path) == ""


@pytest.mark.parametrize("train", ["train", "Training"])
def test_splits_below_the_classes_are_explained(tmp_path: Path, train: str) -> None:
    put(tmp_path, *(f"{name}/{split}/1.png" for name in ("cat", "dog") for split in (train, "val")))
    said = f"; splits stand above classes: move cat/{train} to train/cat, and so on"
    assert remedy(tmp_path) == said


@pytest.mark.parametrize("split", ["train", "dev"])
def test_a_split_without_class_folders_is_explained(tmp_path: Path, split: str) -> None:
    put(tmp_path, f"{split}/1.png")
    assert refusal(tmp_path).endswith(
        "not found, although the source needs it; put the images into train/<class>/ "
        "and dev/<class>/"
    )


def test_the_files_of_cifar_100_become_a_source_step_by_step(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-100-python"
    for split in ("train", "test"):
        rows = noise(4, 3072, seed=len(split))
        put(folder, split, "meta", "file.txt~")
        (folder / split).write_bytes(pickle.dumps({"data": rows, "fine_labels": [0, 1, 0, 1]}))
    assert remedy(tmp_path) == "; give cifar-100-python"
    assert remedy(folder) == "; rename 'train' to train.pickle"
    (folder / "train").rename(folder / "train.pickle")
    assert refusal(folder) == (
        "dev.pickle: not found, although the source needs it; move a random tenth of the images "
        "of each class from train.pickle there"
    )
    shutil.copy(folder / "train.pickle", folder / "dev.pickle")
    assert refusal(folder).startswith("test: is not read; rename it to test.pickle if it is that")
    (folder / "test").rename(folder / "test.pickle")
    assert read_source(folder).test.labels.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "name",
    [
        *("data.npz", "X_train.npy", "a.PARQUET", "train.pt", "cifar.h5"),
        *("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "train-images.idx3-ubyte"),
    ],
)
def test_arrays_in_another_format_are_named(tmp_path: Path, name: str) -> None:
    put(tmp_path, "readme.txt", name)
    how = "write a dict of arrays with pickle.dump, see docs/own-images.md"
    assert remedy(tmp_path) == f"; {name} is not read: {how}"


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar.gz", "photos.TGZ"])
def test_an_archive_is_to_be_unpacked(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    assert remedy(tmp_path) == f"; unpack {name}"


def test_a_name_of_two_lines_is_in_no_remedy(tmp_path: Path) -> None:
    put(tmp_path, "a\nb.npz", "c\nd/train/1.png")
    assert remedy(tmp_path) == ""
