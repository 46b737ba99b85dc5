"""How to train: settings of the training loop, free of torch, so that any stage may read them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop", "adagrad")
DEVICES = ("auto", "cpu", "cuda")
SCHEDULES = ("constant", "one_cycle")

#: A number for each class: by its name, or by a scheme over the counts.
ByClass = str | Mapping[str, float]
BY_CLASS = ("none", "one_minus_frequency", "inverse_frequency")

#: Where many trainings run; see parallel.map_trainings.
ENGINES = "local, local:N for N workers, or dask:tcp://HOST:PORT"
_ENGINE = r"local(:[1-9]\d{0,3})?|dask:(tcp|tls)://[\w.:\[\]-]+:\d{1,5}"


def is_engine(value: object) -> bool:
    """Whether trainings can run there."""
    return isinstance(value, str) and re.fullmatch(_ENGINE, value) is not None


@dataclass(frozen=True)
class AugmentConfig:
    """How much to change images, and how often.

    probability:    in [0, 1], by class or one for all: the chance that an image is changed by
                    exactly one of the seven augmentations, each as likely as the others; None
                    for never.
    rotate_degrees: up to how far to turn, either way, in [0, 180].
    crop_scale:     least share of the side that a crop keeps, in [0.1, 1].
    blur_sigma:     lowest and highest standard deviation of the blur, in pixels.
    brightness:     lowest and highest factor; 1 leaves an image as it is.
    shift_pixels:   up to how far to move every image along each axis, in 0..31.
    mirror:         in [0, 1], the chance that any image is mirrored left to right.

    The last two are for all classes alike, and come after the one of the seven.
    """

    probability: ByClass | float | None = None
    rotate_degrees: float = 15.0
    crop_scale: float = 0.7
    blur_sigma: tuple[float, float] = (0.5, 1.5)
    brightness: tuple[float, float] = (0.6, 1.4)
    shift_pixels: int = 0
    mirror: float = 0.0


@dataclass(frozen=True)
class FitConfig:
    """Settings of one training.

    epochs:          passes over as many images as the training set has.
    lr:              learning rate, a step; the highest of a schedule.
    batch_size:      images a step; the last step of an epoch may have fewer.
    optimizer:       a name of OPTIMIZERS, at torch's defaults; `sgd` has momentum 0.9.
    threads:         of the CPU. Sums are split among them: their number is part of the result.
    device:          a name of DEVICES; `auto` is cuda where there is one.
    schedule:        `constant`, or `one_cycle` (Smith and Topin 2018): up to `lr` during the
                     first `warmup` share of the steps, then down to nothing along a cosine.
    warmup:          in [0, 1].
    weight_decay:    as the optimizer defines it; None is its own default.
    label_smoothing: in [0, 1], the share of each label spread over all classes.
    distillation:    in [0, 1], the share of each label, smoothed, that what models say of the
                     image stands in for (Hinton, Vinyals and Dean 2015, at temperature 1).
    dropout:         in [0, 1), the network's rate.
    class_weights:   how often to draw each class; `none` shows every image once an epoch.
    augment:         how to change the images that are drawn; None leaves them as they are.
    """

    epochs: int
    lr: float
    batch_size: int
    optimizer: str
    threads: int
    device: str
    schedule: str = "constant"
    warmup: float = 0.2
    weight_decay: float | None = None
    label_smoothing: float = 0.0
    distillation: float = 0.0
    dropout: float = 0.5
    class_weights: ByClass = "none"
    augment: AugmentConfig | None = None


RULES = ("report", "best")

#: What settings may say in place of the name of a class.
RAREST, ANY, LEAST_CONFUSED = "rarest", "any", "least_confused"
SUSPECT_WORDS = (RAREST, ANY)
SOURCE_WORDS = (LEAST_CONFUSED,)
TARGET_WORDS = (RAREST, LEAST_CONFUSED)


@dataclass(frozen=True)
class RelabelConfig:
    """How to find wrong labels.

    keep:          the rule of RULES whose corrections go on.
    suspect_class: the class that is hidden under other labels: its name, `rarest` for the one with
                   the fewest labels in train, or `any` where nobody knows what is confused.
    models:        how many models the rule `best` averages, the kept one of train_augmented
                   and others of its recipe, trained on dev, too.
    folds:         for `any`: how many models predict what they are not trained on, a seed.
    fold_seeds:    for `any`: how many seeds.
    sheet_images:  how many of the flagged images to show, and of those just below the threshold.
    """

    keep: str
    suspect_class: str
    models: int
    folds: int
    fold_seeds: int
    sheet_images: int


@dataclass(frozen=True)
class SweepConfig:
    """Which trainings to compare: each optimizer at each of its learning rates, from each seed.

    optimizers: names of OPTIMIZERS.
    rates:      learning rates, constant throughout a training.
    seeds:      how many seeds: the one of all trainings, and those after it.
    epochs:     of each training.
    own_rates:  by optimizer, the rates of one that has others than `rates`.
    """

    optimizers: Sequence[str]
    rates: Sequence[float]
    seeds: int
    epochs: int
    own_rates: Mapping[str, Sequence[float]] | None = None


NORMS = ("linf", "l2")


@dataclass(frozen=True)
class AdversarialConfig:
    """What to attack, and how.

    source_class:        the class of the images: its name, or `least_confused` for the one between
                         which and the target fewest images of dev fall in the confusion matrix.
    target_class:        what they are to be called: a class, `rarest` for the one with the fewest
                         labels in train as given, or `least_confused` for that of the pair
                         between which fewest images of dev fall.
    example_probability: the example is the image of train to whose class the model gives nearest
                         to this probability.
    epsilon:             of the example: the most that its change may measure, in 8-bit levels.
    epsilons:            the same, for the whole set.
    steps:               along the gradient, for both.
    norm:                a name of NORMS, in which epsilons are measured.
    confidence:          the probability that the surer of the smallest changes must reach.
    """

    source_class: str
    target_class: str
    example_probability: float
    epsilon: float
    epsilons: Sequence[float]
    steps: int
    norm: str
    confidence: float
