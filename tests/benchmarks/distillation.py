"""Choose the weight of the teacher's probabilities in the target, on other sets.

    python tests/benchmarks/distillation.py DIR [--seeds N] [--sets K [K ...]] [--kept FOLDER]

On sets made from CIFAR-10 in DIR, with the bundled set's counts but other classes, and with labels
corrected as by stage relabel: balanced accuracy and calibration error on clean test images of
train_fixed's kept recipe, for each weight, trained on corrected and on true labels. Mean over N
seeds (default 3), the sets K of the four (default: all). FOLDER keeps finished trainings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cifar10_sets
import numpy as np
from recipe import Sets, by_true_labels

from noisylab.config.params import Params, read_params
from noisylab.core.images import ImageSet
from noisylab.learning.evaluation import Evaluation, evaluate
from noisylab.learning.kept import Kept, Training
from noisylab.learning.training import predict_probs
from noisylab.many.trainer import Trainer
from noisylab.relabel.run import relabel

WEIGHTS = (0.0, 0.35, 0.7, 1.0)


def main() -> None:
    arguments = cifar10_sets.read_arguments(__doc__)
    params, trainer = read_params("params.yaml"), Trainer(Kept(arguments.kept))
    kept = params.train_fixed.runs[params.train_fixed.keep]
    trainings = [
        Training(replace(kept, distillation=weight), seed, name=f"weight {weight}, seed {seed}")
        for seed in range(arguments.seeds)
        for weight in WEIGHTS
    ]
    rows: dict[str, list[np.ndarray]] = {}
    for name, sets in corrected_sets(arguments.root, arguments.sets, params, trainer):
        for labels, of_labels in (("corrected", sets), ("true", by_true_labels(sets))):
            found = on_test(of_labels, trainings, trainer)
            both = [(one.balanced_accuracy, one.reliability.ece) for one in found]
            scores = np.reshape(both, (arguments.seeds, len(WEIGHTS), 2)).mean(axis=0).T
            show(f"{name}, {labels} labels", scores)
            rows.setdefault(labels, []).append(scores)
    for labels, table in rows.items():
        show(f"mean, {labels} labels", np.mean(table, axis=0))


def corrected_sets(
    root: Path, places: list[int], params: Params, trainer: Trainer
) -> Iterator[tuple[str, Sets]]:
    """The four sets at `places`, from 1: train and dev as by stage relabel, and clean test images.

    dev is the last tenth of each set.
    """
    recipe = params.train_augmented.runs[params.train_augmented.keep]
    for place, (name, known) in enumerate(cifar10_sets.hidden(root), start=1):
        if place not in places:
            continue
        train, dev = np.split(np.arange(len(known)), [len(known) * 9 // 10])
        given = {"train": known.subset(train), "dev": known.subset(dev)}
        training = Training(recipe, params.seed)
        ((_, trained),) = trainer.train(given["train"], given["dev"], [training])
        found = relabel(given, trained.revive(), {}, params.relabel, recipe, params.seed, trainer)
        fixed: dict[str, ImageSet] = {
            split: replace(part, pred_probs=found.pred_probs[found.parts[split]])
            for split, part in found.fixed_sets().items()
        }
        yield name, {**fixed, "test": cifar10_sets.clean_test(root, known.classes)}


def on_test(sets: Sets, trainings: Sequence[Training], trainer: Trainer) -> list[Evaluation]:
    """Figures on test of the model of each training."""
    found = {}
    for index, trained in trainer.train(sets["train"], sets["dev"], trainings):
        pred_probs = predict_probs(trained.revive(), sets["test"].images)
        found[index] = evaluate(sets["test"].labels, pred_probs)
    return [found[index] for index in range(len(trainings))]


def show(name: str, scores: np.ndarray) -> None:
    for what, row in zip(("balanced accuracy", "calibration error"), scores, strict=True):
        cells = "".join(f"{value:10.4f}" for value in row)
        print(f"{f'{name}, {what}':64}{cells}", flush=True)


if __name__ == "__main__":
    main()
