"""Which doubtful labels to decide on first, and how many of them are probably wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: In the order of review: flagged images that a person accepts at a glance, flagged ones near the
#: threshold, and images that are not flagged.
TIERS = ("certain", "doubtful", "unflagged")

_SLOPES = np.geomspace(1 / 8, 8, 97)  # of log odds
_CLIP = 1e-3  # a score of 0 or 1 has infinite log odds


def tiers(scores: np.ndarray, is_flagged: np.ndarray) -> np.ndarray:
    """(N,) indices into TIERS. A flagged image is certain if nearer to 1 than to the threshold.

    scores: (N,) in [0, 1]. is_flagged: (N,) bool. The threshold is the lowest flagged score.
    """
    is_certain = scores > (1 + _threshold(scores, is_flagged)) / 2
    return np.where(is_flagged, np.where(is_certain, 0, 1), 2)


def order(scores: np.ndarray, is_flagged: np.ndarray) -> np.ndarray:
    """(N,) indices in the order of review.

    The certain ones by falling score, since many are decided at a glance; then the images that the
    rule is least sure of: flagged ones from the threshold up, the others from the threshold down.

    >>> order(np.array([.9, .7, .6, .5, .4]), np.array([True, True, True, False, False]))
    array([0, 2, 1, 3, 4])
    """
    tier = tiers(scores, is_flagged)
    distance = np.abs(scores - _threshold(scores, is_flagged))
    return np.lexsort((np.where(tier == 0, -scores, distance), tier))


def wrong_probs(scores: np.ndarray, decided: Sequence[int], is_wrong: Sequence[bool]) -> np.ndarray:
    """(N,) probabilities that a label is wrong, from the scores and the labels decided so far.

    scores:   (N,) in [0, 1]; higher means more likely mislabelled.
    decided:  indices of the images that a person decided on.
    is_wrong: whether the given label of each was wrong.

    Models whose predictions are averaged are less sure than they are right, to a degree that
    depends on the images. So the log odds of a score are multiplied by a slope, as in Platt (1999)
    and in temperature scaling (Guo et al. 2017). The slope is 1 as long as nothing is decided; then
    it is the likeliest given the decisions, with a standard normal prior on its logarithm.

    >>> scores = np.array([.8, .7, .3])
    >>> wrong_probs(scores, [], []).sum().round(2)
    1.8
    """
    clipped = np.clip(scores, _CLIP, 1 - _CLIP)
    log_odds = np.log(clipped) - np.log1p(-clipped)
    signs = np.where(is_wrong, 1, -1)
    margins = _SLOPES[:, np.newaxis] * (signs * log_odds[np.asarray(decided, np.int64)])
    log_likelihood = -np.logaddexp(0, -margins).sum(axis=1) - np.log(_SLOPES) ** 2 / 2
    slope = _SLOPES[log_likelihood.argmax()]
    probs: np.ndarray = 1 / (1 + np.exp(-slope * log_odds))
    return probs


def _threshold(scores: np.ndarray, is_flagged: np.ndarray) -> float:
    return float(scores[is_flagged].min()) if is_flagged.any() else 1.0
