"""The images of an epoch: drawn by class weights, augmented and cut into batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from noisylab.config.classes import by_class
from noisylab.config.settings import AugmentConfig
from noisylab.core.images import ImageSet
from noisylab.learning.augment import augment

_CHUNK = 512  # images augmented at once: it takes a third of the time of single batches

#: Images (B, 32, 32, 3) uint8, labels (B,) int64 and targets for distillation, (B, K) or (B, 0).
Batch = tuple[Tensor, Tensor, Tensor]

#: Augmented images from images and labels.
Augmentation = Callable[[Tensor, Tensor], Tensor]


def sample_epoch(
    labels: np.ndarray, class_weights: np.ndarray | None, generator: torch.Generator
) -> Tensor:
    """Indices (N,) int64 of one epoch: N draws with replacement, each image by its label's weight.

    labels: (N,) int64 in 0..K-1. class_weights: (K,) ≥ 0, not 0 for all labels present; None gives
    each image once, in random order.

    A label with n images and weight w has the share n·w / Σ n·w of the draws, on average. The
    draws are those of torch.utils.data.WeightedRandomSampler with the same generator.
    """
    if class_weights is None:
        return torch.randperm(len(labels), generator=generator)
    weights = torch.from_numpy(class_weights[labels])
    return torch.multinomial(weights, len(labels), replacement=True, generator=generator)


def make_augmentation(
    train: ImageSet, config: AugmentConfig | None, generator: torch.Generator
) -> Augmentation:
    """The augmentation of a training. Raises InputError for classes other than those of `train`."""
    if config is None:
        return lambda images, labels: images
    chosen = 0.0 if config.probability is None else config.probability
    probability = torch.from_numpy(by_class("augment.probability", chosen, train))  # (K,)
    return lambda images, labels: augment(images, labels, probability, config, generator)


def cut_batches(
    known: Batch, indices: Tensor, batch_size: int, change: Augmentation
) -> Iterator[Batch]:
    """The batches at these indices of the set `known`, augmented."""
    for chunk in indices.split(batch_size * max(1, _CHUNK // batch_size)):
        # index_select takes a tenth of the time of images[chunk].
        images, labels, teacher = (part.index_select(0, chunk) for part in known)
        parts = (change(images, labels), labels, teacher)
        yield from zip(*(part.split(batch_size) for part in parts), strict=True)
