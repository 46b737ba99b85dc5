"""Training, predictions and attacks with plain arguments; the results are the library's."""

import inspect
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_set

import noisylab
from noisylab.adversarial import steps
from noisylab.config.params import read_params
from noisylab.config.settings import AugmentConfig, FitConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning import training
from noisylab.learning.network import SimpleModel, dump_weights

QUICK: dict[str, Any] = {"epochs": 2, "batch_size": 16, "device": "cpu"}


@pytest.fixture(scope="module")
def model() -> SimpleModel:
    train = make_set(90, seed=1)
    return noisylab.fit(train, train, **{**QUICK, "epochs": 8, "lr": 0.003}).model


def test_settings_and_defaults_are_those_of_params_yaml() -> None:
    params = read_params(Path(__file__).parents[2] / "params.yaml")
    config = params.train_baseline.runs["report"]
    accepted = inspect.signature(noisylab.fit).parameters
    assert {*accepted} == {field.name for field in fields(FitConfig)} | {
        *("train", "dev", "seed", "on_epoch")
    }
    for field in fields(FitConfig):
        assert accepted[field.name].default == getattr(config, field.name)
        # A run takes what stands at the top of params.yaml, so a default there is never used.
        is_of_run = not hasattr(params, field.name)
        assert not is_of_run or field.default in (MISSING, accepted[field.name].default)
    assert accepted["seed"].default == params.seed


def test_fit_trains_the_model_of_these_settings(train: ImageSet, dev: ImageSet) -> None:
    seen: list[object] = []
    augment = {"shift_pixels": 2, "mirror": 0.5}
    fitted = noisylab.fit(train, dev, **QUICK, augment=augment, seed=3, on_epoch=seen.append)
    config = FitConfig(
        2, 0.001, 16, "adam", "cpu", "auto", augment=AugmentConfig(shift_pixels=2, mirror=0.5)
    )
    usual = training.fit(train, dev, config, torch.Generator().manual_seed(3))
    assert dump_weights(fitted.model) == dump_weights(usual.model)
    assert fitted.history == usual.history == seen


def test_numbers_of_numpy_are_numbers(train: ImageSet, dev: ImageSet) -> None:
    settings = {**QUICK, "epochs": np.int64(1), "lr": np.float32(0.5**10)}
    weights = {name: np.float64(1) for name in train.classes}
    settings["augment"] = {"shift_pixels": np.int64(4), "blur_sigma": (0.5, np.float32(1.5))}
    seed = np.int64(3)
    assert len(noisylab.fit(train, dev, **settings, class_weights=weights, seed=seed).history) == 1


def test_views_and_read_only_arrays_train_as_their_copies(train: ImageSet, dev: ImageSet) -> None:
    view = replace(train, images=train.images[..., ::-1], labels=train.labels[::-1])
    copy = replace(view, images=view.images.copy(), labels=view.labels.copy())
    for part in (view.images, view.labels):
        part.flags.writeable = False
    fits = [noisylab.fit(one, dev, **QUICK) for one in (view, copy)]
    assert dump_weights(fits[0].model) == dump_weights(fits[1].model)


def test_a_training_within_a_training_ends(train: ImageSet, dev: ImageSet) -> None:
    alone = noisylab.fit(train, dev, **QUICK)
    within = noisylab.fit(train, dev, **QUICK, on_epoch=lambda _: noisylab.fit(train, dev, **QUICK))
    assert dump_weights(within.model) == dump_weights(alone.model)


