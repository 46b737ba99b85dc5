"""Training, prediction and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from noisylab.adversarial.steps import frozen, to_levels
from noisylab.api.inputs import as_images, as_labels, as_probs
from noisylab.config.params import check_recipe
from noisylab.config.settings import SEED, ByClass
from noisylab.core.errors import InputError, shown, shown_list
from noisylab.core.images import SIZE, ImageSet
from noisylab.learning import evaluation, training
from noisylab.learning.evaluation import Evaluation
from noisylab.learning.network import Network, SimpleModel, read_weights
from noisylab.learning.training import Epoch, Fit


def fit(
    train: ImageSet,
    dev: ImageSet,
    *,
    epochs: int = 5,
    lr: float = 0.001,
    batch_size: int = 32,
    optimizer: str = "adam",
    schedule: str = "constant",
    warmup: float = 0.2,
    weight_decay: float | None = None,
    label_smoothing: float = 0.0,
    distillation: float = 0.0,
    temperature: float = 1.0,
    mixup: float = 0.0,
    cutmix: float = 0.0,
    dropout: float = 0.5,
    class_weights: ByClass = "none",
    augment: Mapping[str, Any] | None = None,
    give_up: float = 1.0,
    precision: str = "auto",
    device: str = "auto",
    seed: int = 0,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> Fit[SimpleModel]:
    """Train the network on `train`, and measure it on `dev` after each epoch.

    The settings mean what they mean in params.yaml, and have its defaults: without any, the model
    is that of stage train_baseline. `augment` takes those of a run, such as
    {"shift_pixels": 4, "mirror": 0.5}; `distillation` needs train.pred_probs.

    seed:     decides everything random; torch's own generators stay as they were.
              torch is left on one thread; torch.set_num_threads() undoes it.
    on_epoch: called after each epoch with its losses and accuracies, for example `print`.

    Returns the `model`, in eval mode, and its `history`, an Epoch each. Equal arguments give equal
    bits on one machine. Raises InputError, in one line, for sets that are empty or of different
    classes, for a setting out of range, and for a training that diverges.
    """
    for name, given in (("train", train), ("dev", dev)):
        if not isinstance(given, ImageSet):
            raise InputError(f"{name} must be an ImageSet, got {shown(given)}")
        if not len(given):
            raise InputError(f"{name} must have images, got none")
    if tuple(train.classes) != tuple(dev.classes):
        wanted, got = shown_list(train.classes), shown_list(dev.classes)
        raise InputError(f"dev must have the classes of train, {wanted}, got {got}")
    settings: dict[str, Any] = {
        **{"epochs": epochs, "lr": lr, "batch_size": batch_size, "optimizer": optimizer},
        **{"schedule": schedule, "warmup": warmup, "weight_decay": weight_decay},
        **{"label_smoothing": label_smoothing, "distillation": distillation},
        **{"temperature": temperature, "mixup": mixup, "cutmix": cutmix},
        **{"dropout": dropout, "class_weights": class_weights, "augment": augment},
        **{"give_up": give_up, "precision": precision, "device": device},
    }
    recipe = check_recipe({key: _plain(x) for key, x in settings.items() if x is not None})
    number = _plain(seed)
    if not SEED.is_good(number):
        raise InputError(f"seed must be {SEED.expected}, got {shown(seed)}")
    generator = torch.Generator().manual_seed(number)
    progress = _EpochCalls(on_epoch) if on_epoch else None
    return training.fit(train, dev, recipe, generator, progress)


def read_model(path: str | Path) -> SimpleModel:
    """Read a model that a run wrote, such as models/lr_sweep.pt, in eval mode on the CPU.

    It maps images (B, 3, 32, 32), float in [0, 1], to logits (B, K); `classes` names the K classes,
    or is None if the file does not. Raises InputError for a file that holds no such model.
    """
    return read_weights(path)


def predict_probs(model: nn.Module, images: ArrayLike) -> np.ndarray:
    """Predict probabilities (N, K) float64, rows summing to 1, of images (N, 32, 32, 3) uint8.

    model: logits (B, K) of images (B, 3, 32, 32), float32 in [0, 1]; left in eval mode.

    Raises InputError for images or a model of another kind.
    """
    network, arrays = as_network(model), as_images(images)
    probs = training.predict_probs(network, arrays)
    if not np.isfinite(probs).all():
        raise InputError("the model's output is NaN or infinite; train the model again")
    return probs


def as_network(model: nn.Module) -> Network:
    """The model; raises InputError for what maps no images to logits, such as fit()'s result."""
    if not isinstance(model, nn.Module):
        hint = "; pass its .model" if hasattr(model, "model") else ""
        raise InputError(f"model must be a torch.nn.Module, got {shown(model)}{hint}")
    return model if isinstance(model, Network) else _Wrapped(model)


class _Wrapped(Network):
    """A network of another kind, whose number of classes shows in its output."""

    def __init__(self, model: nn.Module) -> None:
        black = np.zeros((1, SIZE, SIZE, 3), dtype=np.uint8)
        with torch.no_grad():
            logits = frozen(model)(to_levels(model, black).contiguous())
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else ()
        if len(shape) != 2 or shape[0] != 1 or shape[1] < 2:
            got = shape or type(logits).__name__
            raise InputError(f"model must return logits (1, K), K >= 2, of an image, got {got}")
        super().__init__(logits.shape[1])
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of images (B, 3, 32, 32); many networks need them contiguous."""
        logits: Tensor = self.model(images.contiguous())
        return logits


def evaluate(labels: ArrayLike, pred_probs: ArrayLike) -> Evaluation:
    """Compare labels (N,), integers in 0..K-1, with pred_probs (N, K), whose rows sum to 1; N ≥ 1.

    Returns an Evaluation with `loss`, `accuracy`, `balanced_accuracy`, `macro_f1`, `confusion`, and
    by class `precision`, `recall` and `f1`. Raises InputError for other arguments.

    >>> found = evaluate([0, 0, 1], [[.9, .1], [.2, .8], [.1, .9]])
    >>> found.balanced_accuracy, found.recall
    (0.75, array([0.5, 1. ]))
    """
    probs = as_probs(pred_probs)
    if not len(probs):
        raise InputError("pred_probs must have rows, got none")
    return evaluation.evaluate(as_labels(labels, *probs.shape), probs)


def _plain(value: Any) -> Any:
    """The value as from YAML: without numpy's types and tuples."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value.tolist() if hasattr(value, "tolist") else value


@dataclass(frozen=True)
class _EpochCalls:
    """An observer of a training that calls a function after each epoch."""

    on_epoch: Callable[[Epoch], object]

    def resume(self, history: list[Epoch]) -> None:
        """Nothing to do: only a training with a checkpoint resumes."""

    def step(self, n_images: int) -> None:
        """Nothing to do."""

    def epoch(self, epoch: Epoch) -> None:
        """Call the function."""
        self.on_epoch(epoch)
