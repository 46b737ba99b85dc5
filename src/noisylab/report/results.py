"""What the stages found, as the report needs it: one dataclass for each kind of figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: The sets that a run is scored on, and by which labels: in the order in which they are shown.
SCORED = {
    "train": "train",
    "dev_given": "dev (given labels)",
    "dev_corrected": "dev (corrected labels)",
    "dev_true": "dev (true labels)",
    "test": "test",
}


@dataclass(frozen=True)
class Split:
    """Images of one set: how many in all, and under each label."""

    images: int
    count: Mapping[str, int]
    repeated: int

    def share(self, name: str) -> float:
        """Of the images, in [0, 1], that carry a label."""
        return self.count[name] / self.images

    @property
    def imbalance(self) -> float:
        """Images of the most common class for one of the rarest that has any."""
        return max(self.count.values()) / min(filter(None, self.count.values()))


@dataclass(frozen=True)
class Data:
    """The sets that have images, by split, and how many images two of them share, by their pair."""

    splits: Mapping[str, Split]
    shared: Mapping[str, int]

    @property
    def classes(self) -> list[str]:
        """Names, in the order of the labels."""
        return list(self.splits["train"].count)

    @property
    def common(self) -> str:
        """The class with the most labels in train."""
        count = self.splits["train"].count
        return max(count, key=lambda name: count[name])

    @property
    def rare(self) -> str:
        """The class with the fewest labels in train."""
        count = self.splits["train"].count
        return min(count, key=lambda name: count[name])

    def count(self, scored: str) -> Mapping[str, int] | None:
        """Images under each label of a set of SCORED; None for labels that are not the given."""
        split = {"dev_given": "dev"}.get(scored, scored)
        return self.splits[split].count if split in self.splits else None


@dataclass(frozen=True)
class Scores:
    """How good a model is on one set: shares in [0, 1]; recall by class."""

    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    recall: Mapping[str, float]


@dataclass(frozen=True)
class Confusion:
    """Counts by actual and predicted class: `counts[actual][predicted]`, in the order of names."""

    classes: Sequence[str]
    counts: Sequence[Sequence[int]]

    def count(self, actual: str, predicted: str) -> int:
        """Images of one class that are called another."""
        return self.counts[self.classes.index(actual)][self.classes.index(predicted)]

    def called(self) -> dict[str, int]:
        """How often each class is predicted at all."""
        sums = (sum(row[at] for row in self.counts) for at in range(len(self.classes)))
        return dict(zip(self.classes, sums, strict=True))

    def mistakes(self) -> list[tuple[int, str, str]]:
        """Count, actual and predicted class of what is confused, the most frequent first."""
        cells = [
            (count, actual, predicted)
            for actual, row in zip(self.classes, self.counts, strict=True)
            for predicted, count in zip(self.classes, row, strict=True)
            if actual != predicted and count
        ]
        return sorted(cells, key=lambda cell: -cell[0])


@dataclass(frozen=True)
class TrainedRun:
    """One training. scores: by the keys of SCORED that it was scored on; losses: an epoch each.

    confusion: on dev, by the labels that the run's stage had: given, or corrected ones.
    """

    name: str
    scores: Mapping[str, Scores]
    confusion: Confusion
    train_loss: Sequence[float]
    dev_loss: Sequence[float]


@dataclass(frozen=True)
class Step:
    """A train stage: its runs by name, and the one whose model goes on."""

    stage: str
    runs: Mapping[str, TrainedRun]
    keep: str

    @property
    def kept(self) -> TrainedRun:
        """The run whose model goes on."""
        return self.runs[self.keep]


@dataclass(frozen=True)
class Labels:
    """Of train or dev: labels flagged, corrected, and wrong before and after, where known."""

    flagged: int
    corrected: int
    wrong_before: int | None
    wrong_after: int | None


@dataclass(frozen=True)
class Relabelled:
    """What was corrected: by split, by given and corrected class; and each rule's quality.

    rules: figures in [0, 1] but for `flagged`, by rule; empty where no label is known to be wrong.
    """

    splits: Mapping[str, Labels]
    pairs: Sequence[tuple[int, str, str]]
    reviewed: int
    rules: Mapping[str, Mapping[str, float]]

    def total(self, what: str) -> int | None:
        """The sum over train and dev of a figure of Labels; None where it is not known."""
        values = [getattr(labels, what) for labels in self.splits.values()]
        return None if None in values else sum(values)


@dataclass(frozen=True)
class Rate:
    """A learning rate of an optimizer. balanced_accuracy: mean over seeds on dev.

    first_loss, last_loss: of train in nats, mean over seeds, where no training diverged.
    """

    optimizer: str
    rate: float
    trainings: int
    diverged: int
    learned: int
    balanced_accuracy: float | None
    first_loss: float | None
    last_loss: float | None


@dataclass(frozen=True)
class Swept:
    """The sweep. final: the stage whose model is the final one; best: None if all diverged."""

    final: str
    best: Rate | None
    rates: Sequence[Rate]
    best_scores: Mapping[str, Scores]
    final_scores: Mapping[str, Scores]

    def count(self, what: str) -> int:
        """The sum over rates of trainings, diverged or learned."""
        return sum(getattr(rate, what) for rate in self.rates)


@dataclass(frozen=True)
class Attacked:
    """Targeted attacks on the final model. Probabilities and shares in [0, 1], sizes in levels.

    steps: success and confident by the largest change of a pixel, the smallest first.
    smallest, confident: `success`, `l2_median` ... of the search for the least change.
    """

    split: str
    source: str
    target: str
    example: Mapping[str, float]
    attacked: int
    before: float
    steps: Mapping[float, Mapping[str, float]]
    smallest: Mapping[str, float]
    confident: Mapping[str, float]


@dataclass(frozen=True)
class Results:
    """All that a run found. steps: by stage, train_baseline, train_balanced ... train_fixed."""

    data: Data
    steps: Mapping[str, Step]
    relabelled: Relabelled
    swept: Swept
    attacked: Attacked

    @property
    def final(self) -> Mapping[str, Scores]:
        """How good the final model is."""
        return self.swept.final_scores
