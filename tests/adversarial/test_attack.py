from collections.abc import Callable
from typing import Any, ClassVar

import foolbox
import numpy as np
import pytest
import torch
from conftest import make_set
from foolbox.models.pytorch import PyTorchModel
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from noisylab.adversarial import smallest as smallest_module
from noisylab.adversarial.smallest import smallest_change
from noisylab.adversarial.steps import Attacked, attack
from noisylab.config.settings import FitConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning.network import SimpleModel, to_unit
from noisylab.learning.training import fit, predict_probs

RECIPE = FitConfig(epochs=8, lr=0.003, batch_size=16, optimizer="adam", device="cpu")


@pytest.fixture(scope="module")
def model() -> SimpleModel:
    train = make_set(90, seed=1)
    return fit(train, train.subset([0]), RECIPE, torch.Generator().manual_seed(0)).model


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    some: ImageSet = make_set(30, seed=2)
    chosen: np.ndarray = some.images[some.labels == 1][:6]
    return chosen


TARGETS = np.full(6, 2)
BOTH: list[Callable[..., Attacked]] = [
    lambda *given: attack(*given, epsilon=150, steps=5),
    smallest_change,
]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["linf", "l2"]),
    st.floats(0.01, 255),
    st.integers(1, 3),
)
def test_changes_stay_in_the_budget_and_images_in_range(
    seed: int, norm: str, epsilon: float, steps: int
) -> None:
    rng = np.random.default_rng(seed)
    torch.manual_seed(0)
    # Up to and at both ends of the range.
    images = (rng.normal(128, 120, (2, 32, 32, 3))).clip(0, 255).astype(np.uint8)
    before = images.copy()
    result = attack(
        SimpleModel(3), images, np.array([0, 1]), epsilon=epsilon, steps=steps, norm=norm
    )
    assert result.images.dtype == np.uint8
    assert result.images.shape == images.shape
    assert (images == before).all()
    change = np.abs(result.images.astype(float) - images).reshape(2, -1)
    size = change.max(axis=1) if norm == "linf" else np.sqrt((change**2).sum(axis=1))
    assert (size <= epsilon * (1 + 1e-6)).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_steps_use_the_whole_budget(model: SimpleModel, images: np.ndarray, norm: str) -> None:
    changed = attack(model, images, TARGETS, epsilon=60, steps=5, norm=norm).images
    change = np.abs(changed.astype(float) - images).reshape(6, -1)
    size = change.max(axis=1) if norm == "linf" else np.sqrt((change**2).sum(axis=1))
    assert (size > 55).all()


def test_success_is_measured_before_and_after(model: SimpleModel, images: np.ndarray) -> None:
    assert (predict_probs(model, images).argmax(axis=1) == 1).all()
    for run in BOTH:
        result = run(model, images, TARGETS)
        called = predict_probs(model, result.images).argmax(axis=1)
        assert (result.reached == (called == 2)).all()
        assert result.reached.all()


def test_the_mask_excludes_images_that_were_not_reached(
    model: SimpleModel, images: np.ndarray
) -> None:
    weak = attack(model, images, TARGETS, epsilon=1, steps=1)
    assert not weak.reached.any()
    assert (predict_probs(model, weak.images).argmax(axis=1) == 1).all()


