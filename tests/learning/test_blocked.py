import copy

import pytest
import torch
from torch import Tensor

from noisylab.learning import blocked, network, opinion
from noisylab.learning.network import Network, SimpleModel
from noisylab.learning.opinion import OpinionModel

has_layout = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="this build of torch is without oneDNN"
)


@pytest.fixture(params=[SimpleModel, OpinionModel])
def model(request: pytest.FixtureRequest) -> Network:
    torch.manual_seed(0)
    made: Network = request.param(3, dropout=0.0)
    return made.train()


@pytest.fixture
def images() -> Tensor:
    return torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def outputs(model: Network, images: Tensor) -> list[Tensor]:
    """Logits, the gradients of the images and of all weights, and statistics of the batch."""
    model = copy.deepcopy(model)
    images = images.clone().requires_grad_()
    logits = model(images).float()
    gradients = torch.autograd.grad(logits.square().sum(), [images, *model.parameters()])
    return [logits.detach(), *gradients, *(buffer.float() for buffer in model.buffers())]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_blocked_and_dense_agree(
    model: Network, images: Tensor, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        own = outputs(model, images)
        for module in (network, opinion):
            monkeypatch.setattr(module, "to_blocked", lambda x, is_training: x)
        expected = outputs(model, images)
    error = 1e-4 if precision == "float32" else 0.2  # of many roundings to 8 bits
    for tensor, other in zip(own, expected, strict=True):
        assert tensor.dtype == torch.float32
        assert (tensor - other).norm() <= error * other.norm()


@has_layout
def test_blocked_tensors_have_the_precision_of_autocast(images: Tensor) -> None:
    assert blocked.to_blocked(images, True).is_mkldnn
    assert blocked.to_blocked(images, True).dtype == torch.float32
    assert not blocked.to_blocked(images, False).is_mkldnn
    with torch.no_grad():
        assert blocked.to_blocked(images, False).is_mkldnn
    assert torch.equal(blocked.to_dense(blocked.to_blocked(images, True)), images)
    with torch.autocast("cpu", torch.bfloat16):
        native = torch.ops.mkldnn._is_mkldnn_bf16_supported()
        assert blocked.to_blocked(images, True).dtype == (
            torch.bfloat16 if native else torch.float32
        )
    with torch.autocast("cpu", torch.float16):
        assert blocked.to_blocked(images, True) is images


def test_what_the_layout_lacks_stays_dense(
    model: Network, images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert blocked.to_dense(images) is images
    assert not blocked.to_blocked(images.double(), True).is_mkldnn
    expected = model(images)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not blocked.to_blocked(images, True).is_mkldnn
    assert torch.allclose(model(images), expected, atol=1e-6)


def test_a_trained_model_has_second_derivatives(model: Network, images: Tensor) -> None:
    images.requires_grad_()
    (gradient,) = torch.autograd.grad(
        model.eval()(images)[:, 0].exp().sum(), images, create_graph=True
    )
    gradient.square().sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


@pytest.mark.filterwarnings("ignore:.*deprecated")  # torch.jit: the older exporters use it
def test_an_exported_model_has_dense_operations(model: Network, images: Tensor) -> None:
    with torch.no_grad():
        program = torch.export.export(model.eval(), (images,))
        traced = torch.jit.trace(model, images)
        for graph, exported in ((program.graph, program.module()), (traced.graph, traced)):
            assert "mkldnn" not in str(graph)
            assert torch.allclose(exported(images), model(images), atol=1e-6)
