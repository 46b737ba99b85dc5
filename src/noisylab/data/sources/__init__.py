"""Where sets come from: a folder in, checked sets of 32x32 images out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from noisylab.core.errors import InputError, shown
from noisylab.core.images import SIZE, SPLITS, ImageSet, identical_images
from noisylab.data.sources.bundle import read_bundle
from noisylab.data.sources.folders import read_folders
from noisylab.data.sources.tensors import read_pickled

_LONGEST_PATH = 1000  # characters that an error message can still name
_SHOWN = 3  # examples in a notice; it also tells how many there are in all

#: The names that tell the forms apart.
_BUNDLE = ("images.png", "labels.csv")
_FOLDERS = ("train", "dev")
_PICKLES = ("train.pickle", "dev.pickle")
#: What else people call the splits, in lower case.
_ALSO_CALLED = {
    "train": ("train", "training"),
    "dev": ("dev", "val", "valid", "validation", "development", "eval"),
}
#: How to make the split that is missing.
_DRAW = {
    "dev": "; move one in ten of the images of each class there, drawn at random",
    "train": "; most images of each class belong there",
}
_FORMS = (
    "labels.csv with images.png and test.png, or folders train/<class>/ and dev/<class>/, "
    "or train.pickle and dev.pickle"
)


@dataclass(frozen=True, eq=False)
class Source:
    """Sets of the same classes. Every class has an image in train, in dev and in a test not empty.

    test:    of no images where the source has none.
    notices: remarks of one line each, for the user to read: images that were resized, images
             that two sets share, tensors of a doubtful range.
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
        """A line for each set that says how many images of which label it has; the notices."""
        lines = []
        for split, image_set in self.sets.items():
            counts = zip(image_set.classes, image_set.counts(), strict=True)
            listed = ", ".join(f"{name} {count:,}" for name, count in counts)
            found = f"{len(image_set):,} images: {listed}" if len(image_set) else "none"
            lines.append(f"{split}: {found}")
        return [*lines, *self.notices]


def read_source(folder: str | Path) -> Source:
    """The sets in `folder`, in the form it holds: see `bundle`, `folders` and `pickled`.

    Raises InputError, of one line that names the file, where anything in it is not as expected.
    """
    folder = Path(folder)
    if len(str(folder)) > _LONGEST_PATH or not str(folder).isprintable():
        raise InputError(f"prepare.source: expected a folder, got {shown(str(folder))}")
    try:
        sets, resized, notices = _read(folder, _recognise(folder))
    except OSError as error:  # no permission, or a name too long
        reason = error.strerror or type(error).__name__
        raise InputError(f"{folder}: expected a source to read, got: {reason}") from error
    sets.setdefault("test", _empty(sets["train"].classes))
    _check_every_class(folder, sets)
    return Source(sets["train"], sets["dev"], sets["test"], (*notices, *_notices(sets, resized)))


def _read(
    folder: Path, form: tuple[str, ...]
) -> tuple[dict[str, ImageSet], Counter[tuple[int, int]], list[str]]:
    if form == _BUNDLE:
        return read_bundle(folder), Counter(), []
    if form == _FOLDERS:
        return *read_folders(folder), []
    return read_pickled(folder)


def _recognise(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of images, got none; it needs {_FORMS}")
    forms = [
        form
        for form in (_BUNDLE, _FOLDERS, _PICKLES)
        if any((folder / name).exists() for name in form)
    ]
    if not forms:
        raise InputError(f"{folder}: expected {_FORMS}, got none of these{_hint(folder)}")
    if len(forms) > 1:
        first, second = (next(n for n in form if (folder / n).exists()) for form in forms[:2])
        raise InputError(
            f"{folder}: expected one form of source, got both {first} and {second}; move one away"
        )
    for name in forms[0]:
        if not (folder / name).exists():
            raise InputError(
                f"{folder / name}: expected beside the rest of the source, got none"
                f"{_hint(folder) or _DRAW.get(name, '')}"
            )
    return forms[0]


def _hint(folder: Path) -> str:
    """What to do about a folder that almost holds sets; nothing where that is not plain."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    for wanted, others in _ALSO_CALLED.items():
        found = [name for name in names if name != wanted and name.lower() in others]
        if found and wanted not in names:
            return f"; rename {shown(found[0])} to {wanted}"
    if len(names) >= 2 and not {*names} & {*_FOLDERS}:
        return f"; if its folders are classes, move them all into {folder / 'train'}"
    return ""


def _empty(classes: tuple[str, ...]) -> ImageSet:
    return ImageSet(np.empty((0, SIZE, SIZE, 3), np.uint8), np.empty(0, np.int64), classes)


def _check_every_class(folder: Path, sets: dict[str, ImageSet]) -> None:
    for split in SPLITS:
        if split == "test" and not len(sets[split]):
            continue
        for name, count in zip(sets[split].classes, sets[split].counts(), strict=True):
            if count == 0:
                raise InputError(
                    f"{folder}: expected at least one image labelled {name!r} in {split}, got none"
                )


def _notices(sets: dict[str, ImageSet], resized: Counter[tuple[int, int]]) -> tuple[str, ...]:
    notices = []
    if resized:
        sizes = [f"{width}x{height}" for (height, width), _ in resized.most_common()]
        count = "1 image" if resized.total() == 1 else f"{resized.total()} images"
        notices.append(f"{count} resized to {SIZE}x{SIZE}, from {_listed(sizes, 'sizes')}")
    for first, second in combinations(SPLITS, 2):
        pairs = [
            f"{first} {one} and {second} {other}"
            for one, other in identical_images(sets[first], sets[second])
        ]
        if pairs:
            notices.append(f"{_listed(pairs, 'pairs')}: the same image in {first} and {second}")
    return tuple(notices)


def _listed(items: list[str], what: str) -> str:
    shown = ", ".join(items[:_SHOWN])
    return shown if len(items) <= _SHOWN else f"{shown}, ... ({len(items)} {what})"
