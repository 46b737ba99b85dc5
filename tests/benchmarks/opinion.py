"""What a second opinion adds to finding wrong labels, on other sets, and by which cut.

    python tests/benchmarks/opinion.py DIR [--seeds N] [--sets K [K ...]] [--kept FOLDER]

On sets made from CIFAR-10 in DIR, with the bundled set's counts but other classes. Voters are
models of the fixed network, the second opinion, or both, as in stage relabel. Columns: average
precision, the share of wrong labels missed if exactly as many are flagged as are wrong, the best
F1 of any cut, F1 at each cut, and for both F1 of the number that they agree on. The second opinion
has the weight and the batch size of stage relabel unless stated. N seeds (default 3), the sets K of
the four (default: all). FOLDER keeps finished trainings.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

import cifar10_sets
import numpy as np

from noisylab.config.params import Params, read_params
from noisylab.core.images import ImageSet
from noisylab.learning.evaluation import precision_recall
from noisylab.learning.kept import Kept
from noisylab.learning.opinion import OpinionModel
from noisylab.many.ensemble import Group, Member, group_probs, seed_members
from noisylab.many.trainer import Trainer
from noisylab.relabel.outputs import score
from noisylab.relabel.rules import LabelErrors, find_agreed, find_suspect, mean_of_kinds
from noisylab.relabel.voters import second_opinion

SEEDS_APART = 1000  # so that no two repetitions share a model
SUSPECT = 2
MOST_MODELS = 4  # of the fixed network
CUTS = (0.4, 0.5, 0.6, 0.7)
WEIGHTS = (0.5, 1, 1.5, 2, 3)  # of the second opinion
OTHER_BATCH_SIZE = 128
Rows = dict[str, list[list[float]]]


def main() -> None:
    arguments = cifar10_sets.read_arguments(__doc__)
    params, trainer = read_params("params.yaml"), Trainer(Kept(arguments.kept))
    heads = ("AP", "missed", "best F1", *(f"F1 > {cut}" for cut in CUTS), "F1, Otsu", "agreed")
    print(" " * 44 + "".join(f"{head:>10}" for head in heads), flush=True)
    rows: Rows = {}
    for place, (name, known) in enumerate(cifar10_sets.hidden(arguments.root), start=1):
        if place not in arguments.sets:
            continue
        of_set: Rows = {}
        for number in range(arguments.seeds):
            seed, sizes = SEEDS_APART * number, (None, OTHER_BATCH_SIZE)
            models, (opinion, other) = voters_of(known, params, seed, trainer, sizes)
            add(of_set, "second opinion", figures(known, opinion))
            few = np.mean(models[: params.relabel.models], axis=0)
            voter = f"{params.relabel.models} and one of batch size {OTHER_BATCH_SIZE}"
            add(of_set, voter, agreement(known, few, other))
            for size in range(1, MOST_MODELS + 1):
                fixed = np.mean(models[:size], axis=0)
                add(of_set, f"{size} of fixed network", figures(known, fixed))
                add(of_set, f"{size} and second opinion", agreement(known, fixed, opinion))
                for weight in WEIGHTS if size == params.relabel.models else ():
                    mean = (fixed + weight * opinion) / (1 + weight)
                    voter = f"{size} and second opinion, weight {weight:g}"
                    add(of_set, voter, figures(known, mean))
        show(name, of_set)
        for voter, table in of_set.items():
            rows.setdefault(voter, []).extend(table)
    show("mean", rows)


def voters_of(
    known: ImageSet,
    params: Params,
    seed: int,
    trainer: Trainer,
    batch_sizes: Sequence[int | None] = (None,),
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Probabilities (N, K) of each model of the fixed network, and of each second opinion.

    batch_sizes: one for each second opinion; None is that of stage relabel.

    Dev, the last tenth, is not shown to the first model.
    """
    recipe = params.train_augmented.runs[params.train_augmented.keep]
    everything = np.arange(len(known))
    first = Member(seed, everything[: len(known) * 9 // 10], everything)
    others = seed_members(len(known), range(seed + 1, seed + MOST_MODELS))
    groups = {str(index): Group([member], recipe) for index, member in enumerate([first, *others])}
    opinion = seed_members(len(known), [seed])
    for size in batch_sizes:
        config = second_opinion(recipe)
        config = config if size is None else replace(config, batch_size=size)
        groups[f"opinion {size}"] = Group(opinion, config, OpinionModel)
    means = group_probs(known, groups, trainer)
    fixed = [means[str(index)] for index in range(MOST_MODELS)]
    return fixed, [means[f"opinion {size}"] for size in batch_sizes]


def add(rows: Rows, voter: str, values: list[float]) -> None:
    rows.setdefault(voter, []).append(values)


def agreement(known: ImageSet, fixed: np.ndarray, opinion: np.ndarray) -> list[float]:
    """The columns for both kinds of voters, with F1 of the number that they agree on."""
    agreed = find_agreed(known.labels, (fixed, opinion), SUSPECT)
    f1 = score(agreed, known.labels != known.true_labels)["f1"]
    return [*figures(known, mean_of_kinds((fixed, opinion))), f1]


def figures(known: ImageSet, pred_probs: np.ndarray) -> list[float]:
    """The columns; average precision is among images of the most common label."""
    is_wrong = known.labels != known.true_labels
    found = find_suspect(known.labels, pred_probs, SUSPECT)
    common = known.labels == known.counts().argmax()
    precision, recall, _ = precision_recall(is_wrong, found.scores)
    best = (2 * precision * recall / np.maximum(precision + recall, 1e-12)).max()
    cuts = (*CUTS, otsu(found.scores[known.labels != SUSPECT]))
    at_cuts = [
        score(LabelErrors(found.scores, found.suggested, found.scores > cut), is_wrong)
        for cut in cuts
    ]
    average = precision_recall(is_wrong[common], found.scores[common])[2]
    return [average, at_cuts[0]["missed"], float(best), *(part["f1"] for part in at_cuts)]


def otsu(scores: np.ndarray) -> float:
    """The cut with the largest variance between the two parts (Otsu 1979)."""
    ranked = np.sort(scores)
    lower = np.arange(1, len(ranked))
    sums = ranked.cumsum()
    means = sums[:-1] / lower, (sums[-1] - sums[:-1]) / (len(ranked) - lower)
    between = lower * (len(ranked) - lower) * (means[1] - means[0]) ** 2
    return float(ranked[between.argmax()])


def show(name: str, rows: Mapping[str, list[list[float]]]) -> None:
    for voter, table in rows.items():
        means = [statistics.mean(column) for column in zip(*table, strict=True)]
        label = f"{name}, {voter}"
        print(f"{label:44}" + "".join(f"{value:10.3f}" for value in means), flush=True)


if __name__ == "__main__":
    main()
