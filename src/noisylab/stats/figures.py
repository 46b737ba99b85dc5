"""Pictures of stage `stats`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from noisylab import plots


def class_counts(counts: Mapping[str, np.ndarray], classes: Sequence[str]) -> Figure:
    """Draw the counts (K,) of each split as bars."""
    return plots.class_distribution("Images by given label", counts, classes)


def class_sheet(name: str, count: int, indices: np.ndarray, images: np.ndarray) -> Figure:
    """Draw some of the `count` images of one class, (N, 32, 32, 3) uint8, above their indices."""
    title = f"{len(indices)} of {count:,} images of train labelled {name}, with their indices"
    return plots.image_sheet(title, images, [str(index) for index in indices])
