"""The images of an epoch: indices, drawn by class weights."""

from __future__ import annotations

import numpy as np
import torch


def sample_epoch(
    labels: np.ndarray, class_weights: np.ndarray | None, generator: torch.Generator
) -> torch.Tensor:
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
