"""Files of stage `relabel`: corrected sets, the table of corrections, metrics and pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from noisylab.core import files
from noisylab.core.errors import shown_list
from noisylab.core.images import KEEP
from noisylab.core.metrics import listing
from noisylab.core.tables import CORRECTIONS
from noisylab.data import set_files
from noisylab.learning.evaluation import precision_recall
from noisylab.relabel import figures
from noisylab.relabel.rules import LabelErrors
from noisylab.relabel.run import Relabelling


def write_relabelling(
    result: Relabelling, sheet_images: int, *, data: str, metrics: str, plots: str
) -> list[str]:
    """Write corrected sets, probabilities and corrections to `data`; return lines to print.

    sheet_images: the most flagged images to draw, and the most of those ranked next.
    """
    pred_probs = {split: result.pred_probs[part] for split, part in result.parts.items()}
    set_files.write_fixed_sets(data, result.fixed_sets(), pred_probs)
    near = result.errors.near(sheet_images)
    columns = CORRECTIONS if result.known.names is None else (*CORRECTIONS, "name")
    files.write_csv(Path(data) / "corrections.csv", columns, corrections(result, near))
    described = describe(result)
    files.write_json(metrics, described)
    _write_sheets(Path(plots), result, sheet_images, near)
    _write_plots(Path(plots), result, described.get("rules", {}))
    return [*listing(described), *notices(result)]


def corrections(result: Relabelling, near: np.ndarray) -> list[tuple[object, ...]]:
    """A row for each flagged image, the most certain first, each near it, and each decided one.

    The last cell is the image's name if the images have names.
    """
    classes, given, labels = result.known.classes, result.known.labels, result.labels
    errors, decisions, names = result.errors, result.decisions, result.known.names
    decided = sorted(decisions.keys() - {*errors.flagged, *near})
    return [
        (
            *result.place(index),
            classes[given[index]],
            classes[errors.suggested[index]],
            errors.scores[index],
            "yes" if errors.is_flagged[index] else "no",
            KEEP if labels[index] == given[index] else classes[labels[index]],
            "person" if index in decisions else "rule",
            *([] if names is None else [names[index]]),
        )
        for index in [*errors.flagged, *near, *decided]
    ]


def describe(result: Relabelling) -> dict[str, Any]:
    """Metrics: labels flagged and corrected, and where true labels are known, how rightly."""
    true_labels, is_wrong = result.known.true_labels, result.is_wrong
    is_corrected = result.labels != result.known.labels
    masks = {"flagged": result.errors.is_flagged, "corrected": is_corrected}
    if true_labels is not None:
        is_still_wrong = result.labels != true_labels
        masks |= {"wrong_before": is_wrong, "wrong_after": is_still_wrong}
        masks["made_wrong"] = is_still_wrong & ~is_wrong
    described: dict[str, Any] = {
        split: {name: mask[part].sum() for name, mask in masks.items()}
        for split, part in result.parts.items()
    }
    described["corrected"] = _pairs(result)
    described["reviewed"] = len(result.decisions)
    if is_wrong.any():
        rules = result.rules.items()
        described["rules"] = {name: score(errors, is_wrong) for name, errors in rules}
    return described


def score(errors: LabelErrors, is_wrong: np.ndarray) -> dict[str, float]:
    """Metrics of a rule that looks for the images whose label is wrong, (N,) bool, not all False.

    Precision is 0 where nothing is flagged. `missed` is the share of the wrong labels that are not
    among the likeliest, if exactly as many are flagged as are wrong.
    """
    found, n_wrong = is_wrong[errors.flagged].sum(), is_wrong.sum()
    as_many = np.argsort(-errors.scores, kind="stable")[:n_wrong]
    return {
        "flagged": len(errors.flagged),
        "precision": found / max(len(errors.flagged), 1),
        "recall": found / n_wrong,
        "f1": 2 * found / (len(errors.flagged) + n_wrong),
        "average_precision": precision_recall(is_wrong, errors.scores)[2],
        "missed": 1 - is_wrong[as_many].mean(),
    }


def notices(result: Relabelling) -> list[str]:
    """Lines on what a user may want to change."""
    classes = result.known.classes
    lines = [
        f"relabel: the rule would leave no image of train labelled {classes[label]}; their labels "
        "stay as given; check that the model of train_augmented has learned"
        for label in result.spared
    ]
    if result.suspect is not None and len(result.rivals) > 1:
        rarest = shown_list([classes[label] for label in result.rivals])
        lines.append(
            f"relabel: {rarest} are about equally rare in train, and only labels that should be "
            f"{classes[result.suspect]} are looked for; to look for any, set relabel.suspect_class "
            "to any"
        )
    return lines


def _write_sheets(folder: Path, result: Relabelling, sheet_images: int, near: np.ndarray) -> None:
    errors = result.errors
    first = errors.flagged[:sheet_images]
    of_flagged = f"{len(first)} of {len(errors.flagged)} flagged images"
    sheets = {
        "flagged": (f"{of_flagged} of train and dev, most certain first", first),
        "near": (f"the {len(near)} images ranked next, not flagged", near),
    }
    for name, (title, indices) in sheets.items():
        sheet = figures.label_errors(title, result.known, errors, indices)
        files.write_png(folder / f"{name}.png", sheet)


def _write_plots(
    folder: Path, result: Relabelling, scores: Mapping[str, Mapping[str, float]]
) -> None:
    """scores: by rule, as from score(); empty where no label is known to be wrong."""
    classes = result.known.classes
    counts = {
        f"{split}, {when}": np.bincount(labels[part], minlength=len(classes))
        for when, labels in (("given", result.known.labels), ("corrected", result.labels))
        for split, part in result.parts.items()
    }
    files.write_png(folder / "classes.png", figures.class_counts(counts, classes))
    if scores:
        rules = result.rules.items()
        curves = {name: precision_recall(result.is_wrong, rule.scores) for name, rule in rules}
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
