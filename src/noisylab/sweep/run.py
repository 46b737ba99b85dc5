"""The sweep: train at every learning rate, and choose the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from noisylab.config.classes import by_class
from noisylab.config.settings import FitConfig, SweepConfig
from noisylab.core.images import ImageSet
from noisylab.learning.evaluation import Evaluation, evaluate, evaluate_splits
from noisylab.learning.kept import Trained, Training
from noisylab.learning.network import SimpleModel, load_weights
from noisylab.learning.training import Epoch, predict_probs, predict_splits
from noisylab.many.trainer import Trainer

#: Share of the chance loss that a training must reach; one that ends above has not learned.
LEARNED = 0.95


@dataclass(frozen=True)
class Trial:
    """One training of a sweep."""

    optimizer: str
    rate: float
    seed: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of a trial.

    history: its epochs; those before divergence.
    dev:     figures of the last epoch by name, as Evaluation.metrics(); None if it diverged.
    weights: as of dump_weights(); None if it diverged.
    """

    trial: Trial
    history: list[Epoch]
    dev: dict[str, float] | None
    weights: bytes | None

    @property
    def model(self) -> SimpleModel:
        """The trained model of a trial that did not diverge."""
        assert self.weights is not None
        return load_weights(self.weights)


@dataclass(frozen=True, eq=False)
class Sweep:
    """Outcomes in the order of the trials.

    chance_loss: least mean train loss, in nats, of a model that ignores the images.
    """

    outcomes: list[Outcome]
    chance_loss: float

    def of(self, optimizer: str, rate: float) -> list[Outcome]:
        """The outcomes of one learning rate, one per seed."""
        wanted = (optimizer, rate)
        return [one for one in self.outcomes if (one.trial.optimizer, one.trial.rate) == wanted]

    def settings(self) -> list[tuple[str, float]]:
        """Optimizers and their rates, in the order of the trials."""
        return list(dict.fromkeys((one.trial.optimizer, one.trial.rate) for one in self.outcomes))

    def has_learned(self, outcome: Outcome) -> bool:
        """Whether its last train loss is below chance by at least 5 %."""
        return (
            outcome.dev is not None and outcome.history[-1].train_loss <= LEARNED * self.chance_loss
        )

    def merit(self, optimizer: str, rate: float) -> tuple[float, float] | None:
        """Mean balanced accuracy on dev over the seeds, and minus the mean loss there.

        The higher the better; None where a seed diverged.
        """
        parts = [one.dev for one in self.of(optimizer, rate)]
        finite = [(part["balanced_accuracy"], -part["loss"]) for part in parts if part]
        if len(finite) < len(parts):
            return None
        accuracy, loss = np.mean(finite, axis=0)
        return float(accuracy), float(loss)

    def best(self, optimizer: str | None = None) -> tuple[str, float] | None:
        """Optimizer and rate of the most merit, the first of equals; None if all diverged.

        optimizer: the only one to consider; None for all.
        """
        merits = {
            setting: merit
            for setting in self.settings()
            if optimizer in (None, setting[0]) and (merit := self.merit(*setting))
        }
        return max(merits, key=lambda setting: merits[setting]) if merits else None


@dataclass(frozen=True, eq=False)
class Choice:
    """The final model and its rival.

    models:      by name, `train_fixed` and, unless every rate diverged, `lr_sweep`.
    evaluations: of each model, as of evaluate_splits().
    kept:        name of the model that does better on dev.
    """

    models: dict[str, SimpleModel]
    evaluations: dict[str, dict[str, Evaluation]]
    kept: str


def trials(config: SweepConfig, seed: int) -> list[Trial]:
    """Every optimizer at each of its rates, the lowest first, from every seed."""
    own_rates = config.own_rates or {}
    return [
        Trial(optimizer, rate, seed + number)
        for optimizer in config.optimizers
        for rate in sorted(own_rates.get(optimizer, config.rates))
        for number in range(config.seeds)
    ]


def sweep(
    sets: Mapping[str, ImageSet],
    wanted: Sequence[Trial],
    recipe: FitConfig,
    epochs: int,
    trainer: Trainer,
) -> Sweep:
    """Train on sets["train"] by the recipe at constant learning rates, measured on sets["dev"].

    A training that diverges is an outcome. Raises what a training raised otherwise.
    """
    train, dev = sets["train"], sets["dev"]
    config = replace(recipe, epochs=epochs, schedule="constant")
    trainings = [
        Training(replace(config, optimizer=trial.optimizer, lr=trial.rate), trial.seed)
        for trial in wanted
    ]
    outcomes = {
        index: _outcome(wanted[index], trained, dev)
        for index, trained in trainer.train(train, dev, trainings)
    }
    trainer.keep_used()
    torch.set_num_threads(recipe.threads)  # of choose(): the last bits of its figures depend on it
    return Sweep([outcomes[index] for index in range(len(wanted))], _chance_loss(train, config))


def choose(
    swept: Sweep,
    before: SimpleModel,
    sets: Mapping[str, ImageSet],
    given_dev_labels: np.ndarray | None = None,
) -> Choice:
    """The sweep's best model, of its first seed, or the model `before` if it is no worse on dev.

    Models compare as rates do: by balanced accuracy, then by loss.
    """
    models = {"train_fixed": before}
    best = swept.best()
    if best:
        models["lr_sweep"] = swept.of(*best)[0].model
    evaluations = {
        name: evaluate_splits(sets, predict_splits(model, sets), given_dev_labels)
        for name, model in models.items()
    }
    on_dev = {name: parts["dev"] for name, parts in evaluations.items()}
    merits = {name: (part.balanced_accuracy, -part.loss) for name, part in on_dev.items()}
    return Choice(models, evaluations, max(merits, key=lambda name: merits[name]))


def _outcome(trial: Trial, trained: Trained, dev: ImageSet) -> Outcome:
    figures = None
    if trained.weights is not None:
        pred_probs = predict_probs(trained.revive(), dev.images)
        figures = evaluate(dev.labels, pred_probs).metrics(dev.classes)
        del figures["recall"]
    return Outcome(trial, trained.history, figures, trained.weights)


def _chance_loss(train: ImageSet, config: FitConfig) -> float:
    """Entropy, in nats, of the labels as drawn: the least loss of a constant prediction."""
    shares = train.counts() * by_class("class_weights", config.class_weights, train)
    shares = shares[shares > 0] / shares.sum()
    return float(-(shares * np.log(shares)).sum())
