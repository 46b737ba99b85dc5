"""Pictures of stage `relabel`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from noisylab import plots

_LONGEST_NAME = 14  # characters of a class name in a caption


def label_errors(
    title: str,
    images: np.ndarray,
    given: np.ndarray,
    suggested: np.ndarray,
    scores: np.ndarray,
    classes: Sequence[str],
) -> Figure:
    """Draw images (N, 32, 32, 3) uint8 with given and suggested label, and the score (N,)."""
    names = [plots.shortened(name, _LONGEST_NAME) for name in classes]
    rows = zip(given, suggested, scores, strict=True)
    captions = [f"{names[label]} → {names[other]} {score:.2f}" for label, other, score in rows]
    return plots.image_sheet(title, images, captions)


def class_counts(counts: Mapping[str, np.ndarray], classes: Sequence[str]) -> Figure:
    """Draw the counts (K,) of given and corrected labels as bars."""
    title = "Images by label, before and after correction"
    return plots.class_distribution(title, counts, classes)


def precision_recall(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray, float]],
    flagged: Mapping[str, tuple[float, float]],
) -> Figure:
    """Draw (precision, recall, average precision) of each rule, and where it flags."""
    return plots.precision_recall_curves("Wrong labels found, by rule", curves, flagged)
