"""The one training loop, and predictions of models."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from noisylab.config.classes import by_class
from noisylab.config.settings import AugmentConfig, FitConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning.augment import augment
from noisylab.learning.evaluation import loss_and_accuracy
from noisylab.learning.network import SimpleModel, to_unit
from noisylab.learning.optimizers import as_one_parameter, learning_rates, make_optimizer
from noisylab.learning.sampling import sample_epoch
from noisylab.learning.training_state import Checkpoint, get_state, set_state

_CHUNK = 512  # images handled at once: enough for all cores, few enough for their caches


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
class Fit:
    """A trained model, in eval mode, and its epochs."""

    model: SimpleModel
    history: list[Epoch]


class Progress(Protocol):
    """An observer of a training while it runs."""

    def resume(self, history: list[Epoch]) -> None:
        """Called before the first step if an earlier run did epochs, perhaps all of them."""

    def step(self, n_images: int, loss: Tensor) -> None:
        """Called after each step with its number of images and its mean loss, a scalar tensor."""

    def epoch(self, epoch: Epoch) -> None:
        """Called after each epoch."""


class DivergedError(InputError):
    """A loss or a weight became infinite or NaN after the epochs in `history`."""

    def __init__(self, history: list[Epoch], lr: float) -> None:
        super().__init__(history, lr)
        self.history = history

    def __str__(self) -> str:
        history, lr = self.args
        return (
            f"training diverged in epoch {len(history) + 1}: a loss or a weight is no longer "
            f"finite; lr {lr:g} is probably too high, lower it"
        )


def fit(
    train: ImageSet,
    dev: ImageSet,
    config: FitConfig,
    generator: torch.Generator,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
) -> Fit:
    """Train the network on `train` and measure it on `dev` after each epoch; neither is empty.

    All randomness comes from `generator` (of the CPU); torch's own generator is left as it was.
    Sets torch's number of threads. With a checkpoint of the same sets, settings and generator it
    resumes from there, to the same bits. Raises DivergedError, and InputError for a missing
    device, class weights that do not fit the classes, and distillation without
    `train.pred_probs`.
    """
    device = find_device(config.device)
    torch.set_num_threads(config.threads)
    class_weights = None
    if config.class_weights != "none":
        class_weights = by_class("class_weights", config.class_weights, train)
    change = _augmentation(train, config.augment, generator)
    n_steps = -(-len(train) // config.batch_size)  # an epoch
    seed = int(torch.randint(2**31, (), generator=generator))
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # of the first weights and of dropout
        model = SimpleModel(len(train.classes), config.dropout)
        weights = as_one_parameter(model, device)
        optimizer = make_optimizer(weights, config)
        images = torch.from_numpy(train.images).to(device)  # (N, 32, 32, 3)
        labels = torch.from_numpy(train.labels).to(device)  # (N,)
        teacher = _teacher(train, config.distillation).to(device)  # (N, K)
        history: list[Epoch] = []
        kept = checkpoint.read() if checkpoint else None
        if kept:
            history = from_rows(set_state(kept, weights, optimizer, generator))
            if progress:
                progress.resume([*history])
        all_rates = learning_rates(config, config.epochs * n_steps)
        rates = islice(all_rates, len(history) * n_steps, None)
        for number in range(len(history) + 1, config.epochs + 1):
            indices = sample_epoch(train.labels, class_weights, generator).to(device)
            batches = _batches(images, labels, teacher, indices, config.batch_size, change)
            steps = zip(batches, rates, strict=False)
            loss, accuracy = _train_epoch(model, optimizer, steps, config, progress)
            on_dev = predict_probs(model, dev.images)
            dev_loss, dev_accuracy = loss_and_accuracy(dev.labels, on_dev)
            if not (math.isfinite(loss + dev_loss) and weights.isfinite().all()):
                raise DivergedError(history, config.lr)
            history.append(Epoch(number, loss, dev_loss, accuracy, dev_accuracy))
            if checkpoint and number < config.epochs:
                state = partial(get_state, as_rows(history), weights, optimizer, generator)
                checkpoint.write(state)
            if progress:
                progress.epoch(history[-1])
    return Fit(model.eval(), history)


def as_rows(history: Sequence[Epoch]) -> list[list[Any]]:
    """Epochs as plain numbers, for a file."""
    return [list(astuple(epoch)) for epoch in history]


def from_rows(rows: Sequence[Sequence[Any]]) -> list[Epoch]:
    """Epochs of as_rows()."""
    return [Epoch(*row) for row in rows]


def predict_probs(model: SimpleModel, images: np.ndarray) -> np.ndarray:
    """Probabilities (N, K) float64, rows summing to 1, of images (N, 32, 32, 3) uint8.

    Dropout is off; the model is left in eval mode.
    """
    model.eval()
    device = next(model.parameters()).device
    probs = np.empty((len(images), model.n_classes))
    with torch.inference_mode():
        for start in range(0, len(images), _CHUNK):
            chunk = torch.from_numpy(images[start : start + _CHUNK]).to(device)
            logits = model(to_unit(chunk))  # (B, K)
            probs[start : start + _CHUNK] = logits.double().softmax(dim=1).cpu().numpy()
    return probs


def predict_both_ways(model: SimpleModel, images: np.ndarray) -> np.ndarray:
    """Probabilities (N, K) of images (N, 32, 32, 3) uint8, averaged with those of their mirrors."""
    mirrored = np.ascontiguousarray(images[:, :, ::-1])
    mean: np.ndarray = (predict_probs(model, images) + predict_probs(model, mirrored)) / 2
    return mean


def predict_splits(model: SimpleModel, sets: Mapping[str, ImageSet]) -> dict[str, np.ndarray]:
    """Probabilities (N, K) by split, for each set that has images."""
    return {split: predict_probs(model, part.images) for split, part in sets.items() if len(part)}


def find_device(name: str) -> torch.device:
    """The device of a name in settings.DEVICES; raises InputError if `cuda` is missing."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError("device is cuda, but this machine has none; set it to auto or cpu")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def _augmentation(
    train: ImageSet, config: AugmentConfig | None, generator: torch.Generator
) -> Callable[[Tensor, Tensor], Tensor]:
    """The function that augments images (B, 32, 32, 3) with labels (B,)."""
    if config is None:
        return lambda images, labels: images
    by_label = np.zeros(len(train.classes))
    if config.probability is not None:
        by_label = by_class("augment.probability", config.probability, train)
    probability = torch.from_numpy(by_label)
    return lambda images, labels: augment(images, labels, probability, config, generator)


