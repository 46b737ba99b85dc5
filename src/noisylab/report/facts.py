"""Facts of a run: numbers and decisions that the templates put into sentences."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from noisylab.config.params import Params
from noisylab.report.dataset import Data
from noisylab.report.run_files import read_json, read_numbers, read_rows, reading
from noisylab.report.runs import Step, read_steps
from noisylab.report.scores import Scores, Versus, read_scores

#: The models that are attacked: a run of train_fixed, and the final one.
ATTACKED = ("train_fixed", "final")


@dataclass(frozen=True)
class Relabelled:
    """Corrections.

    splits: by split `flagged`, `corrected`, and where known `wrong_before`, `wrong_after`, and of
            these `made_wrong`, those that were right before.
    pairs:  count, given and corrected label, the most frequent first.
    rules:  figures of each rule, in [0, 1] but for `flagged`; empty where no label is known wrong.
    """

    splits: Mapping[str, Mapping[str, int]]
    pairs: Sequence[tuple[int, str, str]]
    reviewed: int
    rules: Mapping[str, Mapping[str, float]]

    @classmethod
    def read(cls, path: Path) -> Relabelled:
        """The facts from metrics/relabel.json."""
        figures = read_json(path)
        with reading(path):
            pairs = [
                (count, given, label)
                for given, labels in figures["corrected"].items()
                for label, count in labels.items()
            ]
            pairs.sort(key=lambda pair: -pair[0])
            splits = {name: figures[name] for name in ("train", "dev")}
            return cls(splits, pairs, figures["reviewed"], figures.get("rules", {}))

    @property
    def is_known(self) -> bool:
        """Whether the true labels are known."""
        return all("wrong_before" in part for part in self.splits.values())

    def total(self, what: str) -> int:
        """Sum of a figure over train and dev."""
        return sum(part[what] for part in self.splits.values())


@dataclass(frozen=True)
class Rate:
    """A learning rate of an optimizer: figures are means over its seeds, None where one is missing.

    balanced_accuracy: on dev. first_loss, last_loss: of train, in nats. A training that diverged
    has no figures but, if it diverged later, its first loss.
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

    final:       the stage whose model is the final one.
    best:        None if a training diverged at each rate.
    ends:        the lowest and the highest rate of the optimizer with the most rates; of equals, of
                 the best one. Without the best rate.
    standard_error: of the best balanced accuracy on dev.
    near_best:   number of settings that dev cannot tell from the best, itself among them.
    not_learned: trainings that neither diverged nor learned.
    """

    final: str
    best: Rate | None
    standard_error: float
    near_best: int
    ends: Sequence[tuple[str, Rate]]
    rates: Sequence[Rate]
    trainings: int
    diverged: int
    not_learned: int
    best_scores: Mapping[str, Scores]
    final_scores: Mapping[str, Scores]

    @property
    def by_optimizer(self) -> dict[str, list[float]]:
        """The learning rates of each optimizer, the lowest first."""
        rates: dict[str, list[float]] = {}
        for rate in self.rates:
            rates.setdefault(rate.optimizer, []).append(rate.rate)
        return rates

    @property
    def best_of(self) -> dict[str, Rate | None]:
        """The best rate of each optimizer; None if a training diverged at each."""
        return {
            name: max(
                (rate for rate in self.rates if rate.optimizer == name and not rate.diverged),
                key=lambda rate: rate.balanced_accuracy or 0.0,
                default=None,
            )
            for name in self.by_optimizer
        }


@dataclass(frozen=True)
class Facts:
    """Everything that the page shows.

    attack:   metrics/adversarial.json, with a section for each of ATTACKED.
    budgets:  of each attacked model, `epsilon` in 8-bit levels, smallest first; `success` and
              `confident` in [0, 1]; empty where no image was attacked.
    lab:      figures of the lab report, empty where the images are not its images.
    judged:   the key of SETS on which steps are compared: test or, without it, dev as given.
    constant: the most common class as the answer for every image of dev, against the baseline.
    """

    params: Params
    data: Data
    steps: Mapping[str, Step]
    relabelled: Relabelled
    swept: Swept
    attack: Mapping[str, Any]
    budgets: Mapping[str, Sequence[Mapping[str, float]]]
    lab: Mapping[str, Any]
    judged: str
    constant: Versus


def read_facts(metrics: str | Path, plots: str | Path, params: Params) -> Facts:
    """Read the metrics and tables of all stages.

    Raises InputError, which names the file, for one that is missing or broken.
    """
    metrics, plots = Path(metrics), Path(plots)
    data = Data.read(metrics / "stats.json")
    lab = _lab_report(data)
    steps = read_steps(metrics, plots, params, data, lab)
    path = metrics / "adversarial.json"
    attack = read_json(path)
    with reading(path):
        budgets = {name: _read_budgets(plots, attack[name], name) for name in ATTACKED}
    return Facts(
        params=params,
        data=data,
        steps=steps,
        relabelled=Relabelled.read(metrics / "relabel.json"),
        swept=_read_swept(metrics, plots, data),
        attack=attack,
        budgets=budgets,
        lab=lab,
        judged="test" if "test" in data.splits else "dev_given",
        constant=_constant(data, steps["train_baseline"].kept.scores["dev_given"]),
    )


def _lab_report(data: Data) -> Mapping[str, Any]:
    """The lab report's figures, if train and dev have its count of images under each label."""
    text = files("noisylab.report").joinpath("lab_report.json").read_text(encoding="utf-8")
    lab: Mapping[str, Any] = json.loads(text)
    is_same = all(data.splits[name]["count"] == count for name, count in lab["count"].items())
    return lab if is_same else {}


