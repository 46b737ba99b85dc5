"""Labels that a person decided on, as a table; they override every rule."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from noisylab.core.errors import InputError, shown, shown_list
from noisylab.core.files import write_csv
from noisylab.core.images import KEEP, REVIEWED, Decisions, ImageSet
from noisylab.core.tables import read_table
from noisylab.review.places import Place, Row, find_places, row_at

REQUIRED = ("split", "index", "image", "decision")
COLUMNS = (*REQUIRED, "given", "name")


@dataclass(frozen=True)
class Review:
    """A table of decisions beside the present sets.

    decisions: those that count, by split and index in the present sets.
    gone:      rows about images that are in neither train nor dev.
    misnamed:  rows that name a class that does not exist, by the place of their image.
    """

    decisions: Decisions
    gone: tuple[Row, ...]
    misnamed: Mapping[Place, Row]

    def waiting(self, decided: Collection[Place] = ()) -> list[Row]:
        """Rows that do not count now, without those that a decision in `decided` replaces."""
        return [*self.gone, *(row for at, row in self.misnamed.items() if at not in decided)]

    def notices(self, path: str | Path) -> list[str]:
        """A line on each kind of row that does not count; `path` is the table."""
        lines = []
        if self.gone:
            images = shown_list([row.name or f"{row.split} {row.index}" for row in self.gone])
            lines.append(
                f"{path}: {_counted(len(self.gone), 'decision')} about images that are in neither "
                f"train nor dev: {images}; kept in the file, they count again when the images "
                "return"
            )
        if self.misnamed:
            classes = sorted({row.decision for row in self.misnamed.values()})
            lines.append(
                f"{path}: {_counted(len(self.misnamed), 'decision')} for {shown_list(classes)}, "
                "not a class of these images; if a class was renamed, write its new name there"
            )
        return lines


def read_review(path: str | Path, sets: Mapping[str, ImageSet]) -> Review:
    """The decisions in a table with one line for each, and the lines that do not count now.

    image is the image_digest() of the image, decision is `keep` or the name of a class. A decision
    belongs to the image: find_places() says where it is now. given and name, the label and the file
    name at the time of the decision, only tell identical images apart; older tables lack them.
    Raises InputError that names the line if it is malformed or contradicts an earlier line.
    """
    path = Path(path)
    check_classes(sets)
    rows: dict[tuple[str, int, str], Row] = {}
    lines: dict[tuple[str, int, str], int] = {}
    for line, cells in read_table(path, REQUIRED).items():
        try:
            row = _row(cells)
            key = (row.split, row.index, row.image)
            if rows.setdefault(key, row).decision != row.decision:
                raise InputError(f"contradicts line {lines[key]}; remove one of them")
        except InputError as error:
            raise InputError(f"{path}: line {line}: {error}") from None
        lines.setdefault(key, line)
    places = find_places([*rows.values()], sets)
    decisions: Decisions = {}
    misnamed: dict[Place, Row] = {}
    for (split, index), row in places.items():
        image_set = sets[split]
        if row.decision == KEEP:
            decisions[split, index] = int(image_set.labels[index])
        elif row.decision in image_set.classes:
            decisions[split, index] = image_set.classes.index(row.decision)
        else:
            misnamed[split, index] = row
    found = {*places.values()}
    return Review(decisions, tuple(row for row in rows.values() if row not in found), misnamed)


def check_classes(sets: Mapping[str, ImageSet]) -> None:
    """Raise InputError if a class has the name of a decision."""
    if KEEP in sets[REVIEWED[0]].classes:
        raise InputError(f"a class must not be named {KEEP}, which is a decision; rename it")


def _row(cells: Mapping[str, str]) -> Row:
    unknown = [name for name in cells if name not in COLUMNS]
    if unknown:
        raise InputError(f"unknown column {shown(unknown[0])}; expected {', '.join(COLUMNS)}")
    row = {**dict.fromkeys(COLUMNS, ""), **cells}
    if row["split"] not in REVIEWED:
        raise InputError(f"split must be train or dev, got {shown(row['split'])}")
    if not re.fullmatch("[0-9]{1,9}", row["index"]):
        raise InputError(f"index must be 0, 1, 2, ..., got {shown(row['index'])}")
    if not re.fullmatch("[0-9a-f]{32}", row["image"]):
        raise InputError(f"image must be 32 hexadecimal digits, got {shown(row['image'])}")
    if not row["decision"]:
        raise InputError(f"decision must be {KEEP} or the name of a class, got {shown('')}")
    return Row(**{**row, "index": int(row["index"])})  # type: ignore[arg-type]


def write_decisions(
    path: str | Path,
    decisions: Decisions,
    sets: Mapping[str, ImageSet],
    waiting: Collection[Row] = (),
) -> None:
    """Write the table in order of split and index, so a changed decision changes one line.

    waiting: rows of an earlier table, kept as they are.
    """
    rows = [*waiting]
    for (split, index), label in decisions.items():
        image_set = sets[split]
        decision = KEEP if label == image_set.labels[index] else image_set.classes[label]
        rows.append(row_at(sets, split, index, decision))
    rows.sort(key=lambda row: (REVIEWED.index(row.split), row.index))
    write_csv(path, COLUMNS, map(astuple, rows))


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count != 1 else ''}"
