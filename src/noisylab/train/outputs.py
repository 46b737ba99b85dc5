"""Files of the train stages: metrics, tables and pictures of each run, and the kept model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np
import torch

from noisylab.core import files
from noisylab.core.images import ImageSet
from noisylab.core.metrics import listing, write_metrics
from noisylab.learning.augment import examples
from noisylab.learning.calibration import Reliability
from noisylab.learning.evaluation import Evaluation, precision_recall
from noisylab.learning.network import dump_weights
from noisylab.learning.precision import used_precision
from noisylab.learning.training import Epoch
from noisylab.plots import Losses, precision_recall_curves
from noisylab.train import figures
from noisylab.train.run import Run

_SETS_SHOWN = {"dev": "dev", "dev_given": "dev, given", "dev_true": "dev, true", "test": "test"}
_CORRECTED = "dev, corrected"


def write_runs(
    runs: Mapping[str, Run],
    sets: Mapping[str, ImageSet],
    keep: str,
    given_train: ImageSet,
    *,
    model: str,
    models: str,
    metrics: str,
    dev_metrics: str,
    plots: str,
) -> list[str]:
    """Write weights, metrics and pictures of all runs; return lines to print.

    given_train: train with its labels as given; the sheet of suspects shows images of its most
                 common class that are predicted as its rarest.
    model:       file of the weights of the run `keep`.
    models:      folder of one file of weights per run.
    metrics:     folder of one JSON per run, with the metrics of every split.
    dev_metrics: folder of one JSON per run, with those of dev that compare runs at a glance.
    plots:       folder of one folder per run, and of the picture that compares them.
    """
    classes, folder, lines = sets["train"].classes, Path(plots), []
    for name, run in runs.items():
        by_split = {split: part.metrics(classes) for split, part in run.evaluations.items()}
        precision = {"precision": used_precision(run.config)}
        write_metrics(metrics, dev_metrics, name, {**precision, **by_split})
        lines += listing(by_split, name)
        _write_tables(folder / name, run, classes)
        _write_pictures(folder / name, run, sets, given_train)
        files.write_bytes(Path(models) / f"{name}.pt", dump_weights(run.model))
    files.write_bytes(model, dump_weights(runs[keep].model))
    if len(runs) > 1:
        losses = {name: _losses(run) for name, run in runs.items()}
        confusions = {name: run.evaluations["dev"].confusion for name, run in runs.items()}
        on_dev = _shown(runs[keep])["dev"]
        picture = figures.side_by_side(f"{folder.name}, on {on_dev}", losses, confusions, classes)
        files.write_png(folder / "runs.png", picture)
    return lines


def write_before_after(
    path: str,
    before: Mapping[str, Evaluation],
    after: Mapping[str, Evaluation],
    classes: tuple[str, ...],
) -> None:
    """Write the confusion matrices of two models on the same sets, a row for each model."""
    names = {"dev_given": "dev, given labels", "dev": _CORRECTED, "test": "test"}
    splits = [split for split in names if split in after]
    confusions = {
        f"{when}: {names[split]}": evaluations[split].confusion
        for when, evaluations in (("before", before), ("after", after))
        for split in splits
    }
    title = "Kept models of train_augmented (before) and train_fixed (after)"
    picture = figures.confusion_matrices(title, confusions, classes, columns=len(splits))
    files.write_png(path, picture)


def _write_tables(folder: Path, run: Run, classes: tuple[str, ...]) -> None:
    columns = [field.name for field in fields(Epoch)]
    files.write_csv(folder / "history.csv", columns, map(astuple, run.history))
    confusion = run.evaluations["dev"].confusion
    n_images = confusion.sum(axis=1)
    cells = [
        (
            classes[label],
            classes[predicted],
            count,
            count / n_images[label] if n_images[label] else None,
        )
        for (label, predicted), count in np.ndenumerate(confusion)
    ]
    header = ("label", "predicted", "count", "share")
    files.write_csv(folder / "confusion.csv", header, cells)


def _write_pictures(
    folder: Path, run: Run, sets: Mapping[str, ImageSet], given_train: ImageSet
) -> None:
    train, dev, probs = sets["train"], sets["dev"], run.pred_probs["dev"]
    classes, title = dev.classes, f"{folder.parent.name}, run {folder.name}"
    names = _shown(run)
    evaluations = {name: run.evaluations[split] for split, name in names.items()}
    confusions = {name: part.confusion for name, part in evaluations.items()}
    scores = {
        name: np.column_stack([part.precision, part.recall, part.f1])
        for name, part in evaluations.items()
    }
    curves = {
        name: precision_recall(dev.labels == label, probs[:, label])
        for label, name in enumerate(classes)
        if (dev.labels == label).any()
    }
    common, rare = given_train.most_common(), given_train.rarest()
    reliabilities: dict[str, Reliability] = {
        names[split]: run.evaluations[split].reliability
        for split in ("dev", "test")
        if split in names
    }
    pictures = {
        "reliability": figures.reliability(title, reliabilities),
        "loss": figures.loss_curves(title, _losses(run)),
        "confusion": figures.confusion_matrices(title, confusions, classes),
        "classes": figures.class_table(title, scores, classes),
        "precision_recall": precision_recall_curves(
            f"{title}\non {names['dev']}, by label", curves
        ),
        "suspects": figures.suspects(title, dev.images, dev.labels, probs, classes, common, rare),
    }
    if run.config.augment:
        _, first = np.unique(train.labels, return_index=True)  # the first image of each class
        first = first[: figures.MOST_AUGMENTED]
        generator = torch.Generator().manual_seed(0)
        drawn = examples(torch.from_numpy(train.images[first]), run.config.augment, generator)
        augmented = {name: images.numpy() for name, images in drawn.items()}
        pictures["augmentations"] = figures.augmentations(title, augmented, len(classes))
    for name, picture in pictures.items():
        files.write_png(folder / f"{name}.png", picture)


def _shown(run: Run) -> dict[str, str]:
    """Names in pictures of the sets that a run was evaluated on, by split."""
    names = _SETS_SHOWN | ({"dev": _CORRECTED} if "dev_given" in run.evaluations else {})
    return {split: name for split, name in names.items() if split in run.evaluations}


def _losses(run: Run) -> Losses:
    return [epoch.train_loss for epoch in run.history], [epoch.dev_loss for epoch in run.history]
