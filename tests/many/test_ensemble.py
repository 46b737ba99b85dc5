from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from noisylab.config.settings import FitConfig
from noisylab.core.images import ImageSet, joined
from noisylab.learning.network import SimpleModel
from noisylab.learning.training import DivergedError, fit, predict_probs
from noisylab.many.ensemble import (
    Trainings,
    fold_members,
    mean_probs,
    predict_both_ways,
    seed_members,
)

CONFIG = FitConfig(epochs=1, lr=0.003, batch_size=16, optimizer="adam", threads=1, device="cpu")


def unwatched(trainings: Trainings, n_trainings: int) -> Trainings:
    return trainings


def test_folds_are_a_partition_that_keeps_the_shares_of_labels() -> None:
    labels = np.repeat([0, 1, 2], (100, 40, 11))
    members = fold_members(labels, n_folds=5, seeds=[3, 4])
    assert [member.seed for member in members] == [3] * 5 + [4] * 5
    for five in (members[:5], members[5:]):
        held_out = np.concatenate([member.predict for member in five])
        assert sorted(held_out) == list(range(151))
        for member in five:
            assert sorted([*member.train, *member.predict]) == list(range(151))
            counts = np.bincount(labels[member.predict], minlength=3)
            assert (abs(counts - np.array([20, 8, 2.2])) <= 1).all()
    assert not np.array_equal(members[0].predict, members[5].predict)


def test_the_mean_is_that_of_single_trainings(train: ImageSet, dev: ImageSet) -> None:
    known = joined(train, dev)
    members = seed_members(len(known), seeds=[1, 2, 3])
    mean = mean_probs(known, members, CONFIG, "local:2", unwatched)
    alone = []
    for seed in (1, 2, 3):
        generator = torch.Generator().manual_seed(seed)
        model = fit(known, dev, replace(CONFIG, threads=1), generator).model
        alone.append(predict_both_ways(model, known.images))
    assert mean == pytest.approx(np.mean(alone, axis=0), abs=1e-12)
    assert np.array_equal(mean, mean_probs(known, members, CONFIG, "local:1", unwatched))


def test_out_of_fold_predictions_never_saw_the_image(train: ImageSet) -> None:
    """Each fold alone has a label of its own: who did not train on it cannot know it."""
    folds = fold_members(train.labels, n_folds=3, seeds=[0])
    labels = train.labels.copy()
    config = replace(CONFIG, epochs=12)
    black = ImageSet(np.zeros_like(train.images), labels, train.classes)
    for fold, member in enumerate(folds):
        black.labels[member.predict] = fold
    probs = mean_probs(black, folds, config, "local:2", unwatched)
    assert (probs.argmax(axis=1) != black.labels).all()


def test_a_mirror_image_counts_as_much() -> None:
    torch.manual_seed(0)
    model = SimpleModel(2).eval()
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    both = predict_both_ways(model, images)
    assert np.array_equal(both, predict_both_ways(model, images[:, :, ::-1].copy()))
    assert not np.allclose(both, predict_probs(model, images))


def test_what_a_training_raises_is_raised(train: ImageSet) -> None:
    members = seed_members(90, [0])
    seen: list[Any] = []

    def watch(trainings: Trainings, n_trainings: int) -> Trainings:
        for training in trainings:
            seen.append(n_trainings)
            yield training

    with pytest.raises(DivergedError, match="lr 1e\\+30 is probably too high"):
        mean_probs(train, members, replace(CONFIG, lr=1e30), "local", watch)
    assert seen == [1]
