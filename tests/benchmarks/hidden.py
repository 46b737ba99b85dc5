"""Threshold of find_suspect() on other sets: `python tests/benchmarks/hidden.py DIR`.

On sets made from CIFAR-10 in DIR, with the bundled set's counts but other classes: F1 of
find_suspect() for each threshold, with the models after the first trained on train only or on train
and dev. The threshold and the training sets were chosen on such sets.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import cifar10_sets
import numpy as np

from noisylab.config.params import read_params
from noisylab.config.settings import FitConfig
from noisylab.core.images import ImageSet
from noisylab.learning.evaluation import precision_recall
from noisylab.many.ensemble import Member, mean_probs
from noisylab.many.trainer import Trainer
from noisylab.relabel.rules import find_suspect

THRESHOLDS = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75)
SUSPECT = 2


def main() -> None:
    params = read_params("params.yaml")
    recipe = params.train_augmented.runs[params.train_augmented.keep]
    heads = ("AP", *(f"F1 > {threshold}" for threshold in THRESHOLDS))
    print(" " * 56 + "".join(f"{head:>10}" for head in heads))
    rows: dict[str, list[list[float]]] = {}
    for name, known in cifar10_sets.hidden(Path(sys.argv[1])):
        n_train = len(known) * 9 // 10
        first = probs(known, recipe, n_train, [0])
        seeds = range(1, params.relabel.models)
        for others, n_images in (("train", n_train), ("train and dev", len(known))):
            mean = first + len(seeds) * probs(known, recipe, n_images, seeds)
            row = scores(known, mean / params.relabel.models)
            show(f"{name}, others trained on {others}", row)
            rows.setdefault(others, []).append(row)
    for others, table in rows.items():
        show(
            f"mean, others trained on {others}",
            [statistics.mean(column) for column in zip(*table, strict=True)],
        )


def probs(known: ImageSet, recipe: FitConfig, n_images: int, seeds: Sequence[int]) -> np.ndarray:
    members = [Member(seed, np.arange(n_images), np.arange(len(known))) for seed in seeds]
    return mean_probs(known, members, recipe, Trainer())


def scores(known: ImageSet, pred_probs: np.ndarray) -> list[float]:
    """Average precision among images of the most common label, and F1 at each threshold."""
    is_wrong = known.labels != known.true_labels
    found = find_suspect(known.labels, pred_probs, SUSPECT).scores
    common = known.labels == known.counts().argmax()
    f1 = []
    for threshold in THRESHOLDS:
        flagged = found > threshold
        f1.append(2 * (flagged & is_wrong).sum() / (flagged.sum() + is_wrong.sum()))
    return [precision_recall(is_wrong[common], found[common])[2], *f1]


def show(name: str, row: list[float]) -> None:
    print(f"{name:56}" + "".join(f"{value:10.4f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
