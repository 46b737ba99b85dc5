"""Runs of a train stage: each named recipe, trained and evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from noisylab.config.settings import FitConfig
from noisylab.core.errors import located
from noisylab.core.images import ImageSet
from noisylab.learning.evaluation import Evaluation, evaluate_splits
from noisylab.learning.kept import Training
from noisylab.learning.network import Network
from noisylab.learning.training import Epoch, predict_splits
from noisylab.many.trainer import Trainer


@dataclass(frozen=True, eq=False)
class Run:
    """A trained model with its recipe, epochs, predictions and figures.

    pred_probs:  (N, K) float64 by split, of each set that has images.
    evaluations: as from evaluate_splits().
    """

    config: FitConfig
    model: Network
    history: list[Epoch]
    pred_probs: dict[str, np.ndarray]
    evaluations: dict[str, Evaluation]


def train_runs(
    sets: Mapping[str, ImageSet],
    configs: Mapping[str, FitConfig],
    seed: int,
    trainer: Trainer,
    given_dev_labels: np.ndarray | None = None,
) -> dict[str, Run]:
    """Train on sets["train"] by each recipe in `configs`, all from the same seed, side by side.

    given_dev_labels: dev's labels before correction, where they were corrected.
    Raises InputError, which names the run, where a training is impossible or diverges.
    """
    wanted = [Training(config, seed, name=f"run {name}") for name, config in configs.items()]
    runs = {}
    # Each is evaluated while others still train.
    for index, trained in trainer.train(sets["train"], sets["dev"], wanted):
        with located(wanted[index].name):
            model = trained.revive()
        pred_probs = predict_splits(model, sets)
        evaluations = evaluate_splits(sets, pred_probs, given_dev_labels)
        runs[index] = Run(trained.config, model, trained.history, pred_probs, evaluations)
    trainer.keep_used()
    return {name: runs[index] for index, name in enumerate(configs)}
