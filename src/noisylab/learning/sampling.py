"""The images of an epoch and their targets: drawn, augmented and mixed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from noisylab.config.classes import by_class
from noisylab.config.settings import FitConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning.augment import augment
from noisylab.learning.mixing import mix
from noisylab.learning.precision import chunk_size, send

#: Images (B, 32, 32, 3) uint8, labels (B,) int64 and targets (B, K) float32, rows sum to 1. The
#: labels are on the CPU, the others where the model is.
Batch = tuple[Tensor, Tensor, Tensor]

#: A batch from a batch, with other images.
Augmentation = Callable[[Batch], Batch]


def sample_epoch(
    labels: np.ndarray, class_weights: np.ndarray | None, generator: torch.Generator
) -> Tensor:
    """Indices (N,) int64 of one epoch: N draws with replacement, each image by its label's weight.

    labels: (N,) int64 in 0..K-1. class_weights: (K,) ≥ 0; None gives each image once, in random
    order. Raises InputError for weights that are 0 for all labels present.

    A label with n images and weight w has the share n·w / Σ n·w of the draws, on average. The
    draws are those of torch.utils.data.WeightedRandomSampler with the same generator.
    """
    if class_weights is None:
        return torch.randperm(len(labels), generator=generator)
    if not class_weights[labels].any():
        raise InputError("class_weights must not be 0 for all classes of train; raise one")
    weights = torch.from_numpy(class_weights[labels])
    return torch.multinomial(weights, len(labels), replacement=True, generator=generator)


class Chance(NamedTuple):
    """The best loss, in nats, and the best accuracy of one prediction for all images."""

    loss: float
    accuracy: float


def chance(labels: np.ndarray, class_weights: np.ndarray | None) -> Chance:
    """Figures of one prediction for all images, drawn as by sample_epoch().

    The loss is the entropy of the labels as drawn, the accuracy the share of the most common one.
    """
    counts = np.bincount(labels)
    shares = counts if class_weights is None else counts * class_weights[: len(counts)]
    shares = shares[shares > 0] / shares.sum()
    return Chance(float(-(shares * np.log(shares)).sum()), float(shares.max()))


def has_learned(loss: float, accuracy: float, by_chance: Chance) -> bool:
    """Whether a loss is at least 5 % below chance, or half of the errors by chance are gone.

    With a temperature in training, a model may be right and so confident that its loss is high.
    """
    return loss <= 0.95 * by_chance.loss or 1 - accuracy <= 0.5 * (1 - by_chance.accuracy)


def soft_targets(train: ImageSet, config: FitConfig) -> Tensor:
    """Targets (N, K) float32: labels, smoothed, and partly replaced by predicted probabilities.

    Raises InputError for distillation without `train.pred_probs`.
    """
    n_classes = len(train.classes)
    targets = np.eye(n_classes)[train.labels]
    targets += config.label_smoothing * (1 / n_classes - targets)
    if config.distillation:
        if train.pred_probs is None:
            raise InputError("distillation needs pred_probs of the training images; set it to 0")
        targets += config.distillation * (train.pred_probs - targets)
    return torch.from_numpy(targets).float()


def make_augmentation(
    train: ImageSet, config: FitConfig, generator: torch.Generator
) -> Augmentation:
    """The augmentation of a training. Raises InputError for classes other than those of `train`."""
    own = config.augment
    chosen = own.probability if own and own.probability is not None else 0.0
    probability = torch.from_numpy(by_class("augment.probability", chosen, train))  # (K,)

    def change(batch: Batch) -> Batch:
        images, labels, targets = batch
        if own:
            images = augment(images, labels, probability, own, generator)
        if config.mixup or config.cutmix:
            images, targets = mix(images, targets, config.mixup, config.cutmix, generator)
        return images, labels, targets

    return change


def many_batches(
    known: Batch, indices: Tensor, batch_size: int, change: Augmentation
) -> Iterator[Batch]:
    """Augmented images of `known` at these indices (on the CPU), in chunks of several batches.

    Batch by batch, augmenting takes three times as long.
    """
    n_batches = max(1, chunk_size(known[0].device) // batch_size)
    for chunk in indices.split(n_batches * batch_size):
        # index_select takes a tenth of the time of images[chunk].
        images, labels, targets = (part.index_select(0, send(chunk, part.device)) for part in known)
        yield change((images, labels, targets))
