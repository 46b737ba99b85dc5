"""What every train stage does: its named runs, each trained and evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from noisylab.config.settings import FitConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning.evaluation import Evaluation, evaluate
from noisylab.learning.finished import Finished
from noisylab.learning.network import SimpleModel
from noisylab.learning.resume import fit_once
from noisylab.learning.training import Epoch, Progress, predict_probs


@dataclass(frozen=True, eq=False)
class Run:
    """A trained model, how it was trained, and what it makes of each set.

    pred_probs:  (N, K) float64 by split, of each set that has images.
    evaluations: by split; `dev_true` is dev against its true labels, where they are known, and
                 `dev_given` against those that it had before they were corrected.
    """

    config: FitConfig
    model: SimpleModel
    history: list[Epoch]
    pred_probs: dict[str, np.ndarray]
    evaluations: dict[str, Evaluation]


def train_runs(
    sets: Mapping[str, ImageSet],
    configs: Mapping[str, FitConfig],
    seed: int,
    watch: Callable[[str, int, int], Progress],
    given_dev_labels: np.ndarray | None = None,
    finished: Finished | None = None,
) -> dict[str, Run]:
    """Train on sets["train"] in each of the ways in `configs`, each from the same seed.

    watch: makes what shows a training of its name, its number of epochs and of images in each.
    given_dev_labels: where those of dev were corrected, what they were.
    finished: where trainings are kept and taken from; of older ones nothing is left there.
    Raises InputError, which names the run, where a training cannot be done or diverges.
    """
    runs = {}
    for name, config in configs.items():
        progress = watch(name, config.epochs, len(sets["train"]))
        try:
            trained = fit_once(sets["train"], sets["dev"], config, seed, progress, finished)
        except InputError as error:
            raise InputError(f"run {name}: {error}") from None
        pred_probs = predict_splits(trained.model, sets)
        evaluations = evaluate_splits(sets, pred_probs, given_dev_labels)
        runs[name] = Run(config, trained.model, trained.history, pred_probs, evaluations)
    if finished:
        finished.keep_used()
    return runs


def predict_splits(model: SimpleModel, sets: Mapping[str, ImageSet]) -> dict[str, np.ndarray]:
    """Probabilities (N, K) by split, for each set that has images."""
    return {
        split: predict_probs(model, image_set.images)
        for split, image_set in sets.items()
        if len(image_set)
    }


def evaluate_splits(
    sets: Mapping[str, ImageSet],
    pred_probs: Mapping[str, np.ndarray],
    given_dev_labels: np.ndarray | None = None,
) -> dict[str, Evaluation]:
    """How good the predictions for each split are, and those for dev by its other labels."""
    evaluations = {}
    for split, probs in pred_probs.items():
        evaluations[split] = evaluate(sets[split].labels, probs)
        others = {"dev_given": given_dev_labels, "dev_true": sets[split].true_labels}
        for name, labels in others.items() if split == "dev" else ():
            if labels is not None:
                evaluations[name] = evaluate(labels, probs)
    return evaluations
