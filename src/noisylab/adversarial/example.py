"""The example: an image that the model is as sure of as asked, attacked in a few steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from noisylab.adversarial.steps import attack, trail
from noisylab.config.settings import AdversarialConfig
from noisylab.learning.network import SimpleModel
from noisylab.learning.training import predict_probs

NEAR = 0.01  # largest distance from the probability asked for


@dataclass(frozen=True, eq=False)
class Example:
    """An image of train under attack, and all images that it was chosen from.

    index:   of the example in train.
    epsilon: largest change, in 8-bit levels.
    trail:   (steps + 1, 32, 32, 3) uint8, the example before and after each step.
    near:    (M, 32, 32, 3) uint8, all images about as probable as asked, the example among them.
    moved:   the same shape, after all steps.
    """

    index: int
    epsilon: float
    trail: np.ndarray
    near: np.ndarray
    moved: np.ndarray


def find_example(
    model: SimpleModel,
    images: np.ndarray,
    source_probs: np.ndarray,
    indices: np.ndarray,
    target: int,
    config: AdversarialConfig,
) -> Example | None:
    """The example: of all images about as probable as asked, the one that the steps move furthest.

    images:       (N, 32, 32, 3) uint8, all of train.
    source_probs: (N,) predicted probability of the source class.
    indices:      those of the images that may be chosen; None is returned if there are none.

    An image counts as near within 0.01 of `config.example_probability`; if none is, the nearest
    one is taken. Furthest moved is the one of which the target is most probable after the steps.
    Of several epsilons, the smallest at which that image reaches `config.confidence` is taken, or
    the largest.
    """
    if not len(indices):
        return None
    distance = np.abs(source_probs[indices] - config.example_probability)
    indices = indices[distance <= max(NEAR, distance.min())]
    near = images[indices]
    targets = np.full(len(near), target)
    budget: dict[str, Any] = {"steps": config.steps, "norm": config.norm}
    for epsilon in config.example_epsilons:
        moved = attack(model, near, targets, epsilon=epsilon, **budget).images
        target_probs = predict_probs(model, moved)[:, target]
        furthest = int(target_probs.argmax())
        if target_probs[furthest] >= config.confidence:
            break
    *between, _ = trail(model, near[furthest], target, epsilon=epsilon, **budget)
    frames = np.stack([near[furthest], *between, moved[furthest]])
    return Example(int(indices[furthest]), epsilon, frames, near, moved)
