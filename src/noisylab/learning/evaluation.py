"""How good predictions are, class by class: the one evaluation of every stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model does on one set. Equal to scikit-learn's figures of the same names, where
    no probability is so near 0 that scikit-learn clips it in the loss.

    loss:      mean cross-entropy, in nats.
    accuracy:  share of images whose most probable class is their label.
    confusion: (K, K) int64; `confusion[actual, predicted]` counts images.
    """

    loss: float
    accuracy: float
    confusion: np.ndarray

    @property
    def recall(self) -> np.ndarray:
        """(K,) share of the images of each class that are found; 0 for a class without images."""
        return _ratio(self.confusion.diagonal(), self.confusion.sum(axis=1))

    @property
    def precision(self) -> np.ndarray:
        """(K,) share of the images called a class that are of it; 0 where none is called so."""
        return _ratio(self.confusion.diagonal(), self.confusion.sum(axis=0))

    @property
    def f1(self) -> np.ndarray:
        """(K,) harmonic mean of precision and recall; 0 for a class neither there nor predicted."""
        called_or_there = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        return _ratio(2 * self.confusion.diagonal(), called_or_there)

    @property
    def macro_f1(self) -> float:
        """Mean of `f1` over all K classes."""
        return float(self.f1.mean())

    @property
    def balanced_accuracy(self) -> float:
        """Mean of `recall` over the classes that have images."""
        return float(self.recall[self.confusion.sum(axis=1) > 0].mean())

    def metrics(self, classes: Sequence[str]) -> dict[str, Any]:
        """The figures by name, the same names for every set: what is written and compared."""
        return {
            "loss": self.loss,
            "accuracy": self.accuracy,
            "balanced_accuracy": self.balanced_accuracy,
            "macro_f1": self.macro_f1,
            "recall": dict(zip(classes, self.recall, strict=True)),
        }


def evaluate(labels: np.ndarray, pred_probs: np.ndarray) -> Evaluation:
    """Compare labels (N,) int64 in 0..K-1 with pred_probs (N, K), whose rows sum to 1; N ≥ 1.

    >>> evaluate(np.array([0, 0, 1]), np.array([[.9, .1], [.2, .8], [.1, .9]])).confusion
    array([[1, 1],
           [0, 1]])
    """
    n_images, n_classes = pred_probs.shape
    if labels.shape != (n_images,) or n_images == 0:
        raise ValueError(f"labels must be of shape ({n_images},) and not empty, got {labels.shape}")
    predicted = pred_probs.argmax(axis=1)
    cells = np.bincount(labels * n_classes + predicted, minlength=n_classes**2)
    # A probability that underflowed to 0 would make the mean infinite.
    of_label = np.maximum(pred_probs[np.arange(n_images), labels], np.finfo(np.float64).tiny)
    return Evaluation(
        loss=float(-np.log(of_label).mean()),
        accuracy=float((predicted == labels).mean()),
        confusion=cells.reshape(n_classes, n_classes),
    )


def precision_recall(
    is_positive: np.ndarray, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Precision and recall at every threshold, and the average precision.

    is_positive: (N,) bool, some of them true. scores: (N,), higher for what is called positive
    first; equal scores share a threshold. The curves, (T + 1,), start at recall 0 and precision 1
    and go on to recall 1. Equal to scikit-learn's precision_recall_curve, the other way round,
    and average_precision_score.
    """
    order = np.argsort(-scores, kind="stable")
    last_of_its_score = np.flatnonzero(np.diff(scores[order], append=-np.inf))
    n_true = np.cumsum(is_positive[order])[last_of_its_score]
    precision = np.concatenate([[1.0], n_true / (last_of_its_score + 1)])
    recall = np.concatenate([[0.0], n_true / is_positive.sum()])
    return precision, recall, float(np.sum(np.diff(recall) * precision[1:]))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = part / np.maximum(whole, 1)
    return ratio
