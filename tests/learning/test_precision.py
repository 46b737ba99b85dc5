from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from torch.nn.modules.module import register_module_forward_hook

from noisylab.config.settings import FitConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning.precision import find_device, find_precision
from noisylab.learning.training import fit, predict_probs

CPU = torch.device("cpu")
CONFIG = FitConfig(4, 0.003, 16, "adam", "cpu", dropout=0.0)


def test_devices() -> None:
    assert find_device("cpu") == CPU
    if torch.cuda.is_available():
        assert find_device("auto").type == find_device("cuda").type == "cuda"
    else:
        assert find_device("auto") == CPU
        with pytest.raises(InputError, match="device is cuda, but torch finds no GPU here; set"):
            find_device("cuda")


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_f": True, "avx512_bf16": False, "cpu_name": "Old bf16"}, "float32"),
        ({"avx512_f": True, "avx512_bf16": True}, "bfloat16"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bfloat16"),
        ({"neon": True, "bf16": True}, "bfloat16"),
        ({}, "float32"),
    ],
)
def test_auto_asks_the_processor(
    monkeypatch: pytest.MonkeyPatch, capabilities: Mapping[str, object], expected: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert find_precision("auto", CPU) == expected
    assert find_precision("float32", CPU) == "float32"
    assert find_precision("bfloat16", CPU) == "bfloat16"


def test_bfloat16_is_of_the_convolutions_in_training_and_learns_nearly_as_float32(
    train: ImageSet, dev: ImageSet
) -> None:
    seen = set()

    def note(layer: torch.nn.Module, _: object, output: torch.Tensor) -> None:
        seen.add((type(layer).__name__, layer.training, output.dtype))

    exact = fit(train, dev, CONFIG, torch.Generator().manual_seed(0))
    config = replace(CONFIG, precision="bfloat16")
    with register_module_forward_hook(note):
        rough = fit(train, dev, config, torch.Generator().manual_seed(0))
    assert ("Conv2d", True, torch.bfloat16) in seen
    assert ("Conv2d", False, torch.float32) in seen
    assert {kind[2] for kind in seen if kind[0] == "Linear"} == {torch.float32}
    assert {weight.dtype for weight in rough.model.parameters()} == {torch.float32}
    for one, other in zip(exact.history, rough.history, strict=True):
        assert other.train_loss == pytest.approx(one.train_loss, abs=0.05)
    assert exact.history[0].train_loss != rough.history[0].train_loss
    expected = predict_probs(exact.model, dev.images)
    assert predict_probs(rough.model, dev.images) == pytest.approx(expected, abs=0.1)
