"""Bad files in class folders: all named at once, each with what it is and what to do."""

import io
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from noisylab.core.errors import InputError
from noisylab.data.sources import read_source
from noisylab.data.sources.photos import read_rgb

from .conftest import noise, save_image


def saved(format_: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(noise(40, 40, 3)).save(buffer, format_)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file; replace it or remove it"),
        (bytes(5000), "a file of zeros; replace it or remove it"),
        (saved("GIF"), "a GIF image; convert it to PNG or JPEG"),
        (saved("BMP"), "a BMP image; convert it to PNG or JPEG"),
        (saved("WEBP"), "a WebP image; convert it to PNG or JPEG"),
        (saved("TIFF"), "a TIFF or raw image; convert it to PNG or JPEG"),
        (saved("JPEG2000"), "a JPEG 2000 image; convert it to PNG or JPEG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC image; convert it to PNG or JPEG"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF image; convert it to PNG or JPEG"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "a video; move it away"),
        (b"<html>404</html>", "an HTML page; download the image again or remove it"),
        (b"\n<!DOCTYPE html>", "an HTML page; download the image again or remove it"),
        (b"<?xml version='1.0'?>", "an SVG or XML file; convert it to PNG or JPEG"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer; run git lfs pull"),
        (b"PK\3\4", "an archive; unpack it and move it away"),
        (saved("PNG")[:-100], "a truncated PNG; replace it or remove it"),
        (saved("JPEG")[:-100], "a truncated JPEG; replace it or remove it"),
        (saved("PNG")[:60] + bytes(20) + saved("PNG")[80:], "a damaged PNG; replace it or rem"),
        (b"\xff\xd8\xff\xe0\xff\xd9", "a damaged JPEG; replace it or remove it"),
        (b"not an image", "another format or a damaged file; export it again or remove it"),
    ],
)
def test_a_bad_file_is_named_with_its_kind(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    message = re.escape(f"{tmp_path / 'a.jpg'}: expected a PNG or JPEG image, got {kind}")
    with pytest.raises(InputError, match=message):
        read_rgb(tmp_path / "a.jpg")


def refusal(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_source(folder)
    return str(caught.value).replace(f"{folder}/", "")


def test_all_bad_files_are_named_at_once(class_folders: Path) -> None:
    for name, content in (("a.jpg", b""), ("b.jpg", b"GIF89a"), ("c.jpg", b"<html>404</html>")):
        (class_folders / "train" / "ant" / name).write_bytes(content)
    (class_folders / "dev" / "zebra" / "d.png").symlink_to("nowhere.png")
    assert refusal(class_folders) == (
        "4 files or folders cannot be used: "
        "train/ant/a.jpg (an empty file; replace it or remove it), "
        "train/ant/b.jpg (a GIF image; convert it to PNG or JPEG), "
        "train/ant/c.jpg (an HTML page; download the image again or remove it), "
        "dev/zebra/d.png: cannot be read: No such file or directory; check the path"
    )


def test_of_many_bad_files_ten_are_named(class_folders: Path) -> None:
    for index in range(300):
        (class_folders / "train" / "ant" / f"bad{index:03}.webp").touch()
    said = refusal(class_folders)
    assert said.startswith("300 files or folders cannot be used: train/ant/bad000.webp (.webp; ")
    assert said.count(".webp (.webp; convert it to PNG or JPEG, or move it away)") == 10
    assert said.endswith(", and 290 more")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("train/labels.csv", "expected only class folders here, got a file; move it away"),
        ("train/cat.jpg", "got a file; move it into the folder of its class"),
        ("train/ant/labels.csv", "expected one of .png, .jpg, .jpeg, got .csv; move it away"),
        ("train/ant/a.heic", "got .heic; convert it to PNG or JPEG, or move it away"),
        ("train/ant/a.jfif", "got .jfif; rename it to .jpg"),
        ("train/ant/clip.mp4", "got .mp4; move it away"),
    ],
)
def test_the_remedy_fits_the_file(class_folders: Path, name: str, said: str) -> None:
    (class_folders / name).write_bytes(b"x")
    message = refusal(class_folders)
    assert message.startswith(f"{name}: expected ")
    assert message.endswith(said)


def test_all_unprintable_names_are_named_at_once(class_folders: Path) -> None:
    for name in ("dev/zebra/gnp.\u202eexe.png", "train/ant/a\nb.png", "train/ant/a\u2028b.png"):
        (class_folders / name).touch()
    (class_folders / "train" / os.fsdecode(b"\xff")).mkdir()
    assert refusal(class_folders) == (
        r"4 files or folders cannot be used: train/ant ('a\nb.png'; rename it), "
        r"train/ant ('a\u2028b.png'; rename it), train ('\udcff'; rename it), "
        r"dev/zebra ('gnp.\u202eexe.png'; rename it)"
    )


@pytest.mark.parametrize("name", ["@eaDir", "#recycle", "lost+found", "$RECYCLE.BIN", "Icon\r"])
@pytest.mark.parametrize("place", ["train", "train/ant"])
def test_what_file_servers_leave_is_skipped(class_folders: Path, place: str, name: str) -> None:
    (class_folders / place / name).mkdir()
    (class_folders / place / name / "0.png@SynoEAStream").touch()
    assert len(read_source(class_folders).train) == 4


def _link_class(folder: Path) -> None:
    (folder / "train" / "ant").rename(folder / "elsewhere")
    (folder / "train" / "ant").symlink_to(folder / "elsewhere")


def _link_split(folder: Path) -> None:
    (folder / "dev").rename(folder / "elsewhere")
    (folder / "dev").symlink_to("elsewhere")


@pytest.mark.parametrize(("link", "where"), [(_link_class, "train/ant"), (_link_split, "dev")])
def test_links_to_folders_inside_a_source_are_refused(
    class_folders: Path, link: Callable[[Path], None], where: str
) -> None:
    link(class_folders)
    assert refusal(class_folders) == (
        f"{where}: expected a folder, got a link to one; copy the folder here, or link its files "
        "one by one, so that DVC sees changes"
    )


def test_a_linked_source_and_linked_files_are_read(class_folders: Path) -> None:
    expected = read_source(class_folders)
    for path in (class_folders / "train" / "ant").iterdir():
        moved = class_folders / f"moved_{path.name}"
        path.rename(moved)
        path.symlink_to(moved)
    link = class_folders.with_name("link")
    link.unlink(missing_ok=True)
    link.symlink_to(class_folders)
    found = read_source(link)
    link.unlink()
    np.testing.assert_array_equal(found.train.images, expected.train.images)
    assert found.train.names == expected.train.names


def test_all_missing_classes_are_named(class_folders: Path) -> None:
    for name in ("bee", "cow"):
        shutil.copytree(class_folders / "train" / "ant", class_folders / "train" / name)
    said = refusal(class_folders)
    assert said.startswith("dev: expected ['bee', 'cow'] with images, got none, though ")


def test_an_empty_class_is_named_with_the_others(class_folders: Path) -> None:
    shutil.rmtree(class_folders / "train" / "ant")
    (class_folders / "train" / "ant").mkdir()
    save_image(class_folders / "dev" / "stray.png", noise(4, 4, 3))
    assert refusal(class_folders) == (
        "2 files or folders cannot be used: train/ant (none; add one, or remove the class "
        "everywhere), dev/stray.png (a file; move it into the folder of its class)"
    )
