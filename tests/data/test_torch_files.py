"""Damaged or hostile weights are refused in one line and in little memory."""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
import torch
from conftest import refused
from readers import checkpoint, checkpoint_parts

from noisylab.core.errors import InputError
from noisylab.data import torch_files
from noisylab.learning.network import SimpleModel, load_weights


def compressed() -> bytes:
    """A zip file whose last part is a hundred times as large as the file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in {**checkpoint_parts(), "archive/data/99": bytes(10**8)}.items():
            archive.writestr(name, part)
    return buffer.getvalue()


def with_claim() -> bytes:
    """A part that claims 2 GB in the zip's directory, both before and after compression."""
    data = bytearray(checkpoint())
    entry = data.rindex(b"PK\1\2")
    struct.pack_into("<LL", data, entry + 20, 2**31, 2**31)
    return bytes(data)


def torch_saved(value: object, **options: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def state(**changes: torch.Tensor | None) -> bytes:
    weights = {**SimpleModel(3).state_dict(), **changes}
    return torch_saved({"model_state_dict": weights})


def of(make: Callable[[], bytes], message: str) -> tuple[Callable[[], bytes], str]:
    return make, message


def dotted(name: str, tensor: torch.Tensor) -> Callable[[], bytes]:
    return lambda: state(**{name: tensor})


OTHER = "holds no weights of SimpleModel"
LAST = "fc3.weight"
BAD_WEIGHTS = {
    "zip bomb": of(compressed, "is compressed; write it again with torch.save"),
    "gigantic part": of(with_claim, "claims to hold more than its size"),
    "expanded": of(dotted(LAST, torch.zeros(1).expand(10**7, 84)), "is not a file of weights"),
    "empty, of many classes": of(dotted(LAST, torch.zeros(10**9, 0)), ""),
    "too many classes": of(lambda: state(**{LAST: torch.zeros(1001, 1)}), OTHER),
    "one class": of(dotted(LAST, torch.zeros(1, 84)), OTHER),
    "a scalar": of(dotted(LAST, torch.zeros(())), OTHER),
    "sparse": of(dotted(LAST, torch.eye(3, 84).to_sparse()), "is not a file of weights: contains"),
    "meta": of(
        dotted(LAST, torch.empty(3, 84, device="meta")), "is not a file of weights: contain"
    ),
    "quantized": of(
        lambda: torch_saved(
            {
                "model_state_dict": {
                    LAST: torch.quantize_per_tensor(torch.zeros(3, 84), 1.0, 0, torch.qint8)
                }
            }
        ),
        "is not a file of weights: contains",
    ),
    "complex": of(dotted(LAST, torch.zeros(3, 84, dtype=torch.complex64)), "is not a file of weig"),
    "integers": of(dotted(LAST, torch.zeros(3, 84, dtype=torch.int64)), OTHER),
    "not a number": of(
        dotted("conv1.bias", torch.full((16,), torch.nan)), "in conv1.bias that are"
    ),
    "infinite": of(dotted("conv1.bias", torch.full((16,), torch.inf)), "in conv1.bias that are no"),
    "before 1.6": of(
        lambda: torch_saved({"a": torch.ones(1)}, _use_new_zipfile_serialization=False),
        "has the format of PyTorch before 1.6; save it with a newer version",
    ),
    "a pickle": of(lambda: pickle.dumps({"model_state_dict": {}}), "is damaged or not from torch."),
    "a zip without a pickle": of(lambda: b"PK\5\6" + bytes(18), "holds no data.pkl"),
}


@pytest.mark.parametrize("kind", BAD_WEIGHTS)
def test_hostile_weights_are_refused_in_little_memory(kind: str) -> None:
    make, message = BAD_WEIGHTS[kind]
    content = make()
    said, megabytes = refused(lambda: load_weights(content))
    assert message in said
    assert megabytes < 32


def test_truncated_weights_are_refused() -> None:
    content = checkpoint()
    for part in range(30):
        with pytest.raises(InputError, match="is not a file of weights"):
            load_weights(content[: len(content) * part // 30])


def test_weights_in_other_precision_and_layout_are_read() -> None:
    model = SimpleModel(3)
    changed = {
        "conv1.weight": model.conv1.weight.detach().double(),
        "conv2.weight": model.conv2.weight.detach().to(memory_format=torch.channels_last),
        "fc1.weight": model.fc1.weight.detach().t().contiguous().t(),
        "fc2.weight": model.fc2.weight.detach().bfloat16(),
        "fc3.weight": torch.nn.Parameter(model.fc3.weight.detach().half()),
    }
    back = load_weights(state(**{**model.state_dict(), **changed})).state_dict()
    for name, weight in model.state_dict().items():
        assert torch.equal(back[name], changed.get(name, weight).detach().float())


def test_values_come_back_as_pytorch_saved_them() -> None:
    value = {"a": torch.arange(6.0).reshape(2, 3).t(), "b": [1, (2.5, "x")], "c": torch.tensor(7)}
    back = torch_files.load(torch_saved(value))
    np.testing.assert_array_equal(back["a"], value["a"])
    assert back["b"] == value["b"]
    assert back["c"] == 7
