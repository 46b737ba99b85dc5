"""The sweep: train at every learning rate, and choose the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from noisylab.config.classes import by_class
from noisylab.config.settings import FitConfig, SweepConfig
from noisylab.core.images import ImageSet
from noisylab.learning.evaluation import Evaluation, evaluate, evaluate_splits, paired_error
from noisylab.learning.kept import Trained, Training
from noisylab.learning.network import Network, check_model, load_weights
from noisylab.learning.sampling import Chance, chance, has_learned
from noisylab.learning.training import predict_probs, predict_splits
from noisylab.many.trainer import Trainer

#: Name of an optimizer, and a learning rate.
Setting = tuple[str, float]


@dataclass(frozen=True, eq=False)
class Outcome:
    """A training of the sweep that ended, and its seed.

    dev:      figures of the last epoch by name, as Evaluation.metrics(), and the standard error of
              the balanced accuracy; None if it diverged.
    is_right: (N,) bool, whether it predicts the label of each image of dev; None if it diverged.
    """

    trained: Trained
    seed: int
    dev: dict[str, float] | None
    is_right: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Sweep:
    """Outcomes in the order of the trainings.

    by_chance:  the chance() of the set.
    dev_labels: (N,) int64.
    """

    outcomes: list[Outcome]
    by_chance: Chance
    dev_labels: np.ndarray

    @cached_property
    def by_setting(self) -> dict[Setting, list[Outcome]]:
        """The outcomes of each optimizer and rate, one per seed."""
        grouped: dict[Setting, list[Outcome]] = {}
        for outcome in self.outcomes:
            config = outcome.trained.config
            grouped.setdefault((config.optimizer, config.lr), []).append(outcome)
        return grouped

    def has_learned(self, outcome: Outcome) -> bool:
        """Whether its last epoch beat chance, as has_learned() in learning/sampling.py."""
        if outcome.dev is None:
            return False
        last = outcome.trained.history[-1]
        return has_learned(last.train_loss, last.train_accuracy, self.by_chance)

    def merit(self, setting: Setting) -> tuple[float, float] | None:
        """Mean balanced accuracy on dev over the seeds, and minus the mean loss there.

        The higher the better; None where a seed diverged.
        """
        parts = [outcome.dev for outcome in self.by_setting[setting]]
        finite = [(part["balanced_accuracy"], -part["loss"]) for part in parts if part]
        if len(finite) < len(parts):
            return None
        accuracy, loss = np.mean(finite, axis=0)
        return float(accuracy), float(loss)

    def best(self, optimizer: str | None = None) -> Setting | None:
        """Optimizer and rate of the most merit, the first of equals; None if all diverged.

        optimizer: the only one to consider; None for all.
        """
        merits = self._merits()
        tried = [setting for setting in merits if optimizer in (None, setting[0])]
        return max(tried, key=merits.__getitem__, default=None)

    def near_best(self) -> list[Setting]:
        """Settings that dev cannot tell from the best, itself among them; none if all diverged.

        They are worse by at most two standard errors of the difference, on the same images.
        """
        best, merits = self.best(), self._merits()
        if best is None:
            return []
        right = {setting: self._right(setting) for setting in merits}
        return [
            setting
            for setting, merit in merits.items()
            if merits[best][0] - merit[0]
            <= 2 * paired_error(self.dev_labels, right[best], right[setting])
        ]

    def _right(self, setting: Setting) -> np.ndarray:
        """(N,) for each image of dev, the share of seeds whose model predicts its label."""
        of_seeds = [one.is_right for one in self.by_setting[setting] if one.is_right is not None]
        mean: np.ndarray = np.mean(of_seeds, axis=0)
        return mean

    def _merits(self) -> dict[Setting, tuple[float, float]]:
        """Of the settings at which no seed diverged."""
        return {setting: merit for setting in self.by_setting if (merit := self.merit(setting))}

    def standard_error(self, setting: Setting) -> float:
        """Of the mean balanced accuracy at a setting, because dev has few images."""
        parts = [outcome.dev for outcome in self.by_setting[setting] if outcome.dev]
        return float(np.mean([part["standard_error"] for part in parts]))


@dataclass(frozen=True, eq=False)
class Choice:
    """The final model and its rival.

    models:      by name, `train_fixed` and, unless every rate diverged, `lr_sweep`.
    evaluations: of each model, as from evaluate_splits().
    kept:        name of the model that does better on dev.
    """

    models: dict[str, Network]
    evaluations: dict[str, dict[str, Evaluation]]
    kept: str


def trainings(config: SweepConfig, recipe: FitConfig, seed: int) -> list[Training]:
    """The recipe with every optimizer at each of its rates, the lowest first, from every seed.

    With the recipe's schedule, its own optimizer and rate are among them. With its epochs, too,
    this training is the recipe itself and never gives up; all others do as the settings say.
    """
    own_rates = config.own_rates or {}
    rates = {name: {*own_rates.get(name, config.rates)} for name in config.optimizers}
    varied = replace(recipe, epochs=config.epochs or recipe.epochs)
    if config.schedule == "constant":
        varied = replace(varied, schedule="constant")
    else:
        rates.setdefault(recipe.optimizer, set()).add(recipe.lr)

    def at(optimizer: str, rate: float) -> FitConfig:
        one = replace(varied, optimizer=optimizer, lr=rate)
        return one if one == recipe else replace(one, give_up=config.give_up)

    return [
        Training(
            at(optimizer, rate),
            seed + number,
            name=f"{optimizer} {rate:g}" + (f", seed {seed + number}" if config.seeds > 1 else ""),
        )
        for optimizer in rates
        for rate in sorted(rates[optimizer])
        for number in range(config.seeds)
    ]


def sweep(sets: Mapping[str, ImageSet], wanted: Sequence[Training], trainer: Trainer) -> Sweep:
    """Train on sets["train"], measured on sets["dev"].

    wanted: as from trainings(): they differ in optimizer, rate, seed and give_up only.

    A training that diverges is an outcome. Raises what a training raised otherwise.
    """
    train, dev, recipe = sets["train"], sets["dev"], wanted[0].config
    # The rates at both ends come last: such trainings may be short, and no worker waits long.
    middle = np.median([math.log(training.config.lr) for training in wanted])
    order = sorted(
        range(len(wanted)), key=lambda index: abs(math.log(wanted[index].config.lr) - middle)
    )
    ended = {
        order[place]: Outcome(trained, wanted[order[place]].seed, *_on_dev(trained, dev))
        for place, trained in trainer.train(train, dev, [wanted[index] for index in order])
    }
    trainer.keep_used()
    class_weights = by_class("class_weights", recipe.class_weights, train)
    by_chance = chance(train.labels, class_weights)
    return Sweep([ended[index] for index in range(len(wanted))], by_chance, dev.labels)


def choose(
    swept: Sweep,
    before: Network,
    sets: Mapping[str, ImageSet],
    given_dev_labels: np.ndarray | None = None,
) -> Choice:
    """The sweep's best model, of its first seed, or the model `before` if it is no worse on dev.

    Models compare as rates do: by balanced accuracy, then by loss. Raises InputError for a model
    `before` of other classes.
    """
    torch.set_num_threads(1)  # the last bits of the figures depend on it
    check_model(before, sets["train"].classes, "the model of train_fixed")
    models = {"train_fixed": before}
    best = swept.best()
    if best:
        weights = swept.by_setting[best][0].trained.weights
        assert weights is not None  # the best rate has no training that diverged
        models["lr_sweep"] = load_weights(weights)
    evaluations = {
        name: evaluate_splits(sets, predict_splits(model, sets), given_dev_labels)
        for name, model in models.items()
    }
    on_dev = {name: parts["dev"] for name, parts in evaluations.items()}
    merits = {name: (part.balanced_accuracy, -part.loss) for name, part in on_dev.items()}
    return Choice(models, evaluations, max(merits, key=lambda name: merits[name]))


def _on_dev(
    trained: Trained, dev: ImageSet
) -> tuple[dict[str, float], np.ndarray] | tuple[None, None]:
    """`dev` and `is_right` of an Outcome."""
    if trained.weights is None:
        return None, None
    pred_probs = predict_probs(trained.revive(), dev.images)
    evaluation = evaluate(dev.labels, pred_probs)
    figures = evaluation.metrics(dev.classes)
    del figures["recall"]
    is_right = pred_probs.argmax(axis=1) == dev.labels
    return {**figures, "standard_error": evaluation.standard_error}, is_right
