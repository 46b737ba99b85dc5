"""Targeted attacks by gradient steps within a budget: images in, changed images out."""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from noisylab.config.settings import NORMS
from noisylab.core.errors import InputError, shown
from noisylab.core.images import SIZE
from noisylab.learning.precision import device_of

_CHUNK = 256  # images per batch: few enough for the caches
_STEP = 0.4  # length of a step, in epsilons; the published recipe's relative step size

# Repair of targets lost by rounding. Larger values recover few more and cost time:
# tests/benchmarks/attack.py prints success and images per second.
_REPAIRS = 12  # further steps, of half the length
_HALVINGS = 7  # of the interval that is searched for the fraction to round up from


@dataclass(frozen=True, eq=False)
class Attacked:
    """Result of an attack on N images.

    images:  (N, 32, 32, 3) uint8; the last try where the target was not reached.
    reached: (N,) bool, whether the model predicts the target, with the confidence asked for.
    """

    images: np.ndarray
    reached: np.ndarray


def attack(
    model: nn.Module,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    epsilon: float,
    steps: int,
    norm: str = "linf",
    confidence: float | None = None,
) -> Attacked:
    """Change images (N, 32, 32, 3) uint8 by gradient steps towards targets (N,) int in 0..K-1.

    Projected gradient descent (Madry et al. 2018) without a random start: each step goes 0.4
    epsilon along the sign of the gradient of the loss against the target (norm `linf`) or along the
    gradient itself (`l2`), then back into the ball of that norm and into [0, 255].

    model:      logits (B, K) of images (B, 3, 32, 32) in [0, 1]; left as it was found.
    epsilon:    in (0, 255], the largest change in 8-bit levels; holds for the rounded image, too.
    confidence: in (0, 1), the probability from which a target counts as reached; None: the target
                is reached if no other class is more probable.

    Raises InputError for an argument out of range and where the model's output is not finite.
    """
    check_images(images, targets)
    if not isinstance(epsilon, Real) or not 0 < epsilon <= 255:
        raise InputError(f"epsilon must be > 0 and <= 255 pixel levels, got {shown(epsilon)}")
    if not isinstance(steps, Integral) or steps < 1:
        raise InputError(f"steps must be an integer >= 1, got {shown(steps)}")
    if norm not in NORMS:
        raise InputError(f"norm must be one of {', '.join(NORMS)}, got {shown(norm)}")
    check_confidence(confidence)
    ball = _Ball(norm, epsilon)
    changed, reached = np.empty_like(images), np.empty(len(images), dtype=bool)
    model = frozen(model)
    for part in chunks(len(images)):
        original, target = to_levels(model, images[part]), to_device(model, targets[part])
        (change,) = deque(_walk(model, original, target, ball, steps), maxlen=1)
        whole, reach = _rounded(model, original, change, target, ball, confidence)
        changed[part], reached[part] = to_images(original + whole), reach.cpu().numpy()
    return Attacked(changed, reached)


def trail(
    model: nn.Module, image: np.ndarray, target: int, *, epsilon: float, steps: int, norm: str
) -> np.ndarray:
    """An image (32, 32, 3) as attack() leaves it after 1, 2, ... steps: (steps, 32, 32, 3)."""
    model, ball = frozen(model), _Ball(norm, epsilon)
    original, targets = to_levels(model, image[None]), to_device(model, np.array([target]))
    found = []
    for change in _walk(model, original, targets, ball, steps):
        whole, _ = _rounded(model, original, change.clone(), targets, ball, None)
        found.append(to_images(original + whole)[0])
    return np.stack(found)


def _walk(
    model: nn.Module, original: Tensor, target: Tensor, ball: _Ball, steps: int
) -> Iterator[Tensor]:
    """The change (B, 3, 32, 32) of levels after each step."""
    change = torch.zeros_like(original)
    for _ in range(steps):
        gradient = logits_and_gradient(model, original + change, target)[1]
        change = ball.step(original, change, -gradient)
        yield change


def _rounded(
    model: nn.Module,
    original: Tensor,
    change: Tensor,
    target: Tensor,
    ball: _Ball,
    confidence: float | None,
) -> tuple[Tensor, Tensor]:
    """The change (B, 3, 32, 32) in whole levels, and whether it reaches the target: (B,) bool.

    Where only the rounding loses the target, further steps start at the rounded image.
    """
    whole = ball.rounded(change)
    reached = is_reached(model, original + whole, target, confidence)
    lost = (is_reached(model, original + change, target, confidence) & ~reached).nonzero()[:, 0]
    for _ in range(_REPAIRS):
        if not len(lost):
            break
        start = original[lost]
        gradient = logits_and_gradient(model, start + whole[lost], target[lost])[1]
        change[lost] = ball.step(start, change[lost], -gradient, _STEP / 2)
        whole[lost] = ball.rounded(change[lost])
        reached[lost] = is_reached(model, start + whole[lost], target[lost], confidence)
        lost = lost[~reached[lost]]
    return whole, reached


def frozen(model: nn.Module) -> nn.Module:
    """A copy in eval mode whose weights need no gradients; the model itself stays as it is."""
    return copy.deepcopy(model).eval().requires_grad_(False)


