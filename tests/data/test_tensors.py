"""Pickles of pairs and of arrays: exact pixels, names, and every kind of error."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from noisylab.core.errors import InputError
from noisylab.data.sources import read_source
from noisylab.data.sources.value_ranges import SIGNED

from .conftest import Spoil, noise

Content = dict[str, Any]


def save(folder: Path, **contents: object) -> None:
    for split, content in contents.items():
        (folder / f"{split}.pickle").write_bytes(pickle.dumps(content))


def pair(label: object, seed: int = 0, size: tuple[int, int] = (32, 32)) -> tuple[Any, Any]:
    pixels = noise(*size, 3, seed=seed).transpose(2, 0, 1)
    return ((pixels / 255 - 0.5) / 0.5).astype(np.float32), label


def arrays(**changes: object) -> Content:
    content: Content = {
        "images": noise(3, 32, 32, 3),
        "labels": np.array([0, 1, 1]),
        "classes": ["x", "y"],
    }
    return {name: part for name, part in {**content, **changes}.items() if part is not None}


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    save(tmp_path, train=[pair(0, 1), pair(1, 2), pair(1, 3)], dev=[pair(1, 4), pair(0, 5)])
    return tmp_path


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_all_256_levels_come_back(dtype: type[np.floating[Any]]) -> None:
    levels = np.arange(256, dtype=np.uint8)
    tensor = (levels.astype(np.float32) / 255 - 0.5) / 0.5
    np.testing.assert_array_equal(SIGNED.to_uint8(tensor.astype(dtype)), levels)


def test_rounding_beyond_one_is_black_or_white() -> None:
    assert SIGNED.to_uint8(np.array([-1 - 1e-6, 1 + 1e-6], np.float32)).tolist() == [0, 255]


def test_pairs_come_back_exactly(pairs: Path) -> None:
    source = read_source(pairs)
    for index, seed in enumerate((1, 2, 3)):
        np.testing.assert_array_equal(source.train.images[index], noise(32, 32, 3, seed=seed))
    assert source.train.labels.tolist() == [0, 1, 1]
    assert source.dev.labels.tolist() == [1, 0]
    assert source.train.classes == source.dev.classes == source.test.classes == ("0", "1")
    assert source.train.true_labels is None
    assert len(source.test) == 0
    assert source.notices == ()


def test_pairs_of_real_tensors_are_read(pairs: Path) -> None:
    torch = pytest.importorskip("torch")
    before = read_source(pairs)
    images = torch.from_numpy(before.train.images).permute(0, 3, 1, 2) / 255
    normalised = (images - 0.5) / 0.5
    save(pairs, train=[(x, int(y)) for x, y in zip(normalised, [0, 1, 1], strict=True)])
    np.testing.assert_array_equal(read_source(pairs).train.images, before.train.images)


def test_classes_txt_names_the_classes(pairs: Path) -> None:
    (pairs / "classes.txt").write_bytes("\ufeffboat\r\ntrain car\r\n".encode())
    assert read_source(pairs).train.classes == ("boat", "train car")


def test_other_sizes_are_resized(pairs: Path) -> None:
    save(pairs, dev=[pair(0, size=(16, 24)), pair(1, 4)])
    source = read_source(pairs)
    assert source.dev.images.shape == (2, 32, 32, 3)
    np.testing.assert_array_equal(source.dev.images[1], noise(32, 32, 3, seed=4))
    assert source.notices == ("1 image resized to 32x32, from 24x16",)


def test_labels_may_be_numpy_integers(pairs: Path) -> None:
    save(pairs, dev=[pair(np.int64(1), 4), pair(np.array(0), 5)])
    assert read_source(pairs).dev.labels.tolist() == [1, 0]


def test_arrays_are_read_with_names_and_true_labels(tmp_path: Path) -> None:
    dev = arrays(true_labels=np.array([1, 1, 1], np.int32), images=noise(3, 40, 30, 3, seed=1))
    save(tmp_path, train=arrays(), dev=dev, test=arrays(images=noise(3, 32, 32, 3, seed=2)))
    source = read_source(tmp_path)
    np.testing.assert_array_equal(source.train.images, noise(3, 32, 32, 3))
    assert source.train.classes == ("x", "y")
    assert source.dev.true_labels is not None
    assert source.dev.true_labels.tolist() == [1, 1, 1]
    assert len(source.test) == 3
    assert source.notices == ("3 images resized to 32x32, from 30x40",)


def test_arrays_may_name_their_images(tmp_path: Path) -> None:
    shared = noise(3, 32, 32, 3)
    names = ["IMG_1.jpg", "IMG_2.jpg", "IMG_2.jpg"]
    other = arrays(images=noise(3, 32, 32, 3, seed=9))
    save(tmp_path, train=arrays(images=shared, names=names), dev=other)
    source = read_source(tmp_path)
    assert source.train.names == tuple(names)
    assert source.dev.names is None
    save(tmp_path, dev=arrays(images=shared[[2, 2, 2]]))
    assert read_source(tmp_path).notices == (
        "IMG_2.jpg and dev 0: the same image in train and dev, under two labels",
        "IMG_2.jpg and dev 1, IMG_2.jpg and dev 2: the same image in train and dev",
        "dev 0 and dev 1, dev 0 and dev 2: the same image in dev, under two labels",
    )


def test_each_pair_of_sets_with_shared_images_gives_a_notice(tmp_path: Path) -> None:
    images = noise(5, 32, 32, 3)
    content = {"images": images, "labels": np.array([0, 1, 1, 0, 0]), "classes": ["x", "y"]}
    turned = arrays(images=images[[1, 0, 4]], labels=np.array([1, 0, 0]))
    save(tmp_path, train=content, dev=content, test=turned)
    assert read_source(tmp_path).notices == (
        "train 0 and dev 0, train 1 and dev 1, train 2 and dev 2, ... (5 pairs): "
        "the same image in train and dev",
        "train 1 and test 0, train 0 and test 1, train 4 and test 2: "
        "the same image in train and test",
        "dev 1 and test 0, dev 0 and test 1, dev 4 and test 2: the same image in dev and test",
    )


def _tensor(change: Callable[[np.ndarray], object]) -> list[tuple[Any, Any]]:
    tensor, label = pair(1)
    return [pair(0), (change(tensor), label)]


def _set(value: float) -> list[tuple[Any, Any]]:
    return _tensor(lambda tensor: np.where(np.arange(32) == 7, np.float32(value), tensor))


def _count_from_one(folder: Path) -> None:
    save(folder, train=[pair(1), pair(2)])
    (folder / "classes.txt").write_text("a\nb")


def _name_two_of_three(folder: Path) -> None:
    save(folder, train=[pair(0), pair(2)])
    (folder / "classes.txt").write_text("a\nb")


BAD_TRAIN = [
    ([], r"train\.pickle: holds no images"),
    ([pair(0)], r"classes must name at least 2 classes, got \['0'\]"),
    (
        [pair(0), pair(2)],
        r"expected labels 0, 1, 2, \.\.\. without a gap, got 2 at index 1 and no 1",
    ),
    ([pair(1), pair(2)], r"got 1 at index 0 and no 0; labels start at 0: subtract 1$"),
    ([pair(2), pair(3)], r"got 2 at index 0 and no 0; renumber the classes, or name all of them"),
    ([pair(0), pair(10**9)], r"without a gap, got 1000000000 at index 1 and no 1"),
    ([pair(0), pair(1), pair(2)], r"expected at least one image labelled '2' in dev"),
    ([pair(0), pair(-1)], r"train\.pickle: index 1: expected a label 0, 1, 2, .*, got -1"),
    ([pair(0), pair(10**30)], r"index 1: expected a label 0, 1, 2, \.\.\., got 1000"),
    ([pair(0), pair(True)], r"index 1: expected a label .*, got True"),
    ([pair(0), pair(np.array(True))], r"index 1: expected a label .*, got bool of shape \(\)"),
    ([pair(0), pair(1.0)], r"index 1: expected a label .*, got 1\.0"),
    ([pair(0), pair("1")], r"index 1: expected a label .*, got '1'"),
    ([pair(0), pair(None)], r"index 1: expected a label .*, got None"),
    ([pair(0), pair(np.array([1, 2]))], r"index 1: expected a label .*, got int64 of shape \(2,\)"),
    ([pair(0), (*pair(1), 3)], r"index 1: expected a \(tensor, label\) pair, got tuple"),
    ([pair(0), 1], r"index 1: expected a \(tensor, label\) pair, got 1"),
    ([pair(0), ("x", 1)], r"index 1: expected a tensor \(3, H, W\) of floats or uint8, got 'x'"),
    (_tensor(lambda t: t.astype(np.int16)), r"expected a tensor .* of floats or uint8, got int16"),
    (_tensor(lambda t: t.transpose(1, 2, 0)), r"expected a tensor of shape .* shape \(32, 32, 3\)"),
    (
        _tensor(lambda t: t[:1]),
        r"expected a tensor of shape \(3, H, W\), got float32 of shape \(1, 32, 32\)",
    ),
    (
        _tensor(lambda t: t[0]),
        r"expected a tensor of shape \(3, H, W\), got float32 of shape \(32, 32\)",
    ),
    (
        _tensor(lambda t: t[:, :0]),
        r"expected a tensor of shape \(3, H, W\), got float32 of shape \(3, 0, 32\)",
    ),
    (_set(np.nan), r"train\.pickle: index 1: expected finite values, got NaN or infinity"),
    (_set(np.inf), r"index 1: expected finite values, got NaN or infinity"),
    (_set(-1.5), r"train\.pickle: expected values in \[-1, 1\], .*, got -1\.5 \(index 1\) to 1 "),
    (_set(255), r"got -1 \(index 0\) to 255 \(index 1\); divide pixels by 255, or undo a"),
    (7, r"train\.pickle: expected a list of \(tensor, label\) pairs or a dict of arrays, got 7"),
    (arrays(images=None), r"train\.pickle: expected a dict with 'images', an array uint8 "),
    (arrays(labels=None), r"expected a dict with 'labels'"),
    (arrays(classes=None), r"expected a dict with 'classes', a list of class names, got \['images"),
    (arrays(images=noise(3, 3, 32, 32)), r"images: expected uint8 \(N, H, W, 3\), got uint8 of"),
    (arrays(images=noise(3, 0, 32, 3)), r"images: expected uint8 \(N, H, W, 3\)"),
    (arrays(images=np.zeros((3, 32, 32, 3))), r"images: expected uint8 .* got float64 of shape"),
    (arrays(labels=[0, 1, "1"]), r"labels: index 2: expected a label 0, 1, 2, .* got '1'"),
    (arrays(labels=[0, 1, -1]), r"labels: index 2: expected a label 0, 1, 2, .* got -1"),
    (arrays(labels=[0, 1]), r"labels must be int64 of shape \(3,\)"),
    (
        arrays(labels=[1, 2, 2]),
        r"expected labels 0 to 1, got 1 to 2; labels start at 0: subtract 1",
    ),
    (arrays(images=[1]), r"images: expected an array, got list of 1"),
    (arrays(labels=np.array([0, 1])), r"train\.pickle: labels must be int64 of shape \(3,\)"),
    (arrays(labels=np.array([0, 1, 2])), r"train\.pickle: labels must be in 0\.\.1, got 2 at ind"),
    (arrays(labels=np.array([0, 1, -1])), r"labels must be in 0\.\.1, got -1 at index 2"),
    (arrays(labels=np.array([0, 1, 2.0])), r"labels: expected an array of integers, got float64"),
    (arrays(labels=np.array([0, 1, 1], bool)), r"labels: expected an array of integers, got bool"),
    (
        arrays(labels=np.array([0, 1, 2**64 - 1], np.uint64)),
        r"train\.pickle: labels: expected labels 0, 1, 2, \.\.\., got 18446744073709551615",
    ),
    (arrays(true_label=1), r"expected only images, .*, got \['true_label'\]"),
    ([pair(0), pair(10**5000)], r"index 1: expected a label .*, got int of 16610 bits"),
    (_set(0)[:1] * 9 + [(np.zeros((3, 4001, 4001), np.float16), 1)], r"at most 16 million pixels"),
    (arrays(true_labels=np.array([0, 1, 2])), r"true_labels must be in 0\.\.1, got 2 at index 2"),
    (arrays(classes="xy"), r"classes: expected a list of names, got 'xy'"),
    (arrays(classes=[0, 1]), r"train\.pickle: classes must be names .*, got 0"),
    (arrays(classes=["x", "x"]), r"train\.pickle: classes must be distinct"),
    (arrays(classes=["x"]), r"train\.pickle: classes must name at least 2 classes"),
    (arrays(classes=["y", "x"]), r"dev\.pickle: expected the classes of train\.pickle, \['y', 'x"),
    (arrays(classes=["x", "y", "z"]), r"dev\.pickle: expected the classes of train\.pickle"),
    (arrays(labels=np.array([0, 0, 0])), r"expected at least one image labelled 'y' in train"),
    (
        arrays(images=noise(0, 32, 32, 3), labels=np.array([], int)),
        r"train\.pickle: holds no images",
    ),
]


@pytest.mark.parametrize(("train", "message"), BAD_TRAIN)
def test_bad_contents_are_refused(tmp_path: Path, train: object, message: str) -> None:
    dev: object = arrays(images=noise(3, 32, 32, 3, seed=9))
    save(tmp_path, train=train, dev=dev if isinstance(train, dict) else [pair(0, 8), pair(1, 9)])
    with pytest.raises(InputError, match=message) as caught:
        read_source(tmp_path)
    message = str(caught.value).removeprefix(str(tmp_path))
    assert message.isprintable()
    assert len(message) < 400


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: save(d, dev=[pair(0)]), r"at least one image labelled '1' in dev, got none"),
        (lambda d: save(d, dev=[]), r"dev\.pickle: holds no images"),
        (
            lambda d: save(d, dev=[pair(0), pair(2)]),
            r"dev\.pickle: index 1: expected a label in 0\.\.1, as train.pickle .*, got 2",
        ),
        (lambda d: save(d, test=[pair(0)]), r"at least one image labelled '1' in test, got none"),
        (lambda d: save(d, test=[pair(2)]), r"test\.pickle: index 0: expected a label in 0\.\.1, "),
        (lambda d: save(d, dev=arrays()), r"dev\.pickle: expected the classes of train\.pickle"),
        (lambda d: (d / "dev.pickle").write_bytes(b"x"), r"dev\.pickle: "),
        (
            lambda d: (d / "dev.pickle").unlink(),
            r"dev\.pickle: not found, although the source needs it",
        ),
        (
            lambda d: (d / "train.pickle").unlink(),
            r"train\.pickle: not found, although the source needs it",
        ),
        (lambda d: (d / "classes.txt").write_text("a\nb\nc"), r"image labelled 'c' in train"),
        (lambda d: (d / "classes.txt").write_text("a"), r"at least 2 classes, got \['a'\]"),
        (lambda d: (d / "classes.txt").write_text("a\na"), r"classes\.txt: classes must be dist"),
        (
            _name_two_of_three,
            r"train\.pickle: index 1: .* 0\.\.1, as classes\.txt names 2 classes, got 2",
        ),
        (_count_from_one, r"train\.pickle: expected labels 0 to 1, got 1 to 2; labels start at 0"),
        (
            lambda d: (d / "classes.txt").write_bytes(b"\xff"),
            r"classes\.txt: cannot be read: byte 0 is not",
        ),
    ],
)
def test_a_bad_pickle_or_names_file_is_named(pairs: Path, spoil: Spoil, message: str) -> None:
    spoil(pairs)
    with pytest.raises(InputError, match=message):
        read_source(pairs)


def test_test_may_be_empty(pairs: Path) -> None:
    save(pairs, test=[])
    assert len(read_source(pairs).test) == 0


@pytest.mark.parametrize(
    ("levels", "message"), [(5, "index 1: .* got list of 2$"), (20, "expands to over")]
)
def test_lists_in_lists_give_a_short_message(pairs: Path, levels: int, message: str) -> None:
    value: Any = "x" * 50_000
    for _ in range(levels):
        value = [value, value]
    save(pairs, train=[pair(0), (value, 1)])
    with pytest.raises(InputError, match=message):
        read_source(pairs)


@pytest.mark.parametrize("form", ["pairs", "arrays"])
def test_a_small_file_of_many_tiny_images_is_refused(tmp_path: Path, form: str) -> None:
    n = 2**28 // 3072 + 1
    tiny = arrays(images=np.zeros((n, 1, 1, 3), np.uint8), labels=np.zeros(n, np.uint8))
    train = tiny if form == "arrays" else [(np.zeros((3, 1, 1), np.float16), 0)] * n
    save(tmp_path, train=train, dev=train)
    with pytest.raises(InputError, match=r"at most 87,381 images in .*, got 87,382; save them as"):
        read_source(tmp_path)
