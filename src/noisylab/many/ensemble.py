"""Predictions of several models: trained from several seeds, or each without a part of the set."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from noisylab.config.settings import FitConfig
from noisylab.core.images import ImageSet
from noisylab.learning.kept import Training
from noisylab.learning.training import predict_both_ways
from noisylab.many.trainer import Trainer


@dataclass(frozen=True, eq=False)
class Member:
    """One model: its seed, the indices that it is trained on, and those that it predicts."""

    seed: int
    train: np.ndarray
    predict: np.ndarray


def seed_members(n_images: int, seeds: Sequence[int]) -> list[Member]:
    """One model per seed that is trained on all images and predicts them."""
    return [Member(seed, np.arange(n_images), np.arange(n_images)) for seed in seeds]


def fold_members(labels: np.ndarray, n_folds: int, seeds: Sequence[int]) -> list[Member]:
    """For each seed, one model per fold that is trained on the others and predicts this one.

    The seed draws the folds. Each label (N,) is spread evenly over them if any label has an image
    for every fold. With fewer images than folds, each image is a fold.
    """
    from sklearn.model_selection import KFold, StratifiedKFold  # takes a second to import

    n_folds = min(n_folds, len(labels))
    kind = StratifiedKFold if n_folds <= np.bincount(labels).max() else KFold
    members = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # has no image in some folds
        for seed in seeds:
            # scikit-learn refuses seeds of 2**32 and more; params.yaml allows up to 2**32 - 1.
            folds = kind(n_folds, shuffle=True, random_state=seed % 2**32)
            members += [Member(seed, *indices) for indices in folds.split(labels, labels)]
    return members


def mean_probs(
    known: ImageSet, members: Sequence[Member], config: FitConfig, trainer: Trainer
) -> np.ndarray:
    """Mean probabilities (N, K) float64 of the members that predict each image of `known`.

    At least one member must predict each image. Raises what a training raised, or DivergedError.
    """
    trainings = [
        Training(config, member.seed, member.train, f"model {number}")
        for number, member in enumerate(members, start=1)
    ]
    unwatched = known.subset([0])  # dev figures of members are not read
    results = {
        index: predict_both_ways(trained.revive(), known.images[members[index].predict])
        for index, trained in trainer.train(known, unwatched, trainings)
    }
    total = np.zeros((len(known), len(known.classes)))
    for index, member in enumerate(members):  # in this order, on which sums depend
        total[member.predict] += results[index]
    mean: np.ndarray = total / total.sum(axis=1, keepdims=True)
    return mean
