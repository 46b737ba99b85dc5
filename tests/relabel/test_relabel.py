from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import make_set
from planted import CONFIG, PLANTED, RECIPE, find, planted_sets, trained_model

from noisylab.core.errors import InputError
from noisylab.core.images import REVIEWED, ImageSet
from noisylab.learning.calibration import unsmoothed
from noisylab.learning.kept import Training
from noisylab.learning.network import SimpleModel
from noisylab.learning.opinion import OpinionModel
from noisylab.learning.training import predict_both_ways
from noisylab.many.trainer import Trainer
from noisylab.relabel import voters
from noisylab.relabel.outputs import describe, notices
from noisylab.relabel.rules import find_agreed
from noisylab.relabel.run import relabel
from noisylab.relabel.voters import second_opinion

pytestmark = pytest.mark.usefixtures("trainings_here")


@pytest.fixture(scope="module")
def sets() -> dict[str, ImageSet]:
    return planted_sets()


@pytest.fixture(scope="module")
def model(sets: dict[str, ImageSet]) -> SimpleModel:
    return trained_model(sets)


def test_planted_errors_are_found_and_corrected_and_nothing_else(
    sets: dict[str, ImageSet], model: SimpleModel
) -> None:
    result = find(sets, model, config=replace(CONFIG, models=2))
    expected = {*PLANTED["train"], *(90 + index for index in PLANTED["dev"])}
    assert {*result.errors.flagged} == expected
    assert {result.place(index) for index in result.errors.flagged} == {
        (split, index) for split, indices in PLANTED.items() for index in indices
    }
    for split, fixed in result.fixed_sets().items():
        assert np.array_equal(fixed.images, sets[split].images)
        assert (fixed.labels == sets[split].true_labels).all()
    assert list(result.rules) == ["report", "best"]
    described = describe(result)
    assert described["train"] == {
        "flagged": 5,
        "corrected": 5,
        "wrong_before": 5,
        "wrong_after": 0,
        "made_wrong": 0,
    }
    assert described["corrected"] == {"car": {"cat": 7}}
    assert described["rules"]["best"]["f1"] == 1


def test_true_labels_only_score(sets: dict[str, ImageSet], model: SimpleModel) -> None:
    blind = {split: replace(part, true_labels=None) for split, part in sets.items()}
    seen, unseen = find(sets, model), find(blind, model)
    assert np.array_equal(seen.labels, unseen.labels)
    assert np.array_equal(seen.errors.scores, unseen.errors.scores)
    assert "rules" not in describe(unseen)
    assert "wrong_before" not in describe(unseen)["train"]


def test_distillation_reads_probabilities_without_the_smoothing_of_the_recipe(
    sets: dict[str, ImageSet], model: SimpleModel
) -> None:
    smooth = replace(RECIPE, label_smoothing=0.1)
    decisions = {("train", 5): 1}
    result = relabel(sets, model, decisions, CONFIG, smooth, 0, Trainer())
    expected = unsmoothed(predict_both_ways(model, result.known.images), 0.1)
    expected[5] = [0, 1, 0]
    assert np.array_equal(result.pred_probs, expected)
    plain = find(sets, model, decisions)  # whose models predict the same
    assert np.array_equal(result.errors.scores, plain.errors.scores)


def test_any_confusion_is_found_where_nobody_knows_which(model: SimpleModel) -> None:
    made = {"train": make_set(300, seed=1), "dev": make_set(60, seed=2)}
    labels = made["train"].labels.copy()
    labels[2:90:3] = 0
    made["train"] = made["train"].with_labels(labels)
    config = replace(CONFIG, suspect_class="any")
    result = find(made, model, config=config)
    assert result.suspect is None
    assert len(result.errors.flagged) >= 20
    assert {*result.errors.flagged} <= set(range(2, 90, 3))
    assert {*result.errors.suggested[result.errors.flagged]} == {2}


