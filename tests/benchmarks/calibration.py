"""Calibration of train_fixed's kept recipe with and without label smoothing, on other sets.

    python tests/benchmarks/calibration.py DIR [SETS [SEEDS]]

On the first SETS (default 2) sets made from CIFAR-10 in DIR, with the bundled set's counts but
other classes: the kept recipe on corrected labels, once smoothed twice (its labels, and the
teachers' probabilities as predicted), once not at all (plain labels, and the teachers' smoothing
undone). Prints both on clean test images, for each of SEEDS (default 2) seeds, and the mean change.
Trainings are in bfloat16, one after another.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cifar10_sets
import numpy as np
from distillation import correct, without_smoothing
from recipe import Sets

from noisylab.config.params import Params, read_params
from noisylab.config.settings import FitConfig
from noisylab.learning.evaluation import Evaluation, evaluate
from noisylab.learning.kept import Training
from noisylab.learning.training import predict_probs
from noisylab.many.trainer import Trainer

FIGURES: dict[str, Callable[[Evaluation], float]] = {
    "balanced accuracy": lambda found: found.balanced_accuracy,
    "cross-entropy": lambda found: found.loss,
    "ece": lambda found: found.reliability.ece,
    "mean confidence": lambda found: found.reliability.mean_confidence,
}


def main() -> None:
    root = Path(sys.argv[1])
    n_sets, n_seeds = [*map(int, sys.argv[2:]), *(2, 2)[len(sys.argv) - 2 :]]
    params = in_bfloat16(read_params("params.yaml"))
    smoothing = params.train_augmented.runs[params.train_augmented.keep].label_smoothing
    recipe = params.train_fixed.runs[params.train_fixed.keep]
    recipes = [replace(recipe, label_smoothing=share) for share in (smoothing, 0.0)]
    print(" " * 52 + "".join(f"{name:>19}" for name in FIGURES))
    changes = []
    for name, known in islice(cifar10_sets.hidden(root), n_sets):
        test = cifar10_sets.clean_test(root, known.classes)
        before = correct(known, test, params, Trainer(engine="local:1"))
        both = before, without_smoothing(before, smoothing)
        for seed in range(n_seeds):
            rows = [on_test(*way, seed) for way in zip(both, recipes, strict=True)]
            for way, row in zip(("smoothed twice", "not smoothed"), rows, strict=True):
                show(f"{name}, seed {seed}, {way}", row)
            changes.append(rows[1] - rows[0])
    show(f"mean change of {len(changes)} pairs", np.mean(changes, axis=0))
    show("standard error", np.std(changes, axis=0, ddof=1) / len(changes) ** 0.5)


def in_bfloat16(params: Params) -> Params:
    stages = {}
    for stage in ("train_augmented", "train_fixed"):
        section = getattr(params, stage)
        runs = {n: replace(run, precision="bfloat16") for n, run in section.runs.items()}
        stages[stage] = replace(section, runs=runs)
    return replace(params, **stages)


def on_test(sets: Sets, recipe: FitConfig, seed: int) -> np.ndarray:
    model = Training(recipe, seed).run(sets["train"], sets["dev"]).revive()
    found = evaluate(sets["test"].labels, predict_probs(model, sets["test"].images))
    return np.array([figure(found) for figure in FIGURES.values()])


def show(name: str, row: np.ndarray) -> None:
    print(f"{name:52}" + "".join(f"{value:19.4f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
