"""The models whose mean prediction finds wrong labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noisylab.config.settings import AugmentConfig, FitConfig, RelabelConfig
from noisylab.core.images import ImageSet
from noisylab.learning.opinion import OpinionModel
from noisylab.many.ensemble import Group, fold_members, group_probs, seed_members
from noisylab.many.trainer import Trainer
from noisylab.relabel.rules import mean_of_kinds


@dataclass(frozen=True, eq=False)
class Votes:
    """Mean probabilities (N, K) float64.

    pred_probs: of all voters.
    kinds:      of the fixed network and of the second opinion; None without it.
    held_out:   of models that did not train on the image; without a suspect class and without a
                second opinion, else None.
    """

    pred_probs: np.ndarray
    kinds: tuple[np.ndarray, np.ndarray] | None
    held_out: np.ndarray | None


def cast_votes(
    known: ImageSet,
    first: np.ndarray,
    suspect: int | None,
    config: RelabelConfig,
    recipe: FitConfig,
    seed: int,
    trainer: Trainer,
) -> Votes:
    """Train the further voters on `known`; return mean predictions of its images.

    suspect: the class that may carry other labels; None for any.
    first: (N, K), of the first voter, which was trained by `recipe` from `seed`. Voters of later
        seeds train on all of `known`: the more images of a rare class a model has seen, the better
        it finds others.
    """
    groups = {}
    if config.models > 1:
        seeds = range(seed + 1, seed + config.models)
        groups["others"] = Group(seed_members(len(known), seeds), recipe)
    if config.second_opinion:
        members = seed_members(len(known), [seed])
        groups["opinion"] = Group(members, second_opinion(recipe), OpinionModel)
    elif suspect is None:
        seeds = range(seed, seed + config.fold_seeds)
        groups["folds"] = Group(fold_members(known.labels, config.folds, seeds), recipe)
    means = group_probs(known, groups, trainer)
    fixed = first
    if "others" in means:
        fixed = (first + (config.models - 1) * means["others"]) / config.models
    if "opinion" not in means:
        return Votes(fixed, None, means.get("folds"))
    kinds = fixed, means["opinion"]
    return Votes(mean_of_kinds(kinds), kinds, None)


def second_opinion(recipe: FitConfig) -> FitConfig:
    """Settings of the second opinion; device, precision and smoothing are those of `recipe`.

    tests/benchmarks/opinion.py measures what it adds.
    """
    return FitConfig(
        epochs=20,
        lr=0.005,
        batch_size=32,
        optimizer="adamw",
        device=recipe.device,
        precision=recipe.precision,
        schedule="one_cycle",
        weight_decay=0.05,
        label_smoothing=recipe.label_smoothing,
        cutmix=0.5,
        dropout=0.0,
        class_weights="inverse_frequency",
        augment=AugmentConfig(probability=0.3, shift_pixels=4, mirror=0.5),
    )
