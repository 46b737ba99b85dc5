"""What stage `relabel` does: find wrong labels by every rule, and correct them by the kept one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from noisylab.config.classes import named_suspect
from noisylab.config.settings import RAREST, FitConfig, RelabelConfig
from noisylab.core.errors import InputError, shown
from noisylab.core.images import REVIEWED, Decisions, ImageSet, joined
from noisylab.learning.finished import Finished
from noisylab.learning.network import SimpleModel
from noisylab.learning.training import predict_probs
from noisylab.many.ensemble import (
    Member,
    Watch,
    fold_members,
    mean_probs,
    predict_both_ways,
    seed_members,
)
from noisylab.relabel.rules import LabelErrors, find_called, find_confused, find_suspect


@dataclass(frozen=True, eq=False)
class Relabelling:
    """Labels as given and as corrected, and why.

    known:      the images of train and after them those of dev, with their given labels.
    n_train:    how many of them are of train.
    rules:      what each rule makes of them, by its name.
    kept:       the name of the rule whose corrections went on.
    suspect:    the class that was looked for under other labels; None for any.
    decisions:  by index in `known`, the label that a person gave: it overrides the rule.
    labels:     (N,) int64, corrected.
    pred_probs: (N, K) float64, what the models of the rule `best` say together, whichever is kept;
                of what a person decided, 1 for that label.
    spared:     classes of which the rule would have left no image in train: what is labelled so
                keeps its label, unless a person decided.
    """

    known: ImageSet
    n_train: int
    rules: dict[str, LabelErrors]
    kept: str
    suspect: int | None
    decisions: dict[int, int]
    labels: np.ndarray
    pred_probs: np.ndarray
    spared: tuple[int, ...] = ()

    @property
    def errors(self) -> LabelErrors:
        """What the kept rule found."""
        return self.rules[self.kept]

    def split(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Values (N, ...) of all known images, by split."""
        return {"train": values[: self.n_train], "dev": values[self.n_train :]}

    def place(self, index: int) -> tuple[str, int]:
        """The split of a known image, and its index there."""
        return ("train", index) if index < self.n_train else ("dev", index - self.n_train)

    def near(self, n_images: int) -> np.ndarray:
        """Indices of at most so many images that the kept rule would flag next."""
        order = np.argsort(-self.errors.scores, kind="stable")
        candidates = order[(self.errors.scores[order] > 0) & ~np.isin(order, self.errors.flagged)]
        return candidates[:n_images]

    def fixed_sets(self) -> dict[str, ImageSet]:
        """Train and dev with corrected labels; order and images as they were."""
        fixed = self.known.with_labels(self.labels)
        indices = self.split(np.arange(len(fixed)))
        return {split: fixed.subset(part) for split, part in indices.items()}


def relabel(
    sets: Mapping[str, ImageSet],
    model: SimpleModel,
    decisions: Decisions,
    config: RelabelConfig,
    recipe: FitConfig,
    seed: int,
    engine: str,
    watch: Watch,
    finished: Finished | None = None,
) -> Relabelling:
    """Look for wrong labels in train and dev.

    model: the one that the rule `report` asks, trained on train by `recipe` from `seed`; the rule
    `best` asks more of them, from the seeds after it, trained on dev, too: the more images of a
    rare class they know, the better they find others. engine, watch, finished: as for mean_probs().
    Raises InputError for a model of other classes, for a suspect class that is not there, and for
    decisions that leave a class without an image in train.
    """
    train, dev = (sets[split] for split in REVIEWED)
    if model.n_classes != len(train.classes):
        raise InputError(
            f"the model of train_augmented is for {model.n_classes} classes, the sets have "
            f"{len(train.classes)}; train it on these sets"
        )
    suspect = named_suspect(config, train.classes)
    if suspect is None and config.suspect_class == RAREST:
        suspect = train.rarest()
    torch.set_num_threads(recipe.threads)  # which the last bits of a sum depend on
    known = joined(train, dev)

    def mean(members: list[Member]) -> np.ndarray:
        return mean_probs(known, members, recipe, engine, watch, finished)

    seeds = range(seed + 1, seed + config.models)
    members = seed_members(len(known), seeds)
    pred_probs = predict_both_ways(model, known.images)
    if members:
        pred_probs = (pred_probs + len(members) * mean(members)) / config.models
    own_probs, given = predict_probs(model, known.images), known.labels
    if suspect is None:
        _check_folds(known)
        folds = fold_members(given, config.folds, range(seed, seed + config.fold_seeds))
        best = find_confused(given, mean(folds), pred_probs)
    else:
        best = find_suspect(given, pred_probs, suspect)
    if finished:
        finished.keep_used()
    rules = {"report": find_called(given, own_probs, suspect), "best": best}
    offset = {"train": 0, "dev": len(train)}
    decided = {offset[split] + index: label for (split, index), label in decisions.items()}
    labels, spared = _corrected(known, len(train), rules[config.keep], decided)
    for index, label in decided.items():
        pred_probs[index] = np.eye(len(train.classes))[label]
    return Relabelling(
        known, len(train), rules, config.keep, suspect, decided, labels, pred_probs, spared
    )


def _check_folds(known: ImageSet) -> None:
    for name, count in zip(known.classes, known.counts(), strict=True):
        if count < 2:
            raise InputError(
                f"relabel.suspect_class any needs two images of each class, got {count} labelled "
                f"{shown(name)}, which no model could both learn and be asked about; set it to "
                "rarest or to a class"
            )


def _corrected(
    known: ImageSet, n_train: int, errors: LabelErrors, decided: Mapping[int, int]
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Labels (N,), and the classes that the rule does not correct since it would empty them."""
    given, spared = known.labels, set[int]()
    while True:
        labels: np.ndarray = given.copy()
        flagged = errors.flagged[~np.isin(given[errors.flagged], list(spared))]
        labels[flagged] = errors.suggested[flagged]
        for index, label in decided.items():
            labels[index] = label
        emptied = {*given[:n_train].tolist()} - {*labels[:n_train].tolist()}
        if emptied <= spared:
            break
        spared |= emptied
    if emptied:
        raise InputError(
            "relabel: by the reviewed labels no image of train would be labelled "
            f"{shown(known.classes[min(emptied)])}; keep one of them at least"
        )
    return labels, tuple(sorted(spared))
