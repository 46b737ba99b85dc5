"""Targeted attacks: images changed a little, so that a model calls them another class."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from noisylab.config.settings import NORMS
from noisylab.core.errors import InputError, shown
from noisylab.core.images import SIZE

_CHUNK = 256  # images handled at once: few enough for the caches
_STEP = 0.4  # of a step, in epsilons
_REPAIRS = 12  # steps, of half that length, for a target that rounding lost
_HALVINGS = 7  # of the interval in which the fraction to round up at is looked for


@dataclass(frozen=True, eq=False)
class Attacked:
    """What became of images.

    images:  (N, 32, 32, 3) uint8; where the target was not reached, the last try.
    reached: (N,) bool, whether the model calls them the target, and as surely as was asked.
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

    As of Madry et al. 2018, without a random start: each step goes 0.4 epsilon along the sign of
    the gradient of the loss against the target (norm `linf`), or along the gradient itself (`l2`),
    and back into the ball of that norm and into [0, 255].

    model:      logits (B, K) of images (B, 3, 32, 32) in [0, 1]; it is left as it was found.
    epsilon:    in (0, 255], the most that a change may measure, in 8-bit levels; also once rounded.
    confidence: in (0, 1), the probability from which a target counts as reached; None: if no
                other class has a higher one.

    Raises InputError for an argument out of range and where the model's output is not finite.
    """
    check_images(images, targets)
    if not 0 < epsilon <= 255:
        raise InputError(f"epsilon must be > 0 and <= 255 pixel levels, got {shown(epsilon)}")
    if steps < 1:
        raise InputError(f"steps must be >= 1, got {shown(steps)}")
    if norm not in NORMS:
        raise InputError(f"norm must be one of {', '.join(NORMS)}, got {shown(norm)}")
    ball = _Ball(norm, epsilon)
    changed, reached = np.empty_like(images), np.empty(len(images), dtype=bool)
    with frozen(model):
        for part in chunks(len(images)):
            original, target = to_levels(model, images[part]), to_device(model, targets[part])
            change = torch.zeros_like(original)
            for _ in range(steps):
                change = ball.step(original, change, _towards(model, original + change, target))
            whole, is_reached = _in_whole_levels(model, original, change, target, ball, confidence)
            changed[part] = to_images(original + whole)
            reached[part] = is_reached.cpu().numpy()
    return Attacked(changed, reached)


def _in_whole_levels(
    model: nn.Module,
    original: Tensor,
    change: Tensor,
    target: Tensor,
    ball: _Ball,
    confidence: float | None,
) -> tuple[Tensor, Tensor]:
    """The change (B, 3, 32, 32) rounded, and whether it reaches the target: (B,).

    Where only the rounding loses the target, some more steps go on from what was rounded.
    """

    def is_reached(change: Tensor, of: Tensor | slice = slice(None)) -> Tensor:
        with torch.no_grad():
            logits = finite_logits(model, original[of] + change)
        return margin(logits, target[of], confidence) > 0

    whole = ball.rounded(change)
    reached = is_reached(whole)
    lost = (is_reached(change) & ~reached).nonzero()[:, 0]
    for _ in range(_REPAIRS):
        if not len(lost):
            break
        direction = _towards(model, original[lost] + whole[lost], target[lost])
        change[lost] = ball.step(original[lost], change[lost], direction, _STEP / 2)
        whole[lost] = ball.rounded(change[lost])
        reached[lost] = is_reached(whole[lost], lost)
        lost = lost[~reached[lost]]
    return whole, reached


def _towards(model: nn.Module, levels: Tensor, target: Tensor) -> Tensor:
    """Minus the gradient of the loss against the target, (B, 3, 32, 32)."""
    logits, pixels = differentiable_logits(model, levels)
    loss = functional.cross_entropy(logits, target, reduction="sum")
    return -torch.autograd.grad(loss, pixels)[0]


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Put the model in eval mode and freeze its weights; then leave every part as it was found."""
    modes = [(module, module.training) for module in model.modules()]
    weights = [(weight, weight.requires_grad, weight.grad) for weight in model.parameters()]
    try:
        model.eval()
        for weight, _, _ in weights:
            weight.requires_grad_(False)
        with torch.enable_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode
        for weight, needed, gradient in weights:
            weight.requires_grad_(needed)
            weight.grad = gradient


