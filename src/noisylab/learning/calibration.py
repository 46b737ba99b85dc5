"""Whether probabilities say how often a model is right, and probabilities without smoothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

N_BINS = 15  # of equal width, as in Guo et al. 2017


@dataclass(frozen=True, eq=False)
class Reliability:
    """Confidence and accuracy of predictions in bins of confidence; all classes weigh the same.

    The confidence of a prediction is the probability of the predicted class. An image weighs the
    inverse of the number of images with its label, so that a common class does not decide.

    share:      (15,) weight of the images in each bin; the sum is 1.
    confidence: (15,) their mean confidence; 0 in an empty bin.
    accuracy:   (15,) share of them that are predicted correctly; 0 in an empty bin.
    """

    share: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def ece(self) -> float:
        """Expected calibration error in [0, 1] (Naeini et al. 2015), 0 for a calibrated model."""
        return float((self.share * np.abs(self.accuracy - self.confidence)).sum())

    @property
    def mean_confidence(self) -> float:
        """Mean confidence in [0, 1]; above the balanced accuracy, the model is over-confident."""
        return float((self.share * self.confidence).sum())


def reliability(labels: np.ndarray, pred_probs: np.ndarray) -> Reliability:
    """Reliability of pred_probs (N, K), whose rows sum to 1, for labels (N,) int in 0..K-1; N ≥ 1.

    >>> found = reliability(np.array([0, 0, 1]), np.array([[.9, .1], [.3, .7], [.1, .9]]))
    >>> round(found.ece, 6)
    0.25
    """
    counts = np.bincount(labels)
    weights = 1 / (counts[labels] * np.count_nonzero(counts))
    confidence = pred_probs.max(axis=1)
    bins = np.clip(np.ceil(confidence * N_BINS).astype(int) - 1, 0, N_BINS - 1)
    is_right = pred_probs.argmax(axis=1) == labels
    share, sure, right = (
        np.bincount(bins, weights * values, N_BINS) for values in (1.0, confidence, is_right)
    )
    filled = np.where(share > 0, share, 1)
    return Reliability(share, sure / filled, right / filled)


def unsmoothed(pred_probs: np.ndarray, label_smoothing: float) -> np.ndarray:
    """Undo label smoothing in pred_probs (N, K), whose rows sum to 1, of models trained with it.

    A model that fits smoothed labels predicts q = (1 - ε) p + ε/K for the true probability p, so p
    is (q - ε/K) / (1 - ε). Values below 0 become 0, and rows sum to 1 again. A smoothing of 0
    changes nothing, and one of 1 leaves nothing to recover: the probabilities stay.

    >>> unsmoothed(np.array([[0.95, 0.05]]), 0.1)
    array([[1., 0.]])
    """
    if label_smoothing in (0, 1):
        return pred_probs
    spread = label_smoothing / pred_probs.shape[1]
    probs = ((pred_probs - spread) / (1 - label_smoothing)).clip(0)
    sharpened: np.ndarray = probs / probs.sum(axis=1, keepdims=True)
    return sharpened
