"""Predictions of several models: trained from several seeds, or each without a part of the set."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from noisylab.config.settings import FitConfig
from noisylab.core.images import ImageSet
from noisylab.learning.kept import Training
from noisylab.learning.network import Network, SimpleModel
from noisylab.learning.training import predict_both_ways
from noisylab.many.trainer import Trainer


@dataclass(frozen=True, eq=False)
class Member:
    """One model: its seed, the indices that it is trained on, and those that it predicts."""

    seed: int
    train: np.ndarray
    predict: np.ndarray


@dataclass(frozen=True, eq=False)
class Group:
    """Models of one recipe and one network."""

    members: Sequence[Member]
    config: FitConfig
    network: type[Network] = SimpleModel


def seed_members(n_images: int, seeds: Sequence[int]) -> list[Member]:
    """One model per seed that is trained on all images and predicts them."""
    return [Member(seed, np.arange(n_images), np.arange(n_images)) for seed in seeds]


def fold_members(labels: np.ndarray, n_folds: int, seeds: Sequence[int]) -> list[Member]:
    """For each seed, one model per fold that is trained on the others and predicts this one.

    The seed draws the folds. Each label (N,) is spread evenly over them. There are at most as many
    folds as images of the most common label; if each label has one image, each image is a fold.
    """
    from sklearn.model_selection import KFold, StratifiedKFold  # takes a second to import

    most = np.bincount(labels).max()
    kind, at_most = (StratifiedKFold, most) if most > 1 else (KFold, len(labels))
    n_folds = min(n_folds, int(at_most))
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
    return group_probs(known, {"": Group(members, config)}, trainer)[""]


def group_probs(
    known: ImageSet, groups: Mapping[str, Group], trainer: Trainer
) -> dict[str, np.ndarray]:
    """The mean_probs() of each group, all of whose models train side by side."""
    members = [(name, member) for name, group in groups.items() for member in group.members]
    everything = np.arange(len(known))

    def is_all(indices: np.ndarray) -> bool:
        return np.array_equal(indices, everything)  # such a part need not be copied

    trainings = [
        Training(
            groups[name].config,
            member.seed,
            None if is_all(member.train) else member.train,
            f"model {number}",
            groups[name].network,
        )
        for number, (name, member) in enumerate(members, start=1)
    ]
    parts = [slice(None) if is_all(member.predict) else member.predict for _, member in members]
    unwatched = known.subset([0])  # dev figures of members are not read
    results = {
        index: predict_both_ways(trained.revive(), known.images[parts[index]])
        for index, trained in trainer.train(known, unwatched, trainings)
    }
    totals = {name: np.zeros((len(known), len(known.classes))) for name in groups}
    for index, (name, _) in enumerate(members):  # in this order, on which sums depend
        totals[name][parts[index]] += results[index]
    return {name: total / total.sum(axis=1, keepdims=True) for name, total in totals.items()}
