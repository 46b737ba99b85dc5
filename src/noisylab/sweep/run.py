"""What stage `lr_sweep` does: train at every learning rate, and find the one that does best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np
import torch

from noisylab.config.classes import by_class
from noisylab.config.settings import FitConfig, SweepConfig
from noisylab.core.images import ImageSet
from noisylab.learning.evaluation import Evaluation, evaluate
from noisylab.learning.finished import Finished
from noisylab.learning.network import SimpleModel, dump_weights, load_weights
from noisylab.learning.resume import common_fingerprint, training_fingerprint
from noisylab.learning.training import DivergedError, Epoch, fit, predict_probs
from noisylab.learning.training_state import Checkpoint
from noisylab.many.ensemble import Watch
from noisylab.many.parallel import map_unfinished
from noisylab.train.run import evaluate_splits, predict_splits

#: A training that ends nearer to what ignoring the images gives has not learned.
LEARNED = 0.95


@dataclass(frozen=True)
class Trial:
    """One training of a sweep."""

    optimizer: str
    rate: float
    seed: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a trial.

    history: its epochs, of one that diverged those before.
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
    """All outcomes, in the order of the trials.

    chance_loss: the mean train loss, in nats, that is to be had without looking at the images.
    """

    outcomes: list[Outcome]
    chance_loss: float

    def of(self, optimizer: str, rate: float) -> list[Outcome]:
        """The outcomes of one learning rate, one a seed."""
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
        """The optimizer and rate of the most merit, of one optimizer or all; None if there is none.

        The first of equals.
        """
        merits = {
            setting: merit
            for setting in self.settings()
            if optimizer in (None, setting[0]) and (merit := self.merit(*setting))
        }
        return max(merits, key=lambda setting: merits[setting]) if merits else None


@dataclass(frozen=True, eq=False)
class Choice:
    """The final model, and what it was chosen from.

    models:      by name, `train_fixed` and, where a training did not diverge, `lr_sweep`.
    evaluations: of each model, by split, as runs.evaluate_splits().
    kept:        the name of the one that does better on dev.
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
    engine: str,
    watch: Watch,
    finished: Finished,
) -> Sweep:
    """Train on sets["train"] by the recipe, at constant learning rates, watching sets["dev"].

    engine, watch: as for ensemble.mean_probs(). finished: where outcomes are kept and taken from.
    Raises what a training raised, but for those that diverge: that is an outcome.
    """
    train, dev = sets["train"], sets["dev"]
    torch.set_num_threads(recipe.threads)  # which the last bits of a prediction depend on
    config = replace(recipe, epochs=epochs, schedule="constant", threads=1)
    common = common_fingerprint((train, dev), config.device, "sweep")
    keys = [training_fingerprint(common, _config(trial, config), trial.seed) for trial in wanted]
    trainings = map_unfinished(_train, wanted, keys, finished, engine, (train, dev, config))
    results: dict[int, dict[str, Any]] = {}
    for index, result, error in watch(trainings, len(wanted)):
        if error:
            raise error
        results[index] = result
    finished.keep_used()
    outcomes = []
    for index, trial in enumerate(wanted):
        result = results[index]
        history = [Epoch(*values) for values in result["history"]]
        outcomes.append(Outcome(trial, history, result["dev"], result["weights"]))
    return Sweep(outcomes, _chance_loss(train, config))


def choose(
    swept: Sweep,
    before: SimpleModel,
    sets: Mapping[str, ImageSet],
    given_dev_labels: np.ndarray | None = None,
) -> Choice:
    """The sweep's best model, of its first seed, or the one `before` it if that is no worse on dev.

    Measured as the rates are: by balanced accuracy, and by the loss where that is equal.
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


def _train(
    trial: Trial, checkpoint: Checkpoint | None, train: ImageSet, dev: ImageSet, config: FitConfig
) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(trial.seed)
    try:
        fitted = fit(train, dev, _config(trial, config), generator, checkpoint=checkpoint)
    except DivergedError as error:
        return {"history": _rows(error.history), "dev": None, "weights": None}
    on_dev = evaluate(dev.labels, predict_probs(fitted.model, dev.images)).metrics(dev.classes)
    del on_dev["recall"]
    weights = dump_weights(fitted.model)
    return {"history": _rows(fitted.history), "dev": on_dev, "weights": weights}


def _config(trial: Trial, config: FitConfig) -> FitConfig:
    return replace(config, optimizer=trial.optimizer, lr=trial.rate)


def _rows(history: Sequence[Epoch]) -> list[list[float]]:
    return [list(astuple(epoch)) for epoch in history]


def _chance_loss(train: ImageSet, config: FitConfig) -> float:
    """The entropy, in nats, of the labels as they are drawn: the least that a constant reaches."""
    shares = train.counts() * by_class("class_weights", config.class_weights, train)
    shares = shares[shares > 0] / shares.sum()
    return float(-(shares * np.log(shares)).sum())
