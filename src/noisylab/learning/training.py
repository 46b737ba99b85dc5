"""The one training loop, and predictions of models."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar, overload

import numpy as np
import torch
from torch import Tensor

from noisylab.config.classes import by_class
from noisylab.config.settings import FitConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning.evaluation import loss_and_accuracy
from noisylab.learning.network import Network, SimpleModel, to_unit
from noisylab.learning.optimizers import as_one_parameter, learning_rates, make_optimizer
from noisylab.learning.precision import (
    chunk_size,
    device_of,
    find_device,
    own_stream,
    used_precision,
)
from noisylab.learning.sampling import (
    Batch,
    chance,
    has_learned,
    make_augmentation,
    many_batches,
    sample_epoch,
    soft_targets,
)
from noisylab.learning.stepping import RecordedSteps, Steps
from noisylab.learning.training_state import EpochFile, get_state, set_state

_Network = TypeVar("_Network", bound=Network)
_SEEDING = threading.RLock()  # on_epoch() of a notebook may train, too


@dataclass(frozen=True)
class Epoch:
    """Figures of one epoch: `train_*` over its steps while learning, `dev_*` right after it.

    Losses are mean cross-entropies in nats, accuracies shares in [0, 1]; `epoch` counts from 1.
    """

    epoch: int
    train_loss: float
    dev_loss: float
    train_accuracy: float
    dev_accuracy: float


@dataclass(frozen=True)
class Fit(Generic[_Network]):
    """A trained model, in eval mode, and its epochs."""

    model: _Network
    history: list[Epoch]


class Progress(Protocol):
    """An observer of a training while it runs."""

    def resume(self, history: list[Epoch]) -> None:
        """Called before the first step with the epochs of an earlier run, perhaps all of them."""

    def step(self, n_images: int) -> None:
        """Called after one or more steps with their number of images."""

    def epoch(self, epoch: Epoch) -> None:
        """Called after each epoch."""


class DivergedError(InputError):
    """A loss or a weight became infinite or NaN.

    history: the epochs before. losses: in nats, of the epoch that diverged, on train and on dev.
    """

    def __init__(self, history: list[Epoch], losses: tuple[float, float], lr: float) -> None:
        super().__init__(history, losses, lr)
        self.history = history
        self.losses = losses

    def __str__(self) -> str:
        history, (train_loss, dev_loss), lr = self.args
        return (
            f"training diverged in epoch {len(history) + 1}: its loss is {train_loss:.5g} on train "
            f"and {dev_loss:.5g} on dev; lr {lr:g} is probably too high, lower it"
        )


@overload
def fit(
    train: ImageSet,
    dev: ImageSet,
    config: FitConfig,
    generator: torch.Generator,
    progress: Progress | None = None,
    checkpoint: EpochFile | None = None,
) -> Fit[SimpleModel]: ...
@overload
def fit(
    train: ImageSet,
    dev: ImageSet,
    config: FitConfig,
    generator: torch.Generator,
    progress: Progress | None = None,
    checkpoint: EpochFile | None = None,
    *,
    network: type[_Network],
) -> Fit[_Network]: ...
def fit(
    train: ImageSet,
    dev: ImageSet,
    config: FitConfig,
    generator: torch.Generator,
    progress: Progress | None = None,
    checkpoint: EpochFile | None = None,
    *,
    network: type[Network] = SimpleModel,
) -> Fit[Any]:
    """Train a network on `train` and measure it on `dev` after each epoch; neither is empty.

    All randomness comes from `generator` (of the CPU); torch's own generator is left as it was.
    Sets torch's number of threads to one: results do not depend on the number of cores, and
    trainings side by side do more in all. Resumes from a checkpoint of equal sets, settings and
    generator, to the same bits. Ends early as config.give_up says. Raises DivergedError, and
    InputError for a missing device, class weights that do not fit the classes or are 0 for all
    labels, and distillation without `train.pred_probs`.
    """
    device = find_device(config.device)
    is_bfloat16 = used_precision(config) == "bfloat16"
    cast = torch.autocast(device.type, torch.bfloat16, enabled=is_bfloat16)
    torch.set_num_threads(1)
    class_weights = None
    if config.class_weights != "none":
        class_weights = by_class("class_weights", config.class_weights, train)
    change = make_augmentation(train, config, generator)
    n_steps = math.ceil(len(train) / config.batch_size)  # an epoch
    # The epoch after which it may give up; rounded, since 0.07 * 100 is above 7.
    decisive = max(math.ceil(round(config.give_up * config.epochs, 6)), 1)
    seed = int(torch.randint(2**31, (), generator=generator))
    with own_stream(device), ExitStack() as seeded:
        seeded.enter_context(_seeded(seed))  # for the initial weights, and for dropout
        model = network(len(train.classes), config.dropout, train.classes)
        weights = as_one_parameter(model, device)
        optimizer = make_optimizer(weights, config)
        of_steps = (model, weights, optimizer, cast, config.batch_size, config.temperature)
        if device.type == "cuda":
            seeded.close()  # dropout on a GPU has a generator of its own
            steps: Steps = RecordedSteps(*of_steps, seed=seed)
        else:
            steps = Steps(*of_steps)
        state = (model, weights, optimizer, (generator, steps.random))
        known = (
            torch.from_numpy(np.require(train.images, requirements=("C", "W"))).to(device),
            torch.from_numpy(np.require(train.labels, requirements=("C", "W"))),
            soft_targets(train, config).to(device),
        )
        history: list[Epoch] = []
        kept = checkpoint.read() if checkpoint else None
        if kept:
            history = [Epoch(*row) for row in kept["history"]]
            set_state(kept, *state)
            if progress:
                progress.resume(history)
        all_rates = learning_rates(config, config.epochs * n_steps)
        rates = islice(all_rates, len(history) * n_steps, None)
        for number in range(len(history) + 1, config.epochs + 1):
            if len(history) == decisive:
                by_chance = chance(train.labels, class_weights)
                last = history[-1]
                if not has_learned(last.train_loss, last.train_accuracy, by_chance):
                    break
            indices = sample_epoch(train.labels, class_weights, generator)
            batches = many_batches(known, indices, config.batch_size, change)
            model.train()
            # One tensor, since many small ones between the images would fragment the memory.
            logits = torch.empty(len(train), len(train.classes), device=device)
            _train_epoch(steps, batches, rates, logits, progress)
            probs = logits.double().softmax(dim=1).cpu().numpy()
            loss, accuracy = loss_and_accuracy(train.labels[indices.numpy()], probs)
            dev_loss, dev_accuracy = loss_and_accuracy(dev.labels, predict_probs(model, dev.images))
            if not (math.isfinite(loss + dev_loss) and weights.isfinite().all()):
                raise DivergedError(history, (loss, dev_loss), config.lr)
            history.append(Epoch(number, loss, dev_loss, accuracy, dev_accuracy))
            if checkpoint and number < config.epochs:
                checkpoint.write(
                    lambda: {
                        "history": [astuple(epoch) for epoch in history],
                        **get_state(*state),
                    }
                )
            if progress:
                progress.epoch(history[-1])
    return Fit(model.eval(), history)


def predict_probs(model: Network, images: np.ndarray) -> np.ndarray:
    """Probabilities (N, K) float64, rows summing to 1, of images (N, 32, 32, 3) uint8.

    Dropout is off; the model is left in eval mode.
    """
    model.eval()
    device = device_of(model)
    probs = np.empty((len(images), model.n_classes))
    with torch.inference_mode():
        for start in range(0, len(images), chunk_size(device)):
            part = slice(start, start + chunk_size(device))
            chunk = torch.from_numpy(np.require(images[part], requirements=("C", "W"))).to(device)
            logits = model(to_unit(chunk))  # (B, K)
            probs[part] = logits.double().softmax(dim=1).cpu().numpy()
    return probs


def predict_both_ways(model: Network, images: np.ndarray) -> np.ndarray:
    """Probabilities (N, K) of images (N, 32, 32, 3) uint8, averaged with those of their mirrors."""
    mirrored = predict_probs(model, images[:, :, ::-1])
    mean: np.ndarray = (predict_probs(model, images) + mirrored) / 2
    return mean


def predict_splits(model: Network, sets: Mapping[str, ImageSet]) -> dict[str, np.ndarray]:
    """Probabilities (N, K) by split, for each set that has images."""
    return {split: predict_probs(model, part.images) for split, part in sets.items() if len(part)}


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed torch's own generator, of which there is one, for this thread alone."""
    with _SEEDING, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def _train_epoch(
    steps: Steps,
    batches: Iterable[Batch],
    rates: Iterator[float],
    all_logits: Tensor,
    progress: Progress | None,
) -> None:
    """A step for each batch at the next learning rate; fills in the logits (N, K) while learning.

    Their loss is taken without the temperature, as on dev.
    """
    done = 0
    for images, _, targets in batches:
        own_rates = list(islice(rates, math.ceil(len(images) / steps.batch_size)))
        for logits in steps.take(images, targets, own_rates):
            all_logits[done : done + len(logits)] = logits
            done += len(logits)
            if progress:
                progress.step(len(logits))
