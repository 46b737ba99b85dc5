from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as usual

from noisylab.config.settings import AugmentConfig
from noisylab.learning.augment import (
    AUGMENTATIONS,
    UNCHANGED,
    Draws,
    apply,
    augment,
    blur,
    brightness,
    crop_resize,
    draw,
    flip_horizontal,
    flip_vertical,
    grayscale,
    rotate,
    shift,
)

CONFIG = AugmentConfig(shift_pixels=4, mirror=0.5)
ALL, NONE = torch.ones(3), torch.zeros(3)  # of three classes
B = 24  # images in a batch, half of them noise and half smooth


def window_of_mirrored(image: Tensor, dx: int, dy: int, mirrored: bool) -> Tensor:
    padded = np.pad(image.numpy(), ((0, 0), (31, 31), (31, 31)), mode="reflect")
    window = torch.from_numpy(padded[:, 31 - dy : 63 - dy, 31 - dx : 63 - dx])
    return usual.horizontal_flip(window) if mirrored else window


#: By name: the function, its parameters for B images, and torchvision's own for one image.
CASES: dict[str, tuple[Callable[..., Tensor], list[Tensor], Callable[..., Tensor]]] = {
    "flip_horizontal": (flip_horizontal, [], usual.horizontal_flip),
    "flip_vertical": (flip_vertical, [], usual.vertical_flip),
    "rotate": (
        rotate,
        [torch.linspace(-180, 179, B)],
        lambda image, degrees: usual.rotate(image, degrees, InterpolationMode.BILINEAR),
    ),
    "crop_resize": (
        crop_resize,
        [torch.arange(B) % 7, torch.arange(B) % 5, torch.arange(B) + 1, 27 - torch.arange(B)],
        lambda image, *box: usual.resized_crop(image, *box, size=[32, 32]),
    ),
    "grayscale": (grayscale, [], lambda image: usual.rgb_to_grayscale(image, 3)),
    "blur": (
        blur,
        [torch.linspace(0.05, 8, B)],
        lambda image, sigma: usual.gaussian_blur(image, [5, 5], [sigma]),
    ),
    "brightness": (brightness, [torch.linspace(0, 3, B)], usual.adjust_brightness),
    "shift": (
        shift,
        [torch.linspace(-31, 31, B).long(), 31 - torch.arange(B), torch.arange(B) % 3 != 1],
        window_of_mirrored,
    ),
}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_images(n_images: int = B, seed: int = 0) -> Tensor:
    noise = torch.randint(0, 256, (n_images, 3, 32, 32), generator=seeded(seed)).float()
    smooth = interpolate(noise[n_images // 2 :, :, :4, :4], size=(32, 32), mode="bilinear")
    images = torch.cat([noise[: n_images // 2], smooth]).to(torch.uint8)
    return images.permute(0, 2, 3, 1).contiguous()


def make_labels(n_images: int) -> Tensor:
    return torch.arange(n_images) % 3


def inside_after_rotation(degrees: float) -> Tensor:
    """(32, 32) bool: where a turned image shows what was inside it, with a pixel to spare."""
    y, x = torch.meshgrid(torch.arange(32) - 15.5, torch.arange(32) - 15.5, indexing="ij")
    angle = torch.deg2rad(torch.tensor(degrees))
    across, down = x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()
    return (across.abs() <= 14.5) & (down.abs() <= 14.5)


@pytest.mark.parametrize("name", CASES)
def test_equals_torchvision(name: str) -> None:
    ours, parameters, theirs = CASES[name]
    images = make_images()
    results = ours(images, *parameters)
    assert results.shape == images.shape
    assert results.dtype == torch.uint8
    for index, result in enumerate(results):
        own = [values[index].item() for values in parameters]
        expected = theirs(images[index].permute(2, 0, 1), *own).permute(1, 2, 0)
        difference = (result.int() - expected.int()).abs().amax(dim=2)
        if name == "shift":
            assert not difference.any(), (index, own)
        if name == "rotate":  # torchvision's corners are black
            difference = difference[inside_after_rotation(own[0])]
            assert len(difference) > 500
        assert difference.max() <= 2, (index, own)


@pytest.mark.parametrize("name", CASES)
def test_a_batch_equals_its_images_one_by_one(name: str) -> None:
    transform, parameters, _ = CASES[name]
    images = make_images()
    before = images.clone()
    batch = transform(images, *parameters)
    each = [transform(images[i : i + 1], *(p[i : i + 1] for p in parameters)) for i in range(B)]
    # The order of a sum may depend on the size of the batch, and so may the last bit before
    # rounding to 8-bit levels.
    assert (batch.int() - torch.cat(each).int()).abs().max() <= 1
    assert (batch != torch.cat(each)).float().mean() < 1e-3
    assert torch.equal(images, before)
    assert batch.is_contiguous()
    assert transform(images[:0], *(p[:0] for p in parameters)).shape == (0, 32, 32, 3)


def test_neutral_parameters_change_nothing() -> None:
    images = make_images()
    zeros, ones = torch.zeros(B), torch.ones(B)
    gray = images[..., :1].expand(-1, -1, -1, 3)
    every_level = torch.arange(1024).remainder(256).byte().view(1, 32, 32, 1).expand(-1, -1, -1, 3)
    whole = zeros, zeros, 32 * ones, 32 * ones
    assert torch.equal(flip_horizontal(flip_horizontal(images)), images)
    assert torch.equal(flip_vertical(flip_vertical(images)), images)
    assert torch.equal(rotate(images, zeros), images)
    assert torch.equal(crop_resize(images, *whole), images)
    assert torch.equal(grayscale(gray), gray)
    assert torch.equal(grayscale(every_level), every_level)
    assert torch.equal(blur(images, zeros), images)
    assert torch.equal(brightness(images, ones), images)
    assert torch.equal(shift(images, zeros.long(), zeros.long(), zeros.bool()), images)


def test_corners_of_a_turned_image_are_mirrored() -> None:
    """By 90 degrees nothing comes in; what does by 45 is as bright as the image, not black."""
    images = make_images()
    assert torch.equal(rotate(images, torch.full((B,), 90)), images.rot90(1, (1, 2)))
    white = torch.full_like(images, 255)
    assert torch.equal(rotate(white, torch.full((B,), 45)), white)


def test_who_gets_which() -> None:
    """Shares by class and by augmentation within 4.5 standard deviations of a binomial."""
    n_images, probability = 30_000, [0.2, 0.5, 0.9]
    labels = make_labels(n_images)
    which = draw(labels, torch.tensor(probability), CONFIG, seeded(1)).which
    for label, p in enumerate(probability):
        n = n_images // 3
        changed = int((which[labels == label] != UNCHANGED).sum())
        assert abs(changed - n * p) < 4.5 * (n * p * (1 - p)) ** 0.5
    chosen = which[which != UNCHANGED]
    counts = chosen.bincount().tolist()
    n = len(chosen)
    assert len(counts) == len(AUGMENTATIONS) == 7
    assert all(abs(count - n / 7) < 4.5 * (n * 6 / 49) ** 0.5 for count in counts)


def test_probability_1_changes_every_image_and_0_none() -> None:
    labels = make_labels(3000)
    config = AugmentConfig()
    which = draw(labels, torch.tensor([0.0, 1.0, 0.0]), config, seeded()).which
    assert torch.equal(which != UNCHANGED, labels == 1)
    images = make_images(30)
    assert torch.equal(augment(images, labels[:30], NONE, config, seeded()), images)
    assert augment(images[:0], labels[:0], ALL, CONFIG, seeded()).shape == (0, 32, 32, 3)


def test_draws_fill_their_ranges() -> None:
    config = replace(CONFIG, rotate_degrees=20, crop_scale=0.75, blur_sigma=(0.5, 2), mirror=0.25)
    draws = draw(make_labels(20_000), ALL, config, seeded(2))
    for values, ends in (
        (draws.degrees, [-20, 20]),
        (draws.sigma, [0.5, 2]),
        (draws.factor, [0.6, 1.4]),
    ):
        assert [values.min().item(), values.max().item()] == pytest.approx(ends, rel=0.01)
    assert draws.side.unique().tolist() == list(range(24, 33))
    for start in (draws.top, draws.left):
        assert start.min() == 0
        assert (start + draws.side).max() == 32
    for moved in (draws.dx, draws.dy):
        assert moved.unique(return_counts=True)[0].tolist() == list(range(-4, 5))
        assert moved.unique(return_counts=True)[1].min() > 2000
    assert draws.mirrored.float().mean() == pytest.approx(0.25, abs=0.015)


def test_exactly_one_of_the_seven_then_shift_and_mirror() -> None:
    images, labels = make_images(100), make_labels(100)
    draws = draw(labels, 0.8 * ALL, CONFIG, seeded(3))
    before = images.clone()
    results = apply(images, draws)
    assert torch.equal(images, before)
    transforms = list(AUGMENTATIONS.values())
    for index, result in enumerate(results):
        own = Draws(*(values[index : index + 1] for values in draws))
        image = images[index : index + 1]
        if own.which != UNCHANGED:
            image = transforms[int(own.which)](image, own)
        image = shift(image, own.dx, own.dy, torch.zeros(1, dtype=torch.bool))
        if own.mirrored:
            image = flip_horizontal(image)
        assert (result.int() - image[0].int()).abs().max() <= 1


def test_equal_seeds_give_equal_images_in_calls_of_any_size() -> None:
    images, labels = make_images(200), make_labels(200)
    probability = torch.tensor([0.3, 0.6, 0.9])

    def results(seed: int, chunk: int) -> Tensor:
        generator = seeded(seed)
        parts = zip(images.split(chunk), labels.split(chunk), strict=True)
        return torch.cat([augment(*part, probability, CONFIG, generator) for part in parts])

    first = results(4, 200)
    torch.rand(7)  # torch's own generator has no part in it
    assert torch.equal(results(4, 200), first)
    assert not torch.equal(results(5, 200), first)
    for chunk in (1, 37, 128):
        different = (results(4, chunk).int() - first.int()).abs()
        assert different.max() <= 1  # see test_a_batch_equals_its_images_one_by_one
        assert (different > 0).float().mean() < 1e-3

    whole = draw(labels, probability, CONFIG, seeded(4))
    generator = seeded(4)
    parts = [draw(part, probability, CONFIG, generator) for part in labels.split(37)]
    for values, *pieces in zip(whole, *parts, strict=True):
        assert torch.equal(values, torch.cat(pieces))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_the_images_of_the_cpu() -> None:
    images, labels = make_images(300), make_labels(300)
    on_cpu = augment(images, labels, ALL, CONFIG, seeded())
    on_cuda = augment(images.cuda(), labels, ALL, CONFIG, seeded())
    assert on_cuda.is_cuda
    assert (on_cuda.cpu().int() - on_cpu.int()).abs().max() <= 1
