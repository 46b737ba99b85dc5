"""Export: compare the source with the sets of the last run, and write it with other labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from noisylab.core.errors import InputError
from noisylab.core.files import check_new_folder, new_folder, write_bytes, write_csv
from noisylab.core.images import REVIEWED, ImageSet
from noisylab.core.tables import read_table
from noisylab.data.sources import read_source
from noisylab.data.sources.bundle import MOSAICS
from noisylab.data.sources.cifar_batches import FILES, META
from noisylab.data.sources.forms import BUNDLE, FOLDERS, TENSORS, recognise
from noisylab.export.linking import class_folders, link_files, place_files
from noisylab.export.repickle import count_images, with_labels

_LABELS = "labels.csv"
_CLASSES = "classes.txt"
_GIVEN = "given_label"


def check_target(target: Path, source: Path) -> None:
    """Raise InputError unless `target` is a new or empty folder outside the source."""
    own, other = target.resolve(), source.resolve()
    if own == other or other in own.parents:
        raise InputError(f"{target}: lies in the source {source}; choose a folder outside of it")
    check_new_folder(target)


def read_unchanged(source: Path, sets: Mapping[str, ImageSet]) -> dict[str, ImageSet]:
    """The sets of the source, by split.

    sets: as the last run read them. Raises InputError if train or dev has changed since.
    """
    found = read_source(source).sets
    for split in REVIEWED:
        _check_unchanged(source, split, found[split], sets[split])
    return found


def export(
    target: Path, source: Path, found: Mapping[str, ImageSet], labels: Mapping[str, np.ndarray]
) -> list[str]:
    """Write train and dev of the source, with other labels (N,) int64, to a new folder.

    found: from read_unchanged().

    Class folders get hard links to the files of the source, or copies. Pickles are written in their
    own form, with classes.txt; CIFAR's batches also with their other files, without which they are
    no source. The bundled form comes with its pictures, and keeps the earlier labels in one more
    column of labels.csv. The folder appears when it is complete. Returns lines to print. Raises
    InputError for a target as in check_target().
    """
    check_target(target, source)
    form = recognise(source)
    with new_folder(target) as folder:
        if form == FOLDERS:
            return _write_folders(source, folder, found, labels)
        if form == BUNDLE:
            _write_table(source / _LABELS, folder / _LABELS, found, labels)
            link_files(
                source,
                sorted({MOSAICS[split] for split, part in found.items() if len(part)}),
                folder,
            )
        elif form == TENSORS:
            for split in REVIEWED:
                name = f"{split}.pickle"
                write_bytes(folder / name, with_labels(source / name, labels[split]))
            link_files(source, [_CLASSES] if (source / _CLASSES).exists() else [], folder)
        else:
            for split in REVIEWED:
                _write_batches(source, folder, FILES[split], labels[split])
            link_files(source, (META, *FILES["test"]), folder)
    return []


def _check_unchanged(source: Path, split: str, now: ImageSet, then: ImageSet) -> None:
    """Raise InputError unless the source holds what the last run read from it."""
    same = min(len(now), len(then))
    is_other = (now.images[:same] != then.images[:same]).any(axis=(1, 2, 3))
    is_other |= now.labels[:same] != then.labels[:same]
    if now.classes == then.classes and len(now) == len(then) and not is_other.any():
        return
    first = int(is_other.argmax()) if is_other.any() else same
    at = ""
    if now.classes == then.classes:
        at = f", first at {(now if first < len(now) else then).image_name(first, split)}"
    raise InputError(
        f"{source}: {split} has changed since the last run{at}; run make repro, then export again"
    )


def _write_folders(
    source: Path, folder: Path, found: Mapping[str, ImageSet], labels: Mapping[str, np.ndarray]
) -> list[str]:
    renamed: list[str] = []
    for split in REVIEWED:
        for name in class_folders(found[split]):
            (folder / name).mkdir(parents=True)
        names = found[split].names or ()
        places = place_files(found[split], labels[split])
        link_files(source, names, folder, places)
        files = zip(names, places, strict=True)
        renamed += [
            f"{name}: moved to {place}, since that folder has a {Path(name).name}"
            for name, place in files
            if Path(name).name != Path(place).name
        ]
    return renamed


def _write_batches(source: Path, folder: Path, names: Sequence[str], labels: np.ndarray) -> None:
    """Batches whose images, in this order, have these labels."""
    start = 0
    for name in names:
        end = start + count_images(source / name)
        write_bytes(folder / name, with_labels(source / name, labels[start:end]))
        start = end


def _write_table(
    path: Path, target: Path, found: Mapping[str, ImageSet], labels: Mapping[str, np.ndarray]
) -> None:
    """The table of the bundled form with the corrected label of each image; of test, the given."""
    corrected = {
        split: iter([found[split].classes[label] for label in labels[split]]) for split in REVIEWED
    }
    rows = []
    for row in read_table(path, ("split", "label")).values():
        label = next(corrected.get(row["split"], iter([row["label"]])))
        rows.append({**row, "label": label, _GIVEN: row.get(_GIVEN, row["label"])})
    write_csv(target, list(rows[0]), [list(row.values()) for row in rows])
