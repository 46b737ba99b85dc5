"""Results equal those of the rules, for every type of array; cleanlab is asked about orders."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from cleanlab.filter import find_label_issues
from cleanlab.rank import order_label_issues

import noisylab
from noisylab.core.errors import InputError
from noisylab.relabel import rules

rng = np.random.default_rng(0)
TRUTH = np.repeat([0, 1, 2], [300, 100, 60])
LABELS = TRUTH.copy()
LABELS[np.flatnonzero(TRUTH == 2)[:25]] = 0
ODDS = np.exp(rng.normal(0, 1, (len(TRUTH), 3)) + 4 * np.eye(3)[TRUTH])
PROBS = ODDS / ODDS.sum(axis=1, keepdims=True)
CONFUSED = rules.find_confused(LABELS, PROBS)

TYPES: dict[str, tuple[Callable[[np.ndarray], Any], Callable[[np.ndarray], Any]]] = {
    "arrays": (np.asarray, np.asarray),
    "small": (lambda x: x.astype(np.uint8), lambda x: x.astype(np.float32)),
    "lists": (np.ndarray.tolist, np.ndarray.tolist),
    "tuples": (tuple, tuple),
    "tensors": (torch.tensor, lambda x: torch.tensor(x, requires_grad=True)),
    "columns": (lambda x: pd.DataFrame({"x": x}).x, pd.DataFrame),
    "nullable": (lambda x: pd.Series(x, dtype="Int64"), pd.DataFrame),
    "objects": (lambda x: x.astype(object), lambda x: x.astype(object)),
    "shuffled index": (lambda x: pd.Series(x, index=x[::-1]), np.asfortranarray),
}


@pytest.mark.parametrize("kind", TYPES)
def test_any_type_of_array_gives_the_mask_of_the_rule(kind: str) -> None:
    make_labels, make_probs = TYPES[kind]
    mask = noisylab.find_confused(make_labels(LABELS), make_probs(PROBS))
    assert type(mask) is np.ndarray
    assert mask.dtype == bool
    if kind != "small":  # float32 may decide otherwise at the threshold
        assert np.array_equal(mask, CONFUSED.is_flagged)
    assert mask[LABELS != TRUTH].mean() > 0.8
    assert mask[LABELS == TRUTH].mean() < 0.02


def test_half_precision_of_a_tensor_is_enough() -> None:
    probs = torch.tensor(np.where(PROBS.max(axis=1, keepdims=True) > PROBS, 0.25, 0.5))
    exact = noisylab.find_suspect(LABELS, probs, 2)
    assert np.array_equal(noisylab.find_suspect(LABELS, probs.bfloat16(), 2), exact)
    assert exact.any()


def test_the_suspect_is_by_default_the_class_with_the_fewest_labels() -> None:
    mask = noisylab.find_suspect(LABELS, PROBS)
    assert np.array_equal(mask, rules.find_suspect(LABELS, PROBS, 2).is_flagged)
    assert not np.array_equal(mask, noisylab.find_suspect(LABELS, PROBS, np.int64(1)))


def test_arguments_have_the_names_of_cleanlabs_and_the_mask_its_shape() -> None:
    arguments: dict[str, Any] = {"labels": LABELS, "pred_probs": PROBS}
    theirs = find_label_issues(**arguments, n_jobs=1)
    for find in (noisylab.find_confused, noisylab.find_suspect):
        ours = find(**arguments)
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        indices = find(**arguments, return_indices_ranked_by="self_confidence")
        assert indices.dtype == np.int64
        assert np.array_equal(np.sort(indices), np.flatnonzero(ours))


def test_indices_are_ranked_by_the_score_of_the_rule() -> None:
    indices = noisylab.find_confused(LABELS, PROBS, return_indices_ranked_by="score")
    assert np.array_equal(indices, CONFUSED.flagged)
    assert (np.diff(CONFUSED.scores[indices]) <= 0).all()


@pytest.mark.parametrize(
    "ranking", ["self_confidence", "normalized_margin", "confidence_weighted_entropy"]
)
def test_indices_are_ranked_as_cleanlab_ranks_them(ranking: str) -> None:
    indices = noisylab.find_confused(LABELS, PROBS, return_indices_ranked_by=ranking)
    theirs = order_label_issues(CONFUSED.is_flagged, LABELS, PROBS, rank_by=ranking)
    assert indices.tolist() == theirs.tolist()
    assert indices.tolist() != sorted(indices.tolist())


def test_the_surest_contradiction_has_the_most_weighted_entropy() -> None:
    probs = np.array([[1, 0], [0.1, 0.9], [1e-8, 1 - 1e-8], [0, 1]] + [[0.9, 0.1]] * 36)
    labels = np.repeat([0, 1], [40, 40])
    probs = np.concatenate([probs, 1 - probs])
    ranked = noisylab.find_confused(
        labels, probs, return_indices_ranked_by="confidence_weighted_entropy"
    )
    assert {*ranked[:2].tolist()} == {3, 43}
    assert {*ranked[2:4].tolist()} == {2, 42}


def test_an_unknown_ranking_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"ranked_by must be one of score, self_conf.*got 'margin'"
    ):
        noisylab.find_confused(LABELS, PROBS, return_indices_ranked_by="margin")


def test_no_labels_are_no_errors() -> None:
    assert noisylab.find_confused([], np.empty((0, 3))).shape == (0,)


def test_inputs_are_left_as_they_were() -> None:
    labels, probs = LABELS.copy(), PROBS.copy()
    noisylab.find_suspect(labels, probs, return_indices_ranked_by="normalized_margin")
    assert np.array_equal(labels, LABELS)
    assert np.array_equal(probs, PROBS)


HALF = [[0.5, 0.5]] * 3
BAD: list[tuple[Any, Any, str]] = [
    ([0, 1], HALF, r"labels must be of shape \(3,\), a class number for each row, got int64 of"),
    ([[0], [1], [1]], HALF, r"labels must be of shape \(3,\).*got int64 of shape \(3, 1\)"),
    ([0, 1, 2], HALF, r"labels must be integers in 0\.\.1, got 2 at index 2$"),
    ([0, -1, 1], HALF, r"labels must be integers in 0\.\.1, got -1 at index 1$"),
    ([0, 1.5, 1], HALF, r"integers in 0\.\.1, got 1.5 at index 1$"),
    ([0, 1, float("nan")], HALF, "got nan at index 2$"),
    ([0.0, 1.0, 1.0], HALF, r"got 0.0 at index 0; use astype\(int\)"),
    ([0, 1, None], HALF, "labels must be integers in 0..1, got None at index 2$"),
    (["cat", "dog", "dog"], HALF, "got 'cat' at index 0; number the classes"),
    (pd.Series(["cat", "dog", "dog"]), HALF, "got 'cat' at index 0; number the classes"),
    (pd.Series([0, 1, None], dtype="Int64"), HALF, "labels must be integers .* at index 2"),
    ([0, [1], 1], HALF, "labels must be an array, got list of 3 of mixed shapes"),
    ([0, 1, 1], [0.5] * 3, r"pred_probs must be numbers of shape \(N, K\).*of shape \(3,\)"),
    ([0, 1, 1], [[1.0]] * 3, r"column for each of two or more classes, got float64 of shape"),
    ([0, 1, 1], [["a", "b"]] * 3, "pred_probs must be numbers"),
    ([0, 1, 1], [[1, 0], [1], [1, 0]], "pred_probs must be an array, got list of 3 of mixed"),
    ([0, 1, 1], [[0.6, 0.6]] * 3, "rows that sum to 1, got 0.6, 0.6 at index 0"),
    ([0, 1, 1], [[0.5, 0.5], [float("nan"), 0.5], [1, 0]], "sum to 1, got nan, 0.5 at index 1"),
    ([0, 1, 1], [[0.5, 0.5], [1, 0], [1.5, -0.5]], ">= 0 .* got 1.5, -0.5 at index 2"),
]


@pytest.mark.parametrize(("labels", "pred_probs", "message"), BAD)
def test_bad_labels_and_probabilities_are_refused_in_one_line(
    labels: Any, pred_probs: Any, message: str
) -> None:
    for find in (noisylab.find_confused, noisylab.find_suspect, noisylab.evaluate):
        with pytest.raises(InputError, match=message) as caught:
            find(labels, pred_probs)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suspect", [2, -1, "cat", 0.5])
def test_a_suspect_that_is_no_class_is_refused(suspect: Any) -> None:
    with pytest.raises(InputError, match=r"suspect must be integers in 0\.\.1, got"):
        noisylab.find_suspect([0, 1, 1], HALF, suspect)