def _read_budgets(
    plots: Path, attack: Mapping[str, Any], name: str
) -> Sequence[Mapping[str, float]]:
    if not attack["steps"]["attacked"]:
        return []
    path = plots / "adversarial" / name / "success.csv"
    return read_numbers(path, "epsilon", "success", "confident")


def _constant(data: Data, baseline: Scores) -> Versus:
    recall = {label: float(label == data.common) for label in baseline.recall}
    share, balanced = data.share("dev", data.common), sum(recall.values()) / len(recall)
    constant = Scores(share, balanced, 0.0, 1.0, 1 - balanced, recall, baseline.images)
    return Versus(constant, baseline)


def _read_swept(metrics: Path, plots: Path, data: Data) -> Swept:
    path, folder = metrics / "lr_sweep.json", metrics / "lr_sweep"
    figures, rates = read_json(path), _read_rates(plots / "lr_sweep/trainings.csv")
    best, error, near_best = None, 0.0, 0
    with reading(path):
        final = figures["final"]
        if "best" in figures:
            wanted = figures["best"]["optimizer"], figures["best"]["lr"]
            best = {(rate.optimizer, rate.rate): rate for rate in rates}[wanted]
            error, near_best = figures["best"]["standard_error"], figures["near_best"]
    n_rates = Counter(rate.optimizer for rate in rates)
    widest = max([(best or rates[0]).optimizer, *n_rates], key=n_rates.__getitem__)
    of_it = [rate for rate in rates if rate.optimizer == widest]
    ends = [("lowest", of_it[0]), ("highest", of_it[-1])]
    trainings, diverged = sum(r.trainings for r in rates), sum(r.diverged for r in rates)
    return Swept(
        final=final,
        best=best,
        standard_error=error,
        near_best=near_best,
        ends=[(which, rate) for which, rate in ends[: len(of_it)] if rate is not best],
        rates=rates,
        trainings=trainings,
        diverged=diverged,
        not_learned=trainings - diverged - sum(rate.learned for rate in rates),
        best_scores=read_scores(folder / "best.json", data) if best else {},
        final_scores=read_scores(folder / "final.json", data),
    )


def _read_rates(path: Path) -> list[Rate]:
    """Learning rates in the order of the table, which has a row for each training."""
    grouped: dict[tuple[str, float], list[dict[str, str]]] = {}
    rows = read_rows(path)
    with reading(path):
        for row in rows:
            grouped.setdefault((row["optimizer"], float(row["rate"])), []).append(row)
        return [_rate(optimizer, rate, part) for (optimizer, rate), part in grouped.items()]


def _rate(optimizer: str, rate: float, rows: list[dict[str, str]]) -> Rate:
    def mean(column: str) -> float | None:
        value = sum(float(row[column]) for row in rows) / len(rows)
        return value if math.isfinite(value) else None

    return Rate(
        optimizer=optimizer,
        rate=rate,
        trainings=len(rows),
        diverged=sum(row["diverged"] == "yes" for row in rows),
        learned=sum(row["learned"] == "yes" for row in rows),
        balanced_accuracy=mean("balanced_accuracy"),
        first_loss=mean("first_train_loss"),
        last_loss=mean("final_train_loss"),
    )
