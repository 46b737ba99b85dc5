"""Which form a source has, and hints for one that almost has it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from noisylab.core.errors import InputError, is_printable, shown
from noisylab.data.sources.bundle import Row
from noisylab.data.sources.folders import is_hidden

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
_FOLDER = "/"  # in place of a suffix
_PICKLES = (".pickle", ".pkl", ".p", ".pck", "")  # without a suffix as in CIFAR-100
_ARRAYS = re.compile(
    r".+\.(arrow|feather|h5|hdf5|mat|npy|npz|parquet|pth?|safetensors|tfrecords?)"
    r"|.*idx[13]-ubyte(\.gz)?"  # MNIST
)
_ARCHIVE = re.compile(r".+\.(7z|bz2|gz|rar|tar|tgz|xz|zip)")

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
    "dev.pickle": "; move a random tenth of the images of each class from train.pickle there",
    "train": "; most images of each class belong there",
}


def recognise(folder: Path) -> Form:
    """The form of a source. Raises InputError for none, several, or a misnamed part of one."""
    if not folder.is_dir():
        raise InputError(
            f"{folder}: expected a folder of images, got {'a file' if folder.is_file() else 'none'}"
            f"{_unread(folder)}; a source has {_DESCRIBED}"
        )
    found = {form: _present(folder, form) for form in _FORMS}
    forms = [form for form in _FORMS if found[form]]
    if not forms:
        raise InputError(f"{folder}: expected {_DESCRIBED}, found none{_hint(folder)}")
    if len(forms) > 1:
        first, second = (found[form][0] for form in forms[:2])
        raise InputError(
            f"{folder}: expected one source format, got both {first} and {second}; move one away"
        )
    form = forms[0]
    missing = [name for name in form if name not in found[form]]
    if missing:
        remedy = _DRAW.get(missing[0], "")
        if form == FOLDERS and not _folders(folder / found[form][0]):
            remedy = "; put the images into train/<class>/ and dev/<class>/"
        remedy = _renaming(folder, [form]) or remedy
        raise InputError(f"{folder / missing[0]}: not found, although the source needs it{remedy}")
    _check_optional(folder, form)
    return form


def unread_folders(folder: Path, classes: Sequence[str]) -> list[str]:
    """A notice for each folder that has folders for classes, but is not called as a split."""
    others = [path for path in _folders(folder) if path.name not in _ALSO_CALLED]
    return [
        f"{path.name}: not read, although it has class folders; only train, dev and test are"
        for path in others
        if any((path / name).is_dir() for name in classes)
    ]


def _present(folder: Path, form: Form) -> list[str]:
    """The names of a form that are there. Any data set may have a table called labels.csv."""
    if form == FOLDERS:
        return [name for name in form if (folder / name).is_dir()]
    names = [name for name in form if (folder / name).exists()]
    return [] if names == ["labels.csv"] and not _is_bundled(folder / "labels.csv") else names


def _is_bundled(table: Path) -> bool:
    """Whether a table has the columns of the bundled format."""
    if not table.is_file():  # opening a pipe may wait forever
        return False
    with table.open("rb") as file:
        header = file.readline(1000)
    return all(column.encode() in header for column in Row._fields)


def _check_optional(folder: Path, form: Form) -> None:
    """Raise InputError for a test set by another name: it would be missed in silence."""
    if form == FOLDERS and not (folder / "test").exists():
        _refuse_misnamed(folder, "test", "test", _FOLDER)
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


def _hint(folder: Path) -> str:
    """A remedy for a folder that has none of the forms; empty if there is no obvious one."""
    known = _renaming(folder, _FORMS) or _deeper(folder)
    if known:
        return known
    tables = [path.name for path in _visible(folder) if path.suffix.lower() == ".csv"]
    if tables:
        return (
            f"; {tables[0]} is not read, as labels are read from a table only with mosaics: "
            "move each image to train/<class>/ or dev/<class>/"
        )
    if len(_folders(folder)) >= 2:
        return f"; if its folders are classes, move them all into {folder / 'train'}"
    return next(filter(None, map(_unread, _visible(folder))), "")


def _renaming(folder: Path, forms: Sequence[Form]) -> str:
    """A remedy for train or dev by another name."""
    for split in ("train", "dev"):
        for form, wanted, suffixes in (
            (FOLDERS, split, (_FOLDER,)),
            (TENSORS, f"{split}.pickle", _PICKLES),
        ):
            found = _misnamed(folder, split, suffixes)
            if form in forms and found and wanted not in _present(folder, form):
                return f"; rename {shown(found)} to {wanted}"
    return ""


def _deeper(folder: Path) -> str:
    """A remedy for a source that is one level deeper, and for splits below each class."""
    inner = [
        path
        for path in _folders(folder)
        if any(_present(path, form) for form in _FORMS) or _renaming(path, _FORMS)
    ]
    if not inner:
        return ""
    name = inner[0].name
    train = _misnamed(inner[0], "train", (_FOLDER,))
    if len(inner) > 1 and train and not _folders(inner[0] / train):
        return f"; splits stand above classes: move {name}/{train} to train/{name}, and so on"
    return f"; give {inner[0]}"


def _unread(path: Path) -> str:
    """A remedy for a file of another format that holds images; empty for any other."""
    name = path.name.lower() if path.is_file() else ""
    if _ARRAYS.fullmatch(name):
        what = "write a dict of arrays with pickle.dump, see docs/own-images.md"
        return f"; {path.name} is not read: {what}"
    return f"; unpack {path.name}" if _ARCHIVE.fullmatch(name) else ""


def _misnamed(folder: Path, part: str, suffixes: Sequence[str]) -> str:
    """Name of a file with one of the suffixes, or of a folder for "/", that means `part`."""
    stems = _CLASS_NAMES if part == "classes" else _ALSO_CALLED[part]
    for path in _visible(folder):
        stem, suffix = (path.name, _FOLDER) if path.is_dir() else (path.stem, path.suffix)
        if suffix.lower() in suffixes and stem.lower() in stems:
            return path.name
    return ""


def _folders(folder: Path) -> list[Path]:
    return [path for path in _visible(folder) if path.is_dir()]


def _visible(folder: Path) -> list[Path]:
    paths = sorted(folder.iterdir())
    return [path for path in paths if not is_hidden(path.name) and is_printable(path.name)]
