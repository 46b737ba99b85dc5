"""Wrong labels found by our rules and by cleanlab, over seeds.

    python tests/benchmarks/labels.py [--seeds N] [--cifar10 DIR]

Compares every rule with every cleanlab filter on the same probabilities, on the bundled set. With
CIFAR-10 in DIR (see noisylab bundle --help), also on four sets made from it: three
with two confusions each, one without wrong labels. Otsu's cut and the number that is estimated are
tried beside the rules. Run stage prepare first.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

import cifar10_sets
import numpy as np
import torch
from cleanlab.filter import find_label_issues
from opinion import otsu

from noisylab.config.params import read_params
from noisylab.config.settings import ANY, RAREST, FitConfig
from noisylab.core.images import ImageSet, joined
from noisylab.data import set_files
from noisylab.learning.evaluation import precision_recall
from noisylab.learning.kept import Kept
from noisylab.learning.training import fit, predict_both_ways, predict_probs
from noisylab.many.trainer import Trainer
from noisylab.relabel.rules import (
    LabelErrors,
    find_called,
    find_confused,
    find_suspect,
    mislabelled_share,
)
from noisylab.relabel.voters import voters_probs

FILTERS = (
    "prune_by_noise_rate",  # its default
    "prune_by_class",
    "both",
    "confident_learning",
    "predicted_neq_given",
    "low_normalized_margin",
    "low_self_confidence",
)
SEEDS_APART = 1000  # so that no two repetitions share a model
Scores = dict[str, list[tuple[float, ...]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cifar10", type=Path)
    arguments = parser.parse_args()
    params = read_params("params.yaml")
    recipe = params.train_augmented.runs[params.train_augmented.keep]
    sets = set_files.read_sets("data")
    known = joined(sets["train"], sets["dev"])
    seeds = [SEEDS_APART * number for number in range(arguments.seeds)]
    table = [find_all(known, len(sets["train"]), recipe, seed, suspect=2) for seed in seeds]
    show("bundled set: two thirds of the cats are labelled car", table)
    for name, other in cifar10_sets.confused(arguments.cifar10) if arguments.cifar10 else ():
        n_train = len(other) * 9 // 10
        show(name, [find_all(other, n_train, recipe, seed, None) for seed in seeds[:1]])


def find_all(
    known: ImageSet, n_train: int, recipe: FitConfig, seed: int, suspect: int | None
) -> dict[str, tuple[float, ...]]:
    """Rule -> images flagged, precision, recall, F1, average precision, missed, CPU seconds."""
    train, config = known.subset(range(n_train)), read_params("params.yaml").relabel
    kept = fit(train, train.subset([0]), recipe, torch.Generator().manual_seed(seed)).model
    own_probs = predict_probs(kept, known.images)
    start = cpu_seconds()
    first = predict_both_ways(kept, known.images)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(Kept(folder))
        told, unknown = (replace(config, suspect_class=name) for name in (RAREST, ANY))
        pred_probs, _ = voters_probs(known, first, told, recipe, seed, trainer)
        ensemble_seconds = cpu_seconds() - start
        _, held_out = voters_probs(known, first, unknown, recipe, seed, trainer)
    assert held_out is not None
    all_seconds = cpu_seconds() - start
    given = known.labels
    scores = {}
    if suspect is not None:
        scores["report"] = score(find_called(given, own_probs, suspect), known, 0)
        found = find_suspect(given, pred_probs, suspect)
        scores["best"] = score(found, known, ensemble_seconds)
        cut = otsu(found.scores[given != suspect])
        by_otsu = replace(found, is_flagged=found.scores > cut)
        scores["best, cut of Otsu"] = score(by_otsu, known, ensemble_seconds)
    scores["any, report"] = score(find_called(given, own_probs), known, 0)
    scores["any, best"] = score(find_confused(given, held_out, pred_probs), known, all_seconds)
    estimated = as_many_as_estimated(given, held_out, pred_probs)
    scores["any, as many as estimated"] = score(estimated, known, all_seconds)
    for kind, probs in (("held out", held_out), ("ensemble", pred_probs)):
        for name in FILTERS:
            is_flagged = find_label_issues(given, probs, filter_by=name, n_jobs=1)
            errors = LabelErrors(1 - probs[np.arange(len(given)), given], given, is_flagged)
            scores[f"cleanlab {name}, {kind}"] = score(errors, known, 0)
    return scores


def as_many_as_estimated(
    given: np.ndarray, held_out: np.ndarray, pred_probs: np.ndarray
) -> LabelErrors:
    """As many images of each two classes as mislabelled_share() estimates, the likeliest first."""
    errors = find_confused(given, held_out, pred_probs)
    odds = np.zeros(pred_probs.shape)  # of the classes that an image is flagged for
    for label, other in itertools.permutations(range(pred_probs.shape[1]), 2):
        images = np.flatnonzero(given == label)
        share = mislabelled_share(given, held_out, label, other)
        found = pred_probs[images, other] / pred_probs[images][:, [label, other]].sum(axis=1)
        likeliest = np.argsort(-found, kind="stable")[: round(share * len(images))]
        odds[images[likeliest], other] = found[likeliest]
    is_flagged: np.ndarray = np.any(odds, axis=1)
    suggested = np.where(is_flagged, odds.argmax(axis=1), errors.suggested)
    return LabelErrors(errors.scores, suggested, is_flagged)


def score(errors: LabelErrors, known: ImageSet, seconds: float) -> tuple[float, ...]:
    is_wrong = known.labels != known.true_labels
    found, n_flagged = is_wrong[errors.flagged].sum(), len(errors.flagged)
    n_wrong = is_wrong.sum()
    common = known.labels == known.counts().argmax()
    has_wrong = is_wrong[common].any()
    average = precision_recall(is_wrong[common], errors.scores[common])[2] if has_wrong else 0.0
    f1 = 2 * found / max(n_flagged + n_wrong, 1)
    missed = (
        1 - is_wrong[np.argsort(-errors.scores, kind="stable")[:n_wrong]].mean() if n_wrong else 0.0
    )
    shares = found / max(n_flagged, 1), found / max(n_wrong, 1)
    return n_flagged, *shares, f1, average, float(missed), seconds


def cpu_seconds() -> float:
    """CPU seconds of this process and its finished children."""
    return sum(os.times()[:4])


def show(title: str, tables: list[dict[str, tuple[float, ...]]]) -> None:
    print(f"{title}; mean ± deviation over {len(tables)} seeds")
    head = ("flagged", "precision", "recall", "F1", "average precision*", "missed**", "CPU s")
    print(f"  {'':46}" + "".join(f"{name:>20}" for name in head))
    for name in tables[0]:
        cells = []
        for column in zip(*(table[name] for table in tables), strict=True):
            spread = statistics.stdev(column) if len(column) > 1 else 0
            digits = 1 if max(column) > 1 else 3
            cells.append(f"{statistics.mean(column):.{digits}f} ± {spread:.{digits}f}")
        print(f"  {name:46}" + "".join(f"{cell:>20}" for cell in cells), flush=True)
    print("  * among the images labelled as the most common class")
    print(
        "  ** of the wrong labels, if exactly as many images are flagged as are wrong\n", flush=True
    )


if __name__ == "__main__":
    main()
