"""What stage `relabel` leaves: the corrected sets, what was corrected, figures and pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from noisylab.core import files
from noisylab.core.errors import shown_list
from noisylab.data import set_files
from noisylab.learning.evaluation import precision_recall
from noisylab.plots import class_distribution, image_sheet, precision_recall_curves, shortened
from noisylab.relabel.rules import LabelErrors
from noisylab.relabel.run import Relabelling

_LONGEST_NAME = 14  # characters in a caption
CORRECTIONS = ("split", "index", "given", "suggested", "score", "flagged", "decision", "by")


def write_relabelling(
    result: Relabelling, sheet_images: int, data: str, metrics: str, plots: str
) -> None:
    """Write corrected sets, probabilities and corrections to `data`, figures and pictures.

    sheet_images: how many flagged images to show, and of those that come next.
    """
    pred_probs = result.split(result.pred_probs)
    set_files.write_fixed_sets(data, result.fixed_sets(), pred_probs)
    near = result.near(sheet_images)
    files.write_csv(Path(data) / "corrections.csv", CORRECTIONS, corrections(result, near))
    files.write_json(metrics, describe(result))
    folder = Path(plots)
    flagged = result.errors.flagged
    shown = flagged[:sheet_images]
    title = f"{len(shown)} of {len(flagged)} flagged images of train and dev, most certain first"
    _write_sheet(folder / "flagged.png", title, result, shown)
    _write_sheet(folder / "near.png", f"the {len(near)} that would come next", result, near)
    counts = {
        f"{split}, {when}": np.bincount(part, minlength=len(result.known.classes))
        for when, labels in (("given", result.known.labels), ("corrected", result.labels))
        for split, part in result.split(labels).items()
    }
    title = "Images by label, before and after correction"
    distribution = class_distribution(title, counts, result.known.classes)
    files.write_png(folder / "classes.png", distribution)
    if _is_wrong(result).any():
        curves = {
            name: precision_recall(_is_wrong(result), errors.scores)
            for name, errors in result.rules.items()
        }
        marked = {name: _precision_recall_at(result, name) for name in result.rules}
        picture = precision_recall_curves("found wrong labels", curves, marked)
        files.write_png(folder / "precision_recall.png", picture)


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
    """Figures by name: what was flagged and corrected, and how right that was where it is known."""
    is_flagged = np.isin(np.arange(len(result.known)), result.errors.flagged)
    is_corrected = result.labels != result.known.labels
    flagged, corrected = result.split(is_flagged), result.split(is_corrected)
    described: dict[str, Any] = {
        split: {"flagged": flagged[split].sum(), "corrected": corrected[split].sum()}
        for split in flagged
    }
    described["corrected"] = _pairs(result)
    described["reviewed"] = len(result.decisions)
    true_labels = result.known.true_labels
    if true_labels is not None:
        before, after = (
            result.split(labels != true_labels) for labels in (result.known.labels, result.labels)
        )
        for split in before:
            described[split] |= {"wrong_before": before[split].sum()}
            described[split] |= {"wrong_after": after[split].sum()}
    is_wrong = _is_wrong(result)
    if is_wrong.any():
        described["rules"] = {
            name: score(errors, is_wrong) for name, errors in result.rules.items()
        }
    return described


def score(errors: LabelErrors, is_wrong: np.ndarray) -> dict[str, float]:
    """How well a rule finds the images (N,) bool whose label is wrong, at least one of them."""
    found, n_wrong = is_wrong[errors.flagged].sum(), is_wrong.sum()
    return {
        "flagged": len(errors.flagged),
        "precision": found / max(len(errors.flagged), 1),
        "recall": found / n_wrong,
        "f1": 2 * found / (len(errors.flagged) + n_wrong),
        "average_precision": precision_recall(is_wrong, errors.scores)[2],
    }


def summary(result: Relabelling) -> list[str]:
    """Lines that say what came of it."""
    lines = [_looked_for(result)]
    figures_by_name = describe(result)
    for split in ("train", "dev"):
        part = figures_by_name[split]
        line = f"{split}: {part['flagged']} labels flagged, {part['corrected']} corrected"
        if "wrong_before" in part:
            line += f"; wrong before {part['wrong_before']}, after {part['wrong_after']}"
        lines.append(line)
    if not len(result.errors.flagged):
        lines.append(
            "nothing is flagged: but for reviewed labels, the fixed sets are the given ones"
        )
    for label in result.spared:
        lines.append(
            f"the rule would leave no image of train labelled {result.known.classes[label]}: what "
            "is labelled so stays so; the model of train_augmented has probably learned too little"
        )
    for name, part in figures_by_name.get("rules", {}).items():
        kept = ", kept" if name == result.kept else ""
        values = (f"{what} {part[what]:.3f}" for what in ("precision", "recall", "f1"))
        average = f"average precision {part['average_precision']:.3f}"
        lines.append(f"rule {name}{kept}: {', '.join(values)}, {average}")
    return lines


def _looked_for(result: Relabelling) -> str:
    if result.suspect is None:
        return "looked for images of any class under the labels of all others"
    classes = result.known.classes
    counts = np.bincount(result.split(result.known.labels)["train"], minlength=len(classes))
    own = counts[result.suspect]
    line = (
        f"looked for images of {classes[result.suspect]} under other labels; {own:,} of "
        f"{result.n_train:,} in train are labelled so"
    )
    equals = [classes[label] for label in np.flatnonzero(counts == own) if label != result.suspect]
    if own == counts.min() and equals:
        line += f", and as many {shown_list(equals)}: relabel.suspect_class may name another"
    return line


def _write_sheet(path: Path, title: str, result: Relabelling, indices: np.ndarray) -> None:
    names = [shortened(name, _LONGEST_NAME) for name in result.known.classes]
    errors = result.errors
    captions = [
        f"{names[result.known.labels[index]]} → {names[errors.suggested[index]]} "
        f"{errors.scores[index]:.2f}"
        for index in indices
    ]
    sheet = image_sheet(title, result.known.images[indices], captions)
    files.write_png(path, sheet)


def _precision_recall_at(result: Relabelling, name: str) -> tuple[float, float]:
    """Precision and recall of what a rule flags."""
    part = score(result.rules[name], _is_wrong(result))
    return part["precision"], part["recall"]


def _pairs(result: Relabelling) -> dict[str, dict[str, int]]:
    """How many labels were corrected, by the given and then by the corrected class."""
    classes = result.known.classes
    pairs = Counter(zip(result.known.labels, result.labels, strict=True))
    counted: dict[str, dict[str, int]] = {}
    for (given, label), count in sorted(pairs.items()):
        if given != label:
            counted.setdefault(classes[given], {})[classes[label]] = count
    return counted


def _is_wrong(result: Relabelling) -> np.ndarray:
    """(N,) bool, whether the given label is wrong; all False where nobody knows."""
    true_labels = result.known.true_labels
    if true_labels is None:
        true_labels = result.known.labels
    is_wrong: np.ndarray = result.known.labels != true_labels
    return is_wrong
