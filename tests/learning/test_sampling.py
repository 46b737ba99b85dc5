import math

import numpy as np
import pytest
import torch
from torch.utils.data import WeightedRandomSampler

from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning.sampling import Chance, chance, has_learned, sample_epoch


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def imbalanced(train: ImageSet) -> ImageSet:
    """72 cars, 12 trucks, 6 cats."""
    number = np.arange(90)
    return train.with_labels(np.where(number < 72, 0, np.where(number < 84, 1, 2)))


@pytest.mark.parametrize(
    "weights", [(0.2, 0.87, 0.93), (0.4, 2.5, 5.0), (1, 1, 1), (0, 1, 1), (1, 1e-3, 50)]
)
def test_class_shares_follow_theory(weights: tuple[float, ...]) -> None:
    """Each share within 5 standard deviations of n·w / Σ n·w: by chance once in 10⁶."""
    labels = np.repeat(np.arange(3), (88_000, 8_000, 4_000))
    class_weights = np.array(weights, dtype=np.float64)
    drawn = labels[sample_epoch(labels, class_weights, seeded(3)).numpy()]
    theory = np.bincount(labels) * class_weights
    theory /= theory.sum()
    deviation = np.sqrt(theory * (1 - theory) / len(labels))
    assert (abs(np.bincount(drawn, minlength=3) / len(labels) - theory) <= 5 * deviation).all()


def test_within_a_class_every_image_is_as_likely() -> None:
    labels = np.repeat(np.arange(2), (900, 100))
    drawn = torch.cat([sample_epoch(labels, np.array([1.0, 9.0]), seeded(s)) for s in range(200)])
    counts = np.bincount(drawn.numpy(), minlength=1000)
    expected = 200_000 * np.repeat([1 / 1800, 9 / 1800], (900, 100))
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_squared - 999) < 5 * np.sqrt(2 * 999)


def test_draws_are_those_of_torchs_sampler(imbalanced: ImageSet) -> None:
    class_weights = np.array([0.2, 0.87, 0.93])
    weights = class_weights[imbalanced.labels].tolist()
    theirs = list(WeightedRandomSampler(weights, 90, generator=seeded(4)))
    assert sample_epoch(imbalanced.labels, class_weights, seeded(4)).tolist() == theirs


def test_without_weights_each_image_comes_once(imbalanced: ImageSet) -> None:
    indices = sample_epoch(imbalanced.labels, None, seeded()).tolist()
    assert sorted(indices) == list(range(90))
    assert indices != list(range(90))


@pytest.mark.parametrize(
    ("weights", "loss", "accuracy"),
    [
        (None, -(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25)), 0.5),
        ([1.0, 2.0, 2.0], math.log(3), 1 / 3),
        ([0.0, 1.0, 1.0], math.log(2), 0.5),
    ],
)
def test_by_chance_the_loss_is_the_entropy_of_the_draws(
    weights: list[float] | None, loss: float, accuracy: float
) -> None:
    labels = np.array([0, 0, 1, 2])
    class_weights = None if weights is None else np.array(weights)
    assert chance(labels, class_weights) == pytest.approx((loss, accuracy))


def test_learned_is_a_loss_below_chance_or_half_of_the_errors() -> None:
    by_chance = Chance(loss=1.0, accuracy=0.4)
    assert has_learned(0.95, 0.0, by_chance)
    assert not has_learned(0.951, 0.69, by_chance)
    assert has_learned(5.0, 0.71, by_chance)
    assert not has_learned(math.nan, 0.4, by_chance)


def test_weights_of_zero_for_all_labels_are_refused() -> None:
    with pytest.raises(InputError, match="class_weights must not be 0 for all classes"):
        sample_epoch(np.array([0, 0]), np.array([0.0, 1.0]), torch.Generator())
