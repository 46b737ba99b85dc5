"""Scores of models on the sets of a run, and their comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from noisylab.report.dataset import Data
from noisylab.report.run_files import read_json, read_rows, reading

#: Titles of the sets that a model is scored on, in the order in which the page shows them.
SETS = {
    "train": "train",
    "dev_given": "dev (given labels)",
    "dev_corrected": "dev (corrected labels)",
    "dev_true": "dev (true labels)",
    "test": "test",
}
#: Titles of the measures that every set has.
MEASURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
}
#: Titles of the measures of calibration, which every set has, too.
CALIBRATION = {"confidence": "mean confidence", "ece": "calibration error"}
_CALIBRATED = 0.03  # largest distance of the mean confidence from the balanced accuracy
_SMALL = 0.005  # a change of a share that the page calls none


@dataclass(frozen=True)
class Scores:
    """Scores of a model on one set, shares in [0, 1].

    confidence: mean probability of the predicted class, all classes weighted alike.
    ece:        expected calibration error, see learning/calibration.py.
    recall:     by class, without classes that have no image there.
    images:     by class as counted in the set; None where labels other than the given ones count.
    """

    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    confidence: float
    ece: float
    recall: Mapping[str, float]
    images: Mapping[str, int] | None = None

    @property
    def weakest(self) -> str:
        """The class with the lowest recall."""
        return min(self.recall, key=lambda label: self.recall[label])

    @property
    def all_weakest(self) -> list[str]:
        """The classes with the lowest recall."""
        return [label for label, it in self.recall.items() if it == self.recall[self.weakest]]

    @property
    def strongest(self) -> str:
        """The class with the highest recall."""
        return max(self.recall, key=lambda label: self.recall[label])

    @property
    def sureness(self) -> str:
        """The words for a model whose mean confidence is near its balanced accuracy, or is not."""
        excess = self.confidence - self.balanced_accuracy
        if abs(excess) <= _CALIBRATED:
            return "about as confident as it is right"
        return "over-confident" if excess > 0 else "under-confident"

    @property
    def standard_error(self) -> float | None:
        """As Evaluation.standard_error; None where images are not counted."""
        if self.images is None:
            return None
        variance = 0.0
        for label, recall in self.recall.items():
            n_images = self.images[label] + 2
            smoothed = (recall * self.images[label] + 1) / n_images
            variance += smoothed * (1 - smoothed) / n_images
        return math.sqrt(variance) / len(self.recall)


def read_scores(path: Path, data: Data) -> dict[str, Scores]:
    """Scores by key of SETS: `dev` in the file is one of two, by whether it was corrected."""
    figures = read_json(path)
    with reading(path):
        dev = "dev_corrected" if "dev_given" in figures else "dev_given"
        given = {"dev_given": "dev", "test": "test"}
        if "dev_given" not in figures:
            given["train"] = "train"  # later, train has corrected labels
        scores = {}
        for key, part in figures.items():
            if key == "precision":  # of the training, not of a class
                continue
            scored = dev if key == "dev" else key
            split = data.splits.get(given.get(scored, ""))
            images = split and split["count"]
            recall = {label: it for label, it in part["recall"].items() if it is not None}
            measures = {measure: part[measure] for measure in (*MEASURES, *CALIBRATION)}
            scores[scored] = Scores(**measures, recall=recall, images=images)
        return scores


def shown_classes(scores: Mapping[str, Scores], most: int = 12) -> list[str]:
    """All classes, or of many those with the lowest recall on the last of the sets."""
    recall = list(scores.values())[-1].recall
    if len(recall) <= most:
        return list(recall)
    return sorted(recall, key=lambda label: recall[label])[:most]


@dataclass(frozen=True)
class Change:
    """A share before and after."""

    before: float
    after: float

    @property
    def difference(self) -> float:
        """What was added; below 0 for a loss."""
        return self.after - self.before

    @property
    def is_small(self) -> bool:
        """Whether it is not worth a word."""
        return abs(self.difference) < _SMALL


@dataclass(frozen=True)
class Versus:
    """Scores of two models on the same images and labels."""

    before: Scores
    after: Scores

    def change(self, measure: str) -> Change:
        """Change of one of MEASURES."""
        return Change(getattr(self.before, measure), getattr(self.after, measure))

    @property
    def margin(self) -> float | None:
        """Two standard errors of the change of balanced accuracy; None where unknown.

        They are too large by what the errors of the models have in common.
        """
        errors = self.before.standard_error, self.after.standard_error
        return None if None in errors else 2 * math.hypot(*filter(None, errors))

    @property
    def n_images(self) -> int:
        """Images that both were scored on, where they are counted."""
        return sum((self.after.images or {}).values())


@dataclass(frozen=True, eq=False)
class Confusion:
    """Counts of images: (K, K) int64, by label and predicted class."""

    classes: Sequence[str]
    counts: np.ndarray

    @classmethod
    def read(cls, path: Path, classes: Sequence[str]) -> Confusion:
        """The counts of confusion.csv."""
        rows = read_rows(path)
        with reading(path):
            cells = {(row["label"], row["predicted"]): int(row["count"]) for row in rows}
            return cls(classes, np.array([[cells[i, j] for j in classes] for i in classes]))

    def count(self, label: str, predicted: str) -> int:
        """Images labelled one class that are predicted as another."""
        return int(self.counts[self.classes.index(label), self.classes.index(predicted)])

    def labelled(self, label: str) -> int:
        """Images that carry a label."""
        return int(self.counts[self.classes.index(label)].sum())

    @property
    def only(self) -> str | None:
        """The class that is predicted for every image, if there is one."""
        predicted = np.flatnonzero(self.counts.any(axis=0)).tolist()
        return self.classes[predicted[0]] if len(predicted) == 1 else None

    @property
    def never(self) -> list[str]:
        """Classes that have images and are never predicted."""
        is_missed = self.counts.any(axis=1) & ~self.counts.any(axis=0)
        return [self.classes[label] for label in np.flatnonzero(is_missed).tolist()]

    @property
    def mistakes(self) -> list[tuple[int, str, str]]:
        """Count, label and predicted class of each confusion, the most frequent first."""
        cells = [
            (int(self.counts[i, j]), self.classes[i], self.classes[j])
            for i, j in np.argwhere(self.counts).tolist()
            if i != j
        ]
        return sorted(cells, key=lambda cell: -cell[0])
