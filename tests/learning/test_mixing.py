import numpy as np
import pytest
import torch
from torch import Tensor

from noisylab.learning.mixing import mix


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images() -> Tensor:
    """400 images of one colour each, so that a pixel says which image it is of."""
    levels = torch.arange(400).remainder(2) * 200
    return levels.to(torch.uint8)[:, None, None, None].expand(400, 32, 32, 3).contiguous()


@pytest.fixture
def targets() -> Tensor:
    return torch.eye(2)[torch.arange(400).remainder(2)]


@pytest.mark.parametrize(("mixup", "cutmix"), [(1.0, 0.0), (0.0, 1.0), (0.3, 0.4)])
def test_a_target_has_the_share_of_each_image_in_the_pixels(
    images: Tensor, targets: Tensor, mixup: float, cutmix: float
) -> None:
    mixed, mixed_targets = mix(images, targets, mixup, cutmix, seeded())
    shares = mixed.float().mean(dim=(1, 2, 3)) / 200
    assert torch.allclose(shares, mixed_targets[:, 1], atol=0.5 / 200 + 1e-6)
    assert torch.allclose(mixed_targets.sum(dim=1), torch.ones(400))
    own = (mixed_targets * targets).sum(dim=1)
    assert own.min() >= 0.48  # a square has whole pixels
    of_both = ((mixed == 0) | (mixed == 200)).all(dim=3).all(dim=2).all(dim=1)
    is_mixed = own < 1
    blended, pasted = (is_mixed & ~of_both).sum(), (is_mixed & of_both).sum()
    assert blended == pytest.approx(400 * mixup, abs=45)
    assert pasted == pytest.approx(400 * cutmix, abs=45)


def test_the_share_of_the_own_image_is_uniform_from_one_half(
    images: Tensor, targets: Tensor
) -> None:
    own = (mix(images, targets, 1.0, 0.0, seeded())[1] * targets).sum(dim=1)
    assert np.quantile(own, [0.25, 0.5, 0.75]) == pytest.approx([0.625, 0.75, 0.875], abs=0.04)


def test_a_pasted_square_is_inside_and_anywhere(images: Tensor, targets: Tensor) -> None:
    mixed, _ = mix(images, targets, 0.0, 1.0, seeded(1))
    pasted = mixed[:, :, :, 0] != images[:, :, :, 0]  # (B, 32, 32)
    for mask in pasted:
        sides = mask.any(dim=0).sum(), mask.any(dim=1).sum()
        assert sides[0] == sides[1]
        assert mask.sum() == sides[0] * sides[1]
        assert sides[0] <= 23
    reached = pasted.any(dim=0)  # (32, 32)
    assert reached.any(dim=0).all()
    assert reached.any(dim=1).all()


def test_nothing_is_mixed_at_zero_and_inputs_stay(images: Tensor, targets: Tensor) -> None:
    before = images.clone(), targets.clone()
    mixed, mixed_targets = mix(images, targets, 0.0, 0.0, seeded())
    assert torch.equal(mixed, images)
    assert torch.equal(mixed_targets, targets)
    mix(images, targets, 0.5, 0.5, seeded())
    assert torch.equal(images, before[0])
    assert torch.equal(targets, before[1])
