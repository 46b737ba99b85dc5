"""Sources of sets: a folder in, checked sets of 32x32 images out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from noisylab.core.errors import InputError, shown
from noisylab.core.images import SPLITS, ImageSet, identical_images
from noisylab.data.sources.bundle import read_bundle
from noisylab.data.sources.folders import read_folders
from noisylab.data.sources.photos import first_few
from noisylab.data.sources.tensors import read_tensors

_LONGEST_PATH = 1000  # characters that an error message can still name

#: How each form is read, by the names that every source of that form has.
_READERS = {
    ("images.png", "labels.csv"): read_bundle,
    ("train", "dev"): read_folders,
    ("train.pickle", "dev.pickle"): read_tensors,
}
#: Other names that people give the splits, in lower case.
_ALSO_CALLED = {
    "train": ("train", "training"),
    "dev": ("dev", "val", "valid", "validation", "development", "eval"),
}
#: How to make a split that is missing.
_DRAW = {
    "dev": "; move a random tenth of the images of each class there",
    "train": "; most images of each class belong there",
}
_FORMS = (
    "labels.csv with images.png and test.png, or folders train/<class>/ and dev/<class>/, "
    "or train.pickle and dev.pickle"
)


@dataclass(frozen=True, eq=False)
class Source:
    """Sets with the same classes. Train, dev and a non-empty test have an image of every class.

    test:    empty if the source has none.
    notices: one line each, for the user to read: images that were resized, images that two sets
             share, tensors in a doubtful range.
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
    """The sets in `folder`, in whichever form it holds: see `bundle`, `folders` and `tensors`.

    Raises InputError, one line that names the file, if anything in it is not as expected.
    """
    folder = Path(folder)
    if len(str(folder)) > _LONGEST_PATH or not str(folder).isprintable():
        raise InputError(f"prepare.source: expected a folder, got {shown(str(folder))}")
    try:
        sets, notices = _READERS[_recognise(folder)](folder)
    except OSError as error:  # no permission, or a name too long
        reason = error.strerror or type(error).__name__
        raise InputError(f"{folder}: cannot be read: {reason}; check the path") from error
    empty = replace(sets["train"].subset([]), true_labels=None)
    sets = {split: sets.get(split, empty) for split in SPLITS}
    _check_every_class(folder, sets)
    return Source(**sets, notices=(*notices, *_shared_images(sets)))


def _recognise(folder: Path) -> tuple[str, str]:
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of images, got none; a source has {_FORMS}")
    found = {form: [name for name in form if (folder / name).exists()] for form in _READERS}
    forms = [form for form in _READERS if found[form]]
    if not forms:
        raise InputError(f"{folder}: expected {_FORMS}, found none{_hint(folder)}")
    if len(forms) > 1:
        first, second = (found[form][0] for form in forms[:2])
        raise InputError(
            f"{folder}: expected one source format, got both {first} and {second}; move one away"
        )
    form = forms[0]
    missing = [name for name in form if name not in found[form]]
    if missing:
        remedy = _hint(folder) or _DRAW.get(missing[0], "")
        raise InputError(f"{folder / missing[0]}: not found, although the source needs it{remedy}")
    return form


def _hint(folder: Path) -> str:
    """A remedy for a folder that almost holds sets; empty if there is no obvious one."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    for wanted, others in _ALSO_CALLED.items():
        found = [name for name in names if name != wanted and name.lower() in others]
        if found and wanted not in names:
            return f"; rename {shown(found[0])} to {wanted}"
    if len(names) >= 2 and not {*names} & {"train", "dev"}:
        return f"; if its folders are classes, move them all into {folder / 'train'}"
    return ""


def _check_every_class(folder: Path, sets: dict[str, ImageSet]) -> None:
    for split, image_set in sets.items():
        counts = image_set.counts()
        if not counts.all() and (split != "test" or counts.any()):
            name = image_set.classes[counts.argmin()]
            raise InputError(
                f"{folder}: expected at least one image labelled {name!r} in {split}, got none"
            )


def _shared_images(sets: dict[str, ImageSet]) -> Iterator[str]:
    for first, second in combinations(SPLITS, 2):
        pairs = [
            f"{sets[first].image_name(one, first)} and {sets[second].image_name(other, second)}"
            for one, other in identical_images(sets[first], sets[second])
        ]
        if pairs:
            yield f"{first_few(pairs, 'pairs')}: the same image in {first} and {second}"
