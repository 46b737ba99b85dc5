"""Mixing: images blended with, or pasted into, one another, and their targets likewise."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from noisylab.core.images import SIZE
from noisylab.learning.precision import send


def mix(
    images: Tensor, targets: Tensor, mixup: float, cutmix: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Images (B, 32, 32, 3) uint8 and targets (B, K), some mixed with the image before them.

    mixup, cutmix: the shares, in [0, 1] and together at most 1, of images that are blended (Zhang
    et al. 2018) or that get a square of the other image (Yun et al. 2019). An image keeps a share
    of itself that is uniform in [1/2, 1], up to rounding to whole pixels: Beta(1, 1) of both
    papers, but the larger share is its own. A target has the share of each image in the pixels.
    Images must be in random order.
    """
    which, own, top, left = torch.rand(len(images), 4, generator=generator).unbind(dim=1)
    own = 1 - own / 2
    side = (SIZE * (1 - own).sqrt()).round()  # of the square
    is_blended = which < mixup
    is_pasted = ~is_blended & (which < mixup + cutmix)
    share = own.where(is_blended, (1 - (side / SIZE) ** 2).where(is_pasted, 1.0))

    mixed = images.clone()
    _replace(mixed, images, is_blended, partial(_blend, own[is_blended]))
    side = side[is_pasted]
    rows, columns = (
        _span((start[is_pasted] * (SIZE - side + 1)).floor(), side) for start in (top, left)
    )
    _replace(mixed, images, is_pasted, partial(_paste, rows, columns))
    share = send(share, images.device).unsqueeze(1)
    return mixed, targets.roll(1, dims=0).lerp(targets, share)


def _replace(
    mixed: Tensor, images: Tensor, chosen: Tensor, change: Callable[[Tensor, Tensor], Tensor]
) -> None:
    """Overwrite the chosen images by what `change` makes of them and of the images before them."""
    indices = send(chosen.nonzero().squeeze(1), images.device)
    before = (indices - 1).remainder(len(images))
    new = change(images.index_select(0, indices), images.index_select(0, before))
    mixed.index_copy_(0, indices, new)


def _blend(own: Tensor, images: Tensor, others: Tensor) -> Tensor:
    """The share `own` (B,) of each image, and the rest of the other."""
    weight = send(own, images.device)[:, None, None, None]
    return others.float().lerp_(images.float(), weight).round_().to(torch.uint8)


def _paste(rows: Tensor, columns: Tensor, images: Tensor, others: Tensor) -> Tensor:
    """The pixels of the others in these rows and columns, both (B, 32) bool, else of the images."""
    rows, columns = (send(places, images.device) for places in (rows, columns))
    square = rows[:, :, None, None] & columns[:, None, :, None]  # (B, 32, 32, 1)
    # where() takes half the time if it need not broadcast.
    return others.where(square.repeat(1, 1, 1, 3), images)


def _span(start: Tensor, length: Tensor) -> Tensor:
    """(B, 32) bool, the pixels from start (B,) on, `length` (B,) of them."""
    places = torch.arange(SIZE)
    return (places >= start[:, None]) & (places < (start + length)[:, None])
