"""The images that a person is asked about: those of the table that stage `relabel` writes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from noisylab.core.errors import InputError, shown, shown_list
from noisylab.core.images import ImageSet, image_digest
from noisylab.core.tables import read_table
from noisylab.review.decisions import KEEP, REVIEWED

COLUMNS = ("split", "index", "given", "suggested", "score", "flagged")

#: In the order in which they lie on a keyboard.
DIGITS = "1234567890"


@dataclass(frozen=True)
class Case:
    """An image, and what is thought of its label.

    image:   its image_digest().
    score:   in [0, 1]; higher means more likely mislabelled.
    flagged: whether the rule corrects it where nobody decides; else it is near the threshold, or
             a person decided about it before.
    """

    split: str
    index: int
    image: str
    given: str
    suggested: str
    score: float
    flagged: bool


def read_cases(path: str | Path, sets: Mapping[str, ImageSet]) -> tuple[Case, ...]:
    """The cases in the table's order: flagged ones, the most certain first, then those near.

    Raises InputError, which names the line, for a table that is malformed or about other sets.
    """
    path = Path(path)
    classes = sets[REVIEWED[0]].classes
    if KEEP in classes:
        raise InputError(f"{KEEP} must not be the name of a class, since it is a decision")
    cases = []
    for line, row in read_table(path, COLUMNS).items():
        try:
            cases.append(_case(row, sets))
        except InputError as error:
            raise InputError(f"{path}: line {line}: {error}; run make repro") from None
    return tuple(cases)


def _case(row: Mapping[str, str], sets: Mapping[str, ImageSet]) -> Case:
    split, index = row["split"], row["index"]
    if split not in REVIEWED or not re.fullmatch("[0-9]{1,9}", index):
        raise InputError(f"expected an image of train or dev, got {shown(f'{split} {index}')}")
    image_set, place = sets[split], int(index)
    if row["suggested"] not in image_set.classes:
        classes = shown_list(image_set.classes)
        raise InputError(f"suggested must be one of {classes}, got {shown(row['suggested'])}")
    if place >= len(image_set) or image_set.classes[image_set.labels[place]] != row["given"]:
        raise InputError(f"image {index} of {split} is not in the sets with that label")
    return Case(
        split,
        place,
        image_digest(image_set.images[place]),
        row["given"],
        row["suggested"],
        _score(row["score"]),
        row["flagged"] == "yes",
    )


def _score(text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise InputError(f"score must be a number in 0..1, got {shown(text)}")
    return score


def digit_keys(classes: Sequence[str], cases: Sequence[Case]) -> dict[str, str]:
    """Which digit stands for which class: of more than ten, for those that occur most often.

    >>> digit_keys(["car", "truck"], [])
    {'1': 'car', '2': 'truck'}
    >>> digit_keys(["0", "1"], [])
    {'0': '0', '1': '1'}
    """
    if all(len(name) == 1 and name in DIGITS for name in classes):
        return {name: name for name in classes}
    counts = Counter(name for case in cases for name in (case.given, case.suggested))
    often = sorted(classes, key=lambda name: -counts[name])[: len(DIGITS)]
    return dict(zip(DIGITS, (name for name in classes if name in often), strict=False))
