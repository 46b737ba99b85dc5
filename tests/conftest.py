"""Small sets that every test may use."""

import numpy as np
import pytest

from noisylab.images import SIZE, ImageSet


def make_set(
    n_images: int, seed: int, classes: tuple[str, ...] = ("car", "truck", "cat")
) -> ImageSet:
    """Noise with one channel brighter for each class: easy to learn, and labels are true."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n_images, dtype=np.int64) % len(classes)
    images = rng.integers(0, 120, (n_images, SIZE, SIZE, 3), dtype=np.uint8)
    images[np.arange(n_images), :, :, labels % 3] += 100
    return ImageSet(images, labels, classes, true_labels=labels.copy())


@pytest.fixture
def train() -> ImageSet:
    return make_set(90, seed=1)


@pytest.fixture
def dev() -> ImageSet:
    return make_set(30, seed=2)
