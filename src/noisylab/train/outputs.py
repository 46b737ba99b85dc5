"""What every train stage leaves: figures and pictures of its runs, and the model that goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np
import torch

from noisylab import plots
from noisylab.config.settings import AugmentConfig
from noisylab.core import files
from noisylab.core.images import ImageSet
from noisylab.core.places import Places, write_metrics
from noisylab.learning.augment import examples
from noisylab.learning.evaluation import Evaluation, precision_recall
from noisylab.learning.network import dump_weights
from noisylab.learning.training import Epoch
from noisylab.train.run import Run

_SETS_SHOWN = {"dev": "dev", "dev_given": "dev, given", "dev_true": "dev, true", "test": "test"}
_MOST_SUSPECTS = 96  # images on the sheet of what a model and the labels disagree on


def write_runs(
    runs: Mapping[str, Run],
    sets: Mapping[str, ImageSet],
    keep: str,
    places: Places,
    given_train: ImageSet | None = None,
) -> None:
    """Write figures and pictures of all runs, and the model of the one to `keep`, by its name.

    given_train: where labels were corrected, train as given: in it classes are rare or common.
    """
    classes = sets["train"].classes
    for name, run in runs.items():
        metrics = {split: part.metrics(classes) for split, part in run.evaluations.items()}
        write_metrics(places, name, metrics)
        folder = Path(places.plots) / name
        title = f"{Path(places.plots).name}, run {name}"
        _write_tables(folder, run, classes)
        _write_pictures(folder, title, run, classes)
        _write_precision_recall(folder, title, run, sets["dev"])
        _write_suspects(folder, title, run, sets["dev"], given_train or sets["train"])
        if run.config.augment:
            _write_augmentations(folder, title, run.config.augment, sets["train"])
    files.write_bytes(places.model, dump_weights(runs[keep].model))
    if len(runs) > 1:
        _write_side_by_side(Path(places.plots), runs, classes)


def write_before_after(
    path: str,
    before: Mapping[str, Evaluation],
    after: Mapping[str, Evaluation],
    classes: tuple[str, ...],
) -> None:
    """Write the confusion matrices of two models on the same sets, one model a row."""
    splits = [split for split in ("dev_given", "dev", "test") if split in after]
    names = {"dev_given": "dev, given labels", "dev": "dev, corrected", "test": "test"}
    confusions = {
        f"{when}: {names[split]}": evaluations[split].confusion
        for when, evaluations in (("before", before), ("after", after))
        for split in splits
    }
    title = "Before and after labels were corrected"
    picture = plots.confusion_matrices(title, confusions, classes, columns=len(splits))
    files.write_png(path, picture)


def _write_tables(folder: Path, run: Run, classes: tuple[str, ...]) -> None:
    columns = [field.name for field in fields(Epoch)]
    files.write_csv(folder / "history.csv", columns, map(astuple, run.history))
    confusion = run.evaluations["dev"].confusion
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    cells = [
        (classes[actual], classes[predicted], count, shares[actual, predicted])
        for (actual, predicted), count in np.ndenumerate(confusion)
    ]
    header = ("actual", "predicted", "count", "share")
    files.write_csv(folder / "confusion.csv", header, cells)


def _write_pictures(folder: Path, title: str, run: Run, classes: tuple[str, ...]) -> None:
    files.write_png(folder / "loss.png", plots.train_dev_curves(title, "loss", *_losses(run)))
    shown = {
        text: run.evaluations[split]
        for split, text in _SETS_SHOWN.items()
        if split in run.evaluations
    }
    confusions = {text: part.confusion for text, part in shown.items()}
    matrices = plots.confusion_matrices(title, confusions, classes)
    files.write_png(folder / "confusion.png", matrices)
    groups = {
        text: np.column_stack([part.precision, part.recall, part.f1])
        for text, part in shown.items()
    }
    files.write_png(folder / "classes.png", plots.class_table(title, groups, classes))


def _write_precision_recall(folder: Path, title: str, run: Run, dev: ImageSet) -> None:
    curves = {
        name: precision_recall(dev.labels == label, run.pred_probs["dev"][:, label])
        for label, name in enumerate(dev.classes)
        if (dev.labels == label).any()
    }
    picture = plots.precision_recall_curves(f"{title}\non dev, by given label", curves)
    files.write_png(folder / "precision_recall.png", picture)


def _write_suspects(folder: Path, title: str, run: Run, dev: ImageSet, train: ImageSet) -> None:
    """Show what the model calls the rarest class of train and the label the most common one."""
    probs, rare, common = run.pred_probs["dev"], train.rarest(), train.most_common()
    indices = np.flatnonzero((probs.argmax(axis=1) == rare) & (dev.labels == common))
    indices = indices[np.argsort(-probs[indices, rare], kind="stable")]
    what = f"images of dev labelled {dev.classes[common]} and called {dev.classes[rare]}"
    shown = indices[:_MOST_SUSPECTS]
    captions = [f"{index}: {probs[index, rare]:.0%}" for index in shown]
    text = f"{title}\n{len(shown)} of {len(indices)} {what}"
    files.write_png(folder / "suspects.png", plots.image_sheet(text, dev.images[shown], captions))


def _write_augmentations(folder: Path, title: str, config: AugmentConfig, train: ImageSet) -> None:
    """Show what the network is fed: one image of each class, changed in every way."""
    first = [np.flatnonzero(train.labels == label)[0] for label in range(len(train.classes))]
    originals = torch.from_numpy(train.images[first])
    changed = examples(originals, config, torch.Generator().manual_seed(0))
    rows = torch.stack(list(changed.values()), dim=1)  # (K, ways, 32, 32, 3)
    captions = [name.replace("_", " ") for _ in first for name in changed]
    title = f"{title}\nwhat the first image of each class may become"
    sheet = plots.image_sheet(title, rows.flatten(0, 1).numpy(), captions, columns=len(changed))
    files.write_png(folder / "augmentations.png", sheet)


def _write_side_by_side(folder: Path, runs: Mapping[str, Run], classes: tuple[str, ...]) -> None:
    losses = {name: _losses(run) for name, run in runs.items()}
    confusions = {name: run.evaluations["dev"].confusion for name, run in runs.items()}
    picture = plots.side_by_side(f"{folder.name}, on dev", losses, confusions, classes)
    files.write_png(folder / "runs.png", picture)


def _losses(run: Run) -> tuple[list[float], list[float]]:
    train = [epoch.train_loss for epoch in run.history]
    return train, [epoch.dev_loss for epoch in run.history]
