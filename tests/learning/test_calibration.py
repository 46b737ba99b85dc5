import numpy as np
import pytest

from noisylab.learning.calibration import N_BINS, reliability, unsmoothed


def test_figures_equal_those_computed_by_hand() -> None:
    """Two images of class 0, one of class 1: their weights are a quarter, a quarter, a half."""
    pred_probs = np.array([[0.9, 0.1], [0.3, 0.7], [0.1, 0.9]])
    found = reliability(np.array([0, 0, 1]), pred_probs)
    filled = np.flatnonzero(found.share)
    assert filled.tolist() == [10, 13]  # 0.7 and 0.9 of 15 bins
    assert found.share[filled] == pytest.approx([0.25, 0.75])
    assert found.confidence[filled] == pytest.approx([0.7, 0.9])
    assert found.accuracy[filled] == pytest.approx([0, 1])
    assert found.ece == pytest.approx(0.25 * 0.7 + 0.75 * 0.1)
    assert found.mean_confidence == pytest.approx(0.25 * 0.7 + 0.75 * 0.9)


def test_a_common_class_weighs_no_more_than_a_rare_one() -> None:
    labels = np.array([0] * 99 + [1])
    pred_probs = np.tile([0.8, 0.2], (100, 1))
    found = reliability(labels, pred_probs)
    assert found.accuracy.sum() == pytest.approx(0.5)
    assert found.ece == pytest.approx(0.3)


def test_calibrated_predictions_have_no_error_and_sharpened_ones_have_one() -> None:
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(3), 60_000)
    labels = (probs.cumsum(axis=1) < rng.random((60_000, 1))).sum(axis=1)
    assert reliability(labels, probs).ece < 0.01
    sharp = probs**2 / (probs**2).sum(axis=1, keepdims=True)
    found = reliability(labels, sharp)
    assert found.ece > 0.08
    assert found.mean_confidence > probs.max(axis=1).mean() + 0.08


def test_the_ends_of_the_range_have_a_bin() -> None:
    found = reliability(np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert found.share[N_BINS - 1] == 1
    assert found.ece == pytest.approx(0.5)
    even = reliability(np.zeros(1, int), np.full((1, 40), 1 / 40))
    assert even.share[0] == 1


def test_smoothing_is_undone_exactly() -> None:
    probs = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])
    assert unsmoothed(0.9 * probs + 0.1 / 3, 0.1) == pytest.approx(probs)


def test_probabilities_below_the_smoothing_become_zero() -> None:
    found = unsmoothed(np.array([[0.98, 0.01, 0.01], [0.5, 0.49, 0.01]]), 0.1)
    assert found[0].tolist() == [1, 0, 0]
    assert found.sum(axis=1) == pytest.approx([1, 1])
    assert found[1, 2] == 0


@pytest.mark.parametrize("smoothing", [0, 1])
def test_without_smoothing_and_with_nothing_but_it_probabilities_stay(smoothing: float) -> None:
    probs = np.array([[0.7, 0.2, 0.1]])
    assert (unsmoothed(probs, smoothing) == probs).all()
