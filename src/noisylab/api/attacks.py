"""Attacks on a model: of any architecture for 32×32 RGB images."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from torch import nn

from noisylab.adversarial import smallest
from noisylab.adversarial import steps as gradient_steps
from noisylab.adversarial.steps import Attacked
from noisylab.api.inputs import as_images, as_labels
from noisylab.api.models import as_network
from noisylab.learning.network import Network


def attack(
    model: nn.Module,
    images: ArrayLike,
    targets: ArrayLike,
    *,
    epsilon: float = 8.0,
    steps: int = 5,
    norm: str = "linf",
    confidence: float | None = None,
) -> Attacked:
    """Change images (N, 32, 32, 3) uint8 within a budget, so that the model predicts the targets.

    Projected gradient descent (Madry et al. 2018) in steps of 0.4 epsilon; the result is rounded to
    whole levels and stays in the budget.

    model:      logits (B, K) of images (B, 3, 32, 32), float32 in [0, 1]; left as it was found.
    targets:    (N,) integers in 0..K-1, or one for all images.
    epsilon:    in (0, 255], the largest change in 8-bit levels: of each value for the norm `linf`,
                over the whole image for `l2`.
    confidence: in (0, 1), the probability from which a target counts as reached; None: the target
                is reached if no other class is more probable.

    Returns the changed `images`, and `reached`, (N,) bool. Raises InputError, in one line, for
    other arguments, and where the model's output is not finite.
    """
    network, originals = as_network(model), as_images(images)
    labels = _as_targets(network, originals, targets)
    return gradient_steps.attack(
        network, originals, labels, epsilon=epsilon, steps=steps, norm=norm, confidence=confidence
    )


def smallest_change(
    model: nn.Module,
    images: ArrayLike,
    targets: ArrayLike,
    *,
    confidence: float | None = None,
    known: ArrayLike | None = None,
) -> Attacked:
    """Change images (N, 32, 32, 3) uint8 as little as the model needs to predict the targets.

    Searches for the smallest L2 norm; direction and norm are decoupled (Rony et al. 2019).

    known: (M, 32, 32, 3) uint8, images of which the model predicts some as the targets; they help
           where the gradient leads nowhere.

    Other arguments, result and errors: as for attack().
    """
    network, originals = as_network(model), as_images(images)
    labels = _as_targets(network, originals, targets)
    helpers = None if known is None else as_images(known)
    return smallest.smallest_change(
        network, originals, labels, confidence=confidence, known=helpers
    )


def _as_targets(network: Network, images: np.ndarray, targets: ArrayLike) -> np.ndarray:
    """Targets (N,) int64, each a class of the network."""
    given = np.full(len(images), targets) if np.ndim(targets) == 0 else targets
    return as_labels(given, len(images), network.n_classes, "targets")
