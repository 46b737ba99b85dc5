"""The fixed network, and weights of networks on disk."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar, overload

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from noisylab.core.errors import InputError, shown, shown_list
from noisylab.core.files import read_file
from noisylab.core.images import MAX_CLASSES, check_classes
from noisylab.data import torch_files
from noisylab.learning.blocked import Conv2d, to_blocked, to_dense


class Network(nn.Module):
    """Logits (B, K) from images (B, 3, 32, 32), float in [0, 1].

    classes: the K names by label, as in ImageSet; None if they are unknown.
    last: the name of the layer that has an output for each class.
    cost: time of training on an image, relative to SimpleModel's.
    """

    last: ClassVar[str]
    cost: ClassVar[float]

    def __init__(
        self, n_classes: int, dropout: float = 0.0, classes: tuple[str, ...] | None = None
    ) -> None:
        super().__init__()
        self.n_classes = n_classes
        self.classes = classes


_Network = TypeVar("_Network", bound=Network)


class SimpleModel(Network):
    """Two convolutions and three linear layers for 32×32 RGB images; 66,171 weights for 3 classes.

    Attributes have the names in the checkpoints that it reads. Only the dropout rate varies.
    """

    last, cost = "fc3", 1.0

    def __init__(
        self, n_classes: int, dropout: float = 0.5, classes: tuple[str, ...] | None = None
    ) -> None:
        super().__init__(n_classes, dropout, classes)
        self.conv1 = Conv2d(3, 16, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = Conv2d(16, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, n_classes)
        self.dropout1 = nn.Dropout(dropout)
        self.dropout2 = nn.Dropout(dropout)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of images (B, 3, 32, 32), float in [0, 1]."""
        x = to_blocked((images - 0.5) / 0.5, self.training)
        # ReLU after the pool equals ReLU before it (both are monotone) at a quarter of the cost.
        x = functional.relu(self.pool(self.conv1(x)))  # (B, 16, 14, 14)
        x = functional.relu(self.pool(self.conv2(x)))  # (B, 16, 5, 5)
        x = torch.flatten(to_dense(x), 1)  # (B, 400)
        # On a CPU, products this small take less time than their conversion to bfloat16.
        x = x if x.is_cuda else x.to(self.fc1.weight.dtype)
        with torch.autocast("cpu", enabled=False):
            x = self.dropout1(functional.relu(self.fc1(x)))
            x = self.dropout2(functional.relu(self.fc2(x)))
            logits: Tensor = self.fc3(x)
        return logits


def to_unit(images: Tensor) -> Tensor:
    """The network's input (B, 3, 32, 32) float32 in [0, 1] from images (B, 32, 32, 3) uint8."""
    # Only the strides are permuted, which gives the channels-last layout without a copy.
    return images.permute(0, 3, 1, 2).float().div_(255)


def dump_weights(model: Network) -> bytes:
    """The weights as a file's content, `{"model_state_dict": …, "classes": […]}`.

    Equal weights and classes give equal bytes; unknown classes are left out. Saved to a buffer,
    since `torch.save` writes the name of a file into its bytes.
    """
    weights = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
    }
    content: dict[str, Any] = {"model_state_dict": weights}
    if model.classes is not None:
        content["classes"] = [str(name) for name in model.classes]
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@overload
def load_weights(content: bytes) -> SimpleModel: ...
@overload
def load_weights(content: bytes, network: type[_Network]) -> _Network: ...
def load_weights(content: bytes, network: type[Network] = SimpleModel) -> Network:
    """The model of dump_weights(), or of any checkpoint of `network`: on the CPU, in eval mode.

    Its last layer decides the number of classes; `classes` in the file, if there, names them.
    Raises InputError for a damaged file, for content other than weights of this network, for
    weights that are not finite, and for other classes. `torch_files.load` bounds the memory.
    """
    try:
        checkpoint = torch_files.load(content)
    except InputError as error:
        raise InputError(f"is not a file of weights: {error}") from None
    weights: Any = checkpoint.get("model_state_dict") if isinstance(checkpoint, dict) else None
    last = weights.get(f"{network.last}.weight") if isinstance(weights, dict) else None
    other = f"holds no weights of {network.__name__} in a dict under 'model_state_dict'"
    # Checked before a model of that size is made: a file may claim any number.
    if not isinstance(last, np.ndarray) or last.ndim != 2 or not 2 <= len(last) <= MAX_CLASSES:
        raise InputError(other)
    model = network(len(last), classes=_classes(checkpoint, len(last)))
    shapes = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    if shapes != {name: getattr(weight, "shape", None) for name, weight in weights.items()}:
        raise InputError(other)
    for name, weight in weights.items():
        kind = "f" if model.state_dict()[name].is_floating_point() else "i"
        if weight.dtype.kind != kind:
            raise InputError(other)
        if not np.isfinite(weight).all():
            raise InputError(f"holds weights in {name} that are not finite; train the model again")
    model.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()})
    return model.eval()


def read_weights(path: str | Path) -> SimpleModel:
    """The model in a file; errors name the file and, in a folder `models` of a run, the remedy."""
    content = read_file(path, torch_files.MAX_FILE_BYTES)
    try:
        return load_weights(content)
    except InputError as error:
        is_of_stage = Path(path).parts[0] == "models"
        remedy = f"; if a stage wrote it: rm {path} && dvc repro" if is_of_stage else ""
        raise InputError(f"{path}: {error}{remedy}") from None


def check_model(model: Network, classes: Sequence[str], name: str) -> None:
    """Raise InputError unless the model, called `name` in the message, is for these classes."""
    if model.n_classes != len(classes):
        raise InputError(
            f"{name} is for {model.n_classes} classes, the sets have {len(classes)}; train it on "
            "these sets"
        )
    if model.classes not in (None, tuple(classes)):
        pairs = zip(model.classes or (), classes, strict=True)
        label, (own, other) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
        raise InputError(
            f"{name} is for other classes: label {label} is {shown(own)}, the sets have "
            f"{shown(other)}; train it on these sets"
        )


def _classes(checkpoint: dict[str, Any], n_classes: int) -> tuple[str, ...] | None:
    """The names of the classes in a checkpoint, None if it has none."""
    classes = checkpoint.get("classes")
    if classes is None:
        return None
    if not isinstance(classes, (list, tuple)) or len(classes) != n_classes:
        got = shown_list(classes) if isinstance(classes, (list, tuple)) else shown(classes)
        raise InputError(f"classes must be a list of {n_classes} names, got {got}")
    check_classes(tuple(classes))
    return tuple(classes)
