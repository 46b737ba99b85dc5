"""What bfloat16 costs in accuracy: `python tests/benchmarks/precision.py [N_SEEDS]`.

Trains the kept recipes of train_augmented and train_fixed, and the models of relabel, in both
precisions from every seed (default 3): mean and deviation of balanced accuracy, of the F1 of the
labels found, and of CPU seconds. The sets come from data/; run `make repro` first.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping
from dataclasses import replace

from labels import cpu_seconds, score

from noisylab.config.params import Params, read_params
from noisylab.core.images import ImageSet
from noisylab.data import set_files
from noisylab.many.trainer import Trainer
from noisylab.relabel.run import relabel
from noisylab.train.run import Run, train_runs

SEEDS_APART = 1000  # so that no two repetitions share a model
PRECISIONS = ("float32", "bfloat16")


def main() -> None:
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    params = read_params("params.yaml")
    sets = set_files.read_sets("data")
    found = {
        precision: [one(params, sets, SEEDS_APART * n, precision) for n in range(n_seeds)]
        for precision in PRECISIONS
    }
    print(f"mean ± deviation over {n_seeds} seeds{'':14}" + "".join(f"{n:>19}" for n in PRECISIONS))
    for name in found["float32"][0]:
        cells = [mean_and_spread([row[name] for row in rows]) for rows in found.values()]
        print(f"{name:38}" + "".join(f"{cell:>19}" for cell in cells))


def one(
    params: Params, sets: Mapping[str, ImageSet], seed: int, precision: str
) -> dict[str, float]:
    """Figures of the kept runs from one seed."""
    start = cpu_seconds()
    augmented = replace(params.train_augmented.runs["best"], precision=precision)
    before = train_runs(sets, {"best": augmented}, seed, Trainer())["best"]
    labelled = relabel(sets, before.model, {}, params.relabel, augmented, seed, Trainer())
    fixed_sets = {**sets, **labelled.fixed_sets()}
    for split, part in labelled.parts.items():
        fixed_sets[split] = replace(fixed_sets[split], pred_probs=labelled.pred_probs[part])
    fixed = replace(params.train_fixed.runs["best"], precision=precision)
    after = train_runs(fixed_sets, {"best": fixed}, seed, Trainer())["best"]
    return {
        **accuracies("train_augmented", before),
        "F1 of the labels found": score(labelled.errors, labelled.known)[3],
        **accuracies("train_fixed", after),
        "CPU seconds": cpu_seconds() - start,
    }


def accuracies(stage: str, run: Run) -> dict[str, float]:
    """Balanced accuracy on dev and test."""
    return {
        f"{stage}, {split}": run.evaluations[split].balanced_accuracy for split in ("dev", "test")
    }


def mean_and_spread(values: list[float]) -> str:
    digits = 1 if max(values) > 1 else 4
    spread = statistics.stdev(values) if len(values) > 1 else 0
    return f"{statistics.mean(values):.{digits}f} ± {spread:.{digits}f}"


if __name__ == "__main__":
    main()
