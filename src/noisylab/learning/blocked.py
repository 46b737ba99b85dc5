"""Convolutions in the memory layout of oneDNN, the library with which torch convolves on a CPU.

Otherwise torch converts to this layout and back around each convolution, and its own pooling keeps
an int64 index for each value.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def to_blocked(x: Tensor, is_training: bool) -> Tensor:
    """Dense x in oneDNN's layout and autocast's precision; unchanged where torch lacks that.

    Gradients flow back, but not second derivatives. Some attacks need these, so x stays dense if
    gradients of a model in eval mode are wanted. to_dense() undoes it.
    """
    if torch.is_grad_enabled() and not is_training:
        return x
    is_traced = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
    if is_traced or torch.compiler.is_compiling():
        return x
    if x.device.type != "cpu" or x.dtype != torch.float32:
        return x
    if not torch.is_autocast_enabled("cpu"):
        return x.to_mkldnn() if torch.backends.mkldnn.is_available() else x
    dtype = torch.get_autocast_dtype("cpu")
    is_supported = dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return x.to_mkldnn(dtype) if is_supported else x


def to_dense(x: Tensor) -> Tensor:
    """Blocked x as an ordinary tensor; dense x itself."""
    return x.to_dense() if x.is_mkldnn else x


class Conv2d(nn.Conv2d):
    """A convolution, with numbers as padding, that takes blocked tensors, too."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C', H', W') from (B, C, H, W), in the layout and the precision of x."""
        if not x.is_mkldnn:
            return super().forward(x)
        # conv2d() itself refuses a float32 bias of blocked bfloat16.
        bias = None if self.bias is None else self.bias.to(x.dtype)
        padding = [int(pixels) for pixels in self.padding]
        return torch.mkldnn_convolution(
            x, self.weight, bias, padding, self.stride, self.dilation, self.groups
        )