def test_bad_settings_and_sets_are_refused_in_one_line(train: ImageSet, dev: ImageSet) -> None:
    other = make_set(10, 0, ("a", "b"))
    bad: list[tuple[Any, Any, dict[str, Any], str]] = [
        (train, dev, {"lr": "high"}, "lr must be a number > 0, got 'high'"),
        (train, dev, {"epochs": 0}, r"epochs must be an integer in 1\.\.1000000, got 0"),
        (train, dev, {"optimizer": "adma"}, "optimizer must be one of adam, .* got 'adma'"),
        (train, dev, {"class_weights": np.ones(3)}, "class_weights must be one of none, "),
        (train, dev, {"class_weights": {"dog": 1}}, "a number for each of"),
        (train, dev, {"augment": {"miror": 1}}, "augment.miror is unknown; did you mean mirror?"),
        (train, dev, {"distillation": 0.5}, "distillation needs pred_probs"),
        (train, dev, {"seed": "a"}, r"seed must be an integer in 0\.\.4294967295, got 'a'"),
        (train, dev, {"seed": 2**64}, r"seed must be an integer in 0\.\.4294967295, got 18446"),
        (train.images, dev, {}, "train must be an ImageSet, got uint8 of shape"),
        (train, dev.subset([]), {}, "dev must have images, got none"),
        (train, other, {}, r"dev must have the classes of train, \['car', .*got \['a', 'b'\]"),
    ]
    for one, two, settings, message in bad:
        with pytest.raises(InputError, match=message) as caught:
            noisylab.fit(one, two, **settings)
        assert "\n" not in str(caught.value)


def test_images_may_be_tensors_and_views(model: SimpleModel, dev: ImageSet) -> None:
    probs = noisylab.predict_probs(model, dev.images)
    assert np.array_equal(probs, training.predict_probs(model, dev.images))
    mirrored = dev.images[:, :, ::-1]
    assert np.array_equal(noisylab.predict_probs(model, torch.tensor(dev.images)), probs)
    assert np.array_equal(
        noisylab.predict_probs(model, mirrored),
        training.predict_probs(model, np.ascontiguousarray(mirrored)),
    )
    assert noisylab.evaluate(dev.labels.tolist(), probs).accuracy == 1


def test_other_images_are_refused(model: SimpleModel, dev: ImageSet) -> None:
    bad: list[tuple[Any, str]] = [
        (dev, "got ImageSet"),
        (dev.images / 255, "got float64 of shape"),
        (dev.images[0], "got uint8 of shape"),
        (dev.images[:, :28, :28], "got uint8 of shape"),
    ]
    for images, message in bad:
        with pytest.raises(InputError, match=r"uint8 of shape \(N, 32, 32, 3\).*" + message):
            noisylab.predict_probs(model, images)
        with pytest.raises(InputError, match=message):
            noisylab.attack(model, images, 0)


def test_what_is_no_model_is_refused(train: ImageSet, dev: ImageSet) -> None:
    fitted: Any = noisylab.fit(train, dev, epochs=1)
    message = "model must be a torch.nn.Module, got Fit; pass its .model"
    with pytest.raises(InputError, match=message):
        noisylab.predict_probs(fitted, dev.images)
    with pytest.raises(InputError, match=message):
        noisylab.attack(fitted, dev.images, 0)


def test_labels_that_are_a_list_are_refused(dev: ImageSet) -> None:
    labels: Any = dev.labels.tolist()
    with pytest.raises(InputError, match="labels must be int64 of shape"):
        ImageSet(dev.images, labels, dev.classes)


def test_one_target_stands_for_all_images(model: SimpleModel, dev: ImageSet) -> None:
    images = dev.images[dev.labels == 1]
    targets = np.full(len(images), 2)
    usual = steps.attack(model, images, targets, epsilon=150, steps=5)
    assert usual.reached.any()
    for given in (2, np.int64(2), targets.tolist(), torch.tensor(targets)):
        attacked = noisylab.attack(model, torch.tensor(images), given, epsilon=150)
        assert np.array_equal(attacked.images, usual.images)
        assert np.array_equal(attacked.reached, usual.reached)


