"""Sets from class folders: train/<class>/*.png, dev/<class>/*.png, optionally test/<class>/*.png.

Classes and images are sorted by name. Class names are brought to one form of Unicode, since an
accent is one character on one machine and two on another. Hidden files and the folders that file
servers add are skipped. Any other file that is not a PNG or JPEG, and any deeper folder, is an
error: no image may be lost unnoticed. A link to a folder is one, too: DVC hashes what a link to a
file leads to, but not what lies behind a link to a folder.
"""

from __future__ import annotations

import difflib
import unicodedata
from pathlib import Path

import numpy as np

from noisylab.core.errors import InputError, is_printable, located, shown, shown_list
from noisylab.core.images import ImageSet, check_classes
from noisylab.data.sources.kinds import BadFileError, other_suffix, refuse
from noisylab.data.sources.photos import SUFFIXES, read_photos

_Listed = dict[str, list[Path]]  # images of a split by class

#: Names, in lower case, of what systems and file servers leave in folders of photographs.
_HIDDEN = (
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "lost+found"),
    *("@eadir", "#recycle", "#snapshot", "@recycle", "$recycle.bin", "system volume information"),
)


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is none of the user's photographs."""
    return name.startswith(".") or name.lower() in _HIDDEN


def read_folders(folder: Path) -> tuple[dict[str, ImageSet], list[str]]:
    """The sets by split, and notices.

    Lists all files and compares all classes before it decodes the first image. Raises InputError
    that names the files or folders.
    """
    splits = ["train", "dev"] + ["test"] * (folder / "test").exists()
    bad: list[InputError] = []
    listed = {split: _list_split(folder / split, bad) for split in splits}
    refuse(bad)
    for split in splits[1:]:
        _check_same_classes(folder, listed, split)
    classes = tuple(sorted(listed["train"]))
    with located(f"{folder / 'train'}: its folders are the classes"):
        check_classes(classes)
    paths = {split: [path for name in classes for path in listed[split][name]] for split in splits}
    images, notices = read_photos([path for split in splits for path in paths[split]])
    ends = np.cumsum([len(paths[split]) for split in splits])
    sets = {}
    for split, part in zip(splits, np.split(images, ends[:-1]), strict=True):
        labels = np.repeat(np.arange(len(classes)), [len(listed[split][name]) for name in classes])
        names = tuple(path.relative_to(folder).as_posix() for path in paths[split])
        sets[split] = ImageSet(part, labels, classes, names=names)
    return sets, notices


def _list_split(folder: Path, bad: list[InputError]) -> _Listed:
    listed: _Listed = {}
    _check_no_link(folder, bad)
    for entry in _entries(folder):
        if not is_printable(entry.name):
            bad.append(_unprintable(entry))
            continue
        if not entry.is_dir():
            is_image = entry.suffix.lower() in SUFFIXES
            remedy = "move it into the folder of its class" if is_image else "move it away"
            bad.append(BadFileError(entry, "only class folders here", "a file", remedy))
            continue
        _check_no_link(entry, bad)
        name = unicodedata.normalize("NFC", entry.name)
        if name in listed:
            raise InputError(
                f"{folder}: expected one folder {shown(name)}, got two whose names differ only in "
                "how their accents are stored; move the images of one into the other"
            )
        listed[name] = _list_class(entry, bad)
    return listed


def _list_class(folder: Path, bad: list[InputError]) -> list[Path]:
    paths = _entries(folder)
    for path in paths:
        if not is_printable(path.name):
            bad.append(_unprintable(path))
        elif path.is_dir():
            bad.append(BadFileError(path, "images here", "a folder", "move its images up"))
        elif path.suffix.lower() not in SUFFIXES:
            bad.append(other_suffix(path, SUFFIXES))
    if not paths:
        what = "at least one image of the class"
        bad.append(BadFileError(folder, what, "none", "add one, or remove the class everywhere"))
    return paths


def _check_no_link(folder: Path, bad: list[InputError]) -> None:
    if folder.is_symlink():
        remedy = "copy the folder here, or link its files one by one, so that DVC sees changes"
        bad.append(BadFileError(folder, "a folder", "a link to one", remedy))


def _entries(folder: Path) -> list[Path]:
    """The entries of a folder by name, without hidden ones."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from error
    return [folder / name for name in names if not is_hidden(name)]


def _unprintable(path: Path) -> BadFileError:
    """The error for a name with, for example, a line break or bytes that are not UTF-8."""
    what = "names of printable characters"
    return BadFileError(path.parent, what, shown(path.name), "rename it")


def _check_same_classes(folder: Path, listed: dict[str, _Listed], split: str) -> None:
    for holder, lacking in (("train", split), (split, "train")):
        missing = listed[holder].keys() - listed[lacking]
        if missing:
            names = sorted(missing)
            remedy = _remedy(names[0], listed[lacking].keys() - listed[holder])
            one_or_all = f"a folder {shown(names[0])}" if len(names) == 1 else shown_list(names)
            raise InputError(
                f"{folder / lacking}: expected {one_or_all} with images, got none, "
                f"though {folder / holder} has {'it' if len(names) == 1 else 'them'}; {remedy}"
            )


def _remedy(name: str, others: set[str]) -> str:
    by_folded = {other.casefold(): other for other in sorted(others)}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    if close:
        return f"rename {shown(by_folded[close[0]])} there if it is the same class"
    return "every split must hold every class"