def check_images(images: np.ndarray, targets: np.ndarray) -> None:
    """Raise InputError unless images are uint8 (N, 32, 32, 3), with one target each."""
    if images.dtype != np.uint8 or images.shape[1:] != (SIZE, SIZE, 3):
        raise InputError(
            f"images must be uint8 of shape (N, {SIZE}, {SIZE}, 3), in levels of 0..255, "
            f"got {shown(images)}"
        )
    if targets.shape != (len(images),) or not np.issubdtype(targets.dtype, np.integer):
        raise InputError(f"targets must be {len(images)} labels, got {shown(targets)}")


def check_confidence(confidence: float | None) -> None:
    """Raise InputError unless a probability > 0 and < 1 is asked for, or none."""
    if confidence is None:
        return
    if not isinstance(confidence, Real) or not 0 < confidence < 1:
        raise InputError(f"confidence must be > 0 and < 1, got {shown(confidence)}")


def chunks(n_images: int) -> Iterator[slice]:
    """Slices of a batch each, which cover all images."""
    for start in range(0, n_images, _CHUNK):
        yield slice(start, start + _CHUNK)


def to_levels(model: nn.Module, images: np.ndarray) -> Tensor:
    """Images (B, 32, 32, 3) uint8 as (B, 3, 32, 32) float32 in [0, 255], on the model's device."""
    return to_device(model, images).permute(0, 3, 1, 2).float()


def to_device(model: nn.Module, values: np.ndarray) -> Tensor:
    """The values on the model's device."""
    return torch.from_numpy(values).to(device_of(model))


def to_images(levels: Tensor) -> np.ndarray:
    """Whole levels (B, 3, 32, 32) as images (B, 32, 32, 3) uint8."""
    images: np.ndarray = levels.permute(0, 2, 3, 1).to(torch.uint8).cpu().numpy()
    return images


def finite_logits(model: nn.Module, levels: Tensor) -> Tensor:
    """Logits (B, K) of levels (B, 3, 32, 32); raises InputError unless all are finite."""
    logits: Tensor = model(levels / 255)
    if not logits.isfinite().all():
        raise InputError("the model's output is NaN or infinite; train the model again")
    return logits


def logits_and_gradient(model: nn.Module, levels: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (B, K) of levels (B, 3, 32, 32), and the gradient of their loss by the levels."""
    levels = levels.detach().requires_grad_()
    with torch.enable_grad():
        logits = finite_logits(model, levels)
        loss = functional.cross_entropy(logits, targets, reduction="sum")
    return logits.detach(), torch.autograd.grad(loss, levels)[0]


def is_reached(
    model: nn.Module, levels: Tensor, targets: Tensor, confidence: float | None
) -> Tensor:
    """(B,) bool, whether levels (B, 3, 32, 32) reach their targets."""
    with torch.no_grad():
        return reaches(finite_logits(model, levels), targets, confidence)


def reaches(logits: Tensor, targets: Tensor, confidence: float | None) -> Tensor:
    """(B,) bool, whether logits (B, K) give targets (B,) the lead, or the confidence."""
    of_target = logits.gather(1, targets[:, None])[:, 0]
    others = logits.scatter(1, targets[:, None], -torch.inf)
    if confidence is None:
        return of_target - others.amax(dim=1) > 0
    # p >= confidence, as odds; a hair more, for sums that differ in the last bit.
    odds = confidence / (1 - confidence)
    return of_target - others.logsumexp(dim=1) - float(np.log(odds)) - 1e-4 > 0


def norms(change: Tensor) -> Tensor:
    """(B, 1, 1, 1) Euclidean norms of (B, 3, 32, 32)."""
    flat: Tensor = change.flatten(1).norm(dim=1)
    return flat[:, None, None, None]


def unit(change: Tensor) -> Tensor:
    """(B, 3, 32, 32) at norm 1; zero stays zero."""
    return change / norms(change).clamp_min(1e-12)


@dataclass(frozen=True)
class _Ball:
    """All changes (B, 3, 32, 32), in 8-bit levels, of at most epsilon in the norm."""

    norm: str
    epsilon: float

    def step(
        self, original: Tensor, change: Tensor, direction: Tensor, length: float = _STEP
    ) -> Tensor:
        """Go `length` epsilons in the direction, then back into the ball and into [0, 255]."""
        if self.norm == "linf":
            change = change + length * self.epsilon * direction.sign()
            change = change.clamp_(-self.epsilon, self.epsilon)
        else:
            change = change + length * self.epsilon * unit(direction)
            change = change * (self.epsilon / norms(change).clamp_min(1e-12)).clamp_max(1)
        return (original + change).clamp_(0, 255) - original

    def rounded(self, change: Tensor) -> Tensor:
        """The change in whole levels, still in the ball, and nowhere longer by a level or more."""
        if self.norm == "linf":
            most = math.floor(self.epsilon)
            return change.round().clamp_(-most, most)
        # Per image, the lowest fraction from which rounding up keeps it in the ball, by bisection.
        size, sign = change.abs(), change.sign()
        low = torch.zeros_like(norms(change))
        high = torch.ones_like(low)  # nothing is rounded up
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            fits = norms((size + (1 - middle)).floor_()) <= self.epsilon
            low, high = torch.where(fits, low, middle), torch.where(fits, middle, high)
        whole: Tensor = sign * (size + (1 - high)).floor_()
        return whole
