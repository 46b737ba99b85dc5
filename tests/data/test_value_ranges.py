"""Ranges of tensors: recognised with a notice, or refused; never guessed in silence."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from noisylab.core.errors import InputError
from noisylab.data.sources import read_source
from noisylab.data.sources.value_ranges import LEVELS, SIGNED, UNIT, Ranges, ValueRange

from .conftest import noise

PIXELS = noise(6, 3, 32, 32)
RANGES = [SIGNED, UNIT, LEVELS]


def scaled(values: ValueRange, seed: int = 0) -> np.ndarray:
    pixels = noise(6, 3, 32, 32, seed=seed)
    return (pixels / 255 * (values.high - values.low) + values.low).astype(np.float32)


def save(folder: Path, **splits: np.ndarray) -> None:
    for split, tensors in splits.items():
        pairs = [(tensor, label % 2) for label, tensor in enumerate(tensors)]
        (folder / f"{split}.pickle").write_bytes(pickle.dumps(pairs))


@pytest.mark.parametrize("values", RANGES)
def test_all_levels_come_back_from_each_range(tmp_path: Path, values: ValueRange) -> None:
    save(tmp_path, train=scaled(values), dev=scaled(values, seed=1))
    source = read_source(tmp_path)
    np.testing.assert_array_equal(source.train.images, PIXELS.transpose(0, 2, 3, 1))
    notices = [f"were read as {values.formula}, [" in line for line in source.notices]
    assert notices == ([] if values is SIGNED else [True, True])


@pytest.mark.parametrize("values", RANGES)
def test_a_few_values_that_overshoot_are_clipped_with_a_notice(values: ValueRange) -> None:
    tensors = scaled(values)
    span = values.high - values.low
    tensors[0, 0, 0, 0] = values.low - 0.01 * span
    tensors[3, 0, 0, 0] = values.high + 0.15 * span
    ranges = Ranges()
    assert ranges.of("train.pickle", [*tensors]) is values
    low, high = f"{tensors.min():g} (index 0)", f"{tensors.max():g} (index 3)"
    assert ranges.notices == [
        f"train.pickle: values from {low} to {high} were read as {values.formula}, "
        f"[{values.low:g}, {values.high:g}], 2 of them clipped"
    ]
    levels = values.to_uint8(tensors)
    assert (levels[0, 0, 0, 0], levels[3, 0, 0, 0]) == (0, 255)


def test_tensors_of_uint8_are_pixels_without_a_notice() -> None:
    ranges = Ranges()
    assert ranges.of("train.pickle", [*PIXELS]) is LEVELS
    assert ranges.notices == []
    np.testing.assert_array_equal(LEVELS.to_uint8(PIXELS), PIXELS)


def test_masks_of_0_and_1_become_black_and_white() -> None:
    for dtype in (np.uint8, np.float32):
        masks = (PIXELS > 99).astype(dtype)
        chosen = Ranges().of("train.pickle", [*masks])
        np.testing.assert_array_equal(chosen.to_uint8(masks), masks * np.uint8(255))


@pytest.mark.parametrize(
    ("mean", "std"),
    [(0.48, 0.23), (0.13, 0.31), (0.5, 0.2)],  # ImageNet, MNIST, plain
)
def test_standardised_values_are_refused_with_the_remedy(mean: float, std: float) -> None:
    tensors = (scaled(UNIT) ** (6 if mean == 0.13 else 1) - mean) / std
    message = r"got -.* to .*; divide pixels by 255, or undo a standardisation with tensor \* std"
    with pytest.raises(InputError, match=message):
        Ranges().of("train.pickle", [*tensors])


@pytest.mark.parametrize("top", [7, 4095, 65535])
def test_values_up_to_another_number_are_refused(top: int) -> None:
    with pytest.raises(InputError, match=r"expected values in \[-1, 1\], \[0, 1\] or \[0, 255\]"):
        Ranges().of("train.pickle", [*scaled(UNIT) * top])


def test_dev_is_read_in_the_range_of_train() -> None:
    ranges = Ranges()
    ranges.of("train.pickle", [*scaled(SIGNED)])
    bright = np.abs(scaled(SIGNED))
    assert ranges.of("dev.pickle", [*bright]) is SIGNED
    (notice,) = ranges.notices
    assert notice.startswith("dev.pickle: values from ")
    assert "were read as (pixels / 255 - 0.5) / 0.5, [-1, 1]" in notice


@pytest.mark.parametrize(("train", "dev"), [(UNIT, SIGNED), (SIGNED, LEVELS), (UNIT, LEVELS)])
def test_dev_in_another_range_than_train_is_refused(train: ValueRange, dev: ValueRange) -> None:
    ranges = Ranges()
    ranges.of("train.pickle", [*scaled(train)])
    with pytest.raises(InputError, match=r"expected values in \[.*\], as in train.pickle, got"):
        ranges.of("dev.pickle", [*scaled(dev)])
