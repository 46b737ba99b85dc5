"""Sets of labelled images, which every stage reads."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from noisylab.core.errors import InputError, is_printable, shown, shown_list

SIZE = 32  # height and width of every image, in pixels: the network accepts no other
MAX_CLASSES = 1000  # each class is a row of the tables and a figure of its own
MAX_NAME = 100  # characters of a class name, which must fit into tables and figures
MAX_PATH = 1000  # characters of an image's name, a path that a message can still show

#: The splits in the order in which they are read, counted and shown.
SPLITS = ("train", "dev", "test")

REVIEWED = ("train", "dev")  # splits whose labels are corrected, by rules and by a person

_SHOWN = 10  # classes in a repr

_BY_IMAGE = ("images", "labels", "true_labels", "pred_probs")  # fields of ImageSet

KEEP = "keep"  # in tables, the decision that the given label is right; no class may be named so

#: Labels that a person gave, by split and index; the given label where it was kept.
Decisions = dict[tuple[str, int], int]


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images with their labels, in a fixed order.

    images:      (N, 32, 32, 3) uint8, RGB in [0, 255].
    labels:      (N,) int64 in 0..K-1, as given; some may be wrong.
    classes:     K distinct printable names of at most 100 characters, 2 <= K <= 1000;
                 `classes[label]` is the name of a label.
    true_labels: (N,) int64 in 0..K-1, or None if unknown. For scores only.
    pred_probs:  (N, K) float64, rows sum to 1; probabilities that models predict, or None.
    names:       N printable names of at most 1,000 characters, by which a person finds the images,
                 such as `train/cat/IMG_1.jpg`; not always distinct. None if unknown.

    Raises InputError if a part breaks these rules or contradicts another. N may be 0.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    true_labels: np.ndarray | None = None
    pred_probs: np.ndarray | None = None
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.classes, (list, tuple)):
            raise InputError(f"classes must be a tuple of names, got {shown(self.classes)}")
        object.__setattr__(self, "classes", tuple(self.classes))
        check_classes(self.classes)
        if getattr(self.images, "dtype", None) != np.uint8 or self.images.shape[1:] != (
            SIZE,
            SIZE,
            3,
        ):
            raise InputError(
                f"images must be uint8 of shape (N, {SIZE}, {SIZE}, 3), got {shown(self.images)}"
            )
        if self.names is not None:
            check_names(self.names, len(self.images))
        self._check_labels("labels", self.labels)
        if self.true_labels is not None:
            self._check_labels("true_labels", self.true_labels)
        if self.pred_probs is not None:
            check_probs(self.pred_probs, len(self.images), len(self.classes))

    def _check_labels(self, what: str, labels: np.ndarray) -> None:
        if getattr(labels, "dtype", None) != np.int64 or labels.shape != (len(self),):
            raise InputError(
                f"{what} must be int64 of shape ({len(self)},), one per image, got {shown(labels)}"
            )
        outside = np.flatnonzero((labels < 0) | (labels >= len(self.classes)))
        if outside.size:
            index = outside[0]
            name = f" ({self.names[index]})" if self.names else ""
            raise InputError(
                f"{what} must be in 0..{len(self.classes) - 1}, "
                f"got {labels[index]} at index {index}{name}"
            )

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        first = zip(self.counts(), self.classes[:_SHOWN], strict=False)
        listed = ", ".join(f"{count:,} {name}" for count, name in first)
        more = f", ... {len(self.classes)} classes" if len(self.classes) > _SHOWN else ""
        return f"ImageSet({len(self):,} images: {listed}{more})"

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """The image_digest() of each image."""
        return tuple(map(image_digest, self.images))

    def counts(self) -> np.ndarray:
        """Number of images by label: (K,) int64."""
        return np.bincount(self.labels, minlength=len(self.classes))

    def rarest(self) -> int:
        """Label that the fewest images carry; see `rarest`."""
        return rarest(self.counts())

    def most_common(self) -> int:
        """Label that the most images carry; see `most_common`."""
        return most_common(self.counts())

    def image_name(self, index: int, split: str) -> str:
        """Name of an image for a message; `dev 41` if the set, which is `split`, has no names."""
        return self.names[index] if self.names else f"{split} {index}"

    def subset(self, indices: Sequence[int] | np.ndarray) -> ImageSet:
        """The images at `indices`, in that order."""
        parts: dict[str, Any] = {name: getattr(self, name) for name in _BY_IMAGE}
        kept = {name: part[indices] for name, part in parts.items() if part is not None}
        if self.names is not None:
            kept["names"] = tuple(self.names[place] for place in np.arange(len(self))[indices])
        return replace(self, **kept)

    def with_labels(self, labels: np.ndarray) -> ImageSet:
        """A set of the same images with other labels, (N,) int64."""
        return replace(self, labels=labels)


def joined(first: ImageSet, second: ImageSet) -> ImageSet:
    """The images of `first`, then those of `second`, which has the same classes.

    True labels, probabilities and names are None unless both sets have them.
    """

    def both(name: str) -> Any:
        parts = [getattr(first, name), getattr(second, name)]
        return None if any(part is None for part in parts) else np.concatenate(parts)

    names = None if first.names is None or second.names is None else first.names + second.names
    return ImageSet(classes=first.classes, names=names, **{name: both(name) for name in _BY_IMAGE})


def rarest(counts: np.ndarray | Sequence[int]) -> int:
    """Index of the smallest count; of equal ones, the first.

    >>> rarest([5, 1, 1])
    1
    """
    return int(np.argmin(counts))


def most_common(counts: np.ndarray | Sequence[int]) -> int:
    """Index of the largest count; of equal ones, the last, so that it is never the rarest.

    >>> most_common([5, 5, 5])
    2
    """
    return len(counts) - 1 - int(np.argmax(counts[::-1]))


def identical_images(first: ImageSet, second: ImageSet) -> list[tuple[int, int]]:
    """Pairs (index in `first`, index in `second`) of images that are equal in every pixel.

    Each image of `second` is paired once, with the earliest equal one of `first`. A set compared
    with itself gives pairs of different indices, one for each repetition.
    """
    earliest: dict[str, int] = {}
    for index, digest in enumerate(first.digests):
        earliest.setdefault(digest, index)
    pairs = []
    for index, digest in enumerate(second.digests):
        found = earliest.get(digest)
        if found is not None and not (first is second and found == index):
            pairs.append((found, index))
    return pairs


def image_digest(image: np.ndarray) -> str:
    """Digest of an image (32, 32, 3) uint8: 32 hexadecimal digits."""
    return hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest()


def check_classes(classes: tuple[str, ...]) -> None:
    """Raise InputError unless an `ImageSet` may have classes of these names."""
    if not 2 <= len(classes) <= MAX_CLASSES:
        bound = "at least 2" if len(classes) < 2 else f"at most {MAX_CLASSES}"
        raise InputError(f"classes must name {bound} classes, got {shown_list(classes)}")
    seen = set()
    for name in classes:
        if not isinstance(name, str) or not is_name(name):
            raise InputError(
                f"classes must be names of 1 to {MAX_NAME} printable characters, got {shown(name)}"
            )
        if name != name.strip():  # tables are read without it
            raise InputError(
                f"classes must be names without space at either end, got {shown(name)}; rename it"
            )
        if name in seen:
            raise InputError(f"classes must be distinct, got {shown(name)} more than once")
        seen.add(name)


def is_name(text: str) -> bool:
    """Whether a class may have this name, in which at least one character must be visible."""
    is_visible = any(char.isprintable() and char != " " for char in text)
    return is_visible and len(text) <= MAX_NAME and is_printable(text)


def check_probs(pred_probs: np.ndarray, n_images: int, n_classes: int) -> None:
    """Raise InputError unless these are probabilities (n_images, n_classes), rows summing to 1."""
    shape = (n_images, n_classes)
    if getattr(pred_probs, "dtype", None) != np.float64 or pred_probs.shape != shape:
        raise InputError(f"pred_probs must be float64 of shape {shape}, got {shown(pred_probs)}")
    # Comparisons with NaN are false, and so NaN is refused.
    is_good = (pred_probs >= 0).all(axis=1) & (np.abs(pred_probs.sum(axis=1) - 1) <= 1e-3)
    if not is_good.all():
        row = int(is_good.argmin())
        values = ", ".join(f"{value:.3g}" for value in pred_probs[row, :3])
        raise InputError(
            f"pred_probs must be >= 0 with rows that sum to 1, got {values} at index {row}"
        )


def check_names(names: tuple[str, ...], n_images: int) -> None:
    """Raise InputError unless an `ImageSet` of `n_images` images may have these names."""
    if len(names) != n_images:
        raise InputError(f"expected {n_images:,} names, one per image, got {len(names):,}")
    for index, name in enumerate(names):
        if not isinstance(name, str) or not (is_printable(name) and 0 < len(name) <= MAX_PATH):
            raise InputError(
                f"names must have 1 to {MAX_PATH:,} printable characters, "
                f"got {shown(name)} at index {index}"
            )
