"""Pictures of the train stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from noisylab import plots
from noisylab.learning.calibration import N_BINS, Reliability
from noisylab.plots import MOST_INCHES, SHADES, Losses, short_names

_MOST_LETTERS_BELOW = 8  # of a class name below a confusion matrix; longer names are rotated
_MOST_CLASSES_WRITTEN = 20  # counts in a confusion matrix of more classes would overlap
MOST_AUGMENTED = 20  # classes on the sheet of augmentations, which grows with each
_MARKER = 900  # area, in square points, of a bin that holds all images
_MOST_SUSPECTS = 96  # images on the sheet of suspects


def loss_curves(title: str, losses: Losses) -> Figure:
    """Draw the losses of a training by epoch."""
    figure, axes = plots.new_axes()
    plots.draw_losses(axes, losses)
    axes.set_title(title)
    return figure


def confusion_matrices(
    title: str,
    confusions: Mapping[str, np.ndarray],
    classes: Sequence[str],
    columns: int | None = None,
) -> Figure:
    """Draw counts (K, K) by name, shaded by shares of the label, in one row or in `columns`."""
    side = _confusion_side(classes)
    columns = columns or len(confusions)
    rows = -(-len(confusions) // columns)
    figure = Figure(figsize=(side * columns, side * rows + 0.4), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for axes, (name, counts) in zip(panels, confusions.items(), strict=True):
        _draw_confusion(axes, counts, classes)
        axes.set_title(name)
    return figure


def side_by_side(
    title: str,
    losses: Mapping[str, Losses],
    confusions: Mapping[str, np.ndarray],
    classes: Sequence[str],
) -> Figure:
    """Draw a run per column: its losses, on one scale for all, above its confusion matrix."""
    side = max(4.6, _confusion_side(classes))
    figure = Figure(figsize=(side * len(losses), side + 3.6), layout="constrained")
    figure.suptitle(title)
    grid = figure.add_gridspec(2, len(losses), height_ratios=(3.2, side))
    panels = [figure.add_subplot(grid[0, column]) for column in range(len(losses))]
    plots.draw_loss_panels(panels, losses)
    for column, name in enumerate(losses):
        _draw_confusion(figure.add_subplot(grid[1, column]), confusions[name], classes)
    return figure


def class_table(title: str, scores: Mapping[str, np.ndarray], classes: Sequence[str]) -> Figure:
    """Write precision, recall and F1 (K, 3) of each class, and their means, for each set.

    A figure that is not known is NaN, and the means leave it out.
    """
    columns = [f"{name}\n{score}" for name in scores for score in ("precision", "recall", "F1")]
    values = np.hstack(list(scores.values()))  # (K, 3 · sets)
    values = np.vstack([values, np.nanmean(values, axis=0)])
    names = short_names(classes)
    width, height = 1.2 + 0.95 * len(columns), min(0.9 + 0.36 * len(values), 4 * MOST_INCHES)
    more = 0.09 * max(0, max(map(len, names)) - 8)  # inches for long names left of the table
    figure = Figure(figsize=(width + more, height))
    axes = figure.add_subplot()
    if more:
        left, right = (0.125 * width + more) / (width + more), (0.9 * width + more) / (width + more)
        figure.subplots_adjust(left=left, right=right)
    axes.axis("off")
    axes.set_title(title)
    table = axes.table(
        [["–" if np.isnan(value) else f"{value:.3f}" for value in row] for row in values],
        cellColours=[[SHADES(0.6 * value) for value in row] for row in np.nan_to_num(values)],
        rowLabels=[*names, "mean"],
        colLabels=columns,
        loc="center",
        cellLoc="center",
        bbox=Bbox.from_bounds(0, 0, 1, 0.95),
    )
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    return figure


def reliability(title: str, found: Mapping[str, Reliability]) -> Figure:
    """Draw the accuracy of predictions against their confidence, a panel for each set.

    A bin's marker has an area in proportion to its share of the images.
    """
    figure = Figure(figsize=(4.2 * len(found), 4.4), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(1, len(found), squeeze=False).flat
    for axes, (name, part) in zip(panels, found.items(), strict=True):
        is_filled = part.share > 0
        confidence, accuracy = part.confidence[is_filled], part.accuracy[is_filled]
        axes.plot((0, 1), (0, 1), "--", color="gray")
        axes.plot(confidence, accuracy, "-", color="tab:blue", alpha=0.4)
        areas = 12 + _MARKER * part.share[is_filled]
        axes.scatter(confidence, accuracy, areas, color="tab:blue", alpha=0.6)
        axes.set_title(
            f"{name}: confidence {part.mean_confidence:.1%}, calibration error {part.ece:.3f}",
            fontsize=9,
        )
        axes.set(xlabel=f"confidence, {N_BINS} bins", ylabel="accuracy", xlim=(0, 1.02))
        axes.set_ylim(-0.02, 1.02)
        axes.grid(alpha=0.3)
    return figure


def suspects(
    title: str,
    images: np.ndarray,
    labels: np.ndarray,
    pred_probs: np.ndarray,
    classes: Sequence[str],
    label: int,
    predicted: int,
) -> Figure:
    """Draw the images of one label that are predicted as another class, most probable first."""
    indices = np.flatnonzero((pred_probs.argmax(axis=1) == predicted) & (labels == label))
    indices = indices[np.argsort(-pred_probs[indices, predicted], kind="stable")]
    shown = indices[:_MOST_SUSPECTS]
    which = f"dev images labelled {classes[label]} and predicted as {classes[predicted]}"
    captions = [f"{index}: {pred_probs[index, predicted]:.0%}" for index in shown]
    title = f"{title}\n{len(shown)} of {len(indices)} {which}"
    return plots.image_sheet(title, images[shown], captions)


def augmentations(title: str, augmented: Mapping[str, np.ndarray], n_classes: int) -> Figure:
    """Draw images (K, 32, 32, 3) uint8 by augmentation, a class per row: all or some."""
    rows = np.stack([*augmented.values()], axis=1)  # (K, augmentations, 32, 32, 3)
    captions = [name.replace("_", " ") for name in augmented] * len(rows)
    which = "each class" if len(rows) == n_classes else f"{len(rows)} of {n_classes} classes"
    title = f"{title}\nthe first image of {which}, augmented"
    images = rows.reshape(-1, *rows.shape[2:])
    return plots.image_sheet(title, images, captions, columns=len(augmented))


def _draw_confusion(axes: Axes, counts: np.ndarray, classes: Sequence[str]) -> None:
    n_images = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(n_images, 1)
    axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1)
    is_legible = len(classes) <= _MOST_CLASSES_WRITTEN
    for (label, predicted), count in np.ndenumerate(counts) if is_legible else ():
        share = shares[label, predicted]
        color = "white" if share > 0.7 else "black"
        text = f"{count}\n{share:.0%}" if n_images[label] else "–"
        axes.text(predicted, label, text, ha="center", va="center", color=color)
    axes.set(xlabel="predicted", ylabel="label")
    is_rotated = len(classes) > 4 or _longest(classes) > _MOST_LETTERS_BELOW
    style: dict[str, Any] = (
        {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if is_rotated else {}
    )
    axes.set_xticks(range(len(classes)), short_names(classes), **style)
    axes.set_yticks(range(len(classes)), short_names(classes))


def _confusion_side(classes: Sequence[str]) -> float:
    names = 0.08 * max(0, _longest(classes) - _MOST_LETTERS_BELOW)  # inches
    return min(max(3.4, 0.75 * len(classes) + 1.2) + names, MOST_INCHES)


def _longest(classes: Sequence[str]) -> int:
    return max(map(len, short_names(classes)))
