"""Sets with wrong labels made from CIFAR-10's training half, besides the bundled one."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from noisylab.core.images import ImageSet
from noisylab.data.bundling.cifar10 import CLASSES, read_cifar10


def read_arguments(
    description: str | None, n_seeds: int = 3, sets: Sequence[int] = (1, 2, 3, 4)
) -> argparse.Namespace:
    """`root`, the folder with CIFAR-10; `seeds`; `sets`, of hidden(), from 1; and `kept`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("root", type=Path)
    parser.add_argument("--seeds", type=int, default=n_seeds)
    parser.add_argument("--sets", type=int, nargs="+", choices=range(1, 5), default=[*sets])
    parser.add_argument("--kept", type=Path)
    return parser.parse_args()


def confused(root: Path) -> Iterator[tuple[str, ImageSet]]:
    """Sets with other counts than the bundle: three with two confusions each, and one with none.

    In the last, one class has 1.8% of one and 7.3% of another class hidden in it.
    """
    counts = {"ship": 3000, "horse": 1200, "frog": 800, "airplane": 600}
    moves = {("frog", "ship"): 400, ("airplane", "horse"): 200}
    yield "frogs labelled ship, airplanes labelled horse", _made(root, counts, moves)
    yield "no wrong label", _made(root, counts, {})
    counts = {"automobile": 2500, "bird": 1500, "deer": 900, "dog": 700}
    moves = {("deer", "bird"): 300, ("dog", "automobile"): 350}
    yield "deer labelled bird, dogs labelled automobile", _made(root, counts, moves)
    counts = {"horse": 5000, "deer": 900, "airplane": 600}
    moves = {("deer", "horse"): 400, ("airplane", "horse"): 100}
    yield "deer and airplanes labelled horse", _made(root, counts, moves)


def hidden(root: Path) -> Iterator[tuple[str, ImageSet]]:
    """Sets with the bundle's counts and other classes; two thirds of the rarest are mislabelled."""
    for most, second, rarest in (
        ("truck", "automobile", "dog"),
        ("airplane", "ship", "bird"),
        ("ship", "truck", "deer"),
        ("horse", "deer", "frog"),
    ):
        counts = {most: 5000, second: 500, rarest: 750}
        yield f"{rarest} labelled {most}", _made(root, counts, {(rarest, most): 500})


def clean_test(root: Path, classes: tuple[str, ...]) -> ImageSet:
    """All images of these classes in CIFAR-10's test half, with true labels."""
    half = read_cifar10(root).test
    indices = [np.flatnonzero(half.labels == CLASSES.index(name)) for name in classes]
    labels = np.repeat(np.arange(len(classes)), [len(part) for part in indices])
    return ImageSet(half.images[np.concatenate(indices)], labels, classes, labels)


def _made(root: Path, counts: Mapping[str, int], moves: Mapping[tuple[str, str], int]) -> ImageSet:
    """counts: images by class. moves: mislabelled images by (true class, given class)."""
    images, labels = read_cifar10(root).train
    rng = np.random.default_rng(0)
    classes = tuple(counts)
    chosen = [
        np.flatnonzero(labels == CLASSES.index(name))[:count] for name, count in counts.items()
    ]
    true_labels = np.repeat(np.arange(len(classes)), [len(part) for part in chosen])
    given_labels = true_labels.copy()
    for (true_class, given), count in moves.items():
        hidden_ones = np.flatnonzero(true_labels == classes.index(true_class))[:count]
        given_labels[hidden_ones] = classes.index(given)
    order = rng.permutation(len(true_labels))
    indices = np.concatenate(chosen)[order]
    return ImageSet(images[indices], given_labels[order], classes, true_labels[order])
