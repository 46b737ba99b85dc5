"""Labels that the last run or a person changed: what was found, and who decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from noisylab.core.files import write_csv
from noisylab.core.images import REVIEWED, Decisions, ImageSet
from noisylab.review.corrections import Correction, read_corrections

COLUMNS = ("file", "from", "to", "score", "by")


@dataclass(frozen=True)
class Change:
    """A label that is not the given one.

    label: the corrected label. score: as a decimal number in [0, 1], higher means more likely
    mislabelled; empty if unknown. by: `rule` or `person`.
    """

    split: str
    index: int
    label: int
    score: str
    by: str


def find_changes(
    corrections: Path, decisions: Decisions, sets: Mapping[str, ImageSet]
) -> list[Change]:
    """The changed labels in order of split and index; a person's decision overrides the rule's.

    corrections: the table that stage `relabel` writes. Decisions that were made since are heeded;
    where a decision was undone since, the rule's suggestion holds again.

    Raises InputError that names the line if the table does not match the sets.
    """
    labels: dict[tuple[str, int], int] = {}
    scores: dict[tuple[str, int], str] = {}
    for found in read_corrections(corrections, sets):
        place = found.split, found.index
        labels[place], scores[place] = _by_rule(found), found.score
    labels |= decisions
    return [
        Change(*place, label, scores.get(place, ""), "person" if place in decisions else "rule")
        for place, label in sorted(labels.items(), key=lambda item: _order(item[0]))
        if label != sets[place[0]].labels[place[1]]
    ]


def corrected_labels(
    sets: Mapping[str, ImageSet], changes: Sequence[Change]
) -> dict[str, np.ndarray]:
    """Labels (N,) int64 of train and dev after the changes."""
    labels = {split: sets[split].labels.copy() for split in REVIEWED}
    for change in changes:
        labels[change.split][change.index] = change.label
    return labels


def write_changes(path: Path, changes: Sequence[Change], sets: Mapping[str, ImageSet]) -> None:
    """Write a table with a line for each change: file, from, to, score, by."""
    rows = []
    for change in changes:
        own = sets[change.split]
        name = own.image_name(change.index, change.split)
        given = own.classes[own.labels[change.index]]
        rows.append((name, given, own.classes[change.label], change.score, change.by))
    write_csv(path, COLUMNS, rows)


def _by_rule(found: Correction) -> int:
    """The rule's label, also where the last run heeded a person instead."""
    if not found.is_decided:
        return found.label
    return found.suggested if found.is_flagged else found.given


def _order(place: tuple[str, int]) -> tuple[int, int]:
    return REVIEWED.index(place[0]), place[1]
