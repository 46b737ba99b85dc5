"""Facts of a run: numbers and decisions that the templates put into sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from noisylab.config.params import Params
from noisylab.core.images import most_common, rarest
from noisylab.report.runs import Step
from noisylab.report.scores import Scores, Versus

_UNBALANCED, _VERY_UNBALANCED = 1.5, 5  # images of the most common class for one of the rarest


@dataclass(frozen=True)
class Data:
    """The sets as given.

    splits:  figures of metrics/stats.json by split: `images`, `count` by class, ...
    repeats: number and split of images that repeat an earlier one, of splits that have some.
    shared:  number, split and earlier split of images in both, of pairs that have some.
    """

    splits: Mapping[str, Mapping[str, Any]]
    repeats: Sequence[tuple[int, str]]
    shared: Sequence[tuple[int, str, str]]

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in the order of the labels."""
        return list(self.count)

    @property
    def count(self) -> Mapping[str, int]:
        """Images of train by label."""
        count: Mapping[str, int] = self.splits["train"]["count"]
        return count

    @property
    def rare(self) -> str:
        """The class with the fewest labels in train."""
        return self.classes[rarest(list(self.count.values()))]

    @property
    def common(self) -> str:
        """The class with the most labels in train."""
        return self.classes[most_common(list(self.count.values()))]

    @property
    def is_even(self) -> bool:
        """Whether all labels are equally frequent in train."""
        return len(set(self.count.values())) == 1

    @property
    def imbalance(self) -> float:
        """Images of the most common class for each one of the rarest that has any."""
        return max(self.count.values()) / min(filter(None, self.count.values()))

    @property
    def is_unbalanced(self) -> bool:
        """Whether the imbalance is worth a word."""
        return self.imbalance >= _UNBALANCED

    @property
    def is_very_unbalanced(self) -> bool:
        """Whether the imbalance is large."""
        return self.imbalance >= _VERY_UNBALANCED

    @property
    def images(self) -> int:
        """Images of all sets."""
        return sum(part["images"] for part in self.splits.values())

    def most_and_least_common(self, most: int) -> list[str]:
        """Classes by falling frequency: all, or `most // 2` from either end."""
        ordered = sorted(self.classes, key=lambda label: -self.count[label])
        half = most // 2
        return ordered if len(ordered) <= most else ordered[:half] + ordered[-half:]

    def share(self, split: str, label: str) -> float:
        """Share of a label in a split."""
        share: float = self.splits[split]["count"][label] / self.splits[split]["images"]
        return share

    def images_of(self, scored: str) -> Mapping[str, int] | None:
        """Images by class of a set of SETS; None where labels other than the given ones count."""
        split = {"dev_given": "dev"}.get(scored, scored)
        return self.splits[split]["count"] if split in self.splits else None


@dataclass(frozen=True)
class Relabelled:
    """Corrections.

    splits: `flagged`, `corrected`, and where known `wrong_before` and `wrong_after`, by split.
    pairs:  count, given and corrected label, the most frequent first.
    rules:  figures of each rule, in [0, 1] but for `flagged`; empty where no label is known wrong.
    """

    splits: Mapping[str, Mapping[str, int]]
    pairs: Sequence[tuple[int, str, str]]
    reviewed: int
    rules: Mapping[str, Mapping[str, float]]

    @property
    def is_known(self) -> bool:
        """Whether the true labels are known."""
        return all("wrong_before" in part for part in self.splits.values())

    def total(self, what: str) -> int:
        """Sum of a figure over train and dev."""
        return sum(part[what] for part in self.splits.values())


@dataclass(frozen=True)
class Rate:
    """A learning rate of an optimizer: figures are means over its seeds, None where one diverged.

    balanced_accuracy: on dev. first_loss, last_loss: of train, in nats.
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
    """The sweep.

    final: the stage whose model is the final one. best: None if a training diverged at each rate.
    """

    final: str
    best: Rate | None
    rates: Sequence[Rate]
    best_scores: Mapping[str, Scores]
    final_scores: Mapping[str, Scores]

    @property
    def ends(self) -> list[tuple[str, Rate]]:
        """The lowest and the highest rate of the best optimizer, unless it is the best one."""
        optimizer = (self.best or self.rates[0]).optimizer
        of_it = [rate for rate in self.rates if rate.optimizer == optimizer]
        named = {"lowest": of_it[0], "highest": of_it[-1]}
        return [(which, rate) for which, rate in named.items() if rate is not self.best]

    @property
    def values(self) -> list[float]:
        """Learning rates, the lowest first."""
        return sorted({rate.rate for rate in self.rates})

    @property
    def optimizers(self) -> list[str]:
        """Names of the optimizers."""
        return list(dict.fromkeys(rate.optimizer for rate in self.rates))

    @property
    def trainings(self) -> int:
        """All trainings."""
        return sum(rate.trainings for rate in self.rates)

    @property
    def diverged(self) -> int:
        """Trainings that diverged."""
        return sum(rate.diverged for rate in self.rates)

    @property
    def not_learned(self) -> int:
        """Trainings that neither diverged nor learned."""
        return self.trainings - self.diverged - sum(rate.learned for rate in self.rates)


@dataclass(frozen=True)
class Facts:
    """Everything that the page shows.

    attack:  metrics/adversarial.json.
    budgets: `epsilon` in 8-bit levels, `success` and `confident` in [0, 1]; smallest epsilon first.
    lab:     figures of the lab report, empty where the images are not its images.
    """

    params: Params
    data: Data
    steps: Mapping[str, Step]
    relabelled: Relabelled
    swept: Swept
    attack: Mapping[str, Any]
    budgets: Sequence[Mapping[str, float]]
    lab: Mapping[str, Any]

    @property
    def judged(self) -> str:
        """The key of SETS on which steps are compared: test, or dev as given without a test set."""
        return "test" if "test" in self.data.splits else "dev_given"

    @property
    def constant(self) -> Versus:
        """The most common class as the answer for every image of dev, against the baseline."""
        scores, common = self.steps["train_baseline"].kept.scores["dev_given"], self.data.common
        recall = {label: float(label == common) for label in scores.recall}
        share = self.data.share("dev", common)
        return Versus(Scores(share, 1 / len(recall), 0.0, recall, scores.images), scores)
