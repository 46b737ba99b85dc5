import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from noisylab.core.errors import InputError
from noisylab.learning.network import (
    SimpleModel,
    check_model,
    dump_weights,
    load_weights,
    read_weights,
    to_unit,
)


def test_parameter_count() -> None:
    # conv 3·25·16+16, conv 16·25·16+16, linear 400·120+120, 120·84+84, 84·K+K
    assert sum(p.numel() for p in SimpleModel(10).parameters()) == 66_766
    assert sum(p.numel() for p in SimpleModel(3).parameters()) == 66_171


def test_is_the_network_of_the_report() -> None:
    """Against the same layers in the usual order: normalise, convolve, ReLU, pool."""
    torch.manual_seed(0)
    model = SimpleModel(3).eval()
    relu, flatten = nn.ReLU(), nn.Flatten()
    usual = nn.Sequential(
        *(model.conv1, relu, model.pool, model.conv2, relu, model.pool, flatten),
        *(model.fc1, relu, model.dropout1, model.fc2, relu, model.dropout2, model.fc3),
    )
    images = torch.rand(5, 3, 32, 32)
    expected = usual((images - 0.5) / 0.5)
    assert torch.allclose(model(images), expected, atol=1e-6)


def test_dropout_is_on_in_training_only() -> None:
    model = SimpleModel(3)
    assert (model.dropout1.p, model.dropout2.p) == (0.5, 0.5)
    images = torch.rand(4, 3, 32, 32)
    assert not torch.equal(model.train()(images), model(images))
    assert torch.equal(model.eval()(images), model(images))


def test_to_unit_is_exact_and_channels_last() -> None:
    images = torch.arange(256, dtype=torch.uint8).repeat(24).reshape(2, 32, 32, 3)
    unit = to_unit(images)
    assert unit.shape == (2, 3, 32, 32)
    assert unit.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(unit.permute(0, 2, 3, 1), images.float() / 255)


def test_weights_come_back(tmp_path: Path) -> None:
    model = SimpleModel(4)
    path = tmp_path / "model.pt"
    path.write_bytes(dump_weights(model))
    back = read_weights(path)
    assert back.n_classes == 4
    assert not back.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, back.state_dict()[name])


def test_same_weights_same_bytes() -> None:
    torch.manual_seed(1)
    model = SimpleModel(3)
    other = SimpleModel(3).to(memory_format=torch.channels_last)
    other.load_state_dict(model.state_dict())
    assert dump_weights(model) == dump_weights(other)


def test_reads_a_checkpoint_made_elsewhere(tmp_path: Path) -> None:
    """Such files hold an optimizer and counters, too, and carry their own name in their bytes."""
    model = SimpleModel(3)
    optimizer = torch.optim.Adam(model.parameters())
    path = tmp_path / "epoch_25.tar"
    state = {"model_state_dict": model.state_dict(), "epoch": 25, "loss": 0.3}
    torch.save({**state, "optimizer_state_dict": optimizer.state_dict()}, path)
    assert torch.equal(read_weights(path).fc1.weight, model.fc1.weight)


class Hostile:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.canary),)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_hostile_file_is_refused_and_not_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for content in (pickle.dumps(Hostile(canary)), b"", b"PK\x03\x04", b"weights"):
        path = tmp_path / "model.pt"
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"model\.pt: is not a file of weights"):
            read_weights(path)
    torch.save({"model_state_dict": Hostile(canary)}, path)
    with pytest.raises(InputError, match="is not a file of weights"):
        read_weights(path)
    assert not canary.exists()


@pytest.mark.parametrize(
    "content",
    [
        {"weights": {}},
        [1, 2],
        {"model_state_dict": {"fc3.weight": torch.zeros(3, 84)}},
        {"model_state_dict": {"fc3.weight": 3}},
        {"model_state_dict": {**SimpleModel(3).state_dict(), "conv1.weight": torch.zeros(1)}},
    ],
)
def test_other_weights_are_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "model.pt"
    torch.save(content, path)
    with pytest.raises(InputError, match="holds no weights of SimpleModel"):
        read_weights(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.pt: cannot be read: No such file"):
        read_weights(tmp_path / "none.pt")


def test_hidden_channel_order_is_rgb() -> None:
    images = np.zeros((1, 32, 32, 3), np.uint8)
    images[..., 0] = 255
    assert to_unit(torch.from_numpy(images))[0].mean(dim=(1, 2)).tolist() == [1, 0, 0]


def test_a_flipped_bit_is_found_or_changes_no_weight() -> None:
    """PyTorch's own reader takes it for another weight."""
    content = dump_weights(SimpleModel(3))
    n_refused = 0
    for place in range(0, len(content), len(content) // 60):
        damaged = bytearray(content)
        damaged[place] ^= 1
        try:
            assert dump_weights(load_weights(bytes(damaged))) == content
        except InputError:
            n_refused += 1
    assert n_refused > 50


def test_a_model_of_other_classes_is_refused() -> None:
    check_model(SimpleModel(3), ("car", "truck", "cat"), "the final model")
    expected = "^the final model is for 5 classes, the sets have 3; train it on these sets$"
    with pytest.raises(InputError, match=expected):
        check_model(SimpleModel(5), ("car", "truck", "cat"), "the final model")


def test_a_model_of_classes_in_another_order_is_refused() -> None:
    model = SimpleModel(3, classes=("car", "cat", "truck"))
    check_model(model, ["car", "cat", "truck"], "the final model")
    expected = "^the final model is for other classes: label 1 is 'cat', the sets have 'truck'; "
    with pytest.raises(InputError, match=expected):
        check_model(model, ("car", "truck", "cat"), "the final model")


def test_classes_come_back_with_the_weights() -> None:
    named = SimpleModel(3, classes=("car", "кошка", "0"))
    assert load_weights(dump_weights(named)).classes == ("car", "кошка", "0")
    assert load_weights(dump_weights(SimpleModel(3))).classes is None


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["a", "b"], r"classes must be a list of 3 names, got \['a', 'b'\]$"),
        (3, "classes must be a list of 3 names, got 3$"),
        (["a", "b", "a"], "classes must be distinct, got 'a' more than once$"),
        (["a", "b", 7], "classes must be names of 1 to 100 printable characters, got 7$"),
        (["a", "b", ["c"]], "classes must be names of 1 to 100 printable characters, got list"),
    ],
)
def test_other_classes_in_a_checkpoint_are_refused(classes: object, message: str) -> None:
    buffer = io.BytesIO()
    torch.save({"model_state_dict": SimpleModel(3).state_dict(), "classes": classes}, buffer)
    with pytest.raises(InputError, match=message):
        load_weights(buffer.getvalue())
