"""The doubtful labels that a person reviews, from the table that stage `relabel` writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.core.tables import read_table
from noisylab.review import priority
from noisylab.review.decisions import check_classes

COLUMNS = ("split", "index", "given", "suggested", "score", "flagged")

#: In keyboard order.
DIGITS = "1234567890"


@dataclass(frozen=True)
class Case:
    """An image with its given and its suggested class.

    image:   its image_digest().
    name:    its file name; None if unknown.
    score:   in [0, 1]; higher means more likely mislabelled.
    flagged: whether the rule corrects the label unless a person decides. The other cases are near
             the threshold, or a person decided on them before.
    tier:    one of priority.TIERS.
    """

    split: str
    index: int
    image: str
    name: str | None
    given: str
    suggested: str
    score: float
    flagged: bool
    tier: str


def read_cases(path: str | Path, sets: Mapping[str, ImageSet]) -> tuple[Case, ...]:
    """The cases in the order of review; see priority.order().

    Raises InputError that names the line if the table does not match the sets.
    """
    check_classes(sets)
    cases = []
    for line, row in read_table(Path(path), COLUMNS).items():
        try:
            cases.append(_case(row, sets))
        except (LookupError, ValueError):
            raise InputError(
                f"{path}: line {line}: does not match the sets beside it; run make repro"
            ) from None
    scores = np.array([case.score for case in cases])
    is_flagged = np.array([case.flagged for case in cases], bool)
    tiers = priority.tiers(scores, is_flagged)
    return tuple(
        replace(cases[place], tier=priority.TIERS[tiers[place]])
        for place in priority.order(scores, is_flagged)
    )


def _case(row: Mapping[str, str], sets: Mapping[str, ImageSet]) -> Case:
    """A case without its tier; LookupError or ValueError if it is not about an image of `sets`."""
    split, index, score = row["split"], int(row["index"]), float(row["score"])
    given, suggested = row["given"], row["suggested"]
    image_set = sets[split]
    label = image_set.classes.index(given)
    if index < 0 or label != image_set.labels[index] or not 0 <= score <= 1:
        raise ValueError(row)
    image_set.classes.index(suggested)  # raises for a name that is no class
    image, name = image_set.digests[index], image_set.names[index] if image_set.names else None
    return Case(split, index, image, name, given, suggested, score, row["flagged"] == "yes", "")


def digit_keys(classes: Sequence[str], cases: Sequence[Case]) -> dict[str, str]:
    """The class that each digit key gives; of more than ten classes, the ten most frequent.

    >>> digit_keys(["car", "truck"], [])
    {'1': 'car', '2': 'truck'}
    >>> digit_keys(["0", "1"], [])
    {'0': '0', '1': '1'}
    """
    if all(len(name) == 1 and name in DIGITS for name in classes):
        return {name: name for name in classes}
    counts = Counter(name for case in cases for name in (case.given, case.suggested))
    frequent = sorted(classes, key=lambda name: -counts[name])[: len(DIGITS)]
    return dict(zip(DIGITS, (name for name in classes if name in frequent), strict=False))
