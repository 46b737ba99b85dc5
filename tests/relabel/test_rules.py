"""Planted errors are found and nothing else; cleanlab is asked where definitions coincide."""

import numpy as np
import pytest
from cleanlab.filter import find_label_issues

from noisylab.core.errors import InputError
from noisylab.relabel.rules import (
    agreed_number,
    find_agreed,
    find_called,
    find_confused,
    find_suspect,
    mislabelled_share,
)


def guesses(true_labels: np.ndarray, n_classes: int, seed: int) -> np.ndarray:
    """Probabilities (N, K) of a model that is right most of the time."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (len(true_labels), n_classes))
    logits[np.arange(len(true_labels)), true_labels] += 4
    odds = np.exp(logits)
    probs: np.ndarray = odds / odds.sum(axis=1, keepdims=True)
    return probs


def planted(counts: tuple[int, ...], moves: dict[tuple[int, int], int]) -> tuple[np.ndarray, ...]:
    """True and given labels, where so many of each (really, given) are mislabelled."""
    true_labels = np.repeat(np.arange(len(counts)), counts)
    given_labels = true_labels.copy()
    for (really, given), count in moves.items():
        given_labels[np.flatnonzero(true_labels == really)[:count]] = given
    return true_labels, given_labels


def test_where_classes_are_confused_the_threshold_is_that_of_a_suspect() -> None:
    true_labels, given_labels = planted((2000, 300, 300), {(1, 0): 100})
    pred_probs = guesses(true_labels, 3, seed=3)
    pred_probs[-1] = [0.05, 0.9, 0.05]  # one mistake: class 2 hides none
    suspects = find_suspect(given_labels, pred_probs, 1)
    under_0 = suspects.flagged[given_labels[suspects.flagged] == 0]
    assert 80 < len(under_0) < len(suspects.flagged)
    assert np.array_equal(find_confused(given_labels, pred_probs).flagged, under_0)


def test_a_suspect_class_is_found_under_another_label() -> None:
    true_labels, given_labels = planted((400, 60, 60), {(2, 0): 20})
    sure = 0.98 * np.eye(3)[true_labels] + 0.02 / 3
    for errors in (
        find_suspect(given_labels, sure, suspect=2),
        find_called(given_labels, sure, suspect=2),
    ):
        assert sorted(errors.flagged) == list(range(460, 480))
        assert set(errors.suggested) == {2}
        assert (errors.scores[given_labels == 2] == 0).all()
        assert errors.scores[460:480].min() > errors.scores[:460].max()


def test_another_confusion_does_not_flag_the_suspect() -> None:
    true_labels, given_labels = planted((50, 50, 50), {(1, 0): 20})
    errors = find_suspect(given_labels, 0.98 * np.eye(3)[true_labels] + 0.02 / 3, suspect=2)
    assert len(errors.flagged) == 0


def test_the_most_certain_come_first_and_equals_in_their_order() -> None:
    pred_probs = np.array([[0.3, 0.7], [0.1, 0.9], [0.3, 0.7], [0.6, 0.4]])
    given_labels = np.zeros(4, dtype=np.int64)
    assert find_suspect(given_labels, pred_probs, 1).flagged.tolist() == [1, 0, 2]
    assert find_called(given_labels, pred_probs, 1).flagged.tolist() == [1, 0, 2]


def test_clearly_more_probable_than_the_given_label_is_enough() -> None:
    pred_probs = np.array([[0.1, 0.6, 0.3], [0.2, 0.55, 0.25]])
    given_labels = np.zeros(2, dtype=np.int64)
    assert find_suspect(given_labels, pred_probs, 2).flagged.tolist() == [0]
    assert find_suspect(given_labels, pred_probs, 2).scores == pytest.approx([3 / 4, 5 / 9])
    assert find_called(given_labels, pred_probs, 2).flagged.tolist() == []
    assert find_called(given_labels, pred_probs, 2).scores == pytest.approx([0.3, 0.25])


def test_find_called_equals_cleanlabs_predicted_neq_given() -> None:
    true_labels, given_labels = planted((200, 80, 40), {(2, 0): 15, (0, 1): 10})
    pred_probs = guesses(true_labels, 3, seed=1)
    errors = find_called(given_labels, pred_probs)
    theirs = find_label_issues(given_labels, pred_probs, filter_by="predicted_neq_given", n_jobs=1)
    assert np.array_equal(np.sort(errors.flagged), np.flatnonzero(theirs))
    own = pred_probs.argmax(axis=1)
    assert (errors.suggested == own)[errors.flagged].all()


@pytest.mark.parametrize("seed", range(5))
def test_two_confusions_at_once_are_both_found(seed: int) -> None:
    moves = {(2, 0): 200, (3, 1): 100}
    true_labels, given_labels = planted((2000, 800, 600, 600), moves)
    errors = find_confused(given_labels, guesses(true_labels, 4, seed))
    is_wrong = true_labels != given_labels
    found = is_wrong[errors.flagged].sum()
    assert found / is_wrong.sum() > 0.65
    assert found / len(errors.flagged) > 0.9
    right = errors.suggested[errors.flagged] == true_labels[errors.flagged]
    assert (right == is_wrong[errors.flagged]).mean() > 0.95


def two_kinds(
    true_labels: np.ndarray, n_classes: int, seed: int, overrated: float = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Of models that, if trained on balanced batches, overrate the last class."""
    factors = np.append(np.ones(n_classes - 1), overrated)
    first, second = (guesses(true_labels, n_classes, 2 * seed + k) * factors for k in range(2))
    return first / first.sum(axis=1)[:, None], second / second.sum(axis=1)[:, None]


