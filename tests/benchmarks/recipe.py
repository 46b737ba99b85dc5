"""Accuracy of the recipes over seeds: `python tests/benchmarks/recipe.py [N]`.

Trains every run of train_augmented on the given labels and every run of train_fixed on the
corrected labels; the kept run of train_fixed also on the given and on the true labels, and without
distillation on all of these. N seeds each (default 3). Prints mean and deviation of balanced
accuracy on dev, on dev by its other labels and on the clean test set, of the calibration error
there, and the accuracy lost on test to the remaining wrong labels, with its standard error. Run
stages prepare and relabel first.

`python tests/benchmarks/recipe.py --folds` prints the scores by which the recipes were chosen:
five-fold cross-validation on train and dev, twice, with given labels for train_augmented and
corrected labels for train_fixed.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch

from noisylab.config.params import read_params
from noisylab.config.settings import FitConfig
from noisylab.core.images import ImageSet, joined
from noisylab.data import set_files
from noisylab.learning.evaluation import evaluate, evaluate_splits
from noisylab.learning.training import fit, predict_splits
from noisylab.many.engines import map_trainings
from noisylab.many.ensemble import fold_members, mean_probs
from noisylab.many.trainer import Trainer

Sets = dict[str, ImageSet]
CHANGES: list[dict[str, Any]] = [
    {},
    *({"probability": share} for share in (None, 0.3, 0.5)),
    *({"label_smoothing": share} for share in (0.0, 0.1)),
    *({"dropout": rate} for rate in (0.2, 0.3, 0.5)),
    *({"epochs": epochs} for epochs in (40, 60, 100)),
]
FOLD_SEEDS = (0, 1)


def main() -> None:
    params = read_params("params.yaml")
    given, fixed = set_files.read_sets("data"), set_files.read_fixed_sets("data")
    if "--folds" in sys.argv:
        for name, sets, stage in (
            ("train_augmented", given, params.train_augmented),
            ("train_fixed", fixed, params.train_fixed),
        ):
            for change in CHANGES:
                recipe = changed(stage.runs[stage.keep], **change)
                if change and recipe == stage.runs[stage.keep]:
                    continue
                score = statistics.mean(cross_validate(sets, recipe, seed) for seed in FOLD_SEEDS)
                print(f"{name} {stage.keep}, {change}: balanced accuracy {score:.4f}", flush=True)
        return
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f"balanced accuracy, mean ± deviation over {n_seeds} seeds")
    for name, config in params.train_augmented.runs.items():
        show(f"train_augmented, {name}", given, config, n_seeds)
    on_test = {
        name: show(f"train_fixed, {name}", fixed, config, n_seeds)
        for name, config in params.train_fixed.runs.items()
    }
    kept = params.train_fixed.keep
    config = params.train_fixed.runs[kept]
    plain = replace(config, distillation=0.0)
    true = by_true_labels(fixed)
    show(f"{kept}, without distillation", fixed, plain, n_seeds)
    as_given = {split: part.with_labels(given[split].labels) for split, part in fixed.items()}
    show("given labels", as_given, config, n_seeds)
    show("given labels, without distillation", as_given, plain, n_seeds)
    for name, recipe in (("true labels", config), ("true labels, without distillation", plain)):
        ideal = show(name, true, recipe, n_seeds)
        lost = statistics.mean(ideal) - statistics.mean(on_test[kept])
        error = ((statistics.variance(ideal) + statistics.variance(on_test[kept])) / n_seeds) ** 0.5
        print(f"  {kept} loses on test to {name}: {lost:.4f}, standard error {error:.4f}")


def show(name: str, sets: Sets, config: FitConfig, n_seeds: int) -> list[float]:
    """Print a row; return balanced accuracy on test, by seed."""
    shared = (sets, replace(config))
    scores = all_of(map_trainings(one_seed, range(n_seeds), shared=shared))
    texts = [f"{split} {mean_and_spread([s[split] for s in scores])}" for split in scores[0]]
    print(f"  {name:36} {', '.join(texts)}", flush=True)
    return [score["test"] for score in scores]


def one_seed(seed: int, sets: Sets, config: FitConfig) -> dict[str, float]:
    generator = torch.Generator().manual_seed(seed)
    model = fit(sets["train"], sets["dev"], config, generator).model
    evaluations = evaluate_splits(sets, predict_splits(model, sets))
    scores = {split: part.balanced_accuracy for split, part in evaluations.items()}
    return {**scores, "test's calibration error": evaluations["test"].reliability.ece}


def all_of(results: Iterable[tuple[int, Any, BaseException | None]]) -> list[Any]:
    """Results in the order of their jobs."""
    found = {}
    for index, result, error in results:
        if error:
            raise error
        found[index] = result
    return [found[index] for index in sorted(found)]


def by_true_labels(sets: Sets) -> Sets:
    true = {}
    for split, part in sets.items():
        assert part.true_labels is not None
        true[split] = part.with_labels(part.true_labels)
    return true


def changed(config: FitConfig, **changes: Any) -> FitConfig:
    """The config with changed settings, its own or those of its augmentation."""
    assert config.augment
    own = {name: changes.pop(name) for name in ("probability",) if name in changes}
    return replace(config, **changes, augment=replace(config.augment, **own))


def cross_validate(sets: Sets, config: FitConfig, seed: int) -> float:
    """Balanced accuracy of out-of-fold predictions for train and dev together."""
    known = joined(sets["train"], sets["dev"])
    folds = fold_members(known.labels, 5, seeds=[seed])
    pred_probs = mean_probs(known, folds, config, Trainer())
    return evaluate(known.labels, pred_probs).balanced_accuracy


def mean_and_spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"


if __name__ == "__main__":
    main()
