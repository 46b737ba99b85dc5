"""Which images an epoch shows: class weights, and indices drawn by them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from noisylab.config import ByClass
from noisylab.errors import InputError
from noisylab.images import ImageSet


def by_class(what: str, value: ByClass, image_set: ImageSet) -> np.ndarray:
    """A number for each class, (K,) float64, of the classes of a set.

    Of the schemes, `none` gives 1 for all, `inverse_frequency` N / (K · count), scikit-learn's
    `balanced`, and `one_minus_frequency` 1 - count / N. Raises InputError, which says `what`, where
    names are not those of the classes, and for a scheme where a class has no image.
    """
    classes, counts = image_set.classes, image_set.counts()
    if isinstance(value, Mapping):
        named = {str(name): number for name, number in value.items()}  # YAML reads 0 as a number
        if set(named) != set(classes):
            wanted, got = ", ".join(classes), ", ".join(named)
            raise InputError(f"{what} must have a number for each of {wanted}, got {got}")
        return np.array([named[name] for name in classes], dtype=np.float64)
    if value == "none":
        return np.ones(len(classes))
    if not counts.all():
        name = classes[counts.argmin()]
        raise InputError(f"{what} cannot be {value}, since no image is labelled {name}")
    share = counts / counts.sum()
    weights: np.ndarray = 1 - share if value == "one_minus_frequency" else 1 / share / len(classes)
    return weights


def sample_epoch(
    labels: np.ndarray, class_weights: np.ndarray | None, generator: torch.Generator
) -> torch.Tensor:
    """Indices (N,) int64 of one epoch: N draws with replacement, each image by its label's weight.

    labels: (N,) int64 in 0..K-1. class_weights: (K,) ≥ 0, not all 0 for the labels there are; None
    gives each image once, in any order.

    A label with n images and weight w has the share n·w / Σ n·w of the draws, on average. The
    draws are those of torch.utils.data.WeightedRandomSampler with the same generator.
    """
    if class_weights is None:
        return torch.randperm(len(labels), generator=generator)
    weights = torch.from_numpy(class_weights[labels])
    return torch.multinomial(weights, len(labels), replacement=True, generator=generator)
