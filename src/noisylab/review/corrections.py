"""The table corrections.csv, which stage `relabel` writes: its doubtful labels, a row each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from noisylab.core.errors import InputError
from noisylab.core.images import KEEP, REVIEWED, ImageSet
from noisylab.core.tables import CORRECTIONS, read_table


@dataclass(frozen=True)
class Correction:
    """An image with its given label, the rule's suggestion, and the label after the last run.

    score:      a decimal number in [0, 1], as written; higher means more likely mislabelled.
    is_flagged: whether the rule corrects the label.
    is_decided: whether a person decided on it before the last run.
    """

    split: str
    index: int
    given: int
    suggested: int
    score: str
    is_flagged: bool
    label: int
    is_decided: bool


def read_corrections(path: str | Path, sets: Mapping[str, ImageSet]) -> list[Correction]:
    """The rows in the order of the table.

    Raises InputError that names the line if the table does not match the sets.
    """
    found = []
    for line, row in read_table(Path(path), CORRECTIONS).items():
        try:
            found.append(_correction(row, sets))
        except (LookupError, ValueError):
            raise InputError(
                f"{path}: line {line}: does not match the sets beside it; run make repro"
            ) from None
    return found


def _correction(row: Mapping[str, str], sets: Mapping[str, ImageSet]) -> Correction:
    """Raises LookupError or ValueError if the row is not about an image of `sets`."""
    split, index, score, by = row["split"], int(row["index"]), row["score"], row["by"]
    if split not in REVIEWED or index < 0 or by not in ("rule", "person"):
        raise ValueError(row)
    label_of = sets[split].classes.index  # raises for a name that is no class
    given = label_of(row["given"])
    if given != sets[split].labels[index] or not 0 <= float(score) <= 1:
        raise ValueError(row)
    return Correction(
        split=split,
        index=index,
        given=given,
        suggested=label_of(row["suggested"]),
        score=score,
        is_flagged=row["flagged"] == "yes",
        label=given if row["decision"] == KEEP else label_of(row["decision"]),
        is_decided=by == "person",
    )
