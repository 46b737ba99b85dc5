"""Choose the weight of the teacher's probabilities in the target, on other sets.

    python tests/benchmarks/distillation.py DIR [N]

On sets made from CIFAR-10 in DIR, with the bundled set's counts but other classes: balanced
accuracy on clean test images of train_fixed's kept recipe, for each weight, trained on corrected
and on true labels. Mean over N seeds (default 2). The weight in params.yaml was chosen by the
corrected labels.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import replace
from pathlib import Path

import cifar10_sets
import numpy as np
from recipe import Sets, all_of, by_true_labels, one_seed

from noisylab.config.params import Params, read_params
from noisylab.core.images import ImageSet
from noisylab.learning.calibration import unsmoothed
from noisylab.many.engines import map_trainings
from noisylab.many.ensemble import mean_probs, seed_members
from noisylab.many.trainer import Trainer
from noisylab.relabel.rules import find_suspect

SHARES = (0.0, 0.5, 0.7, 1.0)
SUSPECT = 2


def main() -> None:
    root, n_seeds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2
    params = read_params("params.yaml")
    smoothing = params.train_augmented.runs[params.train_augmented.keep].label_smoothing
    print(" " * 44 + "".join(f"{share:>10}" for share in SHARES))
    rows: dict[str, list[list[float]]] = {}
    for name, known in cifar10_sets.hidden(root):
        smoothed = correct(known, cifar10_sets.clean_test(root, known.classes), params)
        corrected = without_smoothing(smoothed, smoothing)
        for labels, sets in (("corrected", corrected), ("true", by_true_labels(corrected))):
            row = [on_test(sets, params, share, n_seeds) for share in SHARES]
            show(f"{name}, {labels} labels", row)
            rows.setdefault(labels, []).append(row)
    for labels, table in rows.items():
        means = [statistics.mean(column) for column in zip(*table, strict=True)]
        show(f"mean, {labels} labels", means)


def correct(
    known: ImageSet, test: ImageSet, params: Params, trainer: Trainer | None = None
) -> Sets:
    """Train and dev with corrected labels and probabilities as predicted, smoothed as the labels.

    dev is the last tenth of `known`.
    """
    recipe = params.train_augmented.runs[params.train_augmented.keep]
    members = seed_members(len(known), range(params.relabel.models))
    pred_probs = mean_probs(known, members, recipe, trainer or Trainer())
    labels = known.labels.copy()
    labels[find_suspect(known.labels, pred_probs, SUSPECT).flagged] = SUSPECT
    fixed = replace(known, labels=labels, pred_probs=pred_probs)
    n_train = len(known) * 9 // 10
    train, dev = np.split(np.arange(len(known)), [n_train])
    return {"train": fixed.subset(train), "dev": fixed.subset(dev), "test": test}


def without_smoothing(sets: Sets, smoothing: float) -> Sets:
    """The sets with the probabilities from which the pipeline distils."""
    return {
        split: part
        if part.pred_probs is None
        else replace(part, pred_probs=unsmoothed(part.pred_probs, smoothing))
        for split, part in sets.items()
    }


def on_test(sets: Sets, params: Params, share: float, n_seeds: int) -> float:
    recipe = params.train_fixed.runs[params.train_fixed.keep]
    shared = (sets, replace(recipe, distillation=share))
    scores: list[dict[str, float]] = all_of(map_trainings(one_seed, range(n_seeds), shared=shared))
    return statistics.mean(score["test"] for score in scores)


def show(name: str, row: list[float]) -> None:
    print(f"{name:44}" + "".join(f"{value:10.4f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
