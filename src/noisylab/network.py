"""The fixed network, and its weights on disk."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from noisylab.errors import InputError


class SimpleModel(nn.Module):
    """Two convolutions and three linear layers for 32×32 RGB images; 66,171 weights for 3 classes.

    The names of its parts are those of the checkpoints that it reads. Only the dropout rate
    may be chosen.
    """

    def __init__(self, n_classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(16, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, n_classes)
        self.dropout1 = nn.Dropout(dropout)
        self.dropout2 = nn.Dropout(dropout)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of images (B, 3, 32, 32), float in [0, 1]."""
        x = (images - 0.5) / 0.5
        # ReLU after the pool equals ReLU before it (both are monotone) at a quarter of the cost.
        x = functional.relu(self.pool(self.conv1(x)))  # (B, 16, 14, 14)
        x = functional.relu(self.pool(self.conv2(x)))  # (B, 16, 5, 5)
        x = torch.flatten(x, 1)  # (B, 400)
        x = self.dropout1(functional.relu(self.fc1(x)))
        x = self.dropout2(functional.relu(self.fc2(x)))
        logits: Tensor = self.fc3(x)
        return logits

    @property
    def n_classes(self) -> int:
        """K, the number of classes it tells apart."""
        return self.fc3.out_features


def to_unit(images: Tensor) -> Tensor:
    """The network's input (B, 3, 32, 32) float32 in [0, 1] from images (B, 32, 32, 3) uint8."""
    # Only the strides are permuted, which gives the channels-last layout without a copy.
    return images.permute(0, 3, 1, 2).float().div_(255)


def dump_weights(model: SimpleModel) -> bytes:
    """The model's weights as a file's content, `{"model_state_dict": …}`; same weights, same bytes.

    Through a buffer, since `torch.save` writes the file's name into its bytes.
    """
    weights = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
    }
    buffer = io.BytesIO()
    torch.save({"model_state_dict": weights}, buffer)
    return buffer.getvalue()


def load_weights(content: bytes) -> SimpleModel:
    """The model whose weights `dump_weights` gave, or a checkpoint of that network holds.

    The number of classes is that of its last layer. Returned on the CPU, in eval mode.
    Raises InputError for what is damaged, holds more than weights or other weights.
    """
    if _is_damaged(content):
        raise InputError("is not a file of weights; its checksums are not those of what it holds")
    try:
        checkpoint = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:  # whatever a damaged or hostile file sets off, none of it is run
        raise InputError("is not a file of weights; only tensors are read") from None
    try:
        weights = checkpoint["model_state_dict"]
        model = SimpleModel(n_classes=len(weights["fc3.weight"]))
        model.load_state_dict(weights)
    except (AttributeError, KeyError, RuntimeError, TypeError):
        raise InputError("holds no weights of SimpleModel in 'model_state_dict'") from None
    return model.eval()


def _is_damaged(content: bytes) -> bool:
    """Whether a zip file, as torch.save writes, has other checksums; torch.load looks at none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.testzip() is not None
    except Exception:  # of damaged files zipfile raises nearly anything; what is none is not judged
        return content.startswith(b"PK")


def read_weights(path: str | Path) -> SimpleModel:
    """The same out of a file; its errors name the file."""
    try:
        return load_weights(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}; if a stage wrote it: rm {path} && dvc repro") from None
