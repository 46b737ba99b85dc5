"""Where a training computes, in which precision, and how data get there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from noisylab.config.settings import FitConfig
from noisylab.core.errors import InputError

_OWN = threading.local()  # stream: of this thread


def find_device(name: str) -> torch.device:
    """The device of a name in settings.Device; raises InputError if `cuda` is missing.

    For CUDA it also sets torch to repeatable results and whole float32: by default, convolutions
    round their inputs to 10 bits and may sum in any order.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError(
            "device is cuda, but torch finds no GPU here; set device to auto or cpu in params.yaml"
        )
    if not available or name == "cpu":
        return torch.device("cpu")
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda")


def device_of(model: nn.Module) -> torch.device:
    """Where the model computes; the CPU for one without weights."""
    return next((weight.device for weight in model.parameters()), torch.device("cpu"))


def chunk_size(device: torch.device) -> int:
    """Images to augment or predict at once: few enough for a CPU's caches, many for a GPU."""
    return 8192 if device.type == "cuda" else 512


@contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """A context in which a GPU does this thread's work beside that of other threads."""
    if device.type == "cpu":
        yield
        return
    # One for each thread: of more than 32, some would be the same.
    if not hasattr(_OWN, "stream"):
        _OWN.stream = torch.cuda.Stream()
    try:
        with torch.cuda.stream(_OWN.stream):
            yield
    finally:
        _OWN.stream.synchronize()  # after an error, it may still use memory that is given back


def send(values: Tensor, device: torch.device) -> Tensor:
    """The values on a device; they come from the CPU, which does not wait until they arrive."""
    if device.type == "cpu" or values.is_cuda:
        return values
    return values.pin_memory().to(device, non_blocking=True)


def find_precision(name: str, device: torch.device) -> str:
    """float32 or bfloat16, of forward and backward passes on a device, from settings.Precision.

    `auto` is bfloat16 where the device has instructions for it, else float32: emulated bfloat16 is
    slower. Weights, optimizer, loss and predictions are float32 either way, and so are the linear
    layers of the fixed network on a CPU.
    """
    if name != "auto":
        return name
    return "bfloat16" if _multiplies_bfloat16(device) else "float32"


def used_precision(config: FitConfig) -> str:
    """The precision of a training on this machine: float32 or bfloat16."""
    return find_precision(config.precision, find_device(config.device))


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # avx512_bf16 and amx_bf16 of x86, bf16 and sve_bf16 of ARM
    return any(has is True and "bf16" in name for name, has in torch.cpu.get_capabilities().items())
