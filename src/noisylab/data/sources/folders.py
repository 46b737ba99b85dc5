"""Sets from class folders: train/<class>/*.png, dev/<class>/*.png, optionally test/<class>/*.png.

Classes and images are sorted by name. Class names are brought to one form of Unicode, since an
accent is one character on one machine and two on another. Hidden files are skipped. Any other file
that is not a PNG or JPEG, and any deeper folder, is an error: no image may be lost unnoticed.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np

from noisylab.core.errors import InputError, located, shown
from noisylab.core.images import SIZE, ImageSet, check_classes
from noisylab.data.sources.photos import SUFFIXES, fit, read_rgb, resize_notices

_HIDDEN = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx")


def read_folders(folder: Path) -> tuple[dict[str, ImageSet], list[str]]:
    """The sets by split, and notices.

    Lists all files and compares all classes before it decodes the first image. Raises InputError
    that names the file or folder.
    """
    splits = ["train", "dev"] + ["test"] * (folder / "test").exists()
    listed = {split: _list_split(folder / split) for split in splits}
    classes = tuple(sorted(listed["train"]))
    for split in splits[1:]:
        _check_same_classes(folder / "train", classes, folder / split, listed[split])
    with located(f"{folder / 'train'}: its folders are the classes"):
        check_classes(classes)
    resized: Counter[tuple[int, int]] = Counter()
    sets = {split: _read_split(listed[split], classes, resized) for split in splits}
    return sets, resize_notices(resized)


def _list_split(folder: Path) -> dict[str, list[Path]]:
    listed: dict[str, list[Path]] = {}
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
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be read: {error.strerror}; check its permissions"
        ) from error
    entries = [
        entry
        for entry in entries
        if not entry.name.startswith(".") and entry.name.lower() not in _HIDDEN
    ]
    for entry in entries:
        if not entry.name.isprintable():  # for example bytes that are not UTF-8
            raise InputError(
                f"{folder}: expected names of printable characters, got {shown(entry.name)}; "
                "rename it"
            )
    return entries


def _check_same_classes(
    train: Path, classes: tuple[str, ...], other: Path, listed: dict[str, list[Path]]
) -> None:
    missing, extra = set(classes) - set(listed), set(listed) - set(classes)
    for holder, lacking, names, others in (
        (train, other, missing, extra),
        (other, train, extra, missing),
    ):
        if names:
            name = min(names)
            raise InputError(
                f"{lacking}: expected a folder {shown(name)} with images, got none, "
                f"though {holder} has it; {_remedy(name, others)}"
            )


def _remedy(name: str, others: set[str]) -> str:
    by_folded = {other.casefold(): other for other in sorted(others)}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    if close:
        return f"rename {shown(by_folded[close[0]])} there if it is the same class"
    return "every split must hold every class"


def _read_split(
    listed: dict[str, list[Path]], classes: tuple[str, ...], resized: Counter[tuple[int, int]]
) -> ImageSet:
    counts = [len(listed[name]) for name in classes]
    images = np.empty((sum(counts), SIZE, SIZE, 3), np.uint8)
    paths = (path for name in classes for path in listed[name])
    for index, path in enumerate(paths):
        images[index] = fit(read_rgb(path), resized)
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), counts)
    return ImageSet(images, labels, classes)
