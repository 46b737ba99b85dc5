"""What mixing and the second opinion add to the final model, on other sets.

    python tests/benchmarks/mixing.py DIR [--seeds N] [--kept FOLDER]

On sets made from CIFAR-10 in DIR, with the bundled set's counts but other classes: balanced
accuracy on clean test images of train_fixed's kept recipe, with and without mixing (mixup, CutMix,
a softmax temperature and no dropout), with labels and teacher of stage relabel with and without the
second opinion. Beside it that of the mean over an image and its mirror image, the calibration error
and the mean confidence. Mean over N seeds (default 3). FOLDER keeps finished trainings.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace
from pathlib import Path

import cifar10_sets
import numpy as np
from opinion import SEEDS_APART, SUSPECT, voters_of

from noisylab.config.params import read_params
from noisylab.config.settings import FitConfig
from noisylab.core.images import ImageSet
from noisylab.learning.calibration import unsmoothed
from noisylab.learning.evaluation import evaluate
from noisylab.learning.kept import Kept, Training
from noisylab.learning.training import predict_both_ways, predict_probs
from noisylab.many.trainer import Trainer
from noisylab.relabel.rules import LabelErrors, find_agreed, find_suspect, mean_of_kinds

COLUMNS = ("test", "both ways", "calibration error", "confidence")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kept", type=Path)
    arguments = parser.parse_args()
    params, trainer = read_params("params.yaml"), Trainer(Kept(arguments.kept))
    kept = params.train_fixed.runs[params.train_fixed.keep]
    plain = replace(kept, temperature=1.0, mixup=0.0, cutmix=0.0, dropout=0.2)
    recipes = {"plain": plain, "mixing": kept}
    smoothing = params.train_augmented.runs[params.train_augmented.keep].label_smoothing
    for name, known in cifar10_sets.hidden(arguments.root):
        test = cifar10_sets.clean_test(arguments.root, known.classes)
        scores: dict[str, list[tuple[float, ...]]] = {}
        for seed in range(0, SEEDS_APART * arguments.seeds, SEEDS_APART):
            models, (opinion,) = voters_of(known, params, seed, trainer)
            fixed = np.mean(models[: params.relabel.models], axis=0)
            votes = {
                "fixed network": (find_suspect(known.labels, fixed, SUSPECT), fixed),
                "both": (
                    find_agreed(known.labels, (fixed, opinion), SUSPECT),
                    mean_of_kinds((fixed, opinion)),
                ),
            }
            for voter, (found, pred_probs) in votes.items():
                train = corrected(known, found, unsmoothed(pred_probs, smoothing))
                for recipe, row in students(train, test, recipes, seed, trainer).items():
                    scores.setdefault(f"teacher {voter}, {recipe}", []).append(row)
        for label, table in scores.items():
            means = [statistics.mean(column) for column in zip(*table, strict=True)]
            cells = [f"{what} {mean:.4f}" for what, mean in zip(COLUMNS, means, strict=True)]
            print(f"{name:28} {label:32} {', '.join(cells)}", flush=True)


def corrected(known: ImageSet, found: LabelErrors, pred_probs: np.ndarray) -> ImageSet:
    """Train with corrected labels and probabilities; dev is the last tenth of `known`."""
    labels = np.where(found.is_flagged, found.suggested, known.labels)
    fixed = replace(known, labels=labels, pred_probs=pred_probs)
    return fixed.subset(np.arange(len(known) * 9 // 10))


def students(
    train: ImageSet, test: ImageSet, recipes: dict[str, FitConfig], seed: int, trainer: Trainer
) -> dict[str, tuple[float, ...]]:
    """COLUMNS by recipe."""
    trainings = [Training(recipe, seed, name=name) for name, recipe in recipes.items()]
    found = {}
    for index, trained in trainer.train(train, train.subset([0]), trainings):
        model = trained.revive()
        one, both = (
            evaluate(test.labels, predict(model, test.images))
            for predict in (predict_probs, predict_both_ways)
        )
        found[trainings[index].name] = (
            *(part.balanced_accuracy for part in (one, both)),
            *(one.reliability.ece, one.reliability.mean_confidence),
        )
    return {name: found[name] for name in recipes}


if __name__ == "__main__":
    main()