@pytest.mark.parametrize("count", [40, 100, 300])
def test_two_kinds_of_models_agree_on_how_many_to_flag(count: int) -> None:
    true_labels, given_labels = planted((2000, 300, 500), {(2, 0): count})
    is_wrong = true_labels != given_labels
    for seed in range(5):
        kinds = two_kinds(true_labels, 3, seed, overrated=20)
        agreed = find_agreed(given_labels, kinds, suspect=2)
        above = find_suspect(given_labels, (kinds[0] + 2 * kinds[1]) / 3, suspect=2)
        assert np.array_equal(agreed.scores, above.scores)
        assert np.array_equal(agreed.suggested, above.suggested)
        assert 0.8 * count <= len(agreed.flagged) <= 1.2 * count
        assert is_wrong[agreed.flagged].mean() > 0.9
        assert is_wrong[agreed.flagged].mean() > is_wrong[above.flagged].mean()


@pytest.mark.parametrize("seed", range(5))
def test_where_no_label_is_wrong_two_kinds_of_models_agree_on_none(seed: int) -> None:
    true_labels, _ = planted((2000, 300, 500), {})
    kinds = two_kinds(true_labels, 3, seed, overrated=20)
    above = find_suspect(true_labels, (kinds[0] + kinds[1]) / 2, suspect=2)
    assert len(above.flagged) > 20
    for suspect in (0, 1, 2, None):
        assert not find_agreed(true_labels, kinds, suspect).is_flagged.any()


@pytest.mark.parametrize("seed", range(5))
def test_each_confusion_has_its_own_number(seed: int) -> None:
    true_labels, given_labels = planted((2000, 800, 600, 600), {(2, 0): 200, (3, 1): 100})
    errors = find_agreed(given_labels, two_kinds(true_labels, 4, seed))
    assert (given_labels[errors.flagged] + 2 == errors.suggested[errors.flagged]).mean() > 0.95
    for label, count in ((0, 200), (1, 100)):
        assert 0.8 * count <= (given_labels[errors.flagged] == label).sum() <= 1.2 * count
    assert (true_labels != given_labels)[errors.flagged].mean() > 0.9


def test_a_few_images_that_both_kinds_find_first_do_not_end_the_search() -> None:
    rng = np.random.default_rng(0)
    likely = np.concatenate([[9, 8, 7], 3 + rng.uniform(0, 1, 40), np.zeros(400)])
    kinds = likely + np.stack([rng.uniform(0, 1, 443) for _ in range(2)])
    assert agreed_number(*kinds) == 43