def _teacher(train: ImageSet, distillation: float) -> Tensor:
    """Targets for distillation: (N, K) float32, or (N, 0) without distillation."""
    if not distillation:
        return torch.empty(len(train), 0)
    if train.pred_probs is None:
        raise InputError("distillation needs pred_probs of the training images; set it to 0")
    return torch.from_numpy(train.pred_probs).float()


def _batches(
    images: Tensor,
    labels: Tensor,
    teacher: Tensor,
    indices: Tensor,
    batch_size: int,
    change: Callable[[Tensor, Tensor], Tensor],
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Augmented images (B, 32, 32, 3) uint8, labels (B,) and rows of `teacher`, batch by batch."""
    # Augmenting some hundred images at once takes a third of the time of single batches.
    for chunk in indices.split(batch_size * max(1, _CHUNK // batch_size)):
        # index_select takes a tenth of the time of images[chunk].
        chunk_labels = labels.index_select(0, chunk)
        chunk_images = change(images.index_select(0, chunk), chunk_labels)
        parts = (chunk_images, chunk_labels, teacher.index_select(0, chunk))
        yield from zip(*(part.split(batch_size) for part in parts), strict=True)


def _train_epoch(
    model: SimpleModel,
    optimizer: torch.optim.Optimizer,
    steps: Iterable[tuple[tuple[Tensor, Tensor, Tensor], float]],
    config: FitConfig,
    progress: Progress | None,
) -> tuple[float, float]:
    """One step for each batch at its learning rate; mean loss and accuracy over all images.

    The loss is that of the labels, without smoothing or distillation.
    """
    model.train()
    n_images, loss_sum, n_correct = 0, torch.zeros(()), torch.zeros(())
    for (images, labels, teacher), rate in steps:
        log_probs = model(to_unit(images)).log_softmax(dim=1)  # (B, K)
        loss = functional.nll_loss(log_probs, labels)
        target = loss
        if config.label_smoothing:
            target = torch.lerp(target, -log_probs.mean(), config.label_smoothing)
        if config.distillation:
            distilled = -(teacher * log_probs).sum() / len(labels)
            target = torch.lerp(target, distilled, config.distillation)
        target.backward()
        optimizer.param_groups[0]["lr"] = rate
        with torch.no_grad():
            optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        n_images += len(labels)
        loss_sum = loss_sum + loss.detach() * len(labels)
        n_correct = n_correct + (log_probs.argmax(dim=1) == labels).sum()
        if progress:
            progress.step(len(labels), loss.detach())
    return loss_sum.item() / n_images, n_correct.item() / n_images
