"""Class names in settings against the classes of the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from noisylab.config.params import Params
from noisylab.config.settings import (
    ANY,
    LEAST_CONFUSED,
    RAREST,
    AdversarialConfig,
    ByClass,
    RelabelConfig,
)
from noisylab.core.errors import InputError, located, shown, shown_list
from noisylab.core.images import ImageSet


def check_named_classes(path: str | Path, params: Params, train: ImageSet) -> None:
    """Raise InputError for a class name that is not of `train`, or a scheme that train rules out.

    path: of the file that `params` was read from, for the message.
    """
    with located(path):
        for stage in ("train_baseline", "train_balanced", "train_augmented", "train_fixed"):
            for name, config in getattr(params, stage).runs.items():
                place = f"{stage}.runs.{name}"
                by_class(f"{place}.class_weights", config.class_weights, train)
                if config.augment and config.augment.probability is not None:
                    by_class(f"{place}.augment.probability", config.augment.probability, train)
        named_suspect(params.relabel, train.classes)
        named_pair(params.adversarial, train.classes)


def named_suspect(config: RelabelConfig, classes: Sequence[str]) -> int | None:
    """Label of the suspect class; None where the setting is a word, not a class."""
    return _named("relabel.suspect_class", config.suspect_class, classes, RAREST, ANY)


def named_pair(config: AdversarialConfig, classes: Sequence[str]) -> tuple[int | None, int | None]:
    """Labels of source and target; None where the setting is a word. Equal labels are an error."""
    source = _named("adversarial.source_class", config.source_class, classes, LEAST_CONFUSED)
    target = _named(
        "adversarial.target_class", config.target_class, classes, RAREST, LEAST_CONFUSED
    )
    if source is not None and source == target:
        raise InputError(
            f"adversarial.source_class and target_class are both {shown(classes[source])}; "
            "they must differ"
        )
    return source, target


def by_class(place: str, value: ByClass | float, image_set: ImageSet) -> np.ndarray:
    """A number for each class of a set: (K,) float64.

    A single number holds for all classes. Scheme `none` gives 1 for all, `one_minus_frequency`
    1 - count / N, and `inverse_frequency` N / (K · count), which is scikit-learn's `balanced` and
    goes back to King and Zeng 2001. Raises InputError, which names `place`, for names other than
    the set's, and for a scheme if a class has no image.
    """
    classes, counts = image_set.classes, image_set.counts()
    if isinstance(value, Mapping):
        named = {str(name): number for name, number in value.items()}  # YAML reads 0 as a number
        missing = [name for name in classes if name not in named]
        unknown = [name for name in named if name not in classes]
        if missing or unknown:
            wrong = {"missing": missing, "unknown": unknown}
            listed = ", ".join(f"{what} {shown_list(part)}" for what, part in wrong.items() if part)
            wanted = shown_list(classes)
            raise InputError(f"{place} must have a number for each of {wanted}: {listed}")
        return np.array([named[name] for name in classes], dtype=np.float64)
    if not isinstance(value, str):
        return np.full(len(classes), value, dtype=np.float64)
    if value == "none":
        return np.ones(len(classes))
    if not counts.all():
        name = classes[counts.argmin()]
        raise InputError(f"{place} cannot be {value}, since no image is labelled {name}")
    share = counts / counts.sum()
    weights: np.ndarray = 1 - share if value == "one_minus_frequency" else 1 / share / len(classes)
    return weights


def _named(place: str, name: str | float, classes: Sequence[str], *words: str) -> int | None:
    name = str(name)  # YAML reads 0 as a number
    if name in classes:  # a class may have the name of a word
        return classes.index(name)
    if name in words:
        return None
    known = f"{', '.join(words)}, or one of {shown_list(classes)}"
    raise InputError(f"{place} must be {known}, got {shown(name)}")
