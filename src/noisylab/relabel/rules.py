"""Which labels are probably wrong: labels and probabilities in, indices out; no model, no file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from noisylab.core.errors import InputError, shown
from noisylab.core.images import check_probs

# Of a score: models of balanced batches take all classes for equally frequent, and so what is rare
# for more frequent than it is. Chosen on other sets, see tests/benchmarks/hidden.py.
_THRESHOLD = 0.6
_LEAST_SHARE = 0.02  # of a class: fewer wrong labels cannot be told from what a model gets wrong
_LEAST_KEPT = 0.25  # of a class that have to be above a threshold for its ratio to be believed
_TINY = 1e-12  # added to probabilities, whose logarithm is taken


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """What a rule makes of N images.

    scores:    (N,) float64 in [0, 1]; higher means more likely mislabelled.
    suggested: (N,) int64, the class that each image would have if its label were wrong.
    flagged:   (M,) int64, indices of the images whose label is probably wrong, the most certain
               first, equally certain ones in their order.
    """

    scores: np.ndarray
    suggested: np.ndarray
    flagged: np.ndarray


def find_called(
    given_labels: np.ndarray, pred_probs: np.ndarray, suspect: int | None = None
) -> LabelErrors:
    """Images that a model calls otherwise than they are labelled; only those it calls `suspect`.

    given_labels: (N,) int64 in 0..K-1. pred_probs: (N, K), rows sum to 1. suspect: None for any.
    Score: the probability of the suggested class. With any suspect, what is flagged is what
    cleanlab's filter `predicted_neq_given` does.

    >>> pred_probs = np.array([[.9, .1], [.2, .8], [.1, .9]])
    >>> find_called(np.array([1, 0, 1]), pred_probs).flagged
    array([0, 1])
    """
    _check(given_labels, pred_probs)
    others = pred_probs.copy()
    others[np.arange(len(others)), given_labels] = 0.0
    suggested = others.argmax(axis=1) if suspect is None else np.full(len(others), suspect)
    scores = others[np.arange(len(others)), suggested]
    is_flagged = (suggested != given_labels) & (suggested == pred_probs.argmax(axis=1))
    return LabelErrors(scores, suggested, _ordered(is_flagged, scores))


def find_suspect(given_labels: np.ndarray, pred_probs: np.ndarray, suspect: int) -> LabelErrors:
    """Images that are rather of the class `suspect` than of the one that they are labelled.

    given_labels: (N,) int64 in 0..K-1. pred_probs: (N, K), rows sum to 1; also of images that the
    models trained on, if they saw wrong labels so seldom that they did not learn them by heart.
    Score: p_suspect / (p_suspect + p_given), 0 for what is labelled so; above 0.6 is flagged.

    >>> pred_probs = np.array([[.9, .1], [.2, .8], [.1, .9]])
    >>> find_suspect(np.array([1, 0, 1]), pred_probs, suspect=1).flagged
    array([1])
    """
    _check(given_labels, pred_probs)
    scores = _odds(given_labels, pred_probs)[:, suspect]
    return LabelErrors(scores, np.full(len(scores), suspect), _ordered(scores > _THRESHOLD, scores))


def find_confused(
    given_labels: np.ndarray, out_of_sample_probs: np.ndarray, pred_probs: np.ndarray | None = None
) -> LabelErrors:
    """Images labelled as one class and really of another, whichever the two are.

    given_labels:        (N,) int64 in 0..K-1.
    out_of_sample_probs: (N, K), rows sum to 1, by models that did not train on the image.
    pred_probs:          (N, K), what images are judged by; as before if None.

    Whether a class i hides images of j is told by mislabelled_share(). If so, those of which
    p_j / (p_i + p_j), their score, is above 0.6 are flagged.

    >>> labels = np.array([0] * 60 + [1] * 40)
    >>> really = np.array([0] * 50 + [1] * 50)
    >>> find_confused(labels, np.array([[.9, .1], [.1, .9]])[really]).flagged
    array([50, 51, 52, 53, 54, 55, 56, 57, 58, 59])
    """
    pred_probs = out_of_sample_probs if pred_probs is None else pred_probs
    _check(given_labels, out_of_sample_probs)
    _check(given_labels, pred_probs)
    odds = _odds(given_labels, pred_probs)
    classes = range(pred_probs.shape[1])
    shares = [
        [mislabelled_share(given_labels, out_of_sample_probs, i, j) for j in classes]
        for i in classes
    ]
    is_flagged = (np.array(shares) > 0)[given_labels] & (odds > _THRESHOLD)
    # Of two classes that an image is flagged for, and of all if for none, the more probable.
    flagged_at_all = np.any(is_flagged, axis=1)
    suggested = np.where(flagged_at_all[:, np.newaxis] & ~is_flagged, -1, odds).argmax(axis=1)
    scores = odds[np.arange(len(odds)), suggested]
    return LabelErrors(scores, suggested, _ordered(flagged_at_all, scores))


def mislabelled_share(
    given_labels: np.ndarray, pred_probs: np.ndarray, given: int, really: int
) -> float:
    """Estimate the share, in [0, 1], of the images labelled `given` that are of the class `really`.

    pred_probs: (N, K), rows sum to 1, by models that did not train on the image.

    If a share of the images under one label are drawn from the class of another, then no
    threshold on any score lets through a smaller part of the first than that share of what
    it lets through of the second (the mixture proportion of Blanchard et al. 2010 and Scott 2015).
    So the smallest such ratio, over thresholds on log p_really - log p_given that enough of
    the second pass, is the estimate: with few images rather too low. Below 0.02 it is taken for 0.
    """
    probs = pred_probs + _TINY
    scores = np.log(probs[:, really]) - np.log(probs[:, given])
    below, above = (np.sort(scores[given_labels == label]) for label in (given, really))
    if not (len(below) and len(above)):
        return 0.0
    thresholds = above[: len(above) - int(np.ceil(_LEAST_KEPT * len(above))) + 1]
    kept = (1 - np.searchsorted(part, thresholds) / len(part) for part in (below, above))
    of_given, of_really = kept
    share = float((of_given / of_really).min())
    return min(share, 1.0) if share >= _LEAST_SHARE else 0.0


def _odds(given_labels: np.ndarray, pred_probs: np.ndarray) -> np.ndarray:
    """(N, K) in [0, 1]: p_k / (p_k + p_given), and 0 for the given label."""
    everyone = np.arange(len(given_labels))
    own = pred_probs[everyone, given_labels][:, np.newaxis]  # (N, 1)
    odds: np.ndarray = (pred_probs + _TINY) / (pred_probs + own + 2 * _TINY)
    odds[everyone, given_labels] = 0.0
    return odds


def _check(given_labels: Any, pred_probs: Any) -> None:
    n_images = len(given_labels)
    if pred_probs.ndim != 2 or len(pred_probs) != n_images:
        raise InputError(f"pred_probs must be of shape ({n_images}, K), got {shown(pred_probs)}")
    check_probs(pred_probs, n_images, pred_probs.shape[1])
    outside = np.flatnonzero((given_labels < 0) | (given_labels >= pred_probs.shape[1]))
    if outside.size:
        place = f"{given_labels[outside[0]]} at index {outside[0]}"
        raise InputError(f"labels must be in 0..{pred_probs.shape[1] - 1}, got {place}")


def _ordered(is_flagged: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The flagged indices by falling score."""
    flagged = np.flatnonzero(is_flagged)
    order: np.ndarray = flagged[np.argsort(-scores[flagged], kind="stable")]
    return order
