from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from noisylab.core.images import ImageSet
from noisylab.learning.calibration import reliability
from noisylab.learning.evaluation import (
    Evaluation,
    evaluate,
    evaluate_splits,
    loss_and_accuracy,
    paired_error,
    precision_recall,
)


@pytest.mark.parametrize("seed", range(20))
def test_equals_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_classes = int(rng.integers(2, 6))
    labels = rng.integers(0, n_classes, 200)
    pred_probs = rng.dirichlet(np.full(n_classes, 0.3), 200)
    if seed % 2:  # one class is there and never predicted
        pred_probs[:, 0] = 0
        pred_probs /= pred_probs.sum(axis=1, keepdims=True)
    predicted = pred_probs.argmax(axis=1)
    every = {"labels": list(range(n_classes)), "zero_division": 0}

    result = evaluate(labels, pred_probs)

    assert (result.confusion == metrics.confusion_matrix(labels, predicted)).all()
    assert result.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(labels, predicted, **every)
    assert result.precision == pytest.approx(precision)
    assert result.recall == pytest.approx(recall)
    assert result.f1 == pytest.approx(f1)
    expected = metrics.f1_score(labels, predicted, average="macro", **every)
    assert result.macro_f1 == pytest.approx(expected)
    expected = metrics.balanced_accuracy_score(labels, predicted)
    assert result.balanced_accuracy == pytest.approx(expected)
    if seed % 2 == 0:  # scikit-learn clips earlier, at 2e-16
        assert result.loss == pytest.approx(metrics.log_loss(labels, pred_probs))


def test_figures_of_a_class_without_images_are_unknown() -> None:
    labels = np.array([0, 0, 1])
    result = evaluate(labels, np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.1, 0.9, 0]]))
    for figures in (result.precision, result.recall, result.f1):
        assert np.isnan(figures).tolist() == [False, False, True]
    assert result.recall[:2].tolist() == [0.5, 1]
    assert result.balanced_accuracy == 0.75
    assert result.macro_f1 == metrics.f1_score(labels, [0, 1, 1], average="macro")
    recall = result.metrics(("car", "truck", "cat"))["recall"]
    assert recall == {"car": 0.5, "truck": 1, "cat": None}


def test_a_class_without_images_that_is_predicted_has_no_precision() -> None:
    result = evaluate(np.array([0, 0]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    assert result.precision.tolist() == [1, 0]
    assert result.f1.tolist() == pytest.approx([2 / 3, 0])
    assert np.isnan(result.recall).tolist() == [False, True]


def test_a_probability_of_zero_leaves_the_loss_finite() -> None:
    assert evaluate(np.array([0]), np.array([[0.0, 1.0]])).loss == pytest.approx(708.396, abs=1e-3)


def test_nan_probabilities_give_a_nan_loss() -> None:
    assert np.isnan(evaluate(np.array([0]), np.array([[np.nan, np.nan]])).loss)


def test_metrics_name_every_class() -> None:
    named = evaluate(np.array([0, 1]), np.array([[1.0, 0], [1.0, 0]])).metrics(("car", "cat"))
    assert named["recall"] == {"car": 1, "cat": 0}
    assert named["accuracy"] == 0.5
    measures = ["loss", "accuracy", "balanced_accuracy", "macro_f1", "ece", "confidence"]
    assert list(named) == [*measures, "recall"]


def test_labels_and_probabilities_must_fit() -> None:
    with pytest.raises(ValueError, match=r"labels must be of shape \(2,\)"):
        evaluate(np.array([0]), np.eye(2))


@pytest.mark.parametrize("seed", range(10))
def test_precision_recall_equals_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    is_positive = rng.random(300) < 0.1
    is_positive[0] = True
    scores = (rng.random(300) + is_positive).round(seed % 3 + 1)  # many of them equal
    precision, recall, average = precision_recall(is_positive, scores)
    theirs = metrics.precision_recall_curve(is_positive, scores)
    assert precision == pytest.approx(theirs[0][::-1])
    assert recall == pytest.approx(theirs[1][::-1])
    assert average == pytest.approx(metrics.average_precision_score(is_positive, scores))


def test_precision_recall_runs_from_recall_0_and_ties_share_a_threshold() -> None:
    is_positive = np.array([True, False, True, False, False])
    precision, recall, average = precision_recall(is_positive, np.array([0.9, 0.5, 0.5, 0.5, 0.1]))
    assert precision == pytest.approx([1, 1, 0.5, 0.4])
    assert recall == pytest.approx([0, 0.5, 1, 1])
    assert average == pytest.approx(0.5 * 1 + 0.5 * 0.5)


def test_figures_equal_those_computed_by_hand() -> None:
    """Class 2 is never predicted, class 3 has no images."""
    predicted = np.array([0, 0, 1, 1, 3, 0])
    result = evaluate(np.array([0, 0, 0, 1, 1, 2]), np.eye(4)[predicted])
    assert result.confusion.tolist() == [[2, 1, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert result.precision == pytest.approx([2 / 3, 1 / 2, 0, 0])
    assert result.recall == pytest.approx([2 / 3, 1 / 2, 0, np.nan], nan_ok=True)
    assert result.f1 == pytest.approx([2 / 3, 1 / 2, 0, 0])
    assert result.macro_f1 == pytest.approx(7 / 24)
    assert result.balanced_accuracy == pytest.approx(7 / 18)
    assert result.accuracy == 0.5


def test_the_figures_of_an_epoch_are_those_of_an_evaluation() -> None:
    rng = np.random.default_rng(0)
    labels, pred_probs = rng.integers(0, 3, 50), rng.dirichlet(np.ones(3), 50)
    result = evaluate(labels, pred_probs)
    assert loss_and_accuracy(labels, pred_probs) == (result.loss, result.accuracy)


def test_dev_is_also_compared_with_its_other_labels(dev: ImageSet) -> None:
    wrong = (dev.labels + 1) % 3
    sets = {"train": dev, "dev": replace(dev, labels=wrong)}
    said = {split: np.eye(3)[dev.labels] for split in sets}
    evaluations = evaluate_splits(sets, said, dev.labels)
    accuracies = {split: part.accuracy for split, part in evaluations.items()}
    assert accuracies == {"train": 1, "dev": 0, "dev_given": 1, "dev_true": 1}


def test_the_standard_error_is_that_of_a_mean_of_shares() -> None:
    confusion = np.array([[90, 10, 0], [5, 5, 0], [0, 0, 0]])
    recall = 91 / 102
    expected = (recall * (1 - recall) / 102 + 0.5 * 0.5 / 12) ** 0.5 / 2
    certain = reliability(np.zeros(1, int), np.ones((1, 1)))
    found = Evaluation(0.0, 0.0, confusion, certain)
    assert found.standard_error == pytest.approx(expected)


def test_the_error_of_a_difference_counts_the_images_on_which_models_differ() -> None:
    labels = np.array([0] * 98 + [1] * 8)
    is_right = np.ones(106)
    other = is_right.copy()
    other[:4] = other[98:100] = 0
    # Of class 0, 4 + 2 of 100 images differ, by 4 in sum; of class 1, 2 + 2 of 10, by 2.
    expected = ((6 / 100 - 0.04**2) / 100 + (4 / 10 - 0.2**2) / 10) ** 0.5 / 2
    assert paired_error(labels, is_right, other) == pytest.approx(expected)
    assert paired_error(labels, other, is_right) == pytest.approx(expected)
