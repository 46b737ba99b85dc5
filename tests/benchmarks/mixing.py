"""What mixing and the second opinion add to the final model, on other sets.

    python tests/benchmarks/mixing.py DIR [--seeds N] [--kept FOLDER]

On sets made from CIFAR-10 in DIR, with the bundled set's counts but other classes: balanced
accuracy on clean test images of train_fixed's kept recipe, with and without mixing (mixup 0.3,
CutMix 0.3, no dropout), with labels and teacher of stage relabel with and without the second
opinion; beside it the mean over an image and its mirror image. Mean over N seeds (default 3).
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace
from pathlib import Path

import cifar10_sets
import numpy as np
from opinion import SEEDS_APART, SUSPECT, voters_of

from noisylab.config.params import Params, read_params
from noisylab.config.settings import FitConfig
from noisylab.core.images import ImageSet
from noisylab.learning.evaluation import evaluate
from noisylab.learning.kept import Kept, Training
from noisylab.learning.training import predict_both_ways, predict_probs
from noisylab.many.trainer import Trainer
from noisylab.relabel.rules import find_suspect

VOTERS = ("fixed network", "both")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kept", type=Path)
    arguments = parser.parse_args()
    params, trainer = read_params("params.yaml"), Trainer(Kept(arguments.kept))
    plain = params.train_fixed.runs[params.train_fixed.keep]
    recipes = {
        "plain": replace(plain, mixup=0.0, cutmix=0.0, dropout=0.2),
        "mixing": replace(plain, mixup=0.3, cutmix=0.3, dropout=0.0),
    }
    for name, known in cifar10_sets.hidden(arguments.root):
        test = cifar10_sets.clean_test(arguments.root, known.classes)
        scores: dict[str, list[tuple[float, float]]] = {}
        for seed in range(0, SEEDS_APART * arguments.seeds, SEEDS_APART):
            voters = voters_of(known, params, seed, trainer)
            for voter in VOTERS:
                train = corrected(known, voters[voter], params)
                for recipe, row in students(train, test, recipes, seed, trainer).items():
                    scores.setdefault(f"teacher {voter}, {recipe}", []).append(row)
        for label, table in scores.items():
            one, both = (statistics.mean(column) for column in zip(*table, strict=True))
            print(f"{name:28} {label:32} test {one:.4f}, both ways {both:.4f}", flush=True)


def corrected(known: ImageSet, pred_probs: np.ndarray, params: Params) -> ImageSet:
    """Train with corrected labels and probabilities; dev is the last tenth of `known`."""
    labels = known.labels.copy()
    labels[find_suspect(known.labels, pred_probs, SUSPECT).flagged] = SUSPECT
    fixed = replace(known, labels=labels, pred_probs=pred_probs)
    return fixed.subset(np.arange(len(known) * 9 // 10))


def students(
    train: ImageSet, test: ImageSet, recipes: dict[str, FitConfig], seed: int, trainer: Trainer
) -> dict[str, tuple[float, float]]:
    """Balanced accuracy on test by recipe, of an image and of its mean with its mirror image."""
    trainings = [Training(recipe, seed, name=name) for name, recipe in recipes.items()]
    found = {}
    for index, trained in trainer.train(train, train.subset([0]), trainings):
        model = trained.revive()
        probs = [predict(model, test.images) for predict in (predict_probs, predict_both_ways)]
        one, both = (evaluate(test.labels, part).balanced_accuracy for part in probs)
        found[trainings[index].name] = one, both
    return {name: found[name] for name in recipes}


if __name__ == "__main__":
    main()
