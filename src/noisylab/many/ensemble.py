"""What several models say: trained from several seeds, or each without a part of the set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from noisylab.config.settings import FitConfig
from noisylab.core.images import ImageSet
from noisylab.learning.finished import Finished
from noisylab.learning.network import SimpleModel
from noisylab.learning.resume import common_fingerprint, training_fingerprint
from noisylab.learning.training import fit, predict_probs
from noisylab.learning.training_state import Checkpoint
from noisylab.many.parallel import map_unfinished

Trainings = Iterator[tuple[int, Any, BaseException | None]]

#: Lets trainings pass as they end, of the number given, and may show how many did.
Watch = Callable[[Trainings, int], Trainings]


@dataclass(frozen=True, eq=False)
class Member:
    """One model: the seed and the indices that it is trained from, and those that it predicts."""

    seed: int
    train: np.ndarray
    predict: np.ndarray


def seed_members(n_images: int, seeds: Sequence[int]) -> list[Member]:
    """Models that train on all images and predict them, one a seed."""
    return [Member(seed, np.arange(n_images), np.arange(n_images)) for seed in seeds]


def fold_members(labels: np.ndarray, n_folds: int, seeds: Sequence[int]) -> list[Member]:
    """Models that predict what they are not trained on: for each seed, one for each of its folds.

    Each label (N,) is spread evenly over the folds of a seed, which are drawn by the seed. With
    fewer images than folds, each image is a fold.
    """
    members = []
    for seed in seeds:
        folds = _stratified_folds(labels, n_folds, seed)
        for fold in range(min(n_folds, len(labels))):
            held_out = np.flatnonzero(folds == fold)
            members.append(Member(seed, np.flatnonzero(folds != fold), held_out))
    return members


def mean_probs(
    known: ImageSet,
    members: Sequence[Member],
    config: FitConfig,
    engine: str,
    watch: Watch,
    finished: Finished | None = None,
) -> np.ndarray:
    """Mean probabilities (N, K) float64 of what the members predict for each image of `known`.

    Each image has to be predicted by one member at least. Trainings use one thread each.
    engine: as for map_trainings(). finished: where what members predict is kept and taken from.
    Raises what a training raised.
    """
    results: dict[int, np.ndarray] = {}
    config = replace(config, threads=1)
    common = common_fingerprint((known,), config.device, "many")
    keys = [
        training_fingerprint(
            common, config, member.seed, member.train.tobytes(), member.predict.tobytes()
        )
        for member in members
    ]
    shared = (known, config)
    trainings = map_unfinished(_train_and_predict, members, keys, finished, engine, shared)
    for index, pred_probs, error in watch(trainings, len(members)):
        if error:
            raise error
        results[index] = pred_probs
    total = np.zeros((len(known), len(known.classes)))
    for index, member in enumerate(members):  # in this order, since sums depend on it
        total[member.predict] += results[index]
    mean: np.ndarray = total / total.sum(axis=1, keepdims=True)
    return mean


def predict_both_ways(model: SimpleModel, images: np.ndarray) -> np.ndarray:
    """Probabilities (N, K) of images (N, 32, 32, 3) uint8, averaged with those of their mirrors."""
    mirrored = np.ascontiguousarray(images[:, :, ::-1])
    mean: np.ndarray = (predict_probs(model, images) + predict_probs(model, mirrored)) / 2
    return mean


def _train_and_predict(
    member: Member, checkpoint: Checkpoint | None, known: ImageSet, config: FitConfig
) -> np.ndarray:
    generator = torch.Generator().manual_seed(member.seed)
    unwatched = known.subset(member.predict[:1])  # nobody reads how it does on dev
    train = known.subset(member.train)
    model = fit(train, unwatched, config, generator, checkpoint=checkpoint).model
    return predict_both_ways(model, known.images[member.predict])


def _stratified_folds(labels: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """The fold (N,) of each image."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]  # label by label, shuffled within
    folds = np.empty(len(labels), dtype=np.int64)
    folds[order] = np.arange(len(labels)) % n_folds
    return folds
