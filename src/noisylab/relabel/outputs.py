"""Files of stage `relabel`: corrected sets, the table of corrections, metrics and pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from noisylab.core import files
from noisylab.core.errors import shown_list
from noisylab.core.metrics import listing
from noisylab.data import set_files
from noisylab.learning.evaluation import precision_recall
from noisylab.relabel import figures
from noisylab.relabel.rules import LabelErrors
from noisylab.relabel.run import Relabelling

CORRECTIONS = ("split", "index", "given", "suggested", "score", "flagged", "decision", "by")


def write_relabelling(
    result: Relabelling, sheet_images: int, *, data: str, metrics: str, plots: str
) -> list[str]:
    """Write corrected sets, probabilities and corrections to `data`; return lines to print.

    sheet_images: the most flagged images to draw, and the most of those ranked next.
    """
    set_files.write_fixed_sets(data, result.fixed_sets(), result.split(result.pred_probs))
    near = result.near(sheet_images)
    files.write_csv(Path(data) / "corrections.csv", CORRECTIONS, corrections(result, near))
    described = describe(result)
    files.write_json(metrics, described)
    _write_pictures(Path(plots), result, sheet_images, near, described.get("rules", {}))
    return [*listing(described), *notices(result)]


def corrections(result: Relabelling, near: np.ndarray) -> list[tuple[object, ...]]:
    """A row for each flagged image, the most certain first, each near it, and each decided one."""
    classes, errors = result.known.classes, result.errors
    decided = sorted(result.decisions.keys() - {*errors.flagged, *near})
    rows: list[tuple[object, ...]] = []
    for index in [*errors.flagged, *near, *decided]:
        given, label = result.known.labels[index], result.labels[index]
        rows.append(
            (
                *result.place(index),
                classes[given],
                classes[errors.suggested[index]],
                errors.scores[index],
                "yes" if index in errors.flagged else "no",
                "keep" if label == given else classes[label],
                "review" if index in result.decisions else "rule",
            )
        )
    return rows


def describe(result: Relabelling) -> dict[str, Any]:
    """Metrics: labels flagged and corrected, and where true labels are known, how rightly."""
    given, true_labels = result.known.labels, result.known.true_labels
    masks = {
        "flagged": np.isin(np.arange(len(given)), result.errors.flagged),
        "corrected": result.labels != given,
    }
    if true_labels is not None:
        masks |= {"wrong_before": given != true_labels, "wrong_after": result.labels != true_labels}
    described: dict[str, Any] = {
        split: {name: result.split(mask)[split].sum() for name, mask in masks.items()}
        for split in ("train", "dev")
    }
    described["corrected"] = _pairs(result)
    described["reviewed"] = len(result.decisions)
    is_wrong = _is_wrong(result)
    if is_wrong.any():
        rules = result.rules.items()
        described["rules"] = {name: score(errors, is_wrong) for name, errors in rules}
    return described


def score(errors: LabelErrors, is_wrong: np.ndarray) -> dict[str, float]:
    """Metrics of a rule that looks for the images whose label is wrong, (N,) bool, not all False.

    Precision is 0 where nothing is flagged.
    """
    found, n_wrong = is_wrong[errors.flagged].sum(), is_wrong.sum()
    return {
        "flagged": len(errors.flagged),
        "precision": found / max(len(errors.flagged), 1),
        "recall": found / n_wrong,
        "f1": 2 * found / (len(errors.flagged) + n_wrong),
        "average_precision": precision_recall(is_wrong, errors.scores)[2],
    }


def notices(result: Relabelling) -> list[str]:
    """Lines on what a user may want to change."""
    classes = result.known.classes
    lines = [
        f"relabel: the rule would leave no image of train labelled {classes[label]}; their labels "
        "stay as given; check that the model of train_augmented has learned"
        for label in result.spared
    ]
    counts = np.bincount(result.split(result.known.labels)["train"], minlength=len(classes))
    rarest = [classes[label] for label in np.flatnonzero(counts == counts.min())]
    if result.suspect is not None and classes[result.suspect] in rarest and len(rarest) > 1:
        lines.append(
            f"relabel: {shown_list(rarest)} are equally rare in train; suspected is "
            f"{classes[result.suspect]}; relabel.suspect_class may name another"
        )
    return lines


def _write_pictures(
    folder: Path,
    result: Relabelling,
    sheet_images: int,
    near: np.ndarray,
    scores: Mapping[str, Mapping[str, float]],
) -> None:
    """scores: by rule, as of score(); empty where no label is known to be wrong."""
    known, errors = result.known, result.errors
    first = errors.flagged[:sheet_images]
    of_flagged = f"{len(first)} of {len(errors.flagged)} flagged images"
    sheets = {
        "flagged": (f"{of_flagged} of train and dev, most certain first", first),
        "near": (f"the {len(near)} images ranked next, not flagged", near),
    }
    for name, (title, indices) in sheets.items():
        sheet = figures.label_errors(
            title,
            known.images[indices],
            known.labels[indices],
            errors.suggested[indices],
            errors.scores[indices],
            known.classes,
        )
        files.write_png(folder / f"{name}.png", sheet)
    counts = {
        f"{split}, {when}": np.bincount(part, minlength=len(known.classes))
        for when, labels in (("given", known.labels), ("corrected", result.labels))
        for split, part in result.split(labels).items()
    }
    files.write_png(folder / "classes.png", figures.class_counts(counts, known.classes))
    if scores:
        curves = {
            name: precision_recall(_is_wrong(result), rule.scores)
            for name, rule in result.rules.items()
        }
        flagged = {name: (part["precision"], part["recall"]) for name, part in scores.items()}
        picture = figures.precision_recall(curves, flagged)
        files.write_png(folder / "precision_recall.png", picture)


def _pairs(result: Relabelling) -> dict[str, dict[str, int]]:
    """Numbers of corrected labels, by given and then by corrected class."""
    classes = result.known.classes
    counted: dict[str, dict[str, int]] = {}
    pairs = Counter(zip(result.known.labels, result.labels, strict=True))
    for (given, label), count in sorted(pairs.items()):
        if given != label:
            counted.setdefault(classes[given], {})[classes[label]] = count
    return counted


def _is_wrong(result: Relabelling) -> np.ndarray:
    """(N,) bool, whether the given label is wrong; all False where true labels are unknown."""
    given, true_labels = result.known.labels, result.known.true_labels
    is_wrong: np.ndarray = given != (given if true_labels is None else true_labels)
    return is_wrong
