"""A set of labelled images: what every stage reads and every other module works on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from noisylab.core.errors import InputError, shown, shown_list

SIZE = 32  # height and width of every image, in pixels: the network accepts no other

#: Every class is a row of the tables and a picture of its own; nobody looks at more of them.
MAX_CLASSES = 1000
MAX_NAME = 100  # characters of a class's name: it has to fit into a table and a picture

#: The splits in the order in which they are read, counted and shown.
SPLITS = ("train", "dev", "test")


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with their labels, in a fixed order.

    images:      (N, 32, 32, 3) uint8, RGB in [0, 255].
    labels:      (N,) int64 in 0..K-1, as given; some may be wrong.
    classes:     K distinct names, printable, of at most 100 characters; 2 <= K <= 1000;
                 `classes[label]` is a label's name.
    true_labels: (N,) int64 in 0..K-1, or None where nobody knows them. Only to score with.
    pred_probs:  (N, K) float64, rows sum to 1: what models say of the images; None if none did.

    Raises InputError where the parts contradict this or each other. N may be 0.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    true_labels: np.ndarray | None = None
    pred_probs: np.ndarray | None = None

    def __post_init__(self) -> None:
        check_classes(self.classes)
        if self.images.dtype != np.uint8 or self.images.shape[1:] != (SIZE, SIZE, 3):
            raise InputError(
                f"images must be uint8 of shape (N, {SIZE}, {SIZE}, 3), got {shown(self.images)}"
            )
        _check_labels("labels", self.labels, len(self.images), len(self.classes))
        if self.true_labels is not None:
            _check_labels("true_labels", self.true_labels, len(self.images), len(self.classes))
        if self.pred_probs is not None:
            check_probs(self.pred_probs, len(self.images), len(self.classes))

    def __len__(self) -> int:
        return len(self.images)

    def counts(self) -> np.ndarray:
        """How many images carry each label: (K,) int64."""
        return np.bincount(self.labels, minlength=len(self.classes))

    def rarest(self) -> int:
        """The label that the fewest images carry, the first of equals."""
        return rarest(self.counts().tolist())

    def most_common(self) -> int:
        """The label that the most images carry, the last of equals: never the rarest."""
        return most_common(self.counts().tolist())

    def subset(self, indices: Sequence[int] | np.ndarray) -> ImageSet:
        """The images at `indices`, in that order."""
        true_labels = None if self.true_labels is None else self.true_labels[indices]
        pred_probs = None if self.pred_probs is None else self.pred_probs[indices]
        return ImageSet(
            self.images[indices], self.labels[indices], self.classes, true_labels, pred_probs
        )

    def with_labels(self, labels: np.ndarray) -> ImageSet:
        """The same images under other labels, (N,) int64."""
        return replace(self, labels=labels)


def rarest(counts: Sequence[int]) -> int:
    """The label that the fewest images carry, the first of equals.

    >>> rarest([7, 2, 2])
    1
    """
    return min(range(len(counts)), key=lambda label: counts[label])


def most_common(counts: Sequence[int]) -> int:
    """The label that the most images carry, the last of equals: never the rarest.

    >>> most_common([7, 7, 2])
    1
    """
    return max(range(len(counts)), key=lambda label: (counts[label], label))


def identical_images(first: ImageSet, second: ImageSet) -> list[tuple[int, int]]:
    """Pairs (index in `first`, index in `second`) of images that are equal in every pixel.

    Each image of `second` is paired once, with its earliest equal in `first`. A set compared
    with itself gives the pairs of different indices, so `len()` is its number of repetitions.
    """
    earliest: dict[str, int] = {}
    for index, image in enumerate(first.images):
        earliest.setdefault(image_digest(image), index)
    pairs = (
        (earliest.get(image_digest(image)), index) for index, image in enumerate(second.images)
    )
    return [
        (found, index)
        for found, index in pairs
        if found is not None and not (first is second and found == index)
    ]


def image_digest(image: np.ndarray) -> str:
    """What tells an image (32, 32, 3) uint8 from every other: 32 hexadecimal digits."""
    return hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest()


def joined(first: ImageSet, second: ImageSet) -> ImageSet:
    """The images of one set and then those of another of the same classes."""
    true_labels = pred_probs = None
    if first.true_labels is not None and second.true_labels is not None:
        true_labels = np.concatenate([first.true_labels, second.true_labels])
    if first.pred_probs is not None and second.pred_probs is not None:
        pred_probs = np.concatenate([first.pred_probs, second.pred_probs])
    return ImageSet(
        np.concatenate([first.images, second.images]),
        np.concatenate([first.labels, second.labels]),
        first.classes,
        true_labels,
        pred_probs,
    )


def check_classes(classes: tuple[str, ...]) -> None:
    """Raise InputError unless these are names that an `ImageSet` may have."""
    if len(classes) < 2:
        raise InputError(f"classes must name at least 2 classes, got {shown_list(classes)}")
    if len(classes) > MAX_CLASSES:
        raise InputError(f"classes must name at most {MAX_CLASSES} classes, got {len(classes)}")
    seen = set()
    for name in classes:
        if not isinstance(name, str) or not is_name(name):
            raise InputError(
                f"classes must be names of 1 to {MAX_NAME} printable characters, got {shown(name)}"
            )
        if name in seen:
            raise InputError(f"classes must be distinct, got {shown(name)} more than once")
        seen.add(name)


def check_probs(pred_probs: np.ndarray, n_images: int, n_classes: int) -> None:
    """Raise InputError unless these are probabilities (n_images, n_classes), rows summing to 1."""
    shape = (n_images, n_classes)
    if getattr(pred_probs, "dtype", None) != np.float64 or pred_probs.shape != shape:
        raise InputError(f"pred_probs must be float64 of shape {shape}, got {shown(pred_probs)}")
    # Written so that what is not a number is refused, too.
    is_good = (pred_probs >= 0).all(axis=1) & (np.abs(pred_probs.sum(axis=1) - 1) <= 1e-3)
    if not is_good.all():
        row = int(is_good.argmin())
        values = ", ".join(f"{value:.3g}" for value in pred_probs[row, :3])
        raise InputError(
            f"pred_probs must be >= 0 with rows that sum to 1, got {values} at index {row}"
        )


def is_name(text: str) -> bool:
    """Whether a class may be called so; what is printable has no surrogates, so UTF-8 holds it."""
    return bool(text.strip()) and len(text) <= MAX_NAME and text.isprintable()


def _check_labels(what: str, labels: np.ndarray, n_images: int, n_classes: int) -> None:
    if labels.dtype != np.int64 or labels.shape != (n_images,):
        raise InputError(
            f"{what} must be int64 of shape ({n_images},), one an image, got {shown(labels)}"
        )
    outside = np.flatnonzero((labels < 0) | (labels >= n_classes))
    if outside.size:
        index = outside[0]
        raise InputError(
            f"{what} must be in 0..{n_classes - 1}, got {labels[index]} at index {index}"
        )
