"""The classes that settings name, one or all, and the words that stand for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from noisylab.config.settings import (
    SOURCE_WORDS,
    SUSPECT_WORDS,
    TARGET_WORDS,
    AdversarialConfig,
    ByClass,
    RelabelConfig,
)
from noisylab.core.errors import InputError, shown, shown_list
from noisylab.core.images import ImageSet


def named_suspect(config: RelabelConfig, classes: Sequence[str]) -> int | None:
    """The label of the suspect class, or None for a word; raises InputError for any other name."""
    return _named("relabel.suspect_class", config.suspect_class, classes, SUSPECT_WORDS)


def named_pair(config: AdversarialConfig, classes: Sequence[str]) -> tuple[int | None, int | None]:
    """The labels of source and target, None for a word; raises InputError if they are the same."""
    source = _named("adversarial.source_class", config.source_class, classes, SOURCE_WORDS)
    target = _named("adversarial.target_class", config.target_class, classes, TARGET_WORDS)
    if source is not None and source == target:
        raise InputError(
            f"adversarial.source_class and target_class are both {shown(classes[source])}; "
            "they must differ"
        )
    return source, target


def by_class(what: str, value: ByClass | float, image_set: ImageSet) -> np.ndarray:
    """A number for each class, (K,) float64, of the classes of a set.

    A single number holds for all. Of the schemes, `none` gives 1 for all, `inverse_frequency`
    N / (K · count), scikit-learn's `balanced`, and `one_minus_frequency` 1 - count / N. Raises
    InputError, which says `what`, where names are not those of the classes, and for a scheme where
    a class has no image.
    """
    classes, counts = image_set.classes, image_set.counts()
    if isinstance(value, Mapping):
        named = {str(name): number for name, number in value.items()}  # YAML reads 0 as a number
        if set(named) != set(classes):
            wanted, got = ", ".join(classes), ", ".join(named)
            raise InputError(f"{what} must have a number for each of {wanted}, got {got}")
        return np.array([named[name] for name in classes], dtype=np.float64)
    if not isinstance(value, str):
        return np.full(len(classes), value, dtype=np.float64)
    if value == "none":
        return np.ones(len(classes))
    if not counts.all():
        name = classes[counts.argmin()]
        raise InputError(f"{what} cannot be {value}, since no image is labelled {name}")
    share = counts / counts.sum()
    weights: np.ndarray = 1 - share if value == "one_minus_frequency" else 1 / share / len(classes)
    return weights


def _named(what: str, name: str, classes: Sequence[str], words: Sequence[str]) -> int | None:
    if name in classes:  # also one that is called as a word is
        return classes.index(name)
    if name in words:
        return None
    known = f"{', '.join(words)}, or one of {shown_list(classes)}"
    raise InputError(f"{what} must be {known}, got {shown(name)}")
