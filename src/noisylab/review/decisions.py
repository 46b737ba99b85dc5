"""Labels that a person decided on, as a table; they override every rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from noisylab.core.errors import InputError, shown, shown_list
from noisylab.core.files import write_csv
from noisylab.core.images import REVIEWED, Decisions, ImageSet, image_digest
from noisylab.core.tables import read_table

COLUMNS = ("split", "index", "image", "decision")
KEEP = "keep"


def read_decisions(path: str | Path, sets: Mapping[str, ImageSet]) -> Decisions:
    """The decisions in a table with one line for each: `split,index,image,decision`.

    image is the image_digest() of the image; decision is `keep` or the name of a class.
    Raises InputError that names the line if it is malformed, contradicts an earlier line, or
    refers to an image that has changed or is missing.
    """
    path = Path(path)
    check_classes(sets)
    decisions: Decisions = {}
    lines: dict[tuple[str, int], int] = {}
    for line, row in read_table(path, COLUMNS).items():
        try:
            place, label = _decision(row, sets)
            if decisions.setdefault(place, label) != label:
                raise InputError(f"contradicts line {lines[place]}; remove one of them")
        except InputError as error:
            raise InputError(f"{path}: line {line}: {error}") from None
        lines.setdefault(place, line)
    return decisions


def check_classes(sets: Mapping[str, ImageSet]) -> None:
    """Raise InputError if a class has the name of a decision."""
    if KEEP in sets[REVIEWED[0]].classes:
        raise InputError(f"a class must not be named {KEEP}, which is a decision; rename it")


def _decision(row: Mapping[str, str], sets: Mapping[str, ImageSet]) -> tuple[tuple[str, int], int]:
    """The split and index of an image, and the label decided on."""
    split, decision = row["split"], row["decision"]
    unknown = [name for name in row if name not in COLUMNS]
    if unknown:
        raise InputError(f"unknown column {shown(unknown[0])}; expected {', '.join(COLUMNS)}")
    if split not in REVIEWED:
        raise InputError(f"split must be train or dev, got {shown(split)}")
    if not re.fullmatch("[0-9]{1,9}", row["index"]):
        raise InputError(f"index must be 0, 1, 2, ..., got {shown(row['index'])}")
    image_set, index = sets[split], int(row["index"])
    if index >= len(image_set) or image_digest(image_set.images[index]) != row["image"]:
        raise InputError(
            f"image {index} of {split} is not the one that was reviewed; remove this line, or "
            "restore the images"
        )
    if decision == KEEP:
        return (split, index), int(image_set.labels[index])
    if decision not in image_set.classes:
        raise InputError(
            f"decision must be {KEEP} or one of {shown_list(image_set.classes)}, "
            f"got {shown(decision)}"
        )
    return (split, index), image_set.classes.index(decision)


def write_decisions(path: str | Path, decisions: Decisions, sets: Mapping[str, ImageSet]) -> None:
    """Write the table in order of split and index, so a changed decision changes one line."""
    rows = []
    for split, index in sorted(decisions, key=lambda place: (REVIEWED.index(place[0]), place[1])):
        image_set, label = sets[split], decisions[split, index]
        decision = KEEP if label == image_set.labels[index] else image_set.classes[label]
        rows.append((split, index, image_digest(image_set.images[index]), decision))
    write_csv(path, COLUMNS, rows)
