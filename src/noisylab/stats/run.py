"""Counts, repeated images and colours of a data set, and the images that stand for a class."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from noisylab.core.images import ImageSet, identical_images


def describe(sets: Mapping[str, ImageSet]) -> dict[str, Any]:
    """Metrics of each set with images, and of each pair of sets, as nested plain numbers.

    By split: `images`, `count` and `percent` by class, `imbalance_ratio` (images of the most
    common class per image of the rarest one that has any), `repeated_images` (equal to an earlier
    one in every pixel), `channel_mean` and `channel_std` in [0, 1]. By pair: `shared_images`.
    """
    filled = {split: image_set for split, image_set in sets.items() if len(image_set)}
    described: dict[str, Any] = {split: _describe(part) for split, part in filled.items()}
    described["shared_images"] = {
        f"{first}_{second}": len(identical_images(filled[first], filled[second]))
        for first, second in combinations(filled, 2)
    }
    return described


def _describe(image_set: ImageSet) -> dict[str, Any]:
    counts = image_set.counts()
    mean, std = channel_mean_std(image_set.images)
    return {
        "images": len(image_set),
        "count": dict(zip(image_set.classes, counts, strict=True)),
        "percent": dict(zip(image_set.classes, 100 * counts / counts.sum(), strict=True)),
        "imbalance_ratio": counts.max() / counts[counts > 0].min(),
        "repeated_images": len(identical_images(image_set, image_set)),
        "channel_mean": dict(zip(("red", "green", "blue"), mean, strict=True)),
        "channel_std": dict(zip(("red", "green", "blue"), std, strict=True)),
    }


def channel_mean_std(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (3,) of each channel, in [0, 1]; images uint8, N ≥ 1."""
    levels = np.arange(256) / 255
    first_bins = np.array([0, 256, 512])  # of red, green and blue
    counts = np.zeros(3 * 256, dtype=np.int64)
    for image in images:  # one by one, to bound the memory
        counts += np.bincount((image + first_bins).ravel(), minlength=len(counts))
    histogram = counts.reshape(3, 256)
    weights = histogram / histogram.sum(axis=1, keepdims=True)  # (3, 256)
    mean = weights @ levels
    variance = (weights * (levels - mean[:, None]) ** 2).sum(axis=1)
    return mean, np.sqrt(variance)


def evenly_spread(labels: np.ndarray, label: int, n_images: int) -> np.ndarray:
    """Indices of at most `n_images` images of one label, evenly spread over the set."""
    of_label = np.flatnonzero(labels == label)
    positions = np.linspace(0, len(of_label) - 1, min(n_images, len(of_label)))
    indices: np.ndarray = of_label[positions.round().astype(np.int64)]
    return indices