def test_images_changed_by_far_more_than_others_are_searched_again(
    model: SimpleModel, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched, plain = [], smallest_module._search

    def search(model: SimpleModel, images: np.ndarray, *rest: Any) -> Any:
        found = plain(model, images, *rest)
        searched.append(len(images))
        if len(searched) == 1:
            found.images[0], found.norms[0] = 255 - images[0], 50_000
        return found

    monkeypatch.setattr(smallest_module, "_search", search)
    result = smallest_change(model, images, TARGETS)
    assert searched == [6, 1]
    assert (result.images[0] != 255 - images[0]).any()
    assert predict_probs(model, result.images).argmax(axis=1).tolist() == TARGETS.tolist()


class Dead(nn.Module):
    """Class 1 for images of a mean of over 0.7; below 0.5 its only unit is off, gradient zero."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        unit = (self.weight * images.mean(dim=(1, 2, 3)) - 0.5).relu()
        return torch.stack([torch.full_like(unit, 0.2), unit], dim=1)


def test_where_the_gradient_is_zero_the_search_starts_at_other_images() -> None:
    levels = np.array([60, 150, 90], dtype=np.uint8)
    images = np.broadcast_to(levels[:, None, None, None], (3, 32, 32, 3)).copy()
    result = smallest_change(Dead(), images, np.ones(3, dtype=np.int64))
    assert result.reached.all()
    change = (result.images.astype(float) - images).reshape(3, -1)
    least = (0.7 * 255 - levels) * np.sqrt(3072)
    assert (np.linalg.norm(change, axis=1) < 1.1 * least).all()
    alone = smallest_change(Dead(), images[:1], np.ones(1, dtype=np.int64))
    assert not alone.reached.any()
    assert (alone.images == images[:1]).all()
    known = np.full((2, 32, 32, 3), 200, dtype=np.uint8)
    known[0] = 100  # which is called class 0
    led = smallest_change(Dead(), images[:1], np.ones(1, dtype=np.int64), known=known)
    assert led.reached.all()
    assert (led.images == result.images[:1]).mean() > 0.9


def test_a_confidence_is_reached(model: SimpleModel, images: np.ndarray) -> None:
    plain = smallest_change(model, images, TARGETS)
    surer = smallest_change(model, images, TARGETS, confidence=0.99)
    assert surer.reached.all()
    assert (predict_probs(model, surer.images)[:, 2] >= 0.99).all()
    sizes = [
        np.linalg.norm((one.images.astype(float) - images).reshape(6, -1), axis=1)
        for one in (plain, surer)
    ]
    assert (sizes[0] < sizes[1]).all()
    attacked = attack(model, images, TARGETS, epsilon=20, steps=5, confidence=0.99)
    sure = predict_probs(model, attacked.images)[:, 2] >= 0.99
    assert (attacked.reached == sure).all()


@pytest.mark.parametrize("run", BOTH)
def test_results_repeat_and_leave_torchs_generator_alone(
    model: SimpleModel, images: np.ndarray, run: Callable[..., Attacked]
) -> None:
    state = torch.get_rng_state()
    first, second = (run(model, images, TARGETS).images for _ in range(2))
    assert (first == second).all()
    assert (torch.get_rng_state() == state).all()


class Odd(nn.Module):
    """Records in which modes it is called, and fails or yields NaN on demand."""

    modes: ClassVar[set[bool]] = set()  # of the class, since attacks run on a copy

    def __init__(self, inner: SimpleModel, output: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.inner, self.output = inner, output
        self.modes.clear()

    def forward(self, images: Tensor) -> Tensor:
        self.modes.add(self.inner.dropout1.training)
        return self.output(self.inner(images))


def fail(logits: Tensor) -> Tensor:
    raise RuntimeError("out of order")


@pytest.mark.parametrize("run", BOTH)
@pytest.mark.parametrize(
    ("output", "error"),
    [(lambda logits: logits, None), (lambda logits: logits * torch.nan, "NaN"), (fail, "order")],
)
def test_the_model_is_left_as_it_was(
    images: np.ndarray, run: Callable[..., Attacked], output: Any, error: str | None
) -> None:
    model = Odd(SimpleModel(3), output).train()
    model.inner.dropout2.eval()
    model.inner.conv1.weight.requires_grad_(False)
    gradient = torch.ones(3)
    model.inner.fc3.bias.grad = gradient
    modes = [module.training for module in model.modules()]
    if error:
        with pytest.raises(InputError if error == "NaN" else RuntimeError, match=error):
            run(model, images, TARGETS)
    else:
        run(model, images, TARGETS)
    assert model.modes == {False}
    assert [module.training for module in model.modules()] == modes
    wants = [weight.requires_grad for weight in model.parameters()]
    assert wants == [False] + [True] * (len(wants) - 1)
    assert model.inner.fc3.bias.grad is gradient
    assert (gradient == 1).all()
    assert model.inner.fc2.weight.grad is None


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_steps_equal_those_of_foolbox(model: SimpleModel, images: np.ndarray, norm: str) -> None:
    epsilon = 8 if norm == "linf" else 200
    make = foolbox.attacks.LinfPGD if norm == "linf" else foolbox.attacks.L2PGD
    oracle = make(rel_stepsize=0.4, steps=5, random_start=False)
    wanted, _, _ = oracle(
        PyTorchModel(model, bounds=(0, 1), device="cpu"),
        to_unit(torch.from_numpy(images)).contiguous(),
        foolbox.criteria.TargetedMisclassification(torch.from_numpy(TARGETS)),
        epsilons=epsilon / 255,
    )
    ours = attack(model, images, TARGETS, epsilon=epsilon, steps=5, norm=norm).images
    off = np.abs(ours - 255 * wanted.permute(0, 2, 3, 1).numpy())
    assert np.quantile(off, 0.99) <= 1  # of rounding; signs of gradients near 0 differ
    probs = [predict_probs(model, ours), wanted]
    with torch.no_grad():
        theirs = model(wanted).softmax(dim=1).numpy()
    assert np.abs(probs[0] - theirs).max() < 0.03


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epsilon": 0}, "epsilon must be > 0 and <= 255 pixel levels, got 0"),
        ({"epsilon": 256}, "epsilon must be > 0 and <= 255"),
        ({"epsilon": float("nan")}, "epsilon must be > 0 and <= 255"),
        ({"steps": 0}, "steps must be an integer >= 1, got 0"),
        ({"steps": 1.5}, "steps must be an integer >= 1, got 1.5"),
        ({"epsilon": "8"}, "epsilon must be > 0 and <= 255 pixel levels, got '8'"),
        ({"confidence": "x"}, "confidence must be > 0 and < 1, got 'x'"),
        ({"norm": "l1"}, "norm must be one of linf, l2, got 'l1'"),
    ],
)
def test_bad_arguments_are_refused(
    images: np.ndarray, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        attack(SimpleModel(3), images, TARGETS, **{"epsilon": 4, "steps": 5, **changes})


@pytest.mark.parametrize("run", BOTH)
def test_bad_images_are_refused(images: np.ndarray, run: Callable[..., Attacked]) -> None:
    with pytest.raises(InputError, match="images must be uint8 of shape"):
        run(SimpleModel(3), images / 255, TARGETS)
    with pytest.raises(InputError, match="targets must be 6 labels, got int64 of shape"):
        run(SimpleModel(3), images, TARGETS[:5])
