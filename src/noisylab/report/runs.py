"""Facts of a training, and of a train stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisylab.config.params import Params, TrainParams
from noisylab.config.settings import FitConfig
from noisylab.report.dataset import Data
from noisylab.report.run_files import read_numbers
from noisylab.report.scores import Confusion, Scores, read_scores

STAGES = ("train_baseline", "train_balanced", "train_augmented", "train_fixed")

_MEMORISES, _CLOSE = 0.10, 0.03  # balanced accuracy on train above that on dev
_RISEN = 1.2  # times its lowest: a dev loss that ends higher has risen
_LEARNED = 1.5  # times the balanced accuracy of one answer for all, on train: less is little
_POOR = 0.5  # recall below which a class is badly recognised
_FLATTERS = 0.01  # balanced accuracy on corrected labels above that on true ones


@dataclass(frozen=True)
class Hidden:
    """Images of dev labelled the most common class and predicted as the rarest.

    count: how many they are. labelled: images that carry the label of the rarest class.
    """

    count: int
    labelled: int

    @property
    def stands_out(self) -> bool:
        """Whether they are at least as many as the images labelled the rarest class."""
        return self.count >= max(self.labelled, 1)


@dataclass(frozen=True)
class Run:
    """One training.

    scores:    by key of SETS.
    confusion: on dev, by the labels that the stage trained with.
    losses:    of dev in nats, one an epoch.
    hidden:    None where classes are about equally common.
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
        return self.gap >= max(_MEMORISES, 2 * (self.dev.standard_error or 0))

    @property
    def has_hardly_learned(self) -> bool:
        """Whether it does little better than one answer for all, even where it was trained."""
        train = self.scores["train"]
        return train.balanced_accuracy < _LEARNED / len(train.recall)

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
        return label in train and label in dev and train[label] - dev[label] >= _MEMORISES

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
        """The stage and its kept run."""
        return f"{self.stage} (run {self.kept.name})"


def read_steps(
    metrics: Path, plots: Path, params: Params, data: Data, lab: Mapping[str, Any]
) -> dict[str, Step]:
    """The train stages by name, in their order. lab: figures of the lab report by stage."""
    steps: dict[str, Step] = {}
    before = None
    for stage in STAGES:
        section: TrainParams = getattr(params, stage)
        runs = {name: _read_run(metrics, plots, stage, name, data) for name in section.runs}
        kept, config = runs[section.keep], section.runs[section.keep]
        before = steps[stage] = Step(stage, runs, kept, config, before, lab.get(stage, {}))
    return steps


def _read_run(metrics: Path, plots: Path, stage: str, name: str, data: Data) -> Run:
    folder = plots / stage / name
    confusion, hidden = Confusion.read(folder / "confusion.csv", data.classes), None
    if data.is_unbalanced:
        count = confusion.count(data.common, data.rare)
        hidden = Hidden(count, confusion.labelled(data.rare))
    losses = [row["dev_loss"] for row in read_numbers(folder / "history.csv", "dev_loss")]
    scores = read_scores(metrics / stage / f"{name}.json", data)
    return Run(name, scores, confusion, losses, hidden)
