"""Optimizers, their learning rates, and the one parameter that they update."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from noisylab.config.settings import FitConfig
from noisylab.learning.network import Network

#: By name of settings.OPTIMIZERS; the fused ones update all weights in one call.
_OPTIMIZERS: Mapping[str, tuple[type[torch.optim.Optimizer], Mapping[str, Any]]] = {
    "adam": (torch.optim.Adam, {"fused": True}),
    "adamw": (torch.optim.AdamW, {"fused": True}),
    "sgd": (torch.optim.SGD, {"fused": True, "momentum": 0.9}),
    "rmsprop": (torch.optim.RMSprop, {}),
    "adagrad": (torch.optim.Adagrad, {"fused": True}),
}


def make_optimizer(weights: nn.Parameter, config: FitConfig) -> torch.optim.Optimizer:
    """The optimizer of weights that are one parameter; its steps run under no_grad().

    On a GPU its steps can be recorded if the learning rate is a tensor.
    """
    kind, options = _OPTIMIZERS[config.optimizer]
    if weights.is_cuda and "capturable" in inspect.signature(kind).parameters:
        options = {**options, "capturable": True}
    if config.weight_decay is not None:
        options = {**options, "weight_decay": config.weight_decay}
    # A subclass without the wrappers that torch puts around these methods for its compiler: they
    # import torch._dynamo, unused, in every training process, which takes 1.5 times as long as
    # torch itself; `python -X importtime -c "import torch, torch._dynamo"` shows both.
    names = ("add_param_group", "load_state_dict", "state_dict", "step", "zero_grad")
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in names}
    optimizer: torch.optim.Optimizer = type(kind.__name__, (kind,), methods)(
        _pieces(weights) if weights.is_cuda else [weights], lr=config.lr, **options
    )
    return optimizer


def learning_rates(config: FitConfig, n_steps: int) -> Iterator[float]:
    """The learning rate of each step of a training."""
    peak = config.warmup * n_steps
    for step in range(n_steps):
        if config.schedule == "constant":
            yield config.lr
        elif step < peak:
            yield config.lr * (step + 1) / (peak + 1)
        else:
            yield config.lr * (1 + math.cos(math.pi * (step - peak) / (n_steps - peak))) / 2


def as_one_parameter(model: Network, device: torch.device) -> nn.Parameter:
    """All weights of the model end to end; its own weights and gradients become views of it.

    The model moves to the device, in channels-last layout. All of _OPTIMIZERS treat each number
    alone, so one parameter gives the results of ten and saves a tenth of a step's time on a CPU.
    """
    parts = list(model.to(device).to(memory_format=torch.channels_last).parameters())
    whole = nn.Parameter(torch.empty(sum(part.numel() for part in parts), device=parts[0].device))
    whole.grad = torch.zeros_like(whole)
    offset = 0
    for part in parts:
        layout = (part.shape, part.stride(), offset)
        part.data = whole.detach().as_strided(*layout).copy_(part.detach())
        part.grad = whole.grad.as_strided(*layout)
        offset += part.numel()
    return whole


def _pieces(weights: nn.Parameter) -> list[nn.Parameter]:
    """The weights in 32 parts: one block of a GPU's threads would update all of a single one."""
    assert weights.grad is not None
    size = 4 * math.ceil(len(weights) / 128)  # numbers are read in fours
    pieces = []
    for part, gradient in zip(weights.detach().split(size), weights.grad.split(size), strict=True):
        pieces.append(nn.Parameter(part))
        pieces[-1].grad = gradient
    return pieces
