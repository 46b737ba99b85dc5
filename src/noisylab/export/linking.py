"""Class folders of other labels, whose files are those of the source."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from noisylab.core.images import ImageSet


def place_files(image_set: ImageSet, labels: np.ndarray) -> list[str]:
    """A path for each image, `split/class/file`, distinct also where case does not count.

    image_set: its names are such paths. labels: (N,) int64, which decide on the class folder.

    An image whose label has not changed keeps its path. Another keeps the name of its file, with a
    number added if the folder has that name already: `1_2.png`.
    """
    names = [PurePosixPath(name) for name in image_set.names or ()]
    folders = dict(zip(image_set.labels.tolist(), (name.parent for name in names), strict=True))
    is_moved = labels != image_set.labels
    taken = {_key(name) for name, moved in zip(names, is_moved, strict=True) if not moved}
    for index in np.flatnonzero(is_moved):
        file, folder = names[index].name, folders[labels[index]]
        stem, suffix, number = names[index].stem, names[index].suffix, 1
        while _key(folder / file) in taken:
            number += 1
            file = f"{stem}_{number}{suffix}"
        names[index] = folder / file
        taken.add(_key(names[index]))
    return [str(name) for name in names]


def class_folders(image_set: ImageSet) -> list[str]:
    """The folders `split/class` of all images."""
    return sorted({str(PurePosixPath(name).parent) for name in image_set.names or ()})


def link_files(
    source: Path, names: Sequence[str], folder: Path, places: Sequence[str] | None = None
) -> None:
    """Make `folder/place` the same file as `source/name`, or a copy where no link is possible.

    places: names in the folder; None for the names in the source.
    """
    for name, place in zip(names, names if places is None else places, strict=True):
        original, target = (source / name).resolve(), folder / place
        try:
            os.link(original, target)
        except OSError:  # another file system, or one without hard links
            with original.open("rb") as content, target.open("xb") as copy:
                shutil.copyfileobj(content, copy)
            shutil.copystat(original, target)


def _key(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()
