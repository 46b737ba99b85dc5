import numpy as np
import pytest

from noisylab.review.priority import TIERS, order, tiers, wrong_probs

SCORES = np.array([0.95, 0.81, 0.79, 0.7, 0.6, 0.59, 0.3, 0.0])
IS_FLAGGED = SCORES >= 0.6


def test_flagged_images_nearer_to_one_than_to_the_threshold_are_certain() -> None:
    names = [TIERS[tier] for tier in tiers(SCORES, IS_FLAGGED)]
    assert names == ["certain"] * 2 + ["doubtful"] * 3 + ["unflagged"] * 3


def test_after_the_certain_come_those_nearest_the_threshold() -> None:
    assert SCORES[order(SCORES, IS_FLAGGED)].tolist() == [
        *(0.95, 0.81),
        *(0.6, 0.7, 0.79),
        *(0.59, 0.3, 0.0),
    ]
    mixed = np.array([3, 7, 1, 0, 6, 2, 5, 4])
    ordered = mixed[order(SCORES[mixed], IS_FLAGGED[mixed])]
    assert ordered.tolist() == [0, 1, 4, 3, 2, 5, 6, 7]


def test_nothing_flagged_or_nothing_at_all_has_an_order() -> None:
    assert order(np.array([0.2, 0.5]), np.array([False, False])).tolist() == [1, 0]
    assert order(np.array([]), np.array([], bool)).tolist() == []
    assert wrong_probs(np.array([]), [], []).tolist() == []


def test_undecided_scores_count_as_probabilities() -> None:
    np.testing.assert_allclose(wrong_probs(SCORES[:-1], [], []), SCORES[:-1])
    assert 0 < wrong_probs(np.array([0.0]), [], [])[0] < 0.01


@pytest.mark.parametrize("slope", [0.5, 1, 2, 3])
def test_decisions_correct_scores_that_are_too_sure_or_not_sure_enough(slope: float) -> None:
    rng = np.random.default_rng(0)
    log_odds = rng.normal(0, 1.2, 4000)
    is_wrong = rng.random(4000) < 1 / (1 + np.exp(-slope * log_odds))
    scores = 1 / (1 + np.exp(-log_odds))
    decided = np.arange(400)
    probs = wrong_probs(scores, decided.tolist(), is_wrong[decided].tolist())
    for part in (scores > 0.6, scores < 0.4):  # noisy near a half, whatever the slope
        expected, actual = probs[400:][part[400:]].sum(), is_wrong[400:][part[400:]].sum()
        assert abs(expected - actual) < 0.15 * actual + 10


def test_a_few_decisions_change_the_estimate_little() -> None:
    scores = np.full(100, 0.7)
    one = wrong_probs(scores, [0], [False]).mean()
    assert 0.5 < one < 0.7
    assert wrong_probs(scores, range(30), [True] * 30).mean() > 0.9