@pytest.mark.parametrize("suspect", ["cat", "any"])
def test_the_second_opinion_counts_twice_as_much_as_the_other_models(
    sets: dict[str, ImageSet], model: SimpleModel, monkeypatch: pytest.MonkeyPatch, suspect: str
) -> None:
    recipe = replace(second_opinion(RECIPE), epochs=1)
    monkeypatch.setattr(voters, "second_opinion", lambda recipe_of_others: recipe)
    config = replace(CONFIG, models=2, second_opinion=True, suspect_class=suspect)
    result = find(sets, model, config=config)
    known = result.known
    training = Training(RECIPE, 1), Training(recipe, 0, network=OpinionModel)
    others = [one.run(known, known.subset([0])).revive() for one in training]
    said = [predict_both_ways(one, known.images) for one in (model, *others)]
    kinds = (said[0] + said[1]) / 2, said[2]
    assert result.pred_probs == pytest.approx((kinds[0] + 2 * kinds[1]) / 3, abs=1e-12)
    expected = find_agreed(known.labels, kinds, 2 if suspect == "cat" else None)
    assert np.array_equal(result.errors.flagged, expected.flagged)
    assert np.array_equal(result.errors.suggested, expected.suggested)


def test_a_class_with_the_name_any_is_suspected_and_needs_no_folds() -> None:
    classes = ("car", "truck", "any")
    made = {split: make_set(90, seed, classes) for seed, split in enumerate(REVIEWED)}
    config = replace(CONFIG, suspect_class="any", models=1)
    first = np.full((90, 3), 1 / 3)
    votes = voters.cast_votes(made["train"], first, 2, config, RECIPE, 0, Trainer())
    assert votes.held_out is None
    assert find(made, SimpleModel(3), config=config).suspect == 2


def test_the_rarest_class_is_suspected_by_default(
    sets: dict[str, ImageSet], model: SimpleModel
) -> None:
    result = find(sets, model, config=replace(CONFIG, suspect_class="rarest"))
    assert result.suspect == 2


def test_the_rule_that_is_kept_corrects(sets: dict[str, ImageSet], model: SimpleModel) -> None:
    result = find(sets, model, config=replace(CONFIG, keep="report"))
    assert result.errors is result.rules["report"]
    assert result.errors is not result.rules["best"]


def test_a_model_of_other_classes_is_refused(sets: dict[str, ImageSet]) -> None:
    with pytest.raises(InputError, match="augmented is for 5 classes, the sets have 3; train"):
        find(sets, SimpleModel(5))


def test_an_unknown_suspect_is_refused(sets: dict[str, ImageSet], model: SimpleModel) -> None:
    message = r"suspect_class must be rarest, any, or one of \['car', 'truck', 'cat'\], got 'dog'"
    with pytest.raises(InputError, match=message):
        find(sets, model, config=replace(CONFIG, suspect_class="dog"))


def calls_everything(label: int) -> SimpleModel:
    model = SimpleModel(3).eval()
    with torch.no_grad():
        model.fc3.bias.zero_()[label] = 9
    return model


def test_a_class_that_the_rule_would_empty_keeps_its_labels(sets: dict[str, ImageSet]) -> None:
    result = find(sets, calls_everything(2), {("train", 0): 2, ("train", 1): 2})
    assert len(result.errors.flagged) == (result.known.labels != 2).sum()
    assert result.spared == (0, 1)
    is_decided = np.isin(np.arange(len(result.known)), [0, 1])
    assert (result.labels[is_decided] == 2).all()
    assert (result.labels[~is_decided] == result.known.labels[~is_decided]).all()
    warned = [line for line in notices(result) if "would leave no image of train" in line]
    assert len(warned) == 2
    assert "labelled car; their labels stay as given" in warned[0]


def test_a_person_may_not_empty_a_class(sets: dict[str, ImageSet], model: SimpleModel) -> None:
    trucks = np.flatnonzero(sets["train"].labels == 1)
    with pytest.raises(InputError, match=r"leave no image of train labelled 'truck'; keep at"):
        find(sets, model, {("train", int(index)): 0 for index in trucks})


def test_a_class_of_one_image_cannot_be_in_two_folds(model: SimpleModel) -> None:
    made = {"train": make_set(31, seed=1), "dev": make_set(9, seed=2)}
    for part, rare in (("train", 1), ("dev", 0)):
        labels = np.where(made[part].labels == 2, 0, made[part].labels)
        labels[:rare] = 2
        made[part] = made[part].with_labels(labels)
    with pytest.raises(InputError, match=r"two images of each class, .* got 1 labelled 'cat'"):
        find(made, model, config=replace(CONFIG, suspect_class="any"))