def test_the_smallest_change_is_small_and_reaches_the_target(
    model: SimpleModel, dev: ImageSet
) -> None:
    images = dev.images[dev.labels == 1]
    nearest = noisylab.smallest_change(model, list(images), 2, known=dev.images)
    assert nearest.reached.all() == np.all(
        noisylab.predict_probs(model, nearest.images).argmax(axis=1) == 2
    )
    assert nearest.reached.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"targets": 3}, r"targets must be integers in 0\.\.2, got 3 at index 0"),
        ({"targets": [0]}, "targets must be of shape"),
        ({"targets": "cat"}, "targets must be integers"),
        ({"targets": 0, "epsilon": 0}, "epsilon must be > 0"),
        ({"targets": 0, "norm": "l1"}, "norm must be one of linf, l2"),
        ({"targets": 0, "confidence": 1.0}, "confidence must be > 0 and < 1, got 1.0"),
    ],
)
def test_bad_attacks_are_refused(
    model: SimpleModel, dev: ImageSet, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        noisylab.attack(model, dev.images, **arguments)


def test_a_model_is_read_back(model: SimpleModel, dev: ImageSet, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(dump_weights(model))
    back = noisylab.read_model(tmp_path / "model.pt")
    assert back.classes == dev.classes
    usual = noisylab.predict_probs(model, dev.images)
    assert np.array_equal(noisylab.predict_probs(back, dev.images), usual)


def test_the_network_in_the_docs_is_that_of_the_weights(
    model: SimpleModel, dev: ImageSet, tmp_path: Path
) -> None:
    page = (Path(__file__).parents[2] / "docs/use.md").read_text()
    code = next(part for part in page.split("```") if "class SimpleModel" in part)
    names: dict[str, Any] = {}
    exec(code, names)
    path = tmp_path / "model.pt"
    path.write_bytes(dump_weights(model))
    content = torch.load(path, weights_only=True)
    other = names["SimpleModel"](len(content["classes"]))
    other.load_state_dict(content["model_state_dict"])
    usual = noisylab.predict_probs(model, dev.images)
    np.testing.assert_allclose(noisylab.predict_probs(other, dev.images), usual, atol=1e-5)


def test_any_model_for_such_images_predicts(dev: ImageSet) -> None:
    other = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 5), torch.nn.Dropout())
    probs = noisylab.predict_probs(other, dev.images)
    unit = torch.from_numpy(dev.images).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        expected = other.eval()(unit).double().softmax(dim=1)
    np.testing.assert_allclose(probs, expected.numpy(), atol=1e-12)


class Pair(torch.nn.Flatten):
    """A model that returns a tuple, as some with an auxiliary output do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(3072, 3)

    def forward(self, images: torch.Tensor) -> Any:
        return self.linear(super().forward(images)), images


class Viewed(torch.nn.Linear):
    """Standardises each image, and needs contiguous ones, as many networks do."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        flat = images.view(len(images), -1)
        return super().forward(flat / flat.std(dim=1, keepdim=True))


def test_networks_that_need_contiguous_images_get_them(dev: ImageSet) -> None:
    other = Viewed(3072, 3)
    probs = noisylab.predict_probs(other, dev.images)
    targets = (probs.argmax(axis=1) + 1) % 3
    assert noisylab.attack(other, dev.images, targets, epsilon=200).reached.any()
    assert noisylab.smallest_change(other, dev.images, targets).reached.any()
    with pytest.raises(InputError, match="the model's output is NaN or infinite"):
        noisylab.predict_probs(other, np.zeros_like(dev.images))


def test_a_model_without_weights_is_a_model(dev: ImageSet) -> None:
    other = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    assert noisylab.predict_probs(other, dev.images).shape == (len(dev), 3)
    assert noisylab.attack(other, dev.images, dev.labels).reached.all()


@pytest.mark.parametrize(
    ("other", "got"),
    [
        (Pair(), "tuple"),
        (torch.nn.Conv2d(3, 2, 1), r"\(1, 2, 32, 32\)"),
        (torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 1)), r"\(1, 1\)"),
    ],
)
def test_models_of_other_outputs_are_refused(
    dev: ImageSet, other: torch.nn.Module, got: str
) -> None:
    message = rf"^model must return logits \(1, K\), K >= 2, of an image, got {got}$"
    with pytest.raises(InputError, match=message):
        noisylab.predict_probs(other, dev.images)
    with pytest.raises(InputError, match=message):
        noisylab.attack(other, dev.images, 0)
