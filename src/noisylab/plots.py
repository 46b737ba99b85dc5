"""Arrays in, matplotlib figure out: every picture of the project."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

from noisylab.core.images import SIZE

TRAIN_COLOR = "tab:green"
DEV_COLOR = "tab:red"
_MOST_INCHES = 16  # of a picture's side, however many classes there are
_MOST_CELLS_WRITTEN = 20  # classes of which a confusion matrix shows the counts
_MOST_BARS_WRITTEN = 20  # whose counts are written above them
_MOST_IN_A_CORNER = 10  # curves whose names fit into the picture
_MOST_LETTERS = 80  # of all names below an axis, side by side
_LONGEST_NAME = 24  # characters of a class's name in a picture
_CAPTION = 20  # characters of a line below an image
mpl.rcdefaults()  # what a user set in a matplotlibrc of his own must not change the pictures
mpl.rcParams["text.parse_math"] = False  # a class may have any name, one with $ in it, too

_SHADES = mpl.colormaps["Blues"]
_SPLIT_COLORS = {"train": TRAIN_COLOR, "dev": DEV_COLOR, "test": "tab:blue"}


def shortened(name: str, longest: int) -> str:
    """A name of at most so many characters.

    >>> shortened("catamaran", 4)
    'cat…'
    """
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def train_dev_curves(
    title: str, ylabel: str, train: Sequence[float], dev: Sequence[float]
) -> Figure:
    """One value an epoch of a training: train green, dev red."""
    figure, axes = _axes(6.4, 4.2)
    _draw_curves(axes, ylabel, train, dev)
    axes.set_title(title)
    return figure


def confusion_matrices(
    title: str,
    confusions: Mapping[str, np.ndarray],
    classes: Sequence[str],
    columns: int | None = None,
) -> Figure:
    """Counts (K, K) by name, in rows of `columns` or one; shaded by shares of the label."""
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
    losses: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    confusions: Mapping[str, np.ndarray],
    classes: Sequence[str],
) -> Figure:
    """Runs in columns: losses (train, dev) by epoch on one scale, below them the confusion."""
    side = max(4.6, _confusion_side(classes))
    figure = Figure(figsize=(side * len(losses), side + 3.6), layout="constrained")
    figure.suptitle(title)
    grid = figure.add_gridspec(2, len(losses), height_ratios=(3.2, side))
    _draw_losses([figure.add_subplot(grid[0, column]) for column in range(len(losses))], losses)
    for column, name in enumerate(losses):
        _draw_confusion(figure.add_subplot(grid[1, column]), confusions[name], classes)
    return figure


def loss_panels(
    title: str, losses: Mapping[str, tuple[Sequence[float], Sequence[float]]]
) -> Figure:
    """Losses (train, dev) by epoch, side by side on one scale."""
    figure = Figure(figsize=(4.6 * len(losses), 3.6), layout="constrained")
    figure.suptitle(title)
    _draw_losses(list(figure.subplots(1, len(losses), squeeze=False)[0]), losses)
    return figure


def class_table(title: str, groups: Mapping[str, np.ndarray], classes: Sequence[str]) -> Figure:
    """Precision, recall and F1 of each class and their means, for each set: groups of (K, 3)."""
    columns = [f"{name}\n{what}" for name in groups for what in ("precision", "recall", "F1")]
    values = np.hstack(list(groups.values()))  # (K, 3 · sets)
    values = np.vstack([values, values.mean(axis=0)])
    height = min(0.9 + 0.36 * len(values), 4 * _MOST_INCHES)
    names = _short_names(classes)
    width = 1.2 + 0.95 * len(columns)
    more = 0.09 * max(0, max(map(len, names)) - 8)  # inches, so that long names are not cut off
    figure = Figure(figsize=(width + more, height))
    axes = figure.add_subplot()
    if more:
        left, right = (0.125 * width + more) / (width + more), (0.9 * width + more) / (width + more)
        figure.subplots_adjust(left=left, right=right)
    axes.axis("off")
    axes.set_title(title)
    table = axes.table(
        [[f"{value:.3f}" for value in row] for row in values],
        cellColours=[[_SHADES(0.6 * value) for value in row] for row in values],
        rowLabels=[*names, "mean"],
        colLabels=columns,
        loc="center",
        cellLoc="center",
        bbox=Bbox.from_bounds(0, 0, 1, 0.95),
    )
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    return figure


def precision_recall_curves(
    title: str,
    curves: Mapping[str, tuple[np.ndarray, np.ndarray, float]],
    marked: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """Curves of (precision, recall, average precision) by name, at all thresholds.

    marked: by name, (precision, recall) at the threshold that was taken.
    """
    many = len(curves) > _MOST_IN_A_CORNER  # then their names stand beside the picture
    figure, axes = _axes(9.2 if many else 5.6, 4.8 + 0.21 * max(0, len(curves) - 20))
    for name, (precision, recall, average) in curves.items():
        label = f"{shortened(name, _LONGEST_NAME)}, average {average:.3f}"
        (line,) = axes.step(recall, precision, where="post", label=label)
        if marked:
            at, height = marked[name][::-1]
            axes.plot(at, height, "o", color=line.get_color(), label=f"{name}, what is flagged")
    axes.set(title=title, xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.03))
    axes.grid(alpha=0.3)
    if many:
        figure.legend(loc="outside right upper")
    else:
        axes.legend(loc="lower left")
    return figure


def class_distribution(
    title: str, counts: Mapping[str, np.ndarray], classes: Sequence[str]
) -> Figure:
    """Counts (K,) of each split as bars side by side, with count and share of the split written.

    A split may stand there twice, as `dev, given` and `dev, corrected`: the first is paler.
    """
    figure, axes = _axes(min(max(6.4, 0.8 * len(classes) * len(counts) + 1.6), _MOST_INCHES), 4.2)
    width = 0.8 / len(counts)
    for number, (split, values) in enumerate(counts.items()):
        places = np.arange(len(classes)) + (number - (len(counts) - 1) / 2) * width
        shares = values / values.sum()
        color, strength = _SPLIT_COLORS[split.partition(",")[0]], 0.4 if "given" in split else 1
        bars = axes.bar(places, 100 * shares, width, label=split, color=color, alpha=strength)
        if len(classes) * len(counts) <= _MOST_BARS_WRITTEN:
            texts = [f"{n:,}\n{share:.2%}" for n, share in zip(values, shares, strict=True)]
            axes.bar_label(bars, texts, padding=2, fontsize=8)
    axes.set(title=title, ylabel="share of the split, %")
    crowded = sum(map(len, classes)) > _MOST_LETTERS
    axes.set_xticks(range(len(classes)), _short_names(classes), rotation=90 if crowded else 0)
    axes.margins(y=0.18)
    axes.legend()
    return figure


def image_sheet(
    title: str, images: np.ndarray, captions: Sequence[str], columns: int = 12
) -> Figure:
    """Images (N, 32, 32, 3) uint8 in rows, each over twice its size and with its caption.

    A caption that is wider than its image takes two lines, in smaller letters.
    """
    columns = min(columns, max(6, len(images)))  # room for the title, however few there are
    rows = max(1, -(-len(images) // columns))
    cell = SIZE + 8  # pixels of the drawing: an image, and room for its caption below
    canvas = np.full((rows * cell, columns * cell, 3), 255, dtype=np.uint8)
    inch = 0.9  # a cell's width
    figure = Figure(figsize=(columns * inch, rows * inch + 0.5))
    axes = figure.add_axes((0, 0, 1, rows * inch / (rows * inch + 0.5)))
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        top, left = cell * (number // columns), cell * (number % columns) + 4
        canvas[top : top + SIZE, left : left + SIZE] = image
        place = (left + SIZE / 2, top + SIZE + 0.5)
        lines = textwrap.wrap(caption, _CAPTION)[:2] if len(caption) > _CAPTION - 3 else [caption]
        size, text = (6.5, caption) if len(lines) == 1 else (5.2, "\n".join(lines))
        axes.text(*place, text, ha="center", va="top", fontsize=size, color="dimgray")
    axes.imshow(canvas, interpolation="lanczos", aspect="auto")
    axes.axis("off")
    figure.suptitle(title, y=1 - 0.08 / figure.get_figheight(), va="top", fontsize=11)
    return figure


def _draw_losses(
    panels: Sequence[Axes], losses: Mapping[str, tuple[Sequence[float], Sequence[float]]]
) -> None:
    for axes, (name, (train, dev)) in zip(panels, losses.items(), strict=True):
        _draw_curves(axes, "loss", train, dev)
        axes.set_title(name)
        axes.sharey(panels[0])


def _draw_curves(axes: Axes, ylabel: str, train: Sequence[float], dev: Sequence[float]) -> None:
    epochs = np.arange(1, len(train) + 1)
    marker = "o" if len(train) <= 30 else ""
    for values, split, color in ((train, "train", TRAIN_COLOR), (dev, "dev", DEV_COLOR)):
        axes.plot(epochs, values, color=color, marker=marker, markersize=4, label=split)
    axes.set(xlabel="epoch", ylabel=ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()


def _draw_confusion(axes: Axes, counts: np.ndarray, classes: Sequence[str]) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=_SHADES, vmin=0, vmax=1)
    legible = len(classes) <= _MOST_CELLS_WRITTEN
    for (actual, predicted), count in np.ndenumerate(counts) if legible else ():
        share = shares[actual, predicted]
        color = "white" if share > 0.5 else "black"
        text = f"{count}\n{share:.0%}"
        axes.text(predicted, actual, text, ha="center", va="center", color=color)
    axes.set(xlabel="predicted", ylabel="label")
    axes.set_xticks(range(len(classes)), _short_names(classes))
    axes.set_yticks(range(len(classes)), _short_names(classes))
    if len(classes) > 4:
        axes.tick_params(axis="x", rotation=45)


def _short_names(names: Iterable[str]) -> list[str]:
    return [shortened(name, _LONGEST_NAME) for name in names]


def _confusion_side(classes: Sequence[str]) -> float:
    return min(max(3.4, 0.75 * len(classes) + 1.2), _MOST_INCHES)


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()
