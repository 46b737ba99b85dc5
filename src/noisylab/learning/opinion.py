"""The second network, which looks for wrong labels and is never deployed."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from noisylab.learning.blocked import Conv2d, to_blocked, to_dense
from noisylab.learning.network import Network


class OpinionModel(Network):
    """A small residual network (He et al. 2016) for 32×32 RGB images.

    It has 465,859 weights for 3 classes. Squares of 2 × 2 pixels become channels first, which
    quarters the cost of the convolutions.
    """

    last, cost = "linear", 5.0

    def __init__(
        self, n_classes: int, dropout: float = 0.0, classes: tuple[str, ...] | None = None
    ) -> None:
        super().__init__(n_classes, dropout, classes)
        self.stem = nn.Sequential(_convolution(12, 32), _convolution(32, 64))
        self.block1 = _Residual(64)
        self.widen = _convolution(64, 128)
        self.block2 = _Residual(128)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(128, n_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of images (B, 3, 32, 32), float in [0, 1]."""
        x = functional.pixel_unshuffle((images - 0.5) / 0.5, 2)  # (B, 12, 16, 16)
        x = to_blocked(x, self.training)  # its pooling has no default stride
        x = functional.max_pool2d(self.stem(x), 2, 2)  # (B, 64, 8, 8)
        x = functional.max_pool2d(self.widen(self.block1(x)), 2, 2)  # (B, 128, 4, 4)
        x = to_dense(self.block2(x)).mean(dim=(2, 3))  # (B, 128)
        logits: Tensor = self.linear(self.dropout(x))
        return logits


class _Residual(nn.Module):
    """x + f(x), where f is two convolutions that keep the shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            _convolution(channels, channels), _convolution(channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = x + self.inner(x)
        return changed


def _convolution(n_from: int, n_to: int) -> nn.Sequential:
    """3 × 3, without a bias, since the batch normalisation has one."""
    return nn.Sequential(
        Conv2d(n_from, n_to, 3, padding=1, bias=False), nn.BatchNorm2d(n_to), nn.ReLU()
    )
