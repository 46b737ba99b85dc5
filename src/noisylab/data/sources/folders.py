"""Sets from class folders: train/<class>/*.png, dev/<class>/*.png, optionally test/<class>/*.png.

Classes and images are sorted by name. Class names are brought to one form of Unicode, since an
accent is one character on one machine and two on another. Hidden files are skipped. Any other file
that is not a PNG or JPEG, and any deeper folder, is an error: no image may be lost unnoticed.
"""

from __future__ import annotations

import difflib
import unicodedata
from pathlib import Path

import numpy as np

from noisylab.core.errors import InputError, located, shown
from noisylab.core.images import ImageSet, check_classes
from noisylab.data.sources.photos import SUFFIXES, Sizes, fit_all, read_rgb, resize_notices

_Listed = dict[str, list[Path]]  # images of a split by class
_HIDDEN = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx")


def read_folders(folder: Path) -> tuple[dict[str, ImageSet], list[str]]:
    """The sets by split, and notices.

    Lists all files and compares all classes before it decodes the first image. Raises InputError
    that names the file or folder.
    """
    splits = ["train", "dev"] + ["test"] * (folder / "test").exists()
    listed = {split: _list_split(folder / split) for split in splits}
    for split in splits[1:]:
        _check_same_classes(folder, listed, split)
    classes = tuple(sorted(listed["train"]))
    with located(f"{folder / 'train'}: its folders are the classes"):
        check_classes(classes)
    resized = Sizes()
    sets = {split: _read_split(folder, listed[split], classes, resized) for split in splits}
    return sets, resize_notices(resized)


def _list_split(folder: Path) -> _Listed:
    listed: _Listed = {}
    for entry in _entries(folder):
        if not entry.is_dir():
            raise InputError(f"{entry}: expected only class folders here; move it into one or away")
        name = unicodedata.normalize("NFC", entry.name)
        if name in listed:
            raise InputError(
                f"{folder}: expected one folder {shown(name)}, got two whose names differ only in "
                "how their accents are stored; move the images of one into the other"
            )
        listed[name] = _list_class(entry)
    return listed


def _list_class(folder: Path) -> list[Path]:
    paths = _entries(folder)
    for path in paths:
        if path.is_dir():
            raise InputError(f"{path}: expected images here, got a folder; move its images up")
        if path.suffix.lower() not in SUFFIXES:
            raise InputError(
                f"{path}: expected one of {', '.join(SUFFIXES)}, got {path.suffix or 'no suffix'}; "
                "convert it or move it away"
            )
    if not paths:
        raise InputError(f"{folder}: expected at least one image of the class, got none")
    return paths


def _entries(folder: Path) -> list[Path]:
    """The entries of a folder by name, without hidden ones."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from error
    names = [name for name in names if name[0] != "." and name.lower() not in _HIDDEN]
    for name in names:
        if not name.isprintable():  # for example bytes that are not UTF-8
            raise InputError(
                f"{folder}: expected names of printable characters, got {shown(name)}; rename it"
            )
    return [folder / name for name in names]


def _check_same_classes(folder: Path, listed: dict[str, _Listed], split: str) -> None:
    for holder, lacking in (("train", split), (split, "train")):
        missing = listed[holder].keys() - listed[lacking]
        if missing:
            name = min(missing)
            remedy = _remedy(name, listed[lacking].keys() - listed[holder])
            raise InputError(
                f"{folder / lacking}: expected a folder {shown(name)} with images, got none, "
                f"though {folder / holder} has it; {remedy}"
            )


def _remedy(name: str, others: set[str]) -> str:
    by_folded = {other.casefold(): other for other in sorted(others)}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    if close:
        return f"rename {shown(by_folded[close[0]])} there if it is the same class"
    return "every split must hold every class"


def _read_split(
    folder: Path, listed: _Listed, classes: tuple[str, ...], resized: Sizes
) -> ImageSet:
    paths = [path for name in classes for path in listed[name]]
    images = fit_all(map(read_rgb, paths), len(paths), resized)
    labels = np.repeat(np.arange(len(classes)), [len(listed[name]) for name in classes])
    names = tuple(path.relative_to(folder).as_posix() for path in paths)
    return ImageSet(images, labels, classes, names=names)
