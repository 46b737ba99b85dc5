import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from noisylab.core.errors import InputError
from noisylab.predict.finding import find_files, read_file

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
TENSORS = torch.from_numpy((IMAGES.transpose(0, 3, 1, 2) / 255 - 0.5) / 0.5).float()


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_folders_are_searched_in_order_of_names(tmp_path: Path) -> None:
    put(tmp_path, "b/2.png", "b/10.JPEG", "b/.hidden.png", "b/.git/1.png", "b/c.txt", "a.jpg")
    put(tmp_path, "b/deep/er/x.pickle", "b/deep/y.PKL")
    found = find_files([tmp_path / "b", tmp_path / "a.jpg", tmp_path / "none.png"])
    names = [path.relative_to(tmp_path).as_posix() for path in found.files]
    listed = ["b/10.JPEG", "b/2.png", "b/deep/y.PKL", "b/deep/er/x.pickle"]
    assert names == [*listed, "a.jpg", "none.png"]
    assert found.skipped == [tmp_path / "b/c.txt"]
    assert found.errors == []


def test_linked_folders_are_searched_once(tmp_path: Path) -> None:
    put(tmp_path, "far/1.png", "near/2.png")
    (tmp_path / "near/far").symlink_to(tmp_path / "far")
    (tmp_path / "near/again").symlink_to(tmp_path / "near")
    (tmp_path / "near/far again").symlink_to(tmp_path / "far")
    found = find_files([tmp_path / "near"])
    assert [path.name for path in found.files] == ["2.png", "1.png"]


def test_an_empty_name_is_not_the_current_folder() -> None:
    found = find_files([""])
    assert (found.files, found.errors) == (
        [],
        ["expected a file or a folder, got an empty name"],
    )


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, "empty/notes.txt")
    found = find_files([tmp_path / "empty"])
    listed = ".png, .jpg, .jpeg, .pickle, .pkl"
    folder = tmp_path / "empty"
    assert found.errors == [f"{folder}: expected images in this folder ({listed}), got none"]


@pytest.mark.parametrize(
    "content",
    [
        {"images": IMAGES, "labels": np.zeros(3, np.int32), "classes": ["a", "b"]},
        {"images": IMAGES},
        IMAGES,
        IMAGES.transpose(0, 3, 1, 2).copy(),
        {"data": IMAGES.transpose(0, 3, 1, 2).reshape(3, -1).copy(), "labels": [0, 1, 0]},
        [(tensor, 1) for tensor in TENSORS],
        list(TENSORS),
        TENSORS,
        TENSORS.numpy(),
    ],
    ids=[
        "dict",
        "dict of images",
        "array",
        "channels first",
        "batch",
        "pairs",
        "tensors",
        "tensor",
        "float array",
    ],
)
def test_pickles_of_many_forms_hold_the_same_images(tmp_path: Path, content: object) -> None:
    path = tmp_path / "a.pickle"
    path.write_bytes(pickle.dumps(content))
    names, images = zip(*read_file(path), strict=True)
    assert names == tuple(f"{path}#{index}" for index in range(3))
    np.testing.assert_array_equal(np.stack(images), IMAGES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "holds no images"),
        (IMAGES[:0], "holds no images"),
        ({"labels": IMAGES}, "expected a dict with 'images'"),
        ({"images": 3}, "images: expected an array, got 3"),
        (7, "expected a list of"),
        ([3], r"index 0: expected a \(tensor, label\) pair, got 3"),
        (IMAGES.astype(np.float32), "index 0: expected a tensor of shape"),
    ],
)
def test_other_pickles_are_refused(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "a.pickle"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match=f"^{path}: {message}"):
        read_file(path)


def test_a_name_that_is_too_long_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    found = find_files(["x" * 5000, tmp_path])
    assert found.files == [tmp_path / "a.png"]
    (error,) = found.errors
    assert error.endswith(": cannot be read: File name too long")
