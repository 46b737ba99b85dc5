"""Calibration of train_fixed's kept recipe with and without label smoothing, on other sets.

    python tests/benchmarks/calibration.py DIR [--seeds N] [--sets K [K ...]] [--kept FOLDER]

On sets made from CIFAR-10 in DIR, with the bundled set's counts but other classes, and with labels
corrected as by stage relabel: the kept recipe once smoothed twice (its labels, and the teachers'
probabilities), once not at all. Prints both on clean test images, for each of N seeds (default 2),
and the mean change; the sets K of the four (default: 1 and 2). FOLDER keeps finished trainings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cifar10_sets
import numpy as np
from distillation import corrected_sets, on_test
from recipe import Sets

from noisylab.config.params import read_params
from noisylab.learning.evaluation import Evaluation
from noisylab.learning.kept import Kept, Training
from noisylab.many.trainer import Trainer

FIGURES: dict[str, Callable[[Evaluation], float]] = {
    "balanced accuracy": lambda found: found.balanced_accuracy,
    "cross-entropy": lambda found: found.loss,
    "ece": lambda found: found.reliability.ece,
    "mean confidence": lambda found: found.reliability.mean_confidence,
}


def main() -> None:
    arguments = cifar10_sets.read_arguments(__doc__, n_seeds=2, sets=(1, 2))
    params, trainer = read_params("params.yaml"), Trainer(Kept(arguments.kept))
    smoothing = params.train_augmented.runs[params.train_augmented.keep].label_smoothing
    recipe = params.train_fixed.runs[params.train_fixed.keep]
    smoothed = replace(recipe, label_smoothing=smoothing)
    print(" " * 52 + "".join(f"{name:>19}" for name in FIGURES))
    changes = []
    for name, sets in corrected_sets(arguments.root, arguments.sets, params, trainer):
        ways = {
            "smoothed twice": (with_smoothing(sets, smoothing), smoothed),
            "not smoothed": (sets, recipe),
        }
        rows = []
        for way, (of_way, config) in ways.items():
            trainings = [Training(config, seed) for seed in range(arguments.seeds)]
            rows.append([figures(found) for found in on_test(of_way, trainings, trainer)])
            for seed, row in enumerate(rows[-1]):
                show(f"{name}, seed {seed}, {way}", row)
        changes += [*np.subtract(rows[1], rows[0])]
    show(f"mean change of {len(changes)} pairs", np.mean(changes, axis=0))
    show("standard error", np.std(changes, axis=0, ddof=1) / len(changes) ** 0.5)


def with_smoothing(sets: Sets, smoothing: float) -> Sets:
    """The sets with the probabilities that the teachers, trained with smoothing, predict."""
    return {
        split: part
        if part.pred_probs is None
        else replace(
            part, pred_probs=(1 - smoothing) * part.pred_probs + smoothing / len(part.classes)
        )
        for split, part in sets.items()
    }


def figures(found: Evaluation) -> np.ndarray:
    return np.array([figure(found) for figure in FIGURES.values()])


def show(name: str, row: np.ndarray) -> None:
    print(f"{name:52}" + "".join(f"{value:19.4f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
