import numpy as np
import pytest
import torch
from conftest import make_set
from sklearn.utils.class_weight import compute_class_weight
from torch.utils.data import WeightedRandomSampler

from noisylab.config import BY_CLASS
from noisylab.errors import InputError
from noisylab.images import ImageSet
from noisylab.sampling import by_class, sample_epoch


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def imbalanced(train: ImageSet) -> ImageSet:
    """72 cars, 12 trucks, 6 cats."""
    number = np.arange(90)
    return train.with_labels(np.where(number < 72, 0, np.where(number < 84, 1, 2)))


def test_schemes(imbalanced: ImageSet) -> None:
    assert by_class("w", "none", imbalanced).tolist() == [1, 1, 1]
    expected = [1 - 72 / 90, 1 - 12 / 90, 1 - 6 / 90]
    assert by_class("w", "one_minus_frequency", imbalanced) == pytest.approx(expected)
    balanced = compute_class_weight("balanced", classes=np.arange(3), y=imbalanced.labels)
    assert by_class("w", "inverse_frequency", imbalanced) == pytest.approx(balanced)


def test_names_in_any_order(imbalanced: ImageSet) -> None:
    assert by_class("w", {"cat": 9, "car": 1, "truck": 0.5}, imbalanced).tolist() == [1, 0.5, 9]


@pytest.mark.parametrize("names", [{"car": 1, "truck": 1}, {"car": 1, "truck": 1, "dog": 1}])
def test_other_names_are_refused(imbalanced: ImageSet, names: dict[str, float]) -> None:
    with pytest.raises(InputError) as error:
        by_class("class_weights", names, imbalanced)
    expected = "class_weights must have a number for each of car, truck, cat, got car, truck"
    assert str(error.value).startswith(expected)


@pytest.mark.parametrize("scheme", [name for name in BY_CLASS if name != "none"])
def test_a_class_without_images_has_no_weight(imbalanced: ImageSet, scheme: str) -> None:
    without = imbalanced.with_labels(np.minimum(imbalanced.labels, 1))
    message = f"class_weights cannot be {scheme}, since no image is labelled cat"
    with pytest.raises(InputError, match=message):
        by_class("class_weights", scheme, without)


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


def test_classes_that_are_called_by_a_number_may_be_named_by_it() -> None:
    numbered = make_set(9, seed=0, classes=("0", "1", "2"))
    numbers = {0: 1, 1: 2, 2: 3}
    weights = by_class("class_weights", numbers, numbered)  # type: ignore[arg-type]
    assert weights.tolist() == [1, 2, 3]
    with pytest.raises(InputError, match="a number for each of 0, 1, 2, got 0, 1"):
        by_class("class_weights", {0: 1, 1: 2}, numbered)  # type: ignore[dict-item]
