"""Rules that find probably wrong labels: labels and probabilities in, indices out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from noisylab.core.errors import InputError, shown
from noisylab.core.images import check_probs

# Of a score, without a second opinion. Above one half, since models that are trained on balanced
# batches overrate rare classes. Chosen by tests/benchmarks/hidden.py on sets of other classes.
_THRESHOLD = 0.6
# Both trade recall for precision where no class is suspected; see tests/benchmarks/labels.py.
_LEAST_SHARE = 0.02  # of a class; fewer wrong labels cannot be told from mistakes of the model
_LEAST_KEPT = 0.25  # of a class above a threshold, for its ratio to be trusted
_Z = 1.96  # standard errors on either side of a 95% confidence interval
_TINY = 1e-12  # added to probabilities before logarithms and ratios


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """Result of a rule on N images.

    scores:     (N,) float64 in [0, 1]; higher means more likely mislabelled.
    suggested:  (N,) int64, the class of each image if its label is wrong.
    is_flagged: (N,) bool, whether the label is probably wrong.
    """

    scores: np.ndarray
    suggested: np.ndarray
    is_flagged: np.ndarray

    @cached_property
    def flagged(self) -> np.ndarray:
        """Indices (M,) of the flagged images, the highest score first, equal ones in order."""
        return self._ranked(self.is_flagged)

    def near(self, n_images: int) -> np.ndarray:
        """Indices of at most `n_images` images that would be flagged next, the likeliest first."""
        return self._ranked(~self.is_flagged & (self.scores > 0))[:n_images]

    def _ranked(self, is_chosen: np.ndarray) -> np.ndarray:
        chosen = np.flatnonzero(is_chosen)
        ranked: np.ndarray = chosen[np.argsort(-self.scores[chosen], kind="stable")]
        return ranked


def find_called(
    given_labels: np.ndarray, pred_probs: np.ndarray, suspect: int | None = None
) -> LabelErrors:
    """Images predicted as another class than their label, or, if given, as the class `suspect`.

    given_labels: (N,) int64 in 0..K-1. pred_probs: (N, K), rows sum to 1.
    Score: the probability of the suggested class. Without a suspect, the flagged images are those
    of cleanlab's filter `predicted_neq_given`.

    >>> pred_probs = np.array([[.9, .1], [.2, .8], [.1, .9]])
    >>> find_called(np.array([1, 0, 1]), pred_probs).flagged
    array([0, 1])
    """
    _check(given_labels, pred_probs)
    rows = np.arange(len(pred_probs))
    others = pred_probs.copy()
    others[rows, given_labels] = 0.0
    suggested = others.argmax(axis=1) if suspect is None else np.full(len(others), suspect)
    scores = others[rows, suggested]
    is_flagged = (suggested != given_labels) & (suggested == pred_probs.argmax(axis=1))
    return LabelErrors(scores, suggested, is_flagged)


def find_suspect(given_labels: np.ndarray, pred_probs: np.ndarray, suspect: int) -> LabelErrors:
    """Images that are more probably of the class `suspect` than of their label.

    given_labels: (N,) int64 in 0..K-1. pred_probs: (N, K), rows sum to 1; may be of models that
    trained on the image, if they saw wrong labels too seldom to memorise them.
    Score: p_suspect / (p_suspect + p_given), 0 for images labelled `suspect`; flagged above 0.6.

    >>> pred_probs = np.array([[.9, .1], [.2, .8], [.1, .9]])
    >>> find_suspect(np.array([1, 0, 1]), pred_probs, suspect=1).flagged
    array([1])
    """
    _check(given_labels, pred_probs)
    scores = _odds(given_labels, pred_probs)[:, suspect]
    return LabelErrors(scores, np.full(len(scores), suspect), scores > _THRESHOLD)


def find_confused(
    given_labels: np.ndarray, out_of_sample_probs: np.ndarray, pred_probs: np.ndarray | None = None
) -> LabelErrors:
    """Images of one class under the label of another, for any two classes.

    given_labels:        (N,) int64 in 0..K-1.
    out_of_sample_probs: (N, K), rows sum to 1, by models that did not train on the image.
    pred_probs:          (N, K), to score images by; out_of_sample_probs if None.

    mislabelled_share() decides whether images of class j stand under label i. If so, those with a
    score p_j / (p_i + p_j) above 0.6 are flagged.

    >>> labels = np.array([0] * 60 + [1] * 40)
    >>> truth = np.array([0] * 50 + [1] * 50)
    >>> find_confused(labels, np.array([[.9, .1], [.1, .9]])[truth]).flagged
    array([50, 51, 52, 53, 54, 55, 56, 57, 58, 59])
    """
    pred_probs = out_of_sample_probs if pred_probs is None else pred_probs
    _check(given_labels, out_of_sample_probs)
    _check(given_labels, pred_probs)
    odds = _odds(given_labels, pred_probs)  # (N, K)
    parts = _logs_by_label(given_labels, out_of_sample_probs)
    classes = range(len(parts))
    shares = [[_share(parts[i], parts[j], i, j) for j in classes] for i in classes]
    is_confused = (np.array(shares) > 0)[given_labels] & (odds > _THRESHOLD)  # (N, K)
    return _most_probable(odds, is_confused)


def find_agreed(
    given_labels: np.ndarray, kinds: tuple[np.ndarray, np.ndarray], suspect: int | None = None
) -> LabelErrors:
    """Images that two kinds of models agree are of another class, or, if given, of `suspect`.

    given_labels: (N,) int64 in 0..K-1. kinds: two pred_probs (N, K), rows sum to 1, by models of
    different networks; both may have trained on the image, as for find_suspect().
    Score: p_suggested / (p_suggested + p_given), of mean_of_kinds().

    For each label and each other class, agreed_number() gives a number n. Of the n images with the
    highest scores, those above one half are flagged. If these are fewer than n / 2, none is: the
    two kinds of models then agree on unusual images, not on wrong labels.

    >>> truth, labels = np.repeat([0, 1], 50), np.repeat([0, 1], [60, 40])
    >>> of_1 = 0.6 * truth + np.random.default_rng(0).uniform(0, 0.4, (2, 100))
    >>> first, second = np.stack([1 - of_1, of_1], axis=2)
    >>> np.sort(find_agreed(labels, (first, second)).flagged)
    array([50, 51, 52, 53, 54, 55, 56, 57, 58, 59])
    """
    for pred_probs in kinds:
        _check(given_labels, pred_probs)
    if kinds[0].shape != kinds[1].shape:
        shapes = " and ".join(shown(pred_probs) for pred_probs in kinds)
        raise InputError(f"two kinds of pred_probs must have the same shape, got {shapes}")
    odds, first, second = (
        _odds(given_labels, pred_probs) for pred_probs in (mean_of_kinds(kinds), *kinds)
    )  # (N, K)
    is_found = np.zeros(odds.shape, bool)
    others = range(odds.shape[1]) if suspect is None else [suspect]
    for label in range(odds.shape[1]):
        own = np.flatnonzero(given_labels == label)
        for other in others if len(own) > 1 else []:
            if other != label:
                number = agreed_number(first[own, other], second[own, other])
                likely = odds[own, other]
                is_agreed = (_ranks(likely) < number) & (likely > 0.5)
                is_found[own, other] = is_agreed & (2 * is_agreed.sum() >= number)
    if suspect is not None:
        return LabelErrors(odds[:, suspect], np.full(len(odds), suspect), is_found[:, suspect])
    return _most_probable(odds, is_found)


def mean_of_kinds(kinds: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Mean of two pred_probs (N, K), of which the second, by the better network, counts twice.

    The weight was chosen by tests/benchmarks/opinion.py on sets of other classes.
    """
    first, second = kinds
    mean: np.ndarray = (first + 2 * second) / 3
    return mean


