"""Class folders: order, mixed images, hidden files, and every kind of error."""

import os
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from noisylab.core.errors import InputError
from noisylab.data.sources import read_source

from .conftest import Spoil, noise, save_image


def test_classes_and_images_are_in_the_order_of_their_names(class_folders: Path) -> None:
    source = read_source(class_folders)
    assert source.train.classes == source.dev.classes == source.test.classes == ("ant", "zebra")
    assert source.train.labels.tolist() == source.dev.labels.tolist() == [0, 0, 1, 1]
    assert source.train.true_labels is None
    assert len(source.test) == 0
    assert source.train.names == (
        "train/ant/0.png",
        "train/ant/1.png",
        "train/zebra/0.png",
        "train/zebra/1.png",
    )
    assert source.test.names == ()
    assert source.notices == ()
    for index, seed in enumerate([2, 3, 0, 1]):  # zebra was written before ant
        np.testing.assert_array_equal(source.train.images[index], noise(32, 32, 3, seed=seed))


def test_a_test_folder_is_read(class_folders: Path) -> None:
    shutil.copytree(class_folders / "dev", class_folders / "test")
    source = read_source(class_folders)
    np.testing.assert_array_equal(source.test.images, source.dev.images)
    assert source.test.labels.tolist() == [0, 0, 1, 1]
    assert (source.test.names or ())[2] == "test/zebra/0.png"


def test_mixed_sizes_and_modes_become_rgb_of_one_size(class_folders: Path) -> None:
    train = class_folders / "train" / "ant"
    for index in range(5):
        save_image(train / f"large{index}.PNG", noise(48, 64, 3, seed=20 + index))
    Image.new("L", (10, 10), 9).save(train / "grey.JPG")
    Image.new("RGBA", (32, 32), (1, 2, 3, 255)).save(train / "rgba.png")
    Image.new("P", (32, 32), 0).save(train / "palette.png")
    source = read_source(class_folders)
    assert source.train.images.shape == (12, 32, 32, 3)
    assert source.notices == ("6 images resized to 32x32, from 64x48, 10x10",)
    names = sorted(path.name for path in train.iterdir())
    assert (source.train.images[names.index("grey.JPG")] == 9).all()
    assert (source.train.images[names.index("rgba.png")] == (1, 2, 3)).all()


def test_more_than_three_sizes_are_counted(class_folders: Path) -> None:
    for size in range(1, 6):
        for copy in range(6 - size):
            save_image(class_folders / "dev" / "ant" / f"{size}_{copy}.png", noise(size, size, 3))
    expected = "15 images resized to 32x32, from 1x1, 2x2, 3x3, ... (5 sizes)"
    assert expected in read_source(class_folders).notices


def test_hidden_files_are_skipped(class_folders: Path) -> None:
    for name in (".DS_Store", "train/.DS_Store", "train/ant/Thumbs.db", "dev/ant/desktop.ini"):
        (class_folders / name).write_bytes(b"junk")
    (class_folders / "train" / ".ipynb_checkpoints").mkdir()
    (class_folders / "README.md").write_text("files beside the splits are not read")
    assert len(read_source(class_folders).train) == 4


def test_both_unicode_forms_of_an_accent_name_the_same_class(class_folders: Path) -> None:
    for split, named in (("train", "été"), ("dev", unicodedata.normalize("NFD", "été"))):
        (class_folders / split / "ant").rename(class_folders / split / named)
    dev = read_source(class_folders).dev
    assert dev.classes == ("zebra", "été")
    assert dev.names is not None
    assert all((class_folders / name).is_file() for name in dev.names)  # as stored, not as shown


def test_an_image_in_two_splits_is_named(class_folders: Path) -> None:
    shutil.copy(class_folders / "train/ant/0.png", class_folders / "dev/ant/copy.png")
    shutil.copy(class_folders / "train/ant/1.png", class_folders / "dev/zebra/copy.png")
    assert read_source(class_folders).notices == (
        "train/ant/1.png and dev/zebra/copy.png: the same image in train and dev, under two labels",
        "train/ant/0.png and dev/ant/copy.png: the same image in train and dev",
    )


def test_an_image_under_two_labels_in_one_split_is_named(class_folders: Path) -> None:
    ant, zebra = (class_folders / "train" / name for name in ("ant", "zebra"))
    shutil.copy(ant / "0.png", ant / "same.png")  # under the same label: no notice
    for index in range(4):
        shutil.copy(ant / "0.png", zebra / f"copy{index}.png")
    pairs = ", ".join(f"train/ant/0.png and train/zebra/copy{index}.png" for index in range(3))
    expected = f"{pairs}, ... (4 pairs): the same image in train, under two labels"
    assert read_source(class_folders).notices == (expected,)


