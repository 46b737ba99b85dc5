"""The smallest change of an image that makes a model call it a given class."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from noisylab.attack.steps import (
    Attacked,
    check_images,
    chunks,
    differentiable_logits,
    finite_logits,
    frozen,
    margin,
    norms,
    to_device,
    to_images,
    to_levels,
)
from noisylab.core.errors import InputError, shown


@dataclass(frozen=True)
class _Search:
    """Settings of one search. Lengths in pixel levels; pairs are its first and its last value.

    steps:    gradients to take.
    stride:   how far to go along the gradient; falls along a cosine.
    momentum: share of the last direction that is kept.
    factor:   by which share the norm is changed after each step; falls exponentially.
    """

    steps: int
    stride: tuple[float, float]
    momentum: float
    factor: tuple[float, float]


_FIRST = _Search(steps=28, stride=(500, 5), momentum=0.4, factor=(0.3, 0.08))
# From an image that reaches the target, and back as near as may be.
_BACK = _Search(steps=45, stride=(500, 10), momentum=0.5, factor=(0.2, 0.05))
_FIRST_NORM = 150  # of a search that begins at the image itself
_FAR = 3  # medians of all norms: what is found so far away may be much nearer


def smallest_change(
    model: nn.Module,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    confidence: float | None = None,
    known: np.ndarray | None = None,
) -> Attacked:
    """Change images (N, 32, 32, 3) uint8 by as small an L2 norm as reaches targets (N,).

    A search that decouples direction and norm (Rony et al. 2019): each step turns the change
    towards the gradient, and makes it shorter if it reaches the target, or else longer. What is
    tested in each step is the rounded image. Unlike there, the norm changes by much at first and
    by little at last, and directions are averaged over steps, for which fewer steps do. Images of
    which nothing near is found are searched again, from the nearest image that reaches the same
    target, and back: where the model is sure of itself, or units are off and its gradient is zero,
    that leads nowhere from the image itself. Such images are those found for others, and `known`.

    known: (M, 32, 32, 3) uint8; of them those count that the model calls a target.
    model, confidence, errors: as for attack(). An image that is called its target already is
    left as it is.
    """
    check_images(images, targets)
    if confidence is not None and not 0 < confidence < 1:
        raise InputError(f"confidence must be > 0 and < 1, got {shown(confidence)}")
    changed, lengths = images.copy(), np.full(len(images), np.inf)

    def look(indices: np.ndarray, starts: np.ndarray, search: _Search) -> None:
        for part in chunks(len(indices)):
            of = indices[part]
            original, target = to_levels(model, images[of]), to_device(model, targets[of])
            start = to_levels(model, starts[part]) - original
            best = _search(model, original, target, confidence, start, search)
            length = best.norm.flatten().cpu().numpy()
            is_new = (length < lengths[of]) | np.isinf(lengths[of])
            changed[of[is_new]] = to_images(best.levels)[is_new]
            lengths[of] = np.minimum(length, lengths[of])

    with frozen(model):
        look(np.arange(len(images)), images, _FIRST)
        found = lengths[np.isfinite(lengths)]
        near = lengths <= _FAR * np.median(found) if len(found) else lengths < 0
        others, reach = _reaching(model, images[:0] if known is None else known, confidence)
        others = np.concatenate([changed[near], others])
        reach = np.concatenate([targets[near], reach])
        rest = np.flatnonzero(~near & np.isin(targets, reach))
        look(rest, _nearest(images[rest], targets[rest], others, reach), _BACK)
    return Attacked(changed, np.isfinite(lengths))


def _reaching(
    model: nn.Module, images: np.ndarray, confidence: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Those of the images that reach some class, and which."""
    classes, reached = np.empty(len(images), dtype=np.int64), np.empty(len(images), dtype=bool)
    for part in chunks(len(images)):
        with torch.no_grad():
            logits = finite_logits(model, to_levels(model, images[part]))
        called = logits.argmax(dim=1)
        classes[part] = called.cpu().numpy()
        reached[part] = (margin(logits, called, confidence) > 0).cpu().numpy()
    return images[reached], classes[reached]


def _nearest(
    images: np.ndarray, targets: np.ndarray, others: np.ndarray, reach: np.ndarray
) -> np.ndarray:
    """For each of the images the nearest of the others that reaches its target."""
    nearest = np.empty_like(images)
    for target in np.unique(targets):
        candidates = others[reach == target]
        flat = candidates.reshape(len(candidates), -1).astype(np.float64)
        squares = (flat**2).sum(axis=1)
        for index in np.flatnonzero(targets == target):
            # The square of the distance, but for the part that is the same for all.
            distances = squares - 2 * flat @ images[index].reshape(-1).astype(np.float64)
            nearest[index] = candidates[distances.argmin()]
    return nearest


@dataclass(frozen=True)
class _Found:
    """levels: (B, 3, 32, 32) whole numbers; norm: (B, 1, 1, 1), infinite where none was found."""

    levels: Tensor
    norm: Tensor


def _search(
    model: nn.Module,
    original: Tensor,
    targets: Tensor,
    confidence: float | None,
    change: Tensor,
    search: _Search,
) -> _Found:
    """change: (B, 3, 32, 32), the first that is tried."""
    direction, norm = torch.zeros_like(original), norms(change).clamp_min(_FIRST_NORM)
    best, best_norm = original, torch.full_like(norm, torch.inf)
    for step in range(search.steps):
        # What is tested, and derived at, is the image as it would be saved.
        rounded = (original + change).round_()
        logits, pixels = differentiable_logits(model, rounded)
        loss = functional.cross_entropy(logits, targets, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, pixels)
        reached = (margin(logits.detach(), targets, confidence) > 0)[:, None, None, None]
        length = norms(rounded - original)
        better = reached & (length < best_norm)
        best = torch.where(better, rounded, best)
        best_norm = torch.where(better, length, best_norm)

        stride, factor = _settings(search, step)
        direction = search.momentum * direction - gradient / norms(gradient).clamp_min(1e-12)
        change = change + stride * direction / norms(direction).clamp_min(1e-12)
        shorter = torch.minimum(norm, length) * (1 - factor)
        norm = torch.where(reached, shorter, norm * (1 + factor))
        norm = torch.minimum(norm, best_norm * (1 - factor / 5))  # longer would gain nothing
        change = change * (norm / norms(change).clamp_min(1e-12))
        change = (original + change).clamp_(0, 255) - original
    return _Found(torch.where(best_norm.isfinite(), best, rounded), best_norm)


def _settings(search: _Search, step: int) -> tuple[float, float]:
    """Stride and factor of a step."""
    done = step / search.steps
    (first, last), (widest, finest) = search.stride, search.factor
    stride = last + (first - last) * (1 + math.cos(math.pi * done)) / 2
    return stride, finest * (widest / finest) ** (1 - done)