def agreed_number(scores: np.ndarray, others: np.ndarray) -> int:
    """The number, in 0..N/2, of the likeliest images on which two kinds of models agree best.

    scores, others: (N,) scores of the same images by either kind; N at least 2.

    The overlap at n is the share of the n likeliest images by one kind that are also among the n
    likeliest by the other. Where both rank the same images first, it is largest near the number of
    these. A large share of few images is weak evidence, so the lower end of its 95% confidence
    interval is used (Wilson 1927), and of that the excess over chance, as in Cohen's kappa (Cohen
    1960). Over a range of n, kappa is within one standard error of its maximum; the number is the
    geometric mean of the ends of that range. It is 0 if the overlap at the maximum may be one half.

    >>> is_wrong = np.arange(100) < 12
    >>> agreed_number(*(is_wrong + np.random.default_rng(0).uniform(0, 0.9, (2, 100))))
    11
    """
    numbers = np.arange(1, len(scores) // 2 + 1)
    # Equal scores rank in opposite orders by the two kinds: they are no agreement.
    later_rank = np.sort(np.maximum(_ranks(scores), _ranks(others[::-1])[::-1]))
    share = np.searchsorted(later_rank, numbers) / numbers
    shrink = 1 + _Z**2 / numbers
    error = np.sqrt(share * (1 - share) / numbers + (_Z / numbers / 2) ** 2) / shrink
    lower_end = (share + _Z**2 / numbers / 2) / shrink - _Z * error
    by_chance = numbers / len(scores)
    kappa = (lower_end - by_chance) / (1 - by_chance)
    best = kappa.argmax()
    if lower_end[best] <= 0.5:
        return 0
    is_near_best = kappa >= kappa[best] - error[best] / (1 - by_chance[best])
    least, most = numbers[is_near_best][[0, -1]]
    return round(math.sqrt(least * most))


def mislabelled_share(
    given_labels: np.ndarray, pred_probs: np.ndarray, given: int, really: int
) -> float:
    """Estimate the share, in [0, 1], of the images labelled `given` that are of class `really`.

    pred_probs: (N, K), rows sum to 1, by models that did not train on the image.

    If a share of the images under one label is drawn from another class, then every threshold on
    every score passes at least that share of what it passes of the other class (the mixture
    proportion of Blanchard et al. 2010 and Scott 2015). The estimate is the smallest ratio over
    thresholds on log p_really - log p_given that enough images labelled `really` pass. With few
    images it tends to be too low; below 0.02 it counts as 0.
    """
    parts = _logs_by_label(given_labels, pred_probs)
    return _share(parts[given], parts[really], given, really)


def _logs_by_label(given_labels: np.ndarray, pred_probs: np.ndarray) -> list[np.ndarray]:
    """For each label, the logarithms (M, K) of the probabilities of the images that carry it."""
    logs = np.log(pred_probs + _TINY)
    return [logs[given_labels == label] for label in range(logs.shape[1])]


def _share(logs_given: np.ndarray, logs_really: np.ndarray, given: int, really: int) -> float:
    """As mislabelled_share(), of _logs_by_label() for two labels."""
    of_given, of_really = (
        np.sort(part[:, really] - part[:, given]) for part in (logs_given, logs_really)
    )
    if not (len(of_given) and len(of_really)):
        return 0.0
    thresholds = of_really[: len(of_really) - int(np.ceil(_LEAST_KEPT * len(of_really))) + 1]
    passing_given, passing_really = (
        1 - np.searchsorted(part, thresholds) / len(part) for part in (of_given, of_really)
    )
    share = float((passing_given / passing_really).min())
    return min(share, 1.0) if share >= _LEAST_SHARE else 0.0


def _most_probable(odds: np.ndarray, is_found: np.ndarray) -> LabelErrors:
    """Suggest the most probable class for which an image is flagged, or of all others if for none.

    odds: (N, K) as from _odds(). is_found: (N, K) bool, whether the image is flagged for the class.
    """
    is_flagged = np.any(is_found, axis=1)
    suggested = np.where(is_flagged[:, np.newaxis] & ~is_found, -1, odds).argmax(axis=1)
    return LabelErrors(odds[np.arange(len(odds)), suggested], suggested, is_flagged)


def _ranks(scores: np.ndarray) -> np.ndarray:
    """(N,) ranks of scores (N,): 0 for the highest; ties by index."""
    ranks = np.empty(len(scores), np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return ranks


def _odds(given_labels: np.ndarray, pred_probs: np.ndarray) -> np.ndarray:
    """(N, K) in [0, 1]: p_k / (p_k + p_given), and 0 for the given label."""
    rows = np.arange(len(given_labels))
    own = pred_probs[rows, given_labels][:, np.newaxis]  # (N, 1)
    odds: np.ndarray = (pred_probs + _TINY) / (pred_probs + own + 2 * _TINY)
    odds[rows, given_labels] = 0.0
    return odds


def _check(given_labels: np.ndarray, pred_probs: np.ndarray) -> None:
    n_images = len(given_labels)
    if pred_probs.ndim != 2 or len(pred_probs) != n_images:
        raise InputError(f"pred_probs must be of shape ({n_images}, K), got {shown(pred_probs)}")
    n_classes = pred_probs.shape[1]
    check_probs(pred_probs, n_images, n_classes)
    outside = np.flatnonzero((given_labels < 0) | (given_labels >= n_classes))
    if outside.size:
        got = f"{given_labels[outside[0]]} at index {outside[0]}"
        raise InputError(f"labels must be in 0..{n_classes - 1}, got {got}")
