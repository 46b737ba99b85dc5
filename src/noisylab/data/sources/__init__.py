"""Sources of sets: a folder in, checked sets of 32x32 images out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from pathlib import Path

from noisylab.core.errors import InputError, is_printable, shown
from noisylab.core.images import KEEP, SPLITS, ImageSet, identical_images
from noisylab.data.sources.bundle import read_bundle
from noisylab.data.sources.cifar_batches import read_cifar_batches
from noisylab.data.sources.folders import read_folders
from noisylab.data.sources.forms import (
    BUNDLE,
    CIFAR_BATCHES,
    FOLDERS,
    TENSORS,
    recognise,
    unread_folders,
)
from noisylab.data.sources.photos import first_few
from noisylab.data.sources.tensors import read_tensors

_LONGEST_PATH = 1000  # characters that an error message can still name

_READERS = {
    BUNDLE: read_bundle,
    FOLDERS: read_folders,
    TENSORS: read_tensors,
    CIFAR_BATCHES: read_cifar_batches,
}
#: Images whose values all lie within so few of 256 levels were converted wrongly, or are masks.
_FEW_LEVELS = 32


@dataclass(frozen=True, eq=False)
class Source:
    """Sets with the same classes. Train, dev and a non-empty test have an image of every class.

    test:    empty if the source has none.
    notices: one line each, for the user to read: images that were resized or that two sets share,
             ranges of values that were guessed, classes that may be one.
    """

    train: ImageSet
    dev: ImageSet
    test: ImageSet
    notices: tuple[str, ...]

    @property
    def sets(self) -> dict[str, ImageSet]:
        """The three sets by split."""
        return {"train": self.train, "dev": self.dev, "test": self.test}

    def summary(self) -> list[str]:
        """One line per set with the number of images of each label, then the notices."""
        lines = []
        for split, image_set in self.sets.items():
            counts = zip(image_set.classes, image_set.counts(), strict=True)
            listed = ", ".join(f"{name} {count:,}" for name, count in counts)
            found = f"{len(image_set):,} images: {listed}" if len(image_set) else "none"
            lines.append(f"{split}: {found}")
        return [*lines, *self.notices]


def read_source(folder: str | Path) -> Source:
    """The sets in `folder`, in one of the formats of docs/own-images.md.

    A leading `~` stands for the user's home. Raises InputError, one line that names the file, if
    anything in it is not as expected.
    """
    folder = Path(folder)
    if len(str(folder)) > _LONGEST_PATH or not is_printable(str(folder)):
        raise InputError(f"prepare.source: expected a folder, got {shown(str(folder))}")
    try:
        folder = folder.expanduser()
        form = recognise(folder)
        sets, notices = _READERS[form](folder)
        if form == FOLDERS:
            notices += unread_folders(folder, sets["train"].classes)
    except (OSError, RuntimeError) as error:  # no permission, a name too long, an unknown ~user
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{folder}: cannot be read: {reason}; check the path") from error
    empty = replace(sets["train"].subset([]), true_labels=None)
    sets = {split: sets.get(split, empty) for split in SPLITS}
    _check_every_class(folder, sets)
    if KEEP in sets["train"].classes:
        raise InputError(
            f"{folder}: a class must not be named {KEEP}, which is a decision of the review; "
            "rename it"
        )
    found = (*_similar_classes(sets["train"].classes), *_few_levels(sets), *_shared_images(sets))
    return Source(**sets, notices=(*notices, *found))


def _check_every_class(folder: Path, sets: dict[str, ImageSet]) -> None:
    for split, image_set in sets.items():
        counts = image_set.counts()
        if not counts.all() and (split != "test" or counts.any()):
            name = image_set.classes[counts.argmin()]
            raise InputError(
                f"{folder}: expected at least one image labelled {name!r} in {split}, got none"
            )


def _similar_classes(classes: tuple[str, ...]) -> Iterator[str]:
    """A notice for names that differ only in case, spaces, hyphens or what cannot be seen."""
    seen: dict[str, str] = {}
    for name in classes:
        folded = unicodedata.normalize("NFKC", name).casefold()
        visible = "".join(char for char in folded if unicodedata.category(char) != "Cf")
        other = seen.setdefault(re.sub(r"[\s_-]", "", visible), name)
        if other != name:
            yield f"classes {shown(other)} and {shown(name)}: are they one class, written twice?"


def _few_levels(sets: dict[str, ImageSet]) -> Iterator[str]:
    for split, image_set in sets.items():
        if len(image_set):
            low, high = int(image_set.images.min()), int(image_set.images.max())
            if high - low < _FEW_LEVELS:
                yield (
                    f"{split}: all pixels have levels from {low} to {high} of 0 to 255: were the "
                    "images saved with another range?"
                )


def _shared_images(sets: dict[str, ImageSet]) -> Iterator[str]:
    """Notices for images that two splits share, or that have two labels, within a split too."""
    for first, second in combinations_with_replacement(SPLITS, 2):
        alike: list[str] = []
        contrary: list[str] = []  # pairs whose labels differ
        for one, other in identical_images(sets[first], sets[second]):
            pair = f"{sets[first].image_name(one, first)} and "
            pair += sets[second].image_name(other, second)
            is_alike = sets[first].labels[one] == sets[second].labels[other]
            (alike if is_alike else contrary).append(pair)
        where = first if first == second else f"{first} and {second}"
        if contrary:
            yield f"{first_few(contrary, 'pairs')}: the same image in {where}, under two labels"
        if alike and first != second:
            yield f"{first_few(alike, 'pairs')}: the same image in {where}"
