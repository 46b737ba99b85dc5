"""Mixing: images blended with, or pasted into, one another, and their targets likewise."""

from __future__ import annotations

import torch
from torch import Tensor

from noisylab.core.images import SIZE


def mix(
    images: Tensor, targets: Tensor, mixup: float, cutmix: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Images (B, 32, 32, 3) uint8 and targets (B, K), some mixed with the image before them.

    mixup, cutmix: the shares, in [0, 1] and together at most 1, of images that are blended (Zhang
    et al. 2018) or that get a square of the other image (Yun et al. 2019). An image keeps a share
    of itself that is uniform in [1/2, 1]: up to which of the two comes first, that is Beta(1, 1)
    of both papers. A target has the share of each image in the pixels. Images must be in random
    order.
    """
    which, own, top, left = torch.rand(len(images), 4, generator=generator).unbind(dim=1)
    own = 1 - own / 2
    side = (SIZE * (1 - own).sqrt()).round()  # of the square
    rows, columns = (_span((start * (SIZE - side + 1)).floor(), side) for start in (top, left))
    pasted = 1 - (rows.unsqueeze(2) & columns.unsqueeze(1)).float()  # (B, 32, 32)
    kept = torch.where((which < mixup)[:, None, None], own[:, None, None], pasted)
    chosen = (which < mixup + cutmix).nonzero().squeeze(1)
    kept = kept[chosen, :, :, None].to(images.device)  # share of an image in each pixel
    chosen = chosen.to(images.device)
    share = kept.mean(dim=(1, 2))  # (C, 1)
    mixed = (
        part[chosen - 1].float().lerp(part[chosen].float(), weight)
        for part, weight in ((images, kept), (targets, share))
    )
    new_images, new_targets = mixed
    return (
        images.index_copy(0, chosen, new_images.round_().to(torch.uint8)),
        targets.index_copy(0, chosen, new_targets),
    )


def _span(start: Tensor, length: Tensor) -> Tensor:
    """(B, 32) bool, the pixels from start (B,) on, `length` (B,) of them."""
    places = torch.arange(SIZE)
    return (places >= start[:, None]) & (places < (start + length)[:, None])
