"""Everything that params.yaml sets, as frozen dataclasses.

A field carries its check, as `Annotated[type, check]`, its default, and its meaning and unit. The
checks are applied by read_params() alone, which reads the annotations: as objects, not as strings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from noisylab.config.checks import (
    Check,
    by_name,
    choice,
    either,
    integer,
    list_of,
    number,
    pair,
    switch,
    text,
)
from noisylab.core.images import SIZE

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop", "adagrad")
NORMS = ("linf", "l2")

#: Where many trainings run; see many/.
ENGINES = "local, local:N for N workers, dask:tcp://HOST:PORT, or dask:tls://HOST:PORT"
_ENGINE = text(ENGINES, r"local(:[1-9]\d{0,3})?|dask:(tcp|tls)://[\w.:\[\]-]+:\d{1,5}")
is_engine = _ENGINE.is_good

#: A number for each class: by its name, or by a scheme over the counts.
ByClass = str | Mapping[str, float]
BY_CLASS = ("none", "one_minus_frequency", "inverse_frequency")

#: Words in place of a class name: fewest labels in train, unknown, confused least on dev.
RAREST, ANY, LEAST_CONFUSED = "rarest", "any", "least_confused"

SEED = integer(0, 2**32 - 1)
_CLASS = Check("a class or a keyword", either(text(""), number()).is_good)
_SHARE = number(least=0, most=1)
_FACTOR = number(least=0, most=10)
_LEVELS = number(above=0, most=255)
_RATES = list_of(number(above=0))
_PROBABILITY = either(_SHARE, choice("one_minus_frequency"), by_name(_SHARE))
_WEIGHTS = either(choice(*BY_CLASS), by_name(number(least=0), zeros=False))

# Settings that several sections share.
Share = Annotated[float, _SHARE]
Epochs = Annotated[int, integer(1, 10**6)]  # passes over as many images as the training set has
GiveUp = Annotated[float, number(above=0, most=1)]
LearningRate = Annotated[float, number(above=0)]
BatchSize = Annotated[int, integer(1, 2**20)]  # images per step; an epoch's last may have fewer
Optimizer = Annotated[str, choice(*OPTIMIZERS)]  # with torch's defaults; sgd has momentum 0.9
Device = Annotated[str, choice("auto", "cpu", "cuda")]  # auto: cuda where available
Precision = Annotated[str, choice("auto", "float32", "bfloat16")]  # see learning/precision.py
ClassName = Annotated[str | float, _CLASS]  # YAML reads the name 0 as a number
SheetImages = Annotated[int, integer(1, 1000)]  # number of images that a figure shows


@dataclass(frozen=True)
class AugmentConfig:
    """How images are changed, and how often.

    With `probability`, which may depend on the class, exactly one of seven augmentations changes an
    image, all equally likely; None for never. Shift and mirror follow, for images of every class.
    """

    probability: Annotated[ByClass | float | None, _PROBABILITY] = None
    rotate_degrees: Annotated[float, number(least=0, most=180)] = 15.0  # at most, either way
    crop_scale: Annotated[float, number(least=0.1, most=1)] = 0.7  # least share of the side
    blur_sigma: Annotated[tuple[float, float], pair(_FACTOR)] = (0.5, 1.5)  # pixels
    brightness: Annotated[tuple[float, float], pair(_FACTOR)] = (0.6, 1.4)  # 1: unchanged
    shift_pixels: Annotated[int, integer(0, SIZE - 1)] = 0  # at most, along each axis
    mirror: Share = 0.0  # chance of a flip, left to right


@dataclass(frozen=True)
class FitConfig:
    """Settings of one training.

    Schedule `one_cycle` (Smith and Topin 2018) raises the rate to `lr` during the first `warmup`
    share of the steps, then lowers it to 0 along a cosine. Distillation is that of Hinton, Vinyals
    and Dean 2015, whose teacher is not softened. In training, the logits are divided by the
    temperature; in prediction they are not. Predictions of a model that was trained with a
    temperature above 1 are therefore more confident than its targets.
    """

    epochs: Epochs
    lr: LearningRate  # the peak of a schedule
    batch_size: BatchSize
    optimizer: Optimizer
    device: Device
    precision: Precision = "float32"  # of forward and backward passes while training
    schedule: Annotated[str, choice("constant", "one_cycle")] = "constant"
    warmup: Share = 0.2
    weight_decay: Annotated[float | None, number(least=0)] = None  # None: the optimizer's default
    label_smoothing: Share = 0.0  # of each label, spread over all classes
    distillation: Share = 0.0  # of each smoothed label, replaced by predicted probabilities
    temperature: Annotated[float, number(least=0.1, most=10)] = 1.0  # of the softmax in training
    mixup: Share = 0.0  # of the images, blended with another; see learning/mixing.py
    cutmix: Share = 0.0  # of the images, given a square of another
    dropout: Annotated[float, number(least=0, most=0.99)] = 0.5
    class_weights: Annotated[ByClass, _WEIGHTS] = "none"  # none: each image once per epoch
    augment: AugmentConfig | None = None
    give_up: GiveUp = 1.0  # share of the epochs after which a training that has not learned ends


@dataclass(frozen=True)
class RelabelConfig:
    """How to find wrong labels.

    The rule `best` averages several models: train_augmented's, and others trained on dev, too. The
    second opinion has twice the weight of all these models together, and the number of flagged
    images is that on which both agree best. Without a second opinion, `any` needs further models,
    trained by cross-validation: their predictions show which classes are confused.
    """

    keep: Annotated[str, choice("report", "best")]  # rule whose corrections train_fixed uses
    suspect_class: ClassName  # hidden under other labels; or rarest, or any
    models: Annotated[int, integer(1, 100)]
    second_opinion: Annotated[bool, switch()]  # of another network; see relabel/voters.py
    folds: Annotated[int, integer(2, 100)]  # for `any` without second opinion: models per seed
    fold_seeds: Annotated[int, integer(1, 100)]  # likewise: seeds
    sheet_images: SheetImages  # of those flagged, and of the likeliest others


@dataclass(frozen=True)
class SweepConfig:
    """Trainings to compare: each optimizer at each of its rates, from each seed.

    Schedule `recipe` is that of train_fixed's kept run, whose own optimizer and rate are always
    among those compared.
    """

    optimizers: Annotated[Sequence[str], list_of(choice(*OPTIMIZERS))]
    rates: Annotated[Sequence[float], _RATES]
    seeds: Annotated[int, integer(1, 100)]  # how many, from Params.seed upwards
    schedule: Annotated[str, choice("recipe", "constant")] = "recipe"
    epochs: Annotated[int | None, integer(1, 10**6)] = None  # None: as many as the recipe
    give_up: GiveUp = 1.0  # as in a run, of all trainings but the recipe itself
    # Rates by optimizer, which replace `rates`.
    own_rates: Annotated[Mapping[str, Sequence[float]] | None, by_name(_RATES, OPTIMIZERS)] = None


@dataclass(frozen=True)
class AdversarialConfig:
    """Which images to attack, and how; see adversarial/example.py for the choice of the example."""

    run: Annotated[str, text("the name of a run")]  # of train_fixed: its model is attacked, too
    source_class: ClassName  # class of the images; or least_confused
    target_class: ClassName  # to be predicted; or rarest, or least_confused
    example_probability: Share
    # Largest change of the example, in 8-bit levels; of several, the smallest that suffices.
    epsilon: Annotated[float | Sequence[float], either(_LEVELS, list_of(_LEVELS))]
    epsilons: Annotated[Sequence[float], list_of(_LEVELS)]  # likewise, of each image of the sets
    steps: Annotated[int, integer(1, 10_000)]  # along the gradient
    norm: Annotated[str, choice(*NORMS)]  # in which epsilons are measured
    confidence: Annotated[float, number(above=0, most=0.9999)]  # probability of a sure target

    @property
    def example_epsilons(self) -> Sequence[float]:
        """The values of `epsilon`, the smallest first."""
        return [self.epsilon] if isinstance(self.epsilon, int | float) else sorted(self.epsilon)


@dataclass(frozen=True)
class PrepareParams:
    """Stage `prepare`."""

    source: Annotated[str, text("a folder")]  # of the images


@dataclass(frozen=True)
class StatsParams:
    """Stage `stats`."""

    sheet_images: SheetImages  # of each class


@dataclass(frozen=True)
class TrainParams:
    """A train stage, which trains one or more named runs."""

    keep: Annotated[str, text("the name of a run")]  # run whose model later stages use
    runs: dict[str, FitConfig]


@dataclass(frozen=True)
class Params:
    """The whole file. A run takes from the top what it does not set itself."""

    seed: Annotated[int, SEED]  # of everything random
    lr: LearningRate
    batch_size: BatchSize
    optimizer: Optimizer
    device: Device
    precision: Precision
    engine: Annotated[str, _ENGINE]
    prepare: PrepareParams
    stats: StatsParams
    train_baseline: TrainParams
    train_balanced: TrainParams
    train_augmented: TrainParams
    relabel: RelabelConfig
    train_fixed: TrainParams
    lr_sweep: SweepConfig
    adversarial: AdversarialConfig
