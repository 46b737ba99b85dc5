"""Probably wrong labels, found in anybody's labels and probabilities.

A call of cleanlab's `find_label_issues(labels, pred_probs)` (Northcutt, Jiang and Chuang 2021) can
be replaced by one of these: the arguments and the result mean the same. They need no torch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from noisylab.api.inputs import as_labels, as_probs
from noisylab.core.errors import InputError, shown
from noisylab.core.images import rarest
from noisylab.relabel import rules

#: Orders of indices: by the score of the rule, or as cleanlab calls them.
RANKINGS = ("score", "self_confidence", "normalized_margin", "confidence_weighted_entropy")


def find_suspect(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    suspect: int | None = None,
    *,
    return_indices_ranked_by: str | None = None,
) -> np.ndarray:
    """Find images of one class, `suspect`, that carry the label of another.

    labels:     (N,) integers in 0..K-1; an array, list, tensor or column.
    pred_probs: (N, K), rows sum to 1; may be of models that trained on the images, if they saw
                wrong labels too seldom to memorise them.
    suspect:    in 0..K-1; by default the class that the fewest labels name.
    return_indices_ranked_by: `score`, the rule's own, or one of cleanlab's `self_confidence`,
                `normalized_margin` and `confidence_weighted_entropy`.

    Returns a mask (N,) bool, True for a label that is probably wrong; with
    `return_indices_ranked_by` the indices (M,) of these, the most certain first. All of them are
    probably images of `suspect`. noisylab.relabel.rules.find_suspect() states the rule.

    Raises InputError, in one line, for labels and probabilities that are not as above.

    >>> find_suspect([1, 0, 0], [[.9, .1], [.2, .8], [.1, .9]], suspect=1)
    array([False,  True,  True])
    >>> find_suspect([1, 0, 0], [[.9, .1], [.2, .8], [.1, .9]], return_indices_ranked_by="score")
    array([2, 1])
    """
    probs = as_probs(pred_probs)
    n_images, n_classes = probs.shape
    given = as_labels(labels, n_images, n_classes)
    if suspect is None:
        suspect = rarest(np.bincount(given, minlength=n_classes))
    else:
        suspect = int(as_labels([suspect], 1, n_classes, "suspect")[0])
    found = rules.find_suspect(given, probs, suspect)
    return _mask_or_indices(found, given, probs, return_indices_ranked_by)


def find_confused(
    labels: ArrayLike, pred_probs: ArrayLike, *, return_indices_ranked_by: str | None = None
) -> np.ndarray:
    """Find images of any class that carry the label of another.

    pred_probs: (N, K), rows sum to 1; of models that did not train on the image that a row is for,
                as from cross-validation.

    Other arguments, result and errors: as for find_suspect(). Unlike there, the right class of a
    found image may be any; it is mostly the most probable one. If a class has only a few wrong
    labels, they are not found: they look like mistakes of the model.

    noisylab.relabel.rules.find_confused() states the rule.

    >>> labels = [0] * 60 + [1] * 40
    >>> pred_probs = [[.9, .1]] * 50 + [[.1, .9]] * 50
    >>> np.flatnonzero(find_confused(labels, pred_probs))
    array([50, 51, 52, 53, 54, 55, 56, 57, 58, 59])
    """
    probs = as_probs(pred_probs)
    given = as_labels(labels, *probs.shape)
    found = rules.find_confused(given, probs)
    return _mask_or_indices(found, given, probs, return_indices_ranked_by)


def _mask_or_indices(
    found: rules.LabelErrors, labels: np.ndarray, pred_probs: np.ndarray, ranked_by: str | None
) -> np.ndarray:
    if ranked_by not in (None, *RANKINGS):
        raise InputError(
            f"return_indices_ranked_by must be one of {', '.join(RANKINGS)}, got {shown(ranked_by)}"
        )
    if ranked_by is None:
        return found.is_flagged
    if ranked_by == "score":
        return found.flagged
    flagged = np.flatnonzero(found.is_flagged)
    quality = _quality(labels[flagged], pred_probs[flagged], ranked_by)
    ranked: np.ndarray = flagged[np.argsort(quality, kind="stable")]
    return ranked


def _quality(labels: np.ndarray, pred_probs: np.ndarray, ranking: str) -> np.ndarray:
    """Scores (N,) that order labels as cleanlab's label quality does, the worst lowest.

    cleanlab clips at 1e-6 for entropy; here, the surer a model is of another class, the worse.
    """
    rows = np.arange(len(labels))
    quality: np.ndarray = pred_probs[rows, labels]  # self-confidence
    if ranking == "normalized_margin":
        others = pred_probs.copy()
        others[rows, labels] = -1
        quality = quality - others.max(axis=1)
    elif ranking == "confidence_weighted_entropy":
        probs = pred_probs.clip(np.finfo(np.float64).tiny)
        quality = (probs * np.log(probs)).sum(axis=1) / probs[rows, labels]
    return quality
