"""Where a training computes, and in which precision."""

from __future__ import annotations

import torch

from noisylab.config.settings import FitConfig
from noisylab.core.errors import InputError


def find_device(name: str) -> torch.device:
    """The device of a name as of settings.Device; raises InputError if `cuda` is missing."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError("device is cuda, but this machine has none; set it to auto or cpu")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def find_precision(name: str, device: torch.device) -> str:
    """float32 or bfloat16, of forward and backward passes on a device, from settings.Precision.

    `auto` is bfloat16 where the device has instructions for it, else float32: emulated bfloat16 is
    slower. Weights, linear layers of the fixed network, optimizer, loss and predictions are
    float32 either way.
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
