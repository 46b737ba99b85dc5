"""The choice of the example, and attacks in parts."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import make_set

from noisylab.adversarial import example as example_module
from noisylab.adversarial import parts
from noisylab.adversarial.example import Example, find_example
from noisylab.adversarial.parts import Victim, attack_images
from noisylab.adversarial.steps import attack
from noisylab.config.settings import AdversarialConfig, FitConfig
from noisylab.core.errors import WorkerDiedError
from noisylab.core.images import ImageSet
from noisylab.learning.network import SimpleModel
from noisylab.learning.training import fit, predict_probs

CONFIG = AdversarialConfig("report", "truck", "cat", 0.9, [40, 5, 20], [150], 3, "linf", 0.99)
RECIPE = FitConfig(epochs=8, lr=0.003, batch_size=16, optimizer="adam", device="cpu")
TARGET = 2


@pytest.fixture(scope="module")
def train() -> ImageSet:
    return make_set(90, seed=1)


@pytest.fixture(scope="module")
def model(train: ImageSet) -> SimpleModel:
    return fit(train, train.subset([0]), RECIPE, torch.Generator().manual_seed(0)).model


def found(
    model: SimpleModel, train: ImageSet, probs: np.ndarray, config: AdversarialConfig = CONFIG
) -> Example:
    indices = np.flatnonzero(train.labels == 1)
    result = find_example(model, train.images, probs, indices, TARGET, config)
    assert result is not None
    return result


def test_of_the_images_near_the_probability_the_furthest_moved_is_taken(
    model: SimpleModel, train: ImageSet
) -> None:
    probs = np.full(90, 0.5)
    near = [4, 7, 19, 31]  # of label 1, and one that is near but of label 0
    probs[[*near, 3]] = [0.9, 0.895, 0.909, 0.891, 0.9]
    result = found(model, train, probs)
    assert (result.near == train.images[near]).all()
    target_probs = predict_probs(model, result.moved)[:, TARGET]
    assert result.index == near[target_probs.argmax()]
    assert (result.trail[0] == train.images[result.index]).all()
    assert (result.trail[-1] == result.moved[target_probs.argmax()]).all()
    assert len(result.trail) == CONFIG.steps + 1
    assert np.abs(result.moved.astype(int) - result.near).max() <= result.epsilon
    for steps, step in enumerate(result.trail[1:-1], start=1):
        alone, target = train.images[[result.index]], np.array([TARGET])
        after = attack(model, alone, target, epsilon=result.epsilon, steps=steps, norm=CONFIG.norm)
        assert (step == after.images[0]).all()


def test_where_none_is_near_the_nearest_is_the_example(model: SimpleModel, train: ImageSet) -> None:
    probs = np.full(90, 0.5)
    probs[13] = 0.8
    result = found(model, train, probs)
    assert result.index == 13
    assert len(result.near) == len(result.moved) == 1
    assert find_example(model, train.images, probs, np.array([], int), TARGET, CONFIG) is None


@pytest.mark.parametrize(
    ("sure_from", "epsilon", "wanted"),
    [(5, CONFIG.epsilon, 5), (20, CONFIG.epsilon, 20), (255, CONFIG.epsilon, 40), (5, 40, 40)],
)
def test_the_smallest_epsilon_that_suffices_is_taken_or_the_largest(
    model: SimpleModel,
    train: ImageSet,
    monkeypatch: pytest.MonkeyPatch,
    sure_from: float,
    epsilon: float | list[float],
    wanted: float,
) -> None:
    def probs_by_change(_: SimpleModel, images: np.ndarray) -> np.ndarray:
        change = np.abs(images.astype(int) - train.images[1]).max()
        return np.full((len(images), 3), 0.995 if change >= sure_from else 0.5)

    monkeypatch.setattr(example_module, "predict_probs", probs_by_change)
    probs = np.zeros(90)
    probs[1] = 0.9
    assert found(model, train, probs, replace(CONFIG, epsilon=epsilon)).epsilon == wanted


def test_an_attack_whose_worker_dies_is_named(
    model: SimpleModel, train: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dying(*_: object, **__: object) -> list[tuple[int, None, Exception]]:
        return [(0, None, WorkerDiedError("training 0", 3))]

    monkeypatch.setattr(parts, "map_trainings", dying)
    victims = {"final": Victim(model, train.images[:2], train.images[:2])}
    with pytest.raises(WorkerDiedError, match=r"^attack confident on the model final was"):
        attack_images(victims, TARGET, CONFIG, "cpu", "local:2")


def test_results_are_the_same_on_any_number_of_workers(
    model: SimpleModel, train: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART", 4)
    images, known = train.images[1::3][:9], train.images[2::3]
    victims = {"a": Victim(model, images, known), "b": Victim(model, images[:0], known)}
    one, two = (
        attack_images(victims, TARGET, CONFIG, "cpu", engine) for engine in ("local:1", "local:2")
    )
    assert [*one["a"]] == ["original", 150, "smallest", "confident"]
    for name, attacked in one["a"].items():
        assert (attacked == two["a"][name]).all()
    assert (one["a"]["original"] == images).all()
    assert (predict_probs(model, one["a"]["smallest"]).argmax(axis=1) == TARGET).all()
    assert (predict_probs(model, one["a"]["confident"])[:, TARGET] >= 0.99).all()
    assert all(attacked.shape == (0, 32, 32, 3) for attacked in one["b"].values())
