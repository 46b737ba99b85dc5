"""The doubtful labels that a person reviews, from the table that stage `relabel` writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from noisylab.core.images import ImageSet
from noisylab.review import priority
from noisylab.review.corrections import Correction, read_corrections
from noisylab.review.decisions import check_classes

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
    cases = [_case(found, sets[found.split]) for found in read_corrections(path, sets)]
    scores = np.array([case.score for case in cases])
    is_flagged = np.array([case.flagged for case in cases], bool)
    tiers = priority.tiers(scores, is_flagged)
    return tuple(
        replace(cases[place], tier=priority.TIERS[tiers[place]])
        for place in priority.order(scores, is_flagged)
    )


def _case(found: Correction, own: ImageSet) -> Case:
    """A case without its tier."""
    return Case(
        split=found.split,
        index=found.index,
        image=own.digests[found.index],
        name=own.names[found.index] if own.names else None,
        given=own.classes[found.given],
        suggested=own.classes[found.suggested],
        score=float(found.score),
        flagged=found.is_flagged,
        tier="",
    )


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
