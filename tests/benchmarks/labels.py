"""Wrong labels found by our rules and by cleanlab, over seeds.

    python tests/benchmarks/labels.py [--seeds N] [--cifar10 DIR] [--kept FOLDER]

Compares every rule with every cleanlab filter on the same probabilities, on the bundled set. With
CIFAR-10 in DIR (see noisylab bundle --help), on four sets made from it instead: three with two
confusions each, one without wrong labels. Other ways to choose how many to flag are tried beside
the rules. FOLDER keeps finished trainings, which then cost no time. Run stage prepare first.
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
from cleanlab.filter import find_label_issues
from opinion import otsu

from noisylab.config.params import Params, read_params
from noisylab.core.images import ImageSet, joined
from noisylab.data import set_files
from noisylab.learning.evaluation import precision_recall
from noisylab.learning.kept import Kept, Training
from noisylab.learning.training import predict_both_ways, predict_probs
from noisylab.many.trainer import Trainer
from noisylab.relabel.rules import (
    LabelErrors,
    find_agreed,
    find_called,
    find_confused,
    find_suspect,
    mislabelled_share,
)
from noisylab.relabel.voters import cast_votes

FILTERS = (
    "prune_by_noise_rate",  # its default
    "prune_by_class",
    "both",
    "confident_learning",
    "predicted_neq_given",
    "low_normalized_margin",
    "low_self_confidence",
)
SUSPECT = 2
SEEDS_APART = 1000  # so that no two repetitions share a model
Scores = dict[str, list[tuple[float, ...]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cifar10", type=Path)
    parser.add_argument("--kept", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:  # the rules share trainings
        compare(arguments.seeds, arguments.cifar10, Trainer(Kept(arguments.kept or folder)))


def compare(n_seeds: int, cifar10: Path | None, trainer: Trainer) -> None:
    params = read_params("params.yaml")
    seeds = [SEEDS_APART * number for number in range(n_seeds)]
    if cifar10:
        for name, known in cifar10_sets.confused(cifar10):
            n_train = len(known) * 9 // 10
            show(name, [find_all(known, n_train, params, seed, None, trainer) for seed in seeds])
        return
    sets = set_files.read_sets("data")
    known, n_train = joined(sets["train"], sets["dev"]), len(sets["train"])
    table = [find_all(known, n_train, params, seed, SUSPECT, trainer) for seed in seeds]
    show("bundled set: two thirds of the cats are labelled car", table)


def find_all(
    known: ImageSet, n_train: int, params: Params, seed: int, suspect: int | None, trainer: Trainer
) -> dict[str, tuple[float, ...]]:
    """Rule -> images flagged, precision, recall, F1, average precision, missed."""
    recipe = params.train_augmented.runs[params.train_augmented.keep]
    training = Training(recipe, seed, np.arange(n_train))
    ((_, trained),) = trainer.train(known, known.subset([0]), [training])
    model = trained.revive()
    own_probs, first = (
        predict(model, known.images) for predict in (predict_probs, predict_both_ways)
    )
    given, config = known.labels, params.relabel
    start = cpu_seconds()
    opinion = replace(config, second_opinion=True)
    votes = cast_votes(known, first, suspect, opinion, recipe, seed, trainer)
    print(f"voters of seed {seed}: {cpu_seconds() - start:.0f} CPU s", flush=True)
    assert votes.kinds
    alone = replace(config, second_opinion=False)
    held_out = cast_votes(known, first, None, alone, recipe, seed, trainer).held_out
    assert held_out is not None
    scores: dict[str, tuple[float, ...]] = {}
    if suspect is not None:
        best = find_agreed(given, votes.kinds, suspect)
        cut = otsu(best.scores[given != suspect])
        ways = {
            "report": find_called(given, own_probs, suspect),
            "best": best,
            "best, above 0.6": find_suspect(given, votes.pred_probs, suspect),
            "best, above the cut of Otsu": replace(best, is_flagged=best.scores > cut),
            "without second opinion": find_suspect(given, votes.kinds[0], suspect),
        }
        scores |= {name: score(errors, known) for name, errors in ways.items()}
    ways = {
        "any, report": find_called(given, own_probs),
        "any, best": find_agreed(given, votes.kinds),
        "any, above 0.6": find_confused(given, held_out, votes.pred_probs),
        "any, as many as estimated": as_many_as_estimated(given, held_out, votes.pred_probs),
        "any, without second opinion": find_confused(given, held_out, votes.kinds[0]),
    }
    scores |= {name: score(errors, known) for name, errors in ways.items()}
    pred_probs = votes.pred_probs
    for kind_name, probs in (("held out", held_out), ("ensemble", pred_probs)):
        for name in FILTERS:
            is_flagged = find_label_issues(given, probs, filter_by=name, n_jobs=1)
            errors = LabelErrors(1 - probs[np.arange(len(given)), given], given, is_flagged)
            scores[f"cleanlab {name}, {kind_name}"] = score(errors, known)
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


def score(errors: LabelErrors, known: ImageSet) -> tuple[float, ...]:
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
    return n_flagged, *shares, f1, average, float(missed)


def cpu_seconds() -> float:
    """CPU seconds of this process and its finished children."""
    return sum(os.times()[:4])


def show(title: str, tables: list[dict[str, tuple[float, ...]]]) -> None:
    print(f"{title}; mean ± deviation over {len(tables)} seeds")
    head = ("flagged", "precision", "recall", "F1", "average precision*", "missed**")
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
