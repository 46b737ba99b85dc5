"""The bundle: known tiles, the real bundle's counts, and every kind of error."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from noisylab.core.errors import InputError
from noisylab.data.sources import Source, read_source

from .conftest import COLUMNS, LabelRows, Spoil, noise, save_image, write_labels

REAL = Path(__file__).parents[2] / "data" / "source"


def test_tiles_are_counted_row_by_row(bundle: Path) -> None:
    source = read_source(bundle)
    mosaic = noise(64, 96, 3)
    expected = [mosaic[32:, :32], mosaic[:32, :32], mosaic[:32, 32:64]]  # tiles 3, 0, 1
    np.testing.assert_array_equal(source.train.images, expected)
    np.testing.assert_array_equal(source.dev.images, [mosaic[:32, 64:], mosaic[32:, 64:]])


def test_classes_are_numbered_by_frequency_in_train(bundle: Path) -> None:
    source = read_source(bundle)
    assert source.train.classes == source.dev.classes == source.test.classes == ("b", "a")
    assert source.train.labels.tolist() == [0, 0, 1]
    assert source.train.names == ("cifar10/train/30", "cifar10/train/10", "cifar10/train/20")
    assert source.test.names == ("cifar10/test/0", "cifar10/test/1")
    assert source.train.true_labels is not None
    assert source.train.true_labels.tolist() == [0, 1, 1]
    assert source.test.labels.tolist() == [1, 0]


def test_equally_frequent_classes_are_numbered_by_name(bundle: Path, label_rows: LabelRows) -> None:
    write_labels(bundle, label_rows[1:])
    assert read_source(bundle).train.classes == ("a", "b")


def test_column_order_spaces_and_a_byte_order_mark_do_not_matter(
    bundle: Path, label_rows: LabelRows
) -> None:
    before = read_source(bundle)
    lines = [",".join(f" {cell}" for cell in row[::-1]) for row in label_rows]
    text = "\ufeff" + "\r\n".join([",".join(COLUMNS[::-1]), *lines, "", ""])
    (bundle / "labels.csv").write_bytes(text.encode())
    after = read_source(bundle)
    np.testing.assert_array_equal(after.train.images, before.train.images)
    assert after.train.labels.tolist() == before.train.labels.tolist()


def test_test_may_be_absent(bundle: Path, label_rows: LabelRows) -> None:
    write_labels(bundle, label_rows[:-2])
    (bundle / "test.png").unlink()
    assert len(read_source(bundle).test) == 0


def test_an_image_in_two_sets_gives_a_notice(bundle: Path) -> None:
    mosaic = noise(64, 96, 3)
    mosaic[32:, 64:] = mosaic[:32, 32:64]  # tile 5, dev 1, is tile 1, train 2
    save_image(bundle / "images.png", mosaic)
    assert read_source(bundle).notices == (
        "cifar10/train/20 and cifar10/train/50: the same image in train and dev",
    )


@pytest.fixture(scope="module")
def real() -> Source:
    return read_source(REAL)


def test_the_real_bundle_has_the_counts_of_the_report(real: Source) -> None:
    assert real.train.classes == ("car", "truck", "cat")
    assert real.train.counts().tolist() == [4949, 449, 227]
    assert real.dev.counts().tolist() == [551, 51, 23]
    assert real.test.counts().tolist() == [1000, 1000, 1000]
    assert real.notices == ()


def test_in_the_real_bundle_the_only_wrong_labels_are_500_cats_labelled_car(
    real: Source,
) -> None:
    for images, wrong in ((real.train, 452), (real.dev, 48), (real.test, 0)):
        assert images.true_labels is not None
        mislabelled = images.labels != images.true_labels
        assert mislabelled.sum() == wrong
        assert (images.labels[mislabelled] == 0).all()
        assert (images.true_labels[mislabelled] == 2).all()


def test_in_the_real_bundle_wrong_labels_are_spread_evenly(real: Source) -> None:
    assert real.train.true_labels is not None
    mislabelled = real.train.labels != real.train.true_labels
    per_tenth = [part.sum() for part in np.array_split(mislabelled, 10)]  # 45 expected, sd 6.4
    assert min(per_tenth) > 20
    assert max(per_tenth) < 70


def _rows(change: Callable[[LabelRows], object]) -> Callable[[Path, LabelRows], None]:
    def spoil(folder: Path, rows: LabelRows) -> None:
        change(rows)
        write_labels(folder, rows)

    return spoil


def _cell(line: int, column: str, value: object) -> Callable[[Path, LabelRows], None]:
    return _rows(lambda rows: rows[line - 2].__setitem__(COLUMNS.index(column), value))


BAD_LABELS = [
    (_cell(3, "tile", 6), r"line 3: expected tile in 0\.\.5, as images\.png has, got 6"),
    (_cell(8, "tile", 2), r"line 8: expected tile in 0\.\.1, as test\.png has, got 2"),
    (_cell(3, "tile", 3), r"line 3: tile 3 is already on line 2"),
    (_cell(5, "tile", 3), r"line 5: tile 3 is already on line 2"),
    (_cell(3, "tile", -1), r"line 3: expected tile to be 0, 1, 2, \.\.\., got '-1'"),
    (_cell(3, "tile", 1.5), r"line 3: expected tile to be 0, 1, 2, \.\.\., got '1\.5'"),
    (_cell(3, "tile", ""), r"line 3: expected tile to be 0, 1, 2, \.\.\., got ''"),
    (_cell(3, "tile", "9" * 5000), r"line 3: expected tile to be"),
    (_cell(3, "cifar10_index", "x"), r"line 3: expected cifar10_index to be 0, 1, 2, .*got 'x'"),
    (_cell(3, "split", "Train"), r"line 3: expected split train, dev or test, got 'Train'"),
    (_cell(3, "label", " "), r"line 3: expected label to be a class name, got nothing"),
    (_cell(2, "label", "a\x00b"), r"labels\.csv: labels of split train: .* got 'a\\x00b'"),
    (
        _cell(2, "split", "x" * 10**5),
        r"line 2: expected split train, dev or test, got 'x{56}\.\.\.$",
    ),
    (_cell(5, "label", "c"), r"line 5: expected label to be a label of train, .*, got 'c'"),
    (_cell(8, "label", "c"), r"line 8: expected label to be a label of train, .*, got 'c'"),
    (_cell(3, "true_label", "c"), r"line 3: expected true_label .* \['b', 'a'\], got 'c'"),
    (_cell(3, "true_label", ""), r"line 3: expected true_label .*, got ''"),
    (_rows(lambda rows: rows[2].append(1)), r"line 4: expected 5 cells, got 6"),
    (_rows(lambda rows: rows[2].pop()), r"line 4: expected 5 cells, got 4"),
    (_rows(lambda rows: rows.__delitem__(slice(0, 3))), r"split train: .* at least 2 classes, got"),
    (_rows(lambda rows: rows.clear()), r"split train: .* at least 2 classes, got \[\]"),
    (_rows(lambda rows: rows.pop(4)), r"expected at least one image labelled 'a' in dev, got none"),
    (_rows(lambda rows: rows.pop()), r"expected at least one image labelled 'b' in test, got none"),
    (_rows(lambda rows: rows.__delitem__(slice(3, 5))), r"labelled 'b' in dev, got none"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD_LABELS)
def test_a_bad_row_is_refused_with_its_line(
    bundle: Path,
    label_rows: LabelRows,
    spoil: Callable[[Path, LabelRows], None],
    message: str,
) -> None:
    spoil(bundle, label_rows)
    with pytest.raises(InputError, match=message) as caught:
        read_source(bundle)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named(bundle: Path, label_rows: LabelRows, column: str) -> None:
    columns = ["x" if name == column else name for name in COLUMNS]
    write_labels(bundle, label_rows, columns)
    with pytest.raises(InputError, match=rf"labels\.csv: expected a column '{column}', got \['"):
        read_source(bundle)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: (d / "labels.csv").write_bytes(b""), r"csv: expected a column 'tile', got \[\]"),
        (
            lambda d: (d / "labels.csv").write_bytes(b"\xff\xfe\x00"),
            r"csv: cannot be read: byte 0 is not UTF-8; save it as UTF-8",
        ),
        (lambda d: (d / "labels.csv").write_text('a,"b'), r"csv: expected a CSV table in UTF-8"),
        (
            lambda d: (d / "labels.csv").unlink(),
            r"labels\.csv: not found, although the source needs it",
        ),
        (
            lambda d: (d / "images.png").unlink(),
            r"images\.png: not found, although the source needs it",
        ),
        (lambda d: (d / "test.png").unlink(), r"test\.png: cannot be read: No such file"),
        (lambda d: (d / "test.png").write_bytes(b"x"), r"test\.png: expected a PNG or JPEG image"),
        (
            lambda d: save_image(d / "images.png", noise(64, 97, 3)),
            r"images\.png: expected width and height to be multiples of 32, got 97x64",
        ),
    ],
)
def test_a_bad_file_is_named(bundle: Path, spoil: Spoil, message: str) -> None:
    spoil(bundle)
    with pytest.raises(InputError, match=message):
        read_source(bundle)