def test_equal_scores_are_no_agreement() -> None:
    scores = np.concatenate([np.linspace(0.9, 1, 10), np.zeros(90)])
    assert 8 <= agreed_number(scores, scores) <= 10


def test_two_kinds_of_other_classes_are_refused() -> None:
    true_labels, _ = planted((30, 10), {})
    kinds = guesses(true_labels, 2, seed=0), guesses(true_labels, 3, seed=1)
    message = r"must have the same shape, got .*\(40, 2\).* and .*\(40, 3\)"
    with pytest.raises(InputError, match=message):
        find_agreed(true_labels, kinds)


def test_a_class_without_images_is_not_agreed_on() -> None:
    true_labels, given_labels = planted((300, 100), {(1, 0): 30})
    errors = find_agreed(given_labels, two_kinds(true_labels, 3, seed=0))
    assert {*errors.suggested[errors.flagged]} == {1}
    assert 20 < len(errors.flagged) < 40


@pytest.mark.parametrize("seed", range(5))
def test_clean_labels_are_hardly_flagged(seed: int) -> None:
    true_labels, _ = planted((1000, 400, 150), {})
    errors = find_confused(true_labels, guesses(true_labels, 3, seed))
    assert len(errors.flagged) < 0.01 * len(true_labels)


@pytest.mark.parametrize("count", [0, 50, 100, 200])
def test_the_share_that_is_mislabelled_is_estimated_and_seldom_too_high(count: int) -> None:
    true_labels, given_labels = planted((1000 - count, 600), {(1, 0): count})
    shares = [
        mislabelled_share(given_labels, guesses(true_labels, 2, seed), given=0, really=1)
        for seed in range(10)
    ]
    assert 0.7 * count / 1000 <= np.mean(shares) <= count / 1000
    assert max(shares) <= 1.1 * count / 1000


def test_a_class_may_have_no_images() -> None:
    true_labels, given_labels = planted((300, 100), {(1, 0): 30})
    pred_probs = guesses(true_labels, 3, seed=0)
    assert len(find_confused(given_labels, pred_probs).flagged) > 20
    assert mislabelled_share(given_labels, pred_probs, given=0, really=2) == 0


def test_ranking_may_come_from_other_models() -> None:
    true_labels, given_labels = planted((1000, 300), {(1, 0): 100})
    sure = 0.98 * np.eye(2)[true_labels] + 0.01
    errors = find_confused(given_labels, guesses(true_labels, 2, seed=0), sure)
    assert len(errors.flagged) > 60
    assert errors.flagged.tolist() == list(range(1000, 1000 + len(errors.flagged)))
    assert set(errors.scores[1000:1100].round(3)) == {0.99}


LABELS = np.array([0, 1, 1])
BAD = [
    (LABELS, np.full((2, 2), 0.5), r"pred_probs must be of shape \(3, K\), got float64 of shape"),
    (LABELS, np.full(3, 0.5), r"pred_probs must be of shape \(3, K\)"),
    (LABELS, np.full((3, 2), 0.6), "rows that sum to 1, got 0.6, 0.6 at index 0"),
    (LABELS, np.array([[0.5, 0.5], [np.nan, 0.5], [1, 0]]), "sum to 1, got nan, 0.5 at index 1"),
    (LABELS, np.array([[0.5, 0.5], [1, 0], [1.5, -0.5]]), "got 1.5, -0.5 at index 2"),
    (np.array([0, 1, 2]), np.full((3, 2), 0.5), r"labels must be in 0\.\.1, got 2 at index 2"),
]


@pytest.mark.parametrize(("given_labels", "pred_probs", "message"), BAD)
def test_bad_labels_and_probabilities_are_refused(
    given_labels: np.ndarray, pred_probs: np.ndarray, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        find_suspect(given_labels, pred_probs, 1)
    with pytest.raises(InputError, match=message):
        find_called(given_labels, pred_probs)
    with pytest.raises(InputError, match=message):
        find_confused(given_labels, pred_probs)
