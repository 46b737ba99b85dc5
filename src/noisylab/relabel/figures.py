"""Pictures of stage `relabel`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from noisylab import plots
from noisylab.core.images import ImageSet
from noisylab.relabel.rules import LabelErrors

_LONGEST_NAME = 14  # characters of a class name in a caption


def label_errors(title: str, known: ImageSet, errors: LabelErrors, indices: np.ndarray) -> Figure:
    """Draw the images at `indices` with their given and suggested labels, and scores."""
    names = [plots.shortened(name, _LONGEST_NAME) for name in known.classes]
    rows = zip(
        known.labels[indices], errors.suggested[indices], errors.scores[indices], strict=True
    )
    captions = [f"{names[given]} → {names[other]} {score:.2f}" for given, other, score in rows]
    return plots.image_sheet(title, known.images[indices], captions)


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
