"""How good the runs of train_augmented are, over seeds: `python tests/benchmarks/recipe.py [N]`.

Trains each on the given labels with N seeds (default 3) and prints balanced accuracy on dev, on dev
by its true labels and on the clean test: mean and deviation. Needs the sets that stage `prepare`
makes. `python tests/benchmarks/recipe.py --folds` prints what recipes were chosen by: five-fold
cross-validation within train and dev, by their given labels.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import replace

import numpy as np
import torch

from noisylab import artifacts
from noisylab.config import FitConfig
from noisylab.evaluation import evaluate
from noisylab.images import ImageSet
from noisylab.params import read_params
from noisylab.runs import evaluate_splits
from noisylab.training import fit, predict_probs

N_FOLDS = 5


def main() -> None:
    sets = artifacts.read_sets("data")
    runs = read_params("params.yaml").train_augmented.runs
    if "--folds" in sys.argv:
        best = runs["best"]
        for change in ({}, {"dropout": 0.5}, {"label_smoothing": 0.1}, {"epochs": 60}):
            score = cross_validate(sets, replace(best, **change))
            print(f"best {change or 'as it is'}: balanced accuracy {score:.4f}", flush=True)
        return
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f"balanced accuracy, mean ± deviation over {n_seeds} seeds")
    for name, config in runs.items():
        scores = [one_seed(sets, config, seed) for seed in range(n_seeds)]
        texts = [f"{split} {mean_and_spread([s[split] for s in scores])}" for split in scores[0]]
        print(f"  {name:8} {', '.join(texts)}", flush=True)


def one_seed(sets: dict[str, ImageSet], config: FitConfig, seed: int) -> dict[str, float]:
    generator = torch.Generator().manual_seed(seed)
    model = fit(sets["train"], sets["dev"], config, generator).model
    pred_probs = {split: predict_probs(model, part.images) for split, part in sets.items()}
    evaluations = evaluate_splits(sets, pred_probs)
    return {split: part.balanced_accuracy for split, part in evaluations.items()}


def cross_validate(sets: dict[str, ImageSet], config: FitConfig) -> float:
    """Balanced accuracy of out-of-fold predictions for train and dev together."""
    known = [sets["train"], sets["dev"]]
    images = np.concatenate([part.images for part in known])
    labels = np.concatenate([part.labels for part in known])
    whole = ImageSet(images, labels, known[0].classes)
    folds = stratified_folds(labels)
    pred_probs = np.empty((len(whole), len(whole.classes)))
    for fold in range(N_FOLDS):
        held_out = np.flatnonzero(folds == fold)
        rest = whole.subset(np.flatnonzero(folds != fold))
        generator = torch.Generator().manual_seed(0)
        model = fit(rest, whole.subset(held_out[:8]), config, generator).model
        pred_probs[held_out] = predict_probs(model, images[held_out])
    return evaluate(labels, pred_probs).balanced_accuracy


def stratified_folds(labels: np.ndarray) -> np.ndarray:
    """The fold (N,) of each image, the same share of each label in all of them."""
    rng = np.random.default_rng(1)
    folds = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        of_label = rng.permutation(np.flatnonzero(labels == label))
        folds[of_label] = np.arange(len(of_label)) % N_FOLDS
    return folds


def mean_and_spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"


if __name__ == "__main__":
    main()
