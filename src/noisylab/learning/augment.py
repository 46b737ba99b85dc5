"""The seven augmentations (batch in, batch out) and the draws that assign them.

Images, given and returned, are (B, 32, 32, 3) uint8, RGB, on any device; inputs are left unchanged.
Each image has its own parameters, in tensors (B,) on the same device; no other image affects it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from noisylab.config.settings import AugmentConfig
from noisylab.core.images import SIZE
from noisylab.learning.precision import send

UNCHANGED = -1  # in Draws.which, in place of an index in AUGMENTATIONS
_BLUR_REACH = 2  # pixels to each side: a kernel of 5 × 5


class Draws(NamedTuple):
    """The augmentations of N images: tensors (N,) on the CPU.

    `which` is an index in AUGMENTATIONS or UNCHANGED. Every image draws all parameters, needed or
    not, so that the draws of one image never depend on another.
    """

    which: Tensor  # int64
    degrees: Tensor  # float32, as for rotate()
    top: Tensor  # int64, as for crop_resize(), whose height and width are both `side`
    left: Tensor
    side: Tensor
    sigma: Tensor  # float32, as for blur()
    factor: Tensor  # float32, as for brightness()
    dx: Tensor  # int64, as for shift()
    dy: Tensor
    mirrored: Tensor  # bool


def augment(
    images: Tensor,
    labels: Tensor,
    probability: Tensor,
    config: AugmentConfig,
    generator: torch.Generator,
) -> Tensor:
    """Images (B, 32, 32, 3), each changed by draw() for its label.

    An epoch may be split into calls anywhere: that changes no draw, and a pixel only where the last
    bit of a sum decides the rounding.
    """
    return apply(images, draw(labels, probability, config, generator))


def draw(
    labels: Tensor, probability: Tensor, config: AugmentConfig, generator: torch.Generator
) -> Draws:
    """Draw the images to change, their augmentations and the strengths.

    labels: (N,) int64 in 0..K-1; probability: (K,) in [0, 1], of getting one of the seven. Every
    image takes the same number of values from `generator`, so images may be drawn for in parts.
    All are on the CPU.
    """
    uniform = torch.rand(len(labels), 10, generator=generator)  # in [0, 1)
    change, which, degrees, side, top, left, strength, dx, dy, mirror = uniform.unbind(dim=1)
    side = _integers(side, math.ceil(config.crop_scale * SIZE), SIZE)
    return Draws(
        which=_integers(which, 0, len(AUGMENTATIONS) - 1).where(
            change < probability[labels], UNCHANGED
        ),
        degrees=(2 * degrees - 1) * config.rotate_degrees,
        top=_integers(top, 0, SIZE - side),
        left=_integers(left, 0, SIZE - side),
        side=side,
        sigma=_between(config.blur_sigma, strength),
        factor=_between(config.brightness, strength),
        dx=_integers(dx, -config.shift_pixels, config.shift_pixels),
        dy=_integers(dy, -config.shift_pixels, config.shift_pixels),
        mirrored=mirror < config.mirror,
    )


def apply(images: Tensor, draws: Draws) -> Tensor:
    """Images (B, 32, 32, 3), each changed by its draw: one of the seven, then shift and mirror."""
    changed = images.clone()
    there = Draws(*(send(values, images.device) for values in draws))
    for index, transform in enumerate(AUGMENTATIONS.values()):
        # Counted on the CPU: a GPU would have to be waited for.
        chosen = send((draws.which == index).nonzero().squeeze(1), images.device)
        if len(chosen):
            own = Draws(*(values.index_select(0, chosen) for values in there))
            changed.index_copy_(0, chosen, transform(images.index_select(0, chosen), own))
    if any(values.any() for values in (draws.dx, draws.dy, draws.mirrored)):
        changed = shift(changed, there.dx, there.dy, there.mirrored)
    return changed


def examples(
    images: Tensor, config: AugmentConfig, generator: torch.Generator
) -> dict[str, Tensor]:
    """The images, and after them their augmentations by `config`, by name; each (B, 32, 32, 3)."""
    never = torch.zeros(1)
    labels = torch.zeros(len(images), dtype=torch.int64)
    shown = {"original": images}
    if config.probability is not None:
        draws = draw(labels, never, config, generator)
        shown |= {name: transform(images, draws) for name, transform in AUGMENTATIONS.items()}
    if config.shift_pixels or config.mirror:
        for number in range(1, 6):
            shown[f"all, draw {number}"] = augment(images, labels, never, config, generator)
    return shown


def flip_horizontal(images: Tensor) -> Tensor:
    """Mirrored left to right."""
    return images.flip(2)


def flip_vertical(images: Tensor) -> Tensor:
    """Mirrored upside down."""
    return images.flip(1)


def rotate(images: Tensor, degrees: Tensor) -> Tensor:
    """Turned about the centre, counter-clockwise for degrees > 0, bilinear.

    Corners are filled with the image mirrored at the centres of its outermost pixels, as in
    shift(); torchvision fills them with black.
    """
    if not len(images):
        return images.clone()  # grid_sample refuses an empty batch
    cos, sin = torch.deg2rad(degrees.float()).cos(), torch.deg2rad(degrees.float()).sin()
    zero = torch.zeros_like(cos)
    matrix = torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).view(-1, 2, 3)
    channels_first = images.permute(0, 3, 1, 2).float()
    # align_corners puts ±1 at the centres of the outermost pixels: there `reflection` mirrors.
    grid = functional.affine_grid(matrix, list(channels_first.shape), align_corners=True)
    turned = functional.grid_sample(
        channels_first, grid, padding_mode="reflection", align_corners=True
    )
    return _to_uint8(turned.permute(0, 2, 3, 1))


def crop_resize(images: Tensor, top: Tensor, left: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """The box, in pixels and inside the image, stretched to 32 × 32, bilinear."""
    return _resample(images, _stretching(top, height), _stretching(left, width))


def grayscale(images: Tensor) -> Tensor:
    """All three channels set to torchvision's luma, 0.2989 R + 0.587 G + 0.114 B."""
    red, green, blue = images.unbind(dim=3)
    luma = (red * 0.2989).add_(green, alpha=0.587).add_(blue, alpha=0.114)  # (B, 32, 32)
    return _to_uint8(luma).unsqueeze(3).repeat(1, 1, 1, 3)


def blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of sigma ≥ 0 pixels, 0 for none: 5 × 5, mirrored at the borders."""
    offsets = torch.arange(-_BLUR_REACH, _BLUR_REACH + 1, device=images.device)
    spread = sigma.float().clamp(min=1e-3).unsqueeze(1)  # so small that only the centre counts
    kernel = torch.softmax(-0.5 * (offsets / spread) ** 2, dim=1)  # (B, 5)
    sources = _mirror(torch.arange(SIZE, device=images.device) + offsets.unsqueeze(1))  # (5, 32)
    taps = functional.one_hot(sources, SIZE).float()  # (5, 32, 32)
    weights = (kernel @ taps.flatten(1)).view(-1, SIZE, SIZE)
    return _resample(images, weights, weights)


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Every channel times factor ≥ 0, at most 255."""
    return _to_uint8(images * factor.float().view(-1, 1, 1, 1))


def shift(images: Tensor, dx: Tensor, dy: Tensor, mirrored: Tensor) -> Tensor:
    """Moved right by dx and down by dy, whole pixels in -31..31; borders fill by mirroring.

    Then images with `mirrored` (bool) are mirrored as a whole, left to right.
    """
    if not len(images):
        return images.clone()  # unfold() refuses an empty batch
    # Each row backwards, forwards and backwards again: a row moved by any dx, mirrored or not, is a
    # run of 32 of these 94 pixels. Copying runs takes a third of the time of copying pixels.
    back = images.flip(2)
    rows_of_94 = torch.cat([back, images[:, :, 1:], back[:, :, 1:]], dim=2)  # (B, 32, 94, 3)
    first = torch.where(mirrored, dx % (2 * SIZE - 2), SIZE - 1 - dx)  # (B,)
    rows = _mirror(torch.arange(SIZE, device=images.device) - dy.unsqueeze(1))  # (B, 32)
    rows += SIZE * torch.arange(len(images), device=images.device).unsqueeze(1)
    starts = rows_of_94.shape[2] * rows + first.unsqueeze(1)
    runs = rows_of_94.flatten().unfold(0, 3 * SIZE, 3)  # a view: the run that starts at each pixel
    return runs.index_select(0, starts.flatten()).view(images.shape)


#: The seven by name, in the order of Draws.which; each reads its parameters from the draws.
AUGMENTATIONS: Mapping[str, Callable[[Tensor, Draws], Tensor]] = {
    "flip_horizontal": lambda images, draws: flip_horizontal(images),
    "flip_vertical": lambda images, draws: flip_vertical(images),
    "rotate": lambda images, draws: rotate(images, draws.degrees),
    "crop_resize": lambda images, draws: crop_resize(
        images, draws.top, draws.left, draws.side, draws.side
    ),
    "grayscale": lambda images, draws: grayscale(images),
    "blur": lambda images, draws: blur(images, draws.sigma),
    "brightness": lambda images, draws: brightness(images, draws.factor),
}


def _resample(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Each row, then each column, replaced by a weighted sum of all rows or columns.

    rows, columns: (B, 32, 32) float, weights by resulting and by original row or column.
    """
    channels_first = images.permute(0, 3, 1, 2)
    x = channels_first.to(torch.float32, memory_format=torch.contiguous_format)  # (B, 3, 32, 32)
    x = rows.unsqueeze(1) @ x
    x = x.view(-1, 3 * SIZE, SIZE) @ columns.mT  # (B, 3·32, 32): one product for all channels
    return _to_uint8(x.view(channels_first.shape).permute(0, 2, 3, 1))


def _stretching(start: Tensor, length: Tensor) -> Tensor:
    """Weights (B, 32, 32) that interpolate the `length` pixels from `start` to 32."""
    places = torch.arange(SIZE, device=start.device, dtype=torch.float32)
    start, length = start.float().unsqueeze(1), length.float().unsqueeze(1)  # (B, 1)
    # Centres of pixels meet centres: 0.5 of 32 is 0.5 · length / 32 of the box.
    inside = ((places + 0.5) * (length / SIZE) - 0.5).clamp(min=0).minimum(length - 1)
    sources = start + inside  # (B, 32)
    return (1 - (sources.unsqueeze(2) - places).abs_()).clamp_(min=0)  # (B, 32, 32)


def _mirror(places: Tensor) -> Tensor:
    """Rows or columns in -31..62 mirrored at the first and the last: -1 is 1, and 32 is 30."""
    return SIZE - 1 - (SIZE - 1 - places.abs()).abs()


def _to_uint8(values: Tensor) -> Tensor:
    """Rounded to 8-bit levels, contiguous; `values` is overwritten."""
    return values.round_().clamp_(0, 255).to(torch.uint8, memory_format=torch.contiguous_format)


def _between(ends: Sequence[float], uniform: Tensor) -> Tensor:
    """Numbers between the ends, from numbers in [0, 1)."""
    return ends[0] + (ends[1] - ends[0]) * uniform


def _integers(uniform: Tensor, least: int, most: int | Tensor) -> Tensor:
    """Integers in least..most, equally likely, from numbers in [0, 1)."""
    return least + (uniform * (most - least + 1)).long()
