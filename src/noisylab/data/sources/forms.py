"""Which form a source has, and hints for one that almost has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from noisylab.core.errors import InputError, shown

Form = tuple[str, str]  # two names that every source of a form has

BUNDLE = ("images.png", "labels.csv")
FOLDERS = ("train", "dev")
TENSORS = ("train.pickle", "dev.pickle")
CIFAR_BATCHES = ("data_batch_1", "test_batch")
_FORMS = (BUNDLE, FOLDERS, TENSORS, CIFAR_BATCHES)

_DESCRIBED = (
    "labels.csv with images.png and test.png, or folders train/<class>/ and dev/<class>/, "
    "or train.pickle and dev.pickle, or CIFAR-10's data_batch_1 to 5 and test_batch"
)
_PICKLES = (".pickle", ".pkl", ".p", ".pck")

#: Other names that people give the splits, in lower case.
_ALSO_CALLED = {
    "train": ("train", "training", "train_set"),
    "dev": ("dev", "val", "valid", "validation", "development", "eval", "dev_set", "val_set"),
    "test": ("test", "testing", "tests", "eval", "evaluation", "holdout", "hold-out", "test_set"),
}
_CLASS_NAMES = ("classes", "class_names", "classnames", "labels", "label_names", "names")

#: How to make a split that is missing.
_DRAW = {
    "dev": "; move a random tenth of the images of each class there",
    "train": "; most images of each class belong there",
}


def recognise(folder: Path) -> Form:
    """The form of a source. Raises InputError for none, several, or a misnamed part of one."""
    if not folder.is_dir():
        raise InputError(
            f"{folder}: expected a folder of images, got none; a source has {_DESCRIBED}"
        )
    found = {form: [name for name in form if (folder / name).exists()] for form in _FORMS}
    forms = [form for form in _FORMS if found[form]]
    if not forms:
        raise InputError(f"{folder}: expected {_DESCRIBED}, found none{_hint(folder, _FORMS)}")
    if len(forms) > 1:
        first, second = (found[form][0] for form in forms[:2])
        raise InputError(
            f"{folder}: expected one source format, got both {first} and {second}; move one away"
        )
    form = forms[0]
    missing = [name for name in form if name not in found[form]]
    if missing:
        remedy = _hint(folder, [form]) or _DRAW.get(missing[0], "")
        raise InputError(f"{folder / missing[0]}: not found, although the source needs it{remedy}")
    _check_optional(folder, form)
    return form


def unread_folders(folder: Path, classes: Sequence[str]) -> list[str]:
    """A notice for each folder that has folders for classes, but is not called as a split."""
    others = [path for path in _visible(folder) if path.is_dir() and path.name not in _ALSO_CALLED]
    return [
        f"{path.name}: not read, although it has class folders; only train, dev and test are"
        for path in others
        if any((path / name).is_dir() for name in classes)
    ]


def _check_optional(folder: Path, form: Form) -> None:
    """Raise InputError for a test set by another name: it would be missed in silence."""
    if form == FOLDERS and not (folder / "test").exists():
        _refuse_misnamed(folder, "test", "test", "")
    if form == TENSORS and not (folder / "test.pickle").exists():
        _refuse_misnamed(folder, "test", "test.pickle", *_PICKLES)


def check_class_names(folder: Path) -> None:
    """Raise InputError for a list of the classes by another name than classes.txt."""
    _refuse_misnamed(folder, "classes", "classes.txt", ".txt", ".csv")


def _refuse_misnamed(folder: Path, part: str, wanted: str, *suffixes: str) -> None:
    found = _misnamed(folder, part, suffixes)
    if found:
        raise InputError(
            f"{folder / found}: is not read; rename it to {wanted} if it is that, "
            "or else move it away"
        )


def _hint(folder: Path, forms: Sequence[Form]) -> str:
    """A remedy for a folder that almost has one of the forms; empty if there is no obvious one."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    for split in ("train", "dev"):
        for form, wanted, suffixes in (
            (FOLDERS, split, ("",)),
            (TENSORS, f"{split}.pickle", _PICKLES),
        ):
            found = _misnamed(folder, split, suffixes)
            if form in forms and found and not (folder / wanted).exists():
                return f"; rename {shown(found)} to {wanted}"
    if "cifar-10-batches-py" in names:
        return f"; give {folder / 'cifar-10-batches-py'}"
    if len(names) >= 2 and not {*names} & {"train", "dev"}:
        return f"; if its folders are classes, move them all into {folder / 'train'}"
    return ""


def _misnamed(folder: Path, part: str, suffixes: Sequence[str]) -> str:
    """Name of a file with one of the suffixes, or of a folder for "", that is `part` by meaning."""
    stems = _CLASS_NAMES if part == "classes" else _ALSO_CALLED[part]
    for path in _visible(folder):
        is_folder = path.is_dir()
        stem, suffix = (path.name, "") if is_folder else (path.stem, path.suffix)
        if (is_folder or suffix) and suffix.lower() in suffixes and stem.lower() in stems:
            return path.name
    return ""


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