@pytest.mark.parametrize(
    "name",
    [
        "Screenshot 2024-05-01 at 9.41.00\u202fAM.png",
        "a\u00a0b.png",
        "a\u200fb.png",
        "1\u200d2.png",
    ],
)
def test_files_may_have_spaces_and_joiners_of_any_script(class_folders: Path, name: str) -> None:
    (class_folders / "train" / "ant" / "0.png").rename(class_folders / "train" / "ant" / name)
    assert f"train/ant/{name}" in (read_source(class_folders).train.names or ())


@pytest.mark.parametrize("name", ["\u06a9\u0644\u0627\u0633\u200c\u0647\u0627", "feu\u00a0rouge"])
def test_classes_may_have_spaces_and_joiners_of_any_script(class_folders: Path, name: str) -> None:
    _rename_ants(name)(class_folders)
    assert name in read_source(class_folders).train.classes


def _add(name: str, content: bytes = b"junk") -> Spoil:
    return lambda folder: (folder / name).write_bytes(content)


def _remove(name: str) -> Spoil:
    return lambda folder: shutil.rmtree(folder / name)


def _empty(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        shutil.rmtree(folder / name)
        (folder / name).mkdir()

    return spoil


def _copy_class(source: str, target: str) -> Spoil:
    return lambda folder: shutil.copytree(folder / source, folder / target)


def _rename_ants(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        for split in ("train", "dev"):
            (folder / split / "ant").rename(folder / split / name)

    return spoil


def _two_accents(folder: Path) -> None:
    for named in ("été", unicodedata.normalize("NFD", "été")):
        shutil.copytree(folder / "dev" / "ant", folder / "train" / named)


def _truncate(folder: Path) -> None:
    path = folder / "dev" / "zebra" / "1.png"
    path.write_bytes(path.read_bytes()[:2000])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_remove("dev"), r"dev: not found, .* needs it; move a random tenth of the"),
        (lambda folder: (folder / "dev").rename(folder / "Val"), r"needs it; rename 'Val' to dev"),
        (_two_accents, r"train: expected one folder 'été', got two whose names differ only in how"),
        (_remove("dev/ant"), r"dev: expected a folder 'ant' with images, got none, though .*train"),
        (_copy_class("dev/ant", "train/Ant"), r"dev: expected a folder 'Ant' .* every split must"),
        (lambda d: (d / "dev/ant").rename(d / "dev/Ant"), r"dev: .* rename 'Ant' there if it is"),
        (lambda d: (d / "train/ant/a.png").symlink_to("b.png"), r"ant/a\.png: .* No such file"),
        (_remove("train/ant"), r"train: expected a folder 'ant' .*, though .*dev has it"),
        (_copy_class("dev/ant", "test/ant"), r"test: expected a folder 'zebra' .*though .*train"),
        (_copy_class("dev", "test/ant"), r"test/ant/ant \(a folder; move its images up\)"),
        (
            lambda folder: (folder / "test").mkdir(),
            r"test: expected \['ant', 'zebra'\] with images",
        ),
        (_empty("train/ant"), r"train/ant: expected at least one image of the class, got none"),
        (_empty("dev/zebra"), r"dev/zebra: expected at least one image of the class, got none"),
        (_copy_class("dev", "train/ant/more"), r"train/ant/more: expected images here, got a f"),
        (_add("train/ant/a.webp"), r"train/ant/a\.webp: expected one of \.png, \.jpg, \.jpeg"),
        (_add("train/ant/labels"), r"train/ant/labels: expected one of .* got no suffix"),
        (_add("train/a.png"), r"train/a\.png: expected only class folders here"),
        (_add("dev/ant/a.jpeg"), r"dev/ant/a\.jpeg: expected a PNG or JPEG image, got another"),
        (_add(os.fsdecode(b"train/ant/\xff.png")), r"ant: expected .* got '\\udcff\.png'; rename"),
        (lambda d: (d / os.fsdecode(b"train/\xff")).mkdir(), r"train: expected .* got '\\udcff';"),
        (_rename_ants("x" * 101), r"train: its folders are .* names of 1 to 100 printable"),
        (_truncate, r"dev/zebra/1\.png: expected a PNG or JPEG image, got a truncated PNG;"),
    ],
)
def test_a_bad_folder_is_named(class_folders: Path, spoil: Spoil, message: str) -> None:
    spoil(class_folders)
    with pytest.raises(InputError, match=message) as caught:
        read_source(class_folders)
    assert "\n" not in str(caught.value)


def test_one_class_is_too_few(class_folders: Path) -> None:
    for split in ("train", "dev"):
        shutil.rmtree(class_folders / split / "ant")
    with pytest.raises(InputError, match=r"train: its folders .* at least 2 .* \['zebra'\]"):
        read_source(class_folders)


def test_the_error_tells_where_to_move_class_folders_without_splits(class_folders: Path) -> None:
    message = r"found none; if its folders are classes, move them all into .*dev/train$"
    with pytest.raises(InputError, match=message):
        read_source(class_folders / "dev")


def test_empty_splits_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "dev").mkdir()
    with pytest.raises(InputError, match=r"train: its folders .* at least 2 classes, got \[\]"):
        read_source(tmp_path)
