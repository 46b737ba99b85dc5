"""What stage `stats` does: a data set counted, pictured and written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from noisylab import plots
from noisylab.core import files
from noisylab.core.images import ImageSet, identical_images

_CHUNK = 1024  # images whose colours are counted at once, which bounds the memory it takes


def describe(sets: Mapping[str, ImageSet]) -> dict[str, Any]:
    """Figures of each set that has images, and of what the sets share, as nested plain numbers.

    By split: `images`, `count` and `percent` by class, `imbalance_ratio` (images of the most
    common class for one of the rarest), `repeated_images` (equal to an earlier one in every
    pixel), `channel_mean` and `channel_std` in [0, 1]. By pair of splits: `shared_images`.
    """
    filled = {split: image_set for split, image_set in sets.items() if len(image_set)}
    described: dict[str, Any] = {split: _describe(part) for split, part in filled.items()}
    described["shared_images"] = {
        f"{first}_{second}": len(identical_images(filled[first], filled[second]))
        for first, second in combinations(filled, 2)
    }
    return described


def _describe(image_set: ImageSet) -> dict[str, Any]:
    counts = image_set.counts()
    mean, std = channel_mean_std(image_set.images)
    return {
        "images": len(image_set),
        "count": dict(zip(image_set.classes, counts, strict=True)),
        "percent": dict(zip(image_set.classes, 100 * counts / counts.sum(), strict=True)),
        "imbalance_ratio": counts.max() / counts[counts > 0].min(),
        "repeated_images": len(identical_images(image_set, image_set)),
        "channel_mean": dict(zip(("red", "green", "blue"), mean, strict=True)),
        "channel_std": dict(zip(("red", "green", "blue"), std, strict=True)),
    }


def channel_mean_std(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (3,) of each channel over all pixels, in [0, 1]; images uint8, N ≥ 1."""
    levels = np.arange(256) / 255
    histogram = np.zeros((3, 256), dtype=np.int64)
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK]
        for channel in range(3):
            histogram[channel] += np.bincount(chunk[..., channel].ravel(), minlength=256)
    weights = histogram / histogram.sum(axis=1, keepdims=True)  # (3, 256)
    mean = weights @ levels
    variance = (weights * (levels - mean[:, None]) ** 2).sum(axis=1)
    return mean, np.sqrt(variance)


def sheet_indices(image_set: ImageSet, label: int, n_images: int) -> np.ndarray:
    """Indices of at most `n_images` images under one label, evenly spread over the set."""
    of_label = np.flatnonzero(image_set.labels == label)
    positions = np.linspace(0, len(of_label) - 1, min(n_images, len(of_label)))
    indices: np.ndarray = of_label[positions.round().astype(np.int64)]
    return indices


def write_plots(folder: str | Path, sets: Mapping[str, ImageSet], sheet_images: int) -> None:
    """Write the class distribution of train and dev, as table and picture, and a sheet a class.

    sheet_images: how many images of train each sheet shows, at most.
    """
    folder = Path(folder)
    train = sets["train"]
    counts = {split: sets[split].counts() for split in ("train", "dev")}
    rows = [
        (name, split, values[label], 100 * values[label] / values.sum())
        for label, name in enumerate(train.classes)
        for split, values in counts.items()
    ]
    files.write_csv(folder / "classes.csv", ("class", "split", "images", "percent"), rows)
    distribution = plots.class_distribution("Images by given label", counts, train.classes)
    files.write_png(folder / "classes.png", distribution)
    for label, name in enumerate(train.classes):
        indices = sheet_indices(train, label, sheet_images)
        what = f"{len(indices)} of {counts['train'][label]:,} images of train labelled {name}"
        title = f"{what}, with their indices"
        sheet = plots.image_sheet(title, train.images[indices], [str(i) for i in indices])
        # The number, since two names may differ only in what a file's name cannot hold.
        slug = re.sub(r"[^\w-]+", "_", name)[:40]
        files.write_png(folder / "sheets" / f"{label}_{slug}.png", sheet)
