"""How to choose among the sweep's models, the optimizers' rates, and a batch size, on other sets.

    python tests/benchmarks/choosing.py DIR [--sets K ...]

On sets made from CIFAR-10 in DIR, with the bundled set's counts but other classes, and with labels
corrected as by stage relabel: balanced accuracy on clean test images of
train_fixed's kept recipe with each optimizer and rate, and with other batch sizes; and of the model
that each way of choosing on dev takes, among those of the kept batch size. One seed. --sets: only
the Kth sets, from 1.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from distillation import corrected_sets

from noisylab.config.params import read_params
from noisylab.learning.evaluation import evaluate
from noisylab.learning.kept import Trained, Training
from noisylab.learning.training import predict_probs
from noisylab.many.trainer import Trainer

RATES = {
    "adam": (0.001, 0.003, 0.01),
    "adamw": (0.001, 0.003),
    "sgd": (0.03, 0.1),
    "rmsprop": (0.001, 0.003),
}
#: Batch sizes and rates of Adam.
OTHERS = ((32, 0.001), (32, 0.003), (128, 0.003))
LAST = 5  # epochs

#: Figures of dev, the higher the better, from labels, probabilities and the training's epochs.
WAYS: dict[str, Callable[[np.ndarray, np.ndarray, Trained], float]] = {
    "balanced accuracy": lambda labels, probs, one: evaluate(labels, probs).balanced_accuracy,
    "class-balanced cross-entropy": lambda labels, probs, one: -balanced_loss(labels, probs),
    "accuracy": lambda labels, probs, one: one.history[-1].dev_accuracy,
    f"loss, mean of {LAST} epochs": lambda labels, probs, one: -last(one, "dev_loss"),
    f"accuracy, mean of {LAST} epochs": lambda labels, probs, one: last(one, "dev_accuracy"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--sets", type=int, nargs="+", choices=range(1, 5), default=[1, 2, 3, 4])
    arguments = parser.parse_args()
    root, params = arguments.root, read_params("params.yaml")
    recipe = params.train_fixed.runs[params.train_fixed.keep]
    settings = [(optimizer, rate) for optimizer, rates in RATES.items() for rate in rates]
    wanted = [
        Training(replace(recipe, optimizer=optimizer, lr=rate), 0, name=f"{optimizer} {rate:g}")
        for optimizer, rate in settings
    ]
    for size, rate in OTHERS:
        other = replace(recipe, optimizer="adam", batch_size=size, lr=rate)
        wanted.append(Training(other, 0, name=f"adam {rate:g}, of {size}"))
    rows: dict[str, list[float]] = {}
    for name, sets in corrected_sets(root, arguments.sets, params, Trainer()):
        dev, test = sets["dev"], sets["test"]
        found = dict(Trainer().train(sets["train"], dev, wanted))
        on_test, merits = [], []
        for index in range(len(wanted)):
            model = found[index].revive()
            on_test.append(
                evaluate(test.labels, predict_probs(model, test.images)).balanced_accuracy
            )
            probs = predict_probs(model, dev.images)
            merits.append([way(dev.labels, probs, found[index]) for way in WAYS.values()])
        for training, accuracy in zip(wanted, on_test, strict=True):
            rows.setdefault(training.name, []).append(accuracy)
        chosen = np.argmax(merits[: len(settings)], axis=0)
        for way, index in zip(WAYS, chosen, strict=True):
            rows.setdefault(f"chosen by {way}", []).append(on_test[index])
        rows.setdefault("best of all, by test", []).append(max(on_test[: len(settings)]))
        print(f"{name}: done", flush=True)
    print("balanced accuracy on clean test, by set, and the mean")
    for what, row in rows.items():
        show(what, [*row, statistics.mean(row)])


def show(name: str, row: list[float]) -> None:
    print(f"{name:44}" + "".join(f"{value:10.4f}" for value in row), flush=True)


def balanced_loss(labels: np.ndarray, pred_probs: np.ndarray) -> float:
    """Mean over classes of the mean cross-entropy of their images, in nats."""
    losses = -np.log(np.maximum(pred_probs[np.arange(len(labels)), labels], 1e-12))
    return float(np.mean([losses[labels == label].mean() for label in np.unique(labels)]))


def last(trained: Trained, name: str) -> float:
    """Mean of a figure of dev over the last epochs."""
    return statistics.fmean(getattr(epoch, name) for epoch in trained.history[-LAST:])


if __name__ == "__main__":
    main()
