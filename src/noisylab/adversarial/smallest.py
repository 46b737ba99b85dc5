"""The smallest change of an image for which a model predicts a given class."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from noisylab.adversarial.steps import (
    Attacked,
    check_confidence,
    check_images,
    chunks,
    finite_logits,
    frozen,
    logits_and_gradient,
    norms,
    reaches,
    to_device,
    to_images,
    to_levels,
    unit,
)


@dataclass(frozen=True)
class _Plan:
    """Settings of one search. Lengths in 8-bit levels; pairs are the first and the last value.

    steps:    gradients to take.
    stride:   length of a step along the gradient; falls along a cosine.
    momentum: share of the last direction that is kept.
    factor:   share by which the norm is changed after each step; falls exponentially.
    """

    steps: int
    stride: tuple[float, float]
    momentum: float
    factor: tuple[float, float]


# More steps find smaller changes and take longer: tests/benchmarks/attack.py prints success, median
# L2 norm and images per second.
_NEAR = _Plan(steps=28, stride=(500, 5), momentum=0.4, factor=(0.3, 0.08))
_BACK = _Plan(steps=45, stride=(500, 10), momentum=0.5, factor=(0.2, 0.05))
_FIRST_NORM = 150  # of the change at the start of a search from the image itself
_FAR = 3  # medians of all norms; beyond, the first search may have missed much smaller changes


def smallest_change(
    model: nn.Module,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    confidence: float | None = None,
    known: np.ndarray | None = None,
) -> Attacked:
    """Change images (N, 32, 32, 3) uint8 by the smallest L2 norm found that reaches targets (N,).

    A search that decouples direction and norm (Rony et al. 2019): each step turns the change
    towards the gradient, shortens it if it reaches the target and lengthens it otherwise. Each step
    tests the rounded image. Unlike in the paper, the norm changes by much at first and by little
    at last, and directions are averaged over steps, so that fewer steps suffice. Images for which
    the first search finds nothing, or only something far away, are searched again, from the nearest
    image that reaches their target back to them: one found for another image, or one of `known`.

    known: (M, 32, 32, 3) uint8; only those count that reach the class predicted for them.
    model, confidence, errors: as for attack(). An image that reaches its target already is left
    as it is.
    """
    check_images(images, targets)
    check_confidence(confidence)
    model = frozen(model)
    first = _search(model, images, targets, images, _NEAR, confidence)
    is_found = np.isfinite(first.norms)
    far = _FAR * np.median(first.norms[is_found]) if is_found.any() else 0
    is_near = is_found & (first.norms <= far)
    ends, classes = _reaching(model, images[:0] if known is None else known, confidence)
    ends = np.concatenate([first.images[is_near], ends])
    classes = np.concatenate([targets[is_near], classes])
    retry = np.flatnonzero(~is_near & np.isin(targets, classes))
    if len(retry):
        starts = _nearest(images[retry], targets[retry], ends, classes)
        second = _search(model, images[retry], targets[retry], starts, _BACK, confidence)
        is_better = (second.norms < first.norms[retry]) | ~is_found[retry]
        first.images[retry[is_better]] = second.images[is_better]
        first.norms[retry[is_better]] = second.norms[is_better]
    return Attacked(first.images, np.isfinite(first.norms))


def _reaching(
    model: nn.Module, images: np.ndarray, confidence: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Those of the images that reach the class predicted for them, and that class."""
    classes, reached = np.empty(len(images), dtype=np.int64), np.empty(len(images), dtype=bool)
    for part in chunks(len(images)):
        with torch.no_grad():
            logits = finite_logits(model, to_levels(model, images[part]))
        predicted = logits.argmax(dim=1)
        classes[part] = predicted.cpu().numpy()
        reached[part] = reaches(logits, predicted, confidence).cpu().numpy()
    return images[reached], classes[reached]


def _nearest(
    images: np.ndarray, targets: np.ndarray, ends: np.ndarray, classes: np.ndarray
) -> np.ndarray:
    """For each image the nearest of `ends`, (M, 32, 32, 3), whose class (M,) is its target."""
    rows, columns = (part.reshape(len(part), -1).astype(np.float64) for part in (images, ends))
    # (N, M) squared distances, less the squared norm of the image; exact, as all are integers.
    distances = (columns**2).sum(axis=1) - 2 * rows @ columns.T
    distances[targets[:, np.newaxis] != classes] = np.inf
    nearest: np.ndarray = ends[distances.argmin(axis=1)]
    return nearest


@dataclass(frozen=True, eq=False)
class _Found:
    """Result of a search. images: (N, 32, 32, 3) uint8; norms: (N,), infinite if none was found."""

    images: np.ndarray
    norms: np.ndarray


def _search(
    model: nn.Module,
    images: np.ndarray,
    targets: np.ndarray,
    starts: np.ndarray,
    plan: _Plan,
    confidence: float | None,
) -> _Found:
    """Search the smallest changes of images, from `starts`, which has their shape."""
    found = _Found(np.empty_like(images), np.empty(len(images)))
    for part in chunks(len(images)):
        original, target = to_levels(model, images[part]), to_device(model, targets[part])
        change = to_levels(model, starts[part]) - original
        best, norm = _descend(model, original, target, change, plan, confidence)
        found.images[part], found.norms[part] = to_images(best), norm.flatten().cpu().numpy()
    return found


def _descend(
    model: nn.Module,
    original: Tensor,
    targets: Tensor,
    change: Tensor,
    plan: _Plan,
    confidence: float | None,
) -> tuple[Tensor, Tensor]:
    """The nearest levels (B, 3, 32, 32) found, and their norms (B, 1, 1, 1), infinite for none."""
    direction, norm = torch.zeros_like(original), norms(change).clamp_min(_FIRST_NORM)
    best, best_norm = original, torch.full_like(norm, torch.inf)
    for step in range(plan.steps):
        # The image as it would be saved is tested, and the gradient is taken there.
        rounded = (original + change).round_()
        logits, gradient = logits_and_gradient(model, rounded, targets)
        reached = reaches(logits, targets, confidence)[:, None, None, None]
        length = norms(rounded - original)
        better = reached & (length < best_norm)
        best = torch.where(better, rounded, best)
        best_norm = torch.where(better, length, best_norm)

        stride, factor = _stride_and_factor(plan, step)
        direction = plan.momentum * direction - unit(gradient)
        change = change + stride * direction / norms(direction).clamp_min(1e-12)
        shorter = torch.minimum(norm, length) * (1 - factor)
        norm = torch.where(reached, shorter, norm * (1 + factor))
        norm = torch.minimum(norm, best_norm * (1 - factor / 5))  # longer would gain nothing
        change = change * (norm / norms(change).clamp_min(1e-12))
        change = (original + change).clamp_(0, 255) - original
    return torch.where(best_norm.isfinite(), best, rounded), best_norm


def _stride_and_factor(plan: _Plan, step: int) -> tuple[float, float]:
    done = step / plan.steps
    (first, last), (widest, finest) = plan.stride, plan.factor
    stride = last + (first - last) * (1 + math.cos(math.pi * done)) / 2
    return stride, finest * (widest / finest) ** (1 - done)
