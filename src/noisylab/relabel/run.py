"""Relabelling: find wrong labels by every rule, and correct them by the kept one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from noisylab.config.classes import named_suspect
from noisylab.config.settings import RAREST, FitConfig, RelabelConfig
from noisylab.core.errors import InputError, shown
from noisylab.core.images import REVIEWED, Decisions, ImageSet, joined
from noisylab.learning.calibration import unsmoothed
from noisylab.learning.network import Network, check_model
from noisylab.learning.training import predict_both_ways, predict_probs
from noisylab.many.trainer import Trainer
from noisylab.relabel.rules import (
    LabelErrors,
    find_agreed,
    find_called,
    find_confused,
    find_suspect,
)
from noisylab.relabel.voters import Votes, cast_votes

_ABOUT_AS_RARE = 1.5  # below so many times the images of the rarest class


@dataclass(frozen=True, eq=False)
class Relabelling:
    """Given labels, corrected labels, and the evidence.

    known:      images of train, then of dev, with their given labels.
    parts:      indices in `known`, by split.
    rules:      label errors by rule.
    errors:     those of the rule that corrects.
    suspect:    the class that hides under other labels; None for any.
    rivals:     classes about as rare as the suspect, itself among them, if it is the rarest by
                default.
    decisions:  labels that a person gave, by index in `known`; they override the rule.
    labels:     (N,) int64, corrected.
    pred_probs: (N, K) float64, mean prediction of the models of the rule `best`, even if another
                rule corrects. The label smoothing of their recipe is undone. A label that a person
                gave has probability 1. Distillation learns from them.
    spared:     classes that the rule would have emptied in train: their labels stay, unless a
                person decided otherwise.
    """

    known: ImageSet
    parts: dict[str, np.ndarray]
    rules: dict[str, LabelErrors]
    errors: LabelErrors
    suspect: int | None
    rivals: tuple[int, ...]
    decisions: dict[int, int]
    labels: np.ndarray
    pred_probs: np.ndarray
    spared: tuple[int, ...]

    @property
    def is_wrong(self) -> np.ndarray:
        """(N,) bool, whether the given label is wrong; all False where true labels are unknown."""
        given, true_labels = self.known.labels, self.known.true_labels
        is_wrong: np.ndarray = given != (given if true_labels is None else true_labels)
        return is_wrong

    def place(self, index: int) -> tuple[str, int]:
        """The split of a known image, and its index in that split."""
        n_train = len(self.parts["train"])
        return ("train", index) if index < n_train else ("dev", index - n_train)

    def fixed_sets(self) -> dict[str, ImageSet]:
        """Train and dev with corrected labels; images and their order are unchanged."""
        fixed = self.known.with_labels(self.labels)
        return {split: fixed.subset(part) for split, part in self.parts.items()}


def relabel(
    sets: Mapping[str, ImageSet],
    model: Network,
    decisions: Decisions,
    config: RelabelConfig,
    recipe: FitConfig,
    seed: int,
    trainer: Trainer,
) -> Relabelling:
    """Find wrong labels in train and dev.

    model: trained on train by `recipe` from `seed`. The rule `report` uses it alone; for the rule
        `best` it is the first of the voters.
    Raises InputError for a model of other classes, for an unknown suspect class, for decisions that
    leave a class without an image in train, and, where models that predict held-out images are
    needed, for a class of one image.
    """
    train, dev = (sets[split] for split in REVIEWED)
    check_model(model, train.classes, "the model of train_augmented")
    suspect, rivals = named_suspect(config, train.classes), ()
    if suspect is None and config.suspect_class == RAREST:
        suspect, counts = train.rarest(), train.counts()
        rivals = (*np.flatnonzero(counts < _ABOUT_AS_RARE * counts[suspect]).tolist(),)
    torch.set_num_threads(1)  # the last bits of a sum depend on it
    known = joined(train, dev)
    given = known.labels
    own_probs = predict_probs(model, known.images)
    if suspect is None and not config.second_opinion:
        _check_folds(known)
    first = predict_both_ways(model, known.images)
    votes = cast_votes(known, first, suspect, config, recipe, seed, trainer)
    trainer.keep_used()
    rules = {
        "report": find_called(given, own_probs, suspect),
        "best": _find_best(given, votes, suspect),
    }
    errors = rules[config.keep]
    parts = dict(zip(REVIEWED, np.split(np.arange(len(known)), [len(train)]), strict=True))
    decided = {int(parts[split][index]): label for (split, index), label in decisions.items()}
    labels, spared = _corrected(known, parts["train"], errors, decided)
    pred_probs = unsmoothed(votes.pred_probs, recipe.label_smoothing).copy()
    for index, label in decided.items():
        pred_probs[index] = np.eye(len(train.classes))[label]
    return Relabelling(
        known, parts, rules, errors, suspect, rivals, decided, labels, pred_probs, spared
    )


def _find_best(given: np.ndarray, votes: Votes, suspect: int | None) -> LabelErrors:
    if votes.kinds is not None:
        return find_agreed(given, votes.kinds, suspect)
    if suspect is not None:
        return find_suspect(given, votes.pred_probs, suspect)
    assert votes.held_out is not None
    return find_confused(given, votes.held_out, votes.pred_probs)


def _check_folds(known: ImageSet) -> None:
    for name, count in zip(known.classes, known.counts(), strict=True):
        if count < 2:
            raise InputError(
                "relabel.suspect_class any with second_opinion false needs two images of each "
                f"class, one to train on and one to predict, got {count} labelled {shown(name)}; "
                "set second_opinion to true, or suspect_class to rarest or to a class"
            )


def _corrected(
    known: ImageSet, in_train: np.ndarray, errors: LabelErrors, decided: Mapping[int, int]
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Labels (N,), and the classes that the rule does not correct, since it would empty them."""
    given, spared = known.labels, set[int]()
    while True:
        labels: np.ndarray = given.copy()
        flagged = errors.flagged[~np.isin(given[errors.flagged], list(spared))]
        labels[flagged] = errors.suggested[flagged]
        for index, label in decided.items():
            labels[index] = label
        emptied = {*given[in_train].tolist()} - {*labels[in_train].tolist()}
        if emptied <= spared:
            break
        spared |= emptied
    if emptied:
        raise InputError(
            "relabel: the reviewed labels leave no image of train labelled "
            f"{shown(known.classes[min(emptied)])}; keep at least one"
        )
    return labels, tuple(sorted(spared))
