"""Facts of a run: every number and every decision that the templates speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from noisylab.config.params import Params
from noisylab.config.settings import FitConfig
from noisylab.core.images import most_common, rarest
from noisylab.report.scores import Confusion, Scores, Versus

_UNBALANCED, _VERY_UNBALANCED = 1.5, 5  # images of the most common class for one of the rarest
_MEMORISES, _CLOSE = 0.10, 0.03  # balanced accuracy on train above that on dev
_RISEN = 1.05  # times its lowest: a dev loss that ends higher has risen
_POOR = 0.5  # recall below which a class is badly recognised
_FLATTERS = 0.01  # balanced accuracy on corrected labels above that on true ones


@dataclass(frozen=True)
class Data:
    """The sets as given.

    splits:   figures of metrics/stats.json by split: `images`, `count` by class, ...
    repeats:  count and split of images that repeat an earlier one of the split, where there are.
    shared:   count, split and earlier split of images that are in both, where there are.
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
class Hidden:
    """Images of dev labelled the most common class and predicted as the rarest.

    count: how many they are. labelled: images that carry the label of the rarest class.
    """

    count: int
    labelled: int

    @property
    def stands_out(self) -> bool:
        """Whether they are more than the rarest class itself has."""
        return self.count >= max(self.labelled, 1)


@dataclass(frozen=True)
class Run:
    """One training.

    scores:    by key of SETS.
    confusion: on dev, by the labels that the stage trained with.
    losses:    of dev in nats, one an epoch.
    hidden:    None where all classes are equally common.
    """

    name: str
    scores: Mapping[str, Scores]
    confusion: Confusion
    losses: Sequence[float]
    hidden: Hidden | None

    @property
    def on(self) -> str:
        """The key of dev by the labels that the stage trained with."""
        return "dev_corrected" if "dev_corrected" in self.scores else "dev_given"

    @property
    def dev(self) -> Scores:
        """Scores on dev by the labels that the stage trained with."""
        return self.scores[self.on]

    @property
    def gap(self) -> float:
        """Balanced accuracy on train above that on dev."""
        return self.scores["train"].balanced_accuracy - self.dev.balanced_accuracy

    @property
    def memorises(self) -> bool:
        """Whether it does far better on the images that it was trained on."""
        return self.gap >= _MEMORISES

    @property
    def memorises_some(self) -> bool:
        """Whether it does better on the images that it was trained on."""
        return self.gap >= _CLOSE

    @property
    def is_better_on_dev(self) -> bool:
        """Whether it does worse on the images that it was trained on."""
        return self.gap <= -_CLOSE

    @property
    def has_risen(self) -> bool:
        """Whether its dev loss ends well above its lowest."""
        return self.losses[-1] > _RISEN * min(self.losses)

    @property
    def lowest_epoch(self) -> int:
        """The epoch, from 1, of the lowest dev loss."""
        return self.losses.index(min(self.losses)) + 1

    @property
    def is_flattered(self) -> bool:
        """Whether corrected labels of dev give better scores than the true ones."""
        corrected, true = self.scores["dev_corrected"], self.scores["dev_true"]
        return corrected.balanced_accuracy - true.balanced_accuracy >= _FLATTERS

    def memorises_class(self, label: str) -> bool:
        """Whether the recall of a class is far better on train than on dev."""
        train, dev = self.scores["train"].recall, self.dev.recall
        return label in dev and train[label] - dev[label] >= _MEMORISES

    @property
    def misses_a_class(self) -> bool:
        """Whether a class is badly recognised."""
        return self.dev.recall[self.dev.weakest] < _POOR


@dataclass(frozen=True)
class Step:
    """A train stage: its runs, the one that it keeps, and the step before it, if there is one."""

    stage: str
    runs: Mapping[str, Run]
    kept: Run
    config: FitConfig
    before: Step | None
    lab: Mapping[str, Any]

    @property
    def others(self) -> list[Run]:
        """Runs that are not kept."""
        return [run for run in self.runs.values() if run is not self.kept]

    @property
    def title(self) -> str:
        """The name of the kept run."""
        return f"{self.stage} (run {self.kept.name})"


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
    """The sweep. final: the stage whose model is the final one; best: None if all rates diverged.

    ends: the lowest and the highest rate of the best optimizer, without the best one.
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
    """All that the page speaks of.

    attack:   metrics/adversarial.json. budgets: `epsilon`, `success` and `confident` by epsilon.
    judged:   the key of SETS on which steps are compared; nothing is chosen on it if it is test.
    constant: the answer "most common class" for all images of dev, against the baseline.
    lab:      figures of the lab report, empty where the images are not its images.
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
        """Test, or dev as given where there is no test set."""
        return "test" if "test" in self.data.splits else "dev_given"

    @property
    def constant(self) -> Versus:
        """The most common class as the answer for every image of dev, against the baseline."""
        scores, common = self.steps["train_baseline"].kept.scores["dev_given"], self.data.common
        recall = {label: float(label == common) for label in scores.recall}
        share = self.data.share("dev", common)
        return Versus(Scores(share, 1 / len(recall), 0.0, recall, scores.images), scores)
