"""Images to classify: which files there are, and their pixels as training reads them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from noisylab.core.errors import InputError, shown
from noisylab.data.sources import deep
from noisylab.data.sources.folders import is_hidden
from noisylab.data.sources.photos import SUFFIXES, Sizes, decode, fit
from noisylab.data.sources.tensors import read_images

PICKLES = (".pickle", ".pkl")  # suffixes in lower case
READ = ", ".join((*SUFFIXES, *PICKLES))

#: A name for the person who asked, and pixels (32, 32, 3) uint8.
Named = tuple[str, np.ndarray]


@dataclass
class Found:
    """Files to read in order, those that were passed over, and a line for each path without any."""

    files: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def find_files(paths: Iterable[str | Path]) -> Found:
    """Each path that is a file, and the images and pickles below each that is a folder, by name.

    Hidden files and folders are left out; any other kind of file in a folder is passed over.
    """
    found = Found()
    for given in paths:
        path = Path(given)
        if not str(given):  # to Path, the current folder
            found.errors.append("expected a file or a folder, got an empty name")
            continue
        try:
            is_folder = path.is_dir()
        except OSError as error:  # a name that is too long, say
            found.errors.append(f"{shown(str(given))}: cannot be read: {error.strerror}")
            continue
        if not is_folder:
            found.files.append(path)  # reading it tells if it is missing
            continue
        n_files = len(found.files)
        for file in _walk(path, found.errors):
            known = file.suffix.lower() in (*SUFFIXES, *PICKLES)
            (found.files if known else found.skipped).append(file)
        if len(found.files) == n_files:
            found.errors.append(f"{path}: expected images in this folder ({READ}), got none")
    return found


def read_file(path: Path, bits: int = deep.FULL) -> list[Named | str]:
    """The image in a file, or all images in a pickle and lines on how its values were read.

    bits: of the values in PNG with 16 bits a channel. Raises InputError that names the file.
    """
    if path.suffix.lower() not in PICKLES:
        return [(str(path), fit(decode(path, bits).pixels, Sizes()))]
    images, names, notices = read_images(path)
    own = names or [f"{path}#{index}" for index in range(len(images))]
    return [*notices, *zip(own, images, strict=True)]


def find_depths(files: Iterable[Path]) -> list[deep.Depth]:
    """The depth of each PNG with 16 bits a channel; files that cannot be read are passed over."""
    depths = []
    for file in files:
        with suppress(InputError, OSError):
            if file.suffix.lower() == ".png" and deep.is_deep(_beginning(file)):
                depths.append(decode(file).depth)
    return [depth for depth in depths if depth]


def _beginning(file: Path) -> bytes:
    if not file.is_file():  # opening a pipe may wait forever
        return b""
    with file.open("rb") as content:
        return content.read(64)


def _walk(folder: Path, errors: list[str]) -> Iterator[Path]:
    """Files below a folder; of folders that links make occur twice, only the first."""

    def report(error: OSError) -> None:
        errors.append(f"{error.filename}: cannot be read: {error.strerror}")

    seen: set[str] = set()
    for top, folders, files in os.walk(folder, onerror=report, followlinks=True):
        if os.path.realpath(top) in seen:
            folders.clear()
            continue
        seen.add(os.path.realpath(top))
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield from (Path(top, name) for name in sorted(files) if not is_hidden(name))
