"""Sets from class folders: train/<class>/*.png, dev/<class>/*.png, perhaps test/<class>/*.png.

Classes are numbered in the order of their sorted names; images keep the order of theirs. Names
are brought to one form of Unicode: an accent is one character on one machine, two on another.
Hidden files are passed over. Anything else that is not a PNG or JPEG, or lies deeper, is an
error: an image in a format that is not read must not drop out unnoticed.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np

from noisylab.core.errors import InputError, shown
from noisylab.core.images import SIZE, ImageSet, check_classes
from noisylab.data.sources.photos import SUFFIXES, fit, read_rgb

_HIDDEN = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx")


def read_folders(folder: Path) -> tuple[dict[str, ImageSet], Counter[tuple[int, int]]]:
    """The sets by split, and how many images of each other (height, width) were resized.

    Every file is listed and every class compared before the first image is decoded.
    Raises InputError that names the file or folder.
    """
    splits = ["train", "dev"] + ["test"] * (folder / "test").exists()
    listed = {split: _list_split(folder / split) for split in splits}
    classes = tuple(sorted(listed["train"]))
    for split in splits[1:]:
        _check_same_classes(folder / "train", classes, folder / split, listed[split])
    try:
        check_classes(classes)
    except InputError as error:
        raise InputError(f"{folder / 'train'}: its folders are the classes: {error}") from error
    resized: Counter[tuple[int, int]] = Counter()
    sets = {split: _read_split(listed[split], classes, resized) for split in splits}
    return sets, resized


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
        raise InputError(f"{folder}: expected a folder to read, got {error.strerror}") from error
    entries = [
        entry
        for entry in entries
        if not entry.name.startswith(".") and entry.name.lower() not in _HIDDEN
    ]
    for entry in entries:
        if not entry.name.isprintable():  # nor can any line name it: bytes that are no UTF-8
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
    paths = [path for name in classes for path in listed[name]]
    for index, path in enumerate(paths):
        image = read_rgb(path)
        if image.shape[:2] != (SIZE, SIZE):
            resized[image.shape[0], image.shape[1]] += 1
        images[index] = fit(image)
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), counts)
    return ImageSet(images, labels, classes)
