from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_set
from sklearn.utils.class_weight import compute_class_weight

from noisylab.config.classes import by_class, check_named_classes, named_pair, named_suspect
from noisylab.config.params import Params, read_params
from noisylab.config.settings import BY_CLASS, AugmentConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet


@pytest.fixture
def imbalanced(train: ImageSet) -> ImageSet:
    """72 cars, 12 trucks, 6 cats."""
    number = np.arange(90)
    return train.with_labels(np.where(number < 72, 0, np.where(number < 84, 1, 2)))


def test_schemes_give_weights_by_class(imbalanced: ImageSet) -> None:
    assert by_class("w", "none", imbalanced).tolist() == [1, 1, 1]
    expected = [1 - 72 / 90, 1 - 12 / 90, 1 - 6 / 90]
    assert by_class("w", "one_minus_frequency", imbalanced) == pytest.approx(expected)
    balanced = compute_class_weight("balanced", classes=np.arange(3), y=imbalanced.labels)
    assert by_class("w", "inverse_frequency", imbalanced) == pytest.approx(balanced)


def test_one_number_holds_for_all_classes(imbalanced: ImageSet) -> None:
    assert by_class("w", 0.25, imbalanced).tolist() == [0.25, 0.25, 0.25]


def test_classes_may_be_named_in_any_order(imbalanced: ImageSet) -> None:
    assert by_class("w", {"cat": 9, "car": 1, "truck": 0.5}, imbalanced).tolist() == [1, 0.5, 9]


@pytest.mark.parametrize("names", [{"car": 1, "truck": 1}, {"car": 1, "truck": 1, "dog": 1}])
def test_names_other_than_the_classes_are_refused(
    imbalanced: ImageSet, names: dict[str, float]
) -> None:
    with pytest.raises(InputError) as error:
        by_class("class_weights", names, imbalanced)
    unknown = ", unknown ['dog']" if "dog" in names else ""
    assert str(error.value) == (
        "class_weights must have a number for each of ['car', 'truck', 'cat']: missing ['cat']"
        + unknown
    )


@pytest.mark.parametrize("scheme", [name for name in BY_CLASS if name != "none"])
def test_schemes_refuse_a_class_without_images(imbalanced: ImageSet, scheme: str) -> None:
    without = imbalanced.with_labels(np.minimum(imbalanced.labels, 1))
    message = f"class_weights cannot be {scheme}, since no image is labelled cat"
    with pytest.raises(InputError, match=message):
        by_class("class_weights", scheme, without)


def test_a_class_whose_name_is_a_number_may_be_written_as_one() -> None:
    numbered = make_set(9, seed=0, classes=("0", "1", "2"))
    numbers = {0: 1, 1: 2, 2: 3}
    weights = by_class("class_weights", numbers, numbered)  # type: ignore[arg-type]
    assert weights.tolist() == [1, 2, 3]
    with pytest.raises(InputError, match=r"a number for each of .*: missing"):
        by_class("class_weights", {0: 1, 1: 2}, numbered)  # type: ignore[dict-item]


def test_a_number_names_a_class_wherever_a_class_is_named(params: Params) -> None:
    classes = ("0", "1", "2.5")
    assert named_suspect(replace(params.relabel, suspect_class=1), classes) == 1
    pair = replace(params.adversarial, source_class=2.5, target_class=0)
    assert named_pair(pair, classes) == (2, 0)
    with pytest.raises(InputError, match=r"or one of \['0', '1', '2.5'\], got '3'"):
        named_suspect(replace(params.relabel, suspect_class=3), classes)


@pytest.fixture
def params() -> Params:
    return read_params(Path(__file__).parents[2] / "params.yaml")


def changed(params: Params, section: str, **changes: Any) -> Params:
    """Parameters with other values in a section, or in the kept run of a train stage."""
    part = getattr(params, section)
    if section.startswith("train_"):
        runs = {**part.runs, part.keep: replace(part.runs[part.keep], **changes)}
        return replace(params, **{section: replace(part, runs=runs)})
    return replace(params, **{section: replace(part, **changes)})


def test_the_shipped_params_suit_any_classes(params: Params) -> None:
    for classes in (("car", "truck", "cat"), ("0", "1")):
        check_named_classes("params.yaml", params, make_set(12, seed=0, classes=classes))


@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        (
            "train_fixed",
            {"class_weights": {"car": 1, "dog": 2}},
            "train_fixed.runs.best.class_weights must have a number for each of ['car',",
        ),
        (
            "train_augmented",
            {"augment": AugmentConfig(probability={"dog": 1})},
            "train_augmented.runs.best.augment.probability must have a number for each of ['car'",
        ),
        (
            "relabel",
            {"suspect_class": "dog"},
            "relabel.suspect_class must be rarest, any, or one of ['car', 'truck', 'cat'], got 'd",
        ),
        (
            "adversarial",
            {"source_class": "dog"},
            "adversarial.source_class must be least_confused, or one of ['car', 'truck', 'cat']",
        ),
        (
            "adversarial",
            {"target_class": "any"},
            "adversarial.target_class must be rarest, least_confused, or one of ['car', 'truck'",
        ),
        (
            "adversarial",
            {"source_class": "cat", "target_class": "cat"},
            "adversarial.source_class and target_class are both 'cat'; they must differ",
        ),
    ],
)
def test_an_unknown_class_is_refused_with_its_key(
    params: Params, train: ImageSet, section: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as error:
        check_named_classes("params.yaml", changed(params, section, **changes), train)
    assert str(error.value).startswith(f"params.yaml: {message}")


def test_a_class_may_have_the_name_of_a_word(params: Params) -> None:
    classes = ("rarest", "any", "least_confused")
    pair = changed(params, "adversarial", source_class="any", target_class="rarest")
    check_named_classes("params.yaml", pair, make_set(9, seed=0, classes=classes))
