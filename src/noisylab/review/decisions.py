"""What a person decided about labels, in a table: it overrides every rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from noisylab.core import files
from noisylab.core.errors import InputError, shown, shown_list
from noisylab.core.images import ImageSet, image_digest
from noisylab.core.tables import read_table

COLUMNS = ("split", "index", "image", "decision")
REVIEWED = ("train", "dev")
KEEP = "keep"

#: By split and index, the label that a person gave: the old one where it is to be kept.
Decisions = dict[tuple[str, int], int]


def read_decisions(path: str | Path, sets: Mapping[str, ImageSet]) -> Decisions:
    """The table's decisions: `split,index,image,decision`, a line each.

    image is the image_digest() of what was decided on; decision is `keep` or a class's name.
    Raises InputError, which names the line, for one that is malformed, contradicts another, or is
    about an image that changed or is not there.
    """
    path = Path(path)
    decisions: Decisions = {}
    lines: dict[tuple[str, int], int] = {}
    for line, row in read_table(path, COLUMNS).items():
        try:
            place, label = _decision(row, sets)
            if decisions.setdefault(place, label) != label:
                raise InputError(f"decides otherwise than line {lines[place]}; remove one of them")
        except InputError as error:
            raise InputError(f"{path}: line {line}: {error}") from None
        lines.setdefault(place, line)
    return decisions


def _decision(row: Mapping[str, str], sets: Mapping[str, ImageSet]) -> tuple[tuple[str, int], int]:
    split, index, decision = row["split"], row["index"], row["decision"]
    unknown = [name for name in row if name not in COLUMNS]
    if unknown:
        known = ", ".join(COLUMNS)
        raise InputError(f"has the unknown column {shown(unknown[0])}; known are {known}")
    if split not in REVIEWED:
        raise InputError(f"split must be train or dev, got {shown(split)}")
    if not re.fullmatch("[0-9]{1,9}", index):
        raise InputError(f"index must be 0, 1, 2, ..., got {shown(index)}")
    image_set, place = sets[split], (split, int(index))
    if place[1] >= len(image_set) or image_digest(image_set.images[place[1]]) != row["image"]:
        raise InputError(
            f"image {index} of {split} is not the one that was decided on; remove this line, or "
            "bring the images back"
        )
    if KEEP in image_set.classes:
        raise InputError(
            f"{KEEP} must not be the name of a class, since it is a decision; rename it"
        )
    if decision == KEEP:
        return place, int(image_set.labels[place[1]])
    if decision not in image_set.classes:
        raise InputError(
            f"decision must be {KEEP} or one of {shown_list(image_set.classes)}, "
            f"got {shown(decision)}"
        )
    return place, image_set.classes.index(decision)


def write_decisions(path: str | Path, decisions: Decisions, sets: Mapping[str, ImageSet]) -> None:
    """Write the table, ordered by split and index: a change of one decision changes one line."""
    rows = []
    for split, index in sorted(decisions, key=lambda place: (REVIEWED.index(place[0]), place[1])):
        image_set, label = sets[split], decisions[split, index]
        is_kept = label == image_set.labels[index]
        decision = KEEP if is_kept else image_set.classes[label]
        rows.append((split, index, image_digest(image_set.images[index]), decision))
    files.write_csv(path, COLUMNS, rows)
