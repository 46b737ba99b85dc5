"""How good predictions are, class by class: one evaluation for every stage.

scikit-learn takes as long to import as torch, so only the functions that use it import it; training
does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noisylab.core.images import ImageSet
from noisylab.learning.calibration import Reliability, reliability


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Figures of a model on one set.

    loss:        mean cross-entropy, in nats.
    accuracy:    share of images whose most probable class is their label.
    confusion:   (K, K) int; `confusion[label, predicted]` counts images.
    reliability: accuracy by confidence, and the calibration error.
    """

    loss: float
    accuracy: float
    confusion: np.ndarray
    reliability: Reliability

    @property
    def precision(self) -> np.ndarray:
        """(K,) share of the images predicted as a class that carry its label.

        0 if no image is predicted as the class; NaN if it has no images either.
        """
        predicted, labelled = self.confusion.sum(axis=0), self.confusion.sum(axis=1)
        return _shares(self.confusion.diagonal(), predicted, predicted + labelled > 0)

    @property
    def recall(self) -> np.ndarray:
        """(K,) share of the images of a class that are predicted as it; NaN if it has none."""
        labelled = self.confusion.sum(axis=1)
        return _shares(self.confusion.diagonal(), labelled, labelled > 0)

    @property
    def f1(self) -> np.ndarray:
        """(K,) harmonic mean of precision and recall; NaN without images and predictions."""
        counts = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        return _shares(2 * self.confusion.diagonal(), counts, counts > 0)

    @property
    def macro_f1(self) -> float:
        """Mean of `f1` over the classes that have images or are predicted, as scikit-learn's."""
        return float(np.nanmean(self.f1))

    @property
    def balanced_accuracy(self) -> float:
        """Mean of `recall` over the classes that have images."""
        # scikit-learn's warns about a predicted class that has no images.
        return float(np.nanmean(self.recall))

    @property
    def standard_error(self) -> float:
        """Standard error of `balanced_accuracy` as an estimate for images of the same kind.

        The recall of each class is a share of independent images. Each class counts one more image
        that is recognised and one that is not (Laplace): of few images, all may be right by chance.
        """
        counts = self.confusion.sum(axis=1)
        n_images = counts[counts > 0] + 2
        recall = (self.confusion.diagonal()[counts > 0] + 1) / n_images
        return float(np.sqrt((recall * (1 - recall) / n_images).sum()) / len(n_images))

    def metrics(self, classes: Sequence[str]) -> dict[str, Any]:
        """Figures by name, the same names for every set; a recall that is unknown is None."""
        return {
            "loss": self.loss,
            "accuracy": self.accuracy,
            "balanced_accuracy": self.balanced_accuracy,
            "macro_f1": self.macro_f1,
            "ece": self.reliability.ece,
            "confidence": self.reliability.mean_confidence,
            "recall": {
                name: None if np.isnan(recall) else recall
                for name, recall in zip(classes, self.recall, strict=True)
            },
        }


def evaluate(labels: np.ndarray, pred_probs: np.ndarray) -> Evaluation:
    """Compare labels (N,) int64 in 0..K-1 with pred_probs (N, K), whose rows sum to 1; N ≥ 1.

    >>> evaluate(np.array([0, 0, 1]), np.array([[.9, .1], [.2, .8], [.1, .9]])).confusion
    array([[1, 1],
           [0, 1]])
    """
    from sklearn.metrics import confusion_matrix

    loss, accuracy = loss_and_accuracy(labels, pred_probs)
    classes = range(pred_probs.shape[1])
    confusion = confusion_matrix(labels, pred_probs.argmax(axis=1), labels=classes)
    return Evaluation(loss, accuracy, confusion, reliability(labels, pred_probs))


def paired_error(labels: np.ndarray, is_right: np.ndarray, is_other_right: np.ndarray) -> float:
    """Standard error of the difference of two balanced accuracies on the same images.

    labels: (N,) int64. is_right, is_other_right: (N,) in [0, 1], 1 where a model is right; or means
    over models. As for Evaluation.standard_error, each class counts two more images: one that only
    the first model recognises, and one that only the other does (as Agresti and Min 2005).
    """
    variances = []
    for label in np.unique(labels):
        is_own = labels == label
        differences = np.append(is_right[is_own] - is_other_right[is_own], (1.0, -1.0))
        variances.append(differences.var() / len(differences))
    return float(np.sqrt(np.sum(variances)) / len(variances))


def loss_and_accuracy(labels: np.ndarray, pred_probs: np.ndarray) -> tuple[float, float]:
    """The loss and the accuracy of evaluate(), for every epoch."""
    n_images = len(pred_probs)
    if labels.shape != (n_images,) or n_images == 0:
        raise ValueError(f"labels must be of shape ({n_images},) and not empty, got {labels.shape}")
    # A probability that underflowed to 0 would make the mean infinite.
    of_label = np.maximum(pred_probs[np.arange(n_images), labels], np.finfo(np.float64).tiny)
    is_right = pred_probs.argmax(axis=1) == labels
    return float(-np.log(of_label).mean()), float(is_right.mean())


def _shares(parts: np.ndarray, wholes: np.ndarray, is_known: np.ndarray) -> np.ndarray:
    """parts / wholes, 0 where a whole is 0, and NaN where the share is not known."""
    shares: np.ndarray = np.where(is_known, parts / np.maximum(wholes, 1), np.nan)
    return shares


def evaluate_splits(
    sets: Mapping[str, ImageSet],
    pred_probs: Mapping[str, np.ndarray],
    given_dev_labels: np.ndarray | None = None,
) -> dict[str, Evaluation]:
    """Evaluations by split.

    `dev_given` compares dev with the labels before correction, `dev_true` with its true labels,
    where either is known.
    """
    evaluations = {}
    for split, probs in pred_probs.items():
        evaluations[split] = evaluate(sets[split].labels, probs)
        if split == "dev":
            others = {"dev_given": given_dev_labels, "dev_true": sets["dev"].true_labels}
            for name, labels in others.items():
                if labels is not None:
                    evaluations[name] = evaluate(labels, probs)
    return evaluations


def precision_recall(
    is_positive: np.ndarray, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Precision and recall at every threshold, each (T + 1,), and the average precision.

    is_positive: (N,) bool, one true at least. scores: (N,), higher for more likely positive. The
    curves run from recall 0 to recall 1, unlike scikit-learn's.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    precision, recall, _ = precision_recall_curve(is_positive, scores)
    average = float(average_precision_score(is_positive, scores))
    return precision[::-1], recall[::-1], average