def check_images(images: np.ndarray, targets: np.ndarray) -> None:
    """Raise InputError unless images are uint8 (N, 32, 32, 3) with a target each."""
    if images.dtype != np.uint8 or images.shape[1:] != (SIZE, SIZE, 3):
        raise InputError(
            f"images must be uint8 of shape (N, {SIZE}, {SIZE}, 3), in levels of 0..255, "
            f"got {shown(images)}"
        )
    if targets.shape != (len(images),) or not np.issubdtype(targets.dtype, np.integer):
        raise InputError(f"targets must be {len(images)} labels, got {shown(targets)}")


def chunks(n_images: int) -> Iterator[slice]:
    """So many images in parts that are handled at once."""
    for start in range(0, n_images, _CHUNK):
        yield slice(start, start + _CHUNK)


def to_levels(model: nn.Module, images: np.ndarray) -> Tensor:
    """Images (B, 32, 32, 3) uint8 as (B, 3, 32, 32) float32 in [0, 255], where the model is."""
    return to_device(model, images).permute(0, 3, 1, 2).float()


def to_device(model: nn.Module, values: np.ndarray) -> Tensor:
    """The values where the model's weights are."""
    return torch.from_numpy(values).to(next(model.parameters()).device)


def to_images(levels: Tensor) -> np.ndarray:
    """Whole levels (B, 3, 32, 32) as images (B, 32, 32, 3) uint8."""
    images: np.ndarray = levels.permute(0, 2, 3, 1).to(torch.uint8).cpu().numpy()
    return images


def finite_logits(model: nn.Module, levels: Tensor) -> Tensor:
    """Logits (B, K) of levels (B, 3, 32, 32); raises InputError where one is no finite number."""
    logits: Tensor = model(levels / 255)
    if not logits.isfinite().all():
        raise InputError("the model's output is NaN or infinite; train it again")
    return logits


def differentiable_logits(model: nn.Module, levels: Tensor) -> tuple[Tensor, Tensor]:
    """The same, and the levels to derive by."""
    pixels = levels.detach().requires_grad_()
    return finite_logits(model, pixels), pixels


def margin(logits: Tensor, targets: Tensor, confidence: float | None) -> Tensor:
    """(B,) by how much targets (B,) are reached by logits (B, K): if so, it is > 0."""
    of_target = logits.gather(1, targets[:, None])[:, 0]
    others = logits.scatter(1, targets[:, None], -torch.inf)
    if confidence is None:
        return of_target - others.amax(dim=1)
    # p >= confidence, as odds; a hair more, for sums that differ in the last bit.
    odds = confidence / (1 - confidence)
    return of_target - others.logsumexp(dim=1) - float(np.log(odds)) - 1e-4


def norms(change: Tensor) -> Tensor:
    """(B, 1, 1, 1) Euclidean norms of (B, 3, 32, 32)."""
    flat: Tensor = change.flatten(1).norm(dim=1)
    return flat[:, None, None, None]


@dataclass(frozen=True)
class _Ball:
    """All changes (B, 3, 32, 32), in 8-bit levels, that measure at most epsilon in the norm."""

    norm: str
    epsilon: float

    def step(
        self, original: Tensor, change: Tensor, direction: Tensor, length: float = _STEP
    ) -> Tensor:
        """Go so many epsilons in the direction, then back into the ball and into [0, 255]."""
        if self.norm == "linf":
            change = change + length * self.epsilon * direction.sign()
            change = change.clamp_(-self.epsilon, self.epsilon)
        else:
            unit = direction / norms(direction).clamp_min(1e-12)
            change = change + length * self.epsilon * unit
            change = change * (self.epsilon / norms(change).clamp_min(1e-12)).clamp_max(1)
        return (original + change).clamp_(0, 255) - original

    def rounded(self, change: Tensor) -> Tensor:
        """Whole levels in the ball, none longer than it was but for less than a level."""
        if self.norm == "linf":
            most = float(np.floor(self.epsilon))
            return change.round().clamp_(-most, most)
        # Rounded up from the lowest fraction, one for each image, with which it stays in the ball.
        size, sign = change.abs(), change.sign()
        low = torch.zeros_like(norms(change))
        high = torch.ones_like(low)  # nothing is rounded up
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            fits = norms((size + (1 - middle)).floor_()) <= self.epsilon
            low, high = torch.where(fits, low, middle), torch.where(fits, middle, high)
        whole: Tensor = sign * (size + (1 - high)).floor_()
        return whole
