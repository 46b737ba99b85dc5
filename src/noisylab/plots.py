"""Pictures that two stages draw, and matplotlib's settings for all pictures.

Arrays in, matplotlib figure out. Every `figures.py` imports this module for its settings.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from matplotlib.ticker import MaxNLocator

from noisylab.core.images import SIZE

mpl.rcdefaults()  # a matplotlibrc of the user must not change the pictures
mpl.rcParams["text.parse_math"] = False  # a class name may contain $
# Colours that people with any colour vision tell apart (Petroff 2021).
mpl.rcParams["axes.prop_cycle"] = cycler(color=mpl.color_sequences["petroff10"])

#: Train and dev losses by epoch, in nats.
Losses = tuple[Sequence[float], Sequence[float]]

SHADES = mpl.colormaps["Blues"]
_SPLIT_COLORS = {"train": "tab:green", "dev": "tab:red", "test": "tab:blue"}

MOST_INCHES = 16  # longest side of a picture of many classes
_MOST_BARS_WRITTEN = 20  # bars; the counts above more would overlap
_MOST_IN_A_CORNER = 10  # curves; the legend of more stands beside the axes
_MOST_LETTERS = 80  # of all class names below an axis; more letters are rotated
_LONGEST_NAME = 24  # characters of a class name
_CAPTION = 20  # characters of a line below an image
_TITLE = 10  # characters of a line of a title, for each image in a row


def shortened(name: str, longest: int = _LONGEST_NAME) -> str:
    """Cut a name to at most `longest` characters.

    >>> shortened("catamaran", 4)
    'cat…'
    """
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def short_names(names: Iterable[str]) -> list[str]:
    """Cut class names to the length that fits beside an axis."""
    return [shortened(name) for name in names]


def new_axes(width: float = 6.4, height: float = 4.2) -> tuple[Figure, Axes]:
    """Make a figure of one panel, in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def draw_losses(axes: Axes, losses: Losses) -> None:
    """Draw the losses of one training by epoch."""
    epochs = range(1, len(losses[0]) + 1)
    marker = "o" if len(epochs) <= 30 else ""
    # Dashes, too, since not everyone tells green from red.
    for values, split, line in zip(losses, ("train", "dev"), ("-", "--"), strict=True):
        style = f"{marker}{line}"
        axes.plot(epochs, values, style, color=_SPLIT_COLORS[split], markersize=4, label=split)
    axes.set(xlabel="epoch", ylabel="loss, nats")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()


def draw_loss_panels(panels: Sequence[Axes], losses: Mapping[str, Losses]) -> None:
    """Draw the losses of each training into a panel of its own, all on one scale."""
    for axes, (name, values) in zip(panels, losses.items(), strict=True):
        draw_losses(axes, values)
        axes.set_title(name)
        axes.sharey(panels[0])


def precision_recall_curves(
    title: str,
    curves: Mapping[str, tuple[np.ndarray, np.ndarray, float]],
    marked: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """Draw (precision, recall, average precision) at all thresholds, by name.

    marked: by name, (precision, recall) at the threshold in use.
    """
    many, shown = len(curves) > _MOST_IN_A_CORNER, []
    figure, axes = new_axes(9.2 if many else 5.6, 4.8 + 0.21 * max(0, len(curves) - 20))
    for name, (precision, recall, average) in curves.items():
        label = f"{shortened(name)}, average precision {average:.3f}"
        (line,) = axes.step(recall, precision, where="pre", label=label)
        shown.append(line)
        if marked:
            height, at = marked[name]
            shown += axes.plot(at, height, "o", color=line.get_color(), label=f"{name}, flagged")
    axes.set(title=title, xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.03))
    axes.grid(alpha=0.3)
    if many:
        add_legend(figure, shown, loc="outside right upper")
    else:
        add_legend(axes, shown, loc="lower left")
    return figure


def add_legend(to: Axes | Figure, shown: Sequence[Artist], **options: Any) -> None:
    """Add a legend of what is `shown`, in that order.

    By itself, matplotlib leaves out labels that begin with an underscore, as names of classes may.
    """
    to.legend(handles=shown, **options)


def class_distribution(
    title: str, counts: Mapping[str, np.ndarray], classes: Sequence[str]
) -> Figure:
    """Draw counts (K,) of each split as bars: the count and its share of the split above each.

    A name is a split or one of its versions, such as `dev, given`, which is paler.
    """
    n_bars = len(classes) * len(counts)
    figure, axes = new_axes(min(max(6.4, 0.8 * n_bars + 1.6), MOST_INCHES))
    width = 0.8 / len(counts)
    for number, (name, values) in enumerate(counts.items()):
        centres = np.arange(len(classes)) + (number - (len(counts) - 1) / 2) * width
        shares = values / values.sum()
        color, alpha = _SPLIT_COLORS[name.partition(",")[0]], 0.4 if "given" in name else 1
        bars = axes.bar(centres, 100 * shares, width, label=name, color=color, alpha=alpha)
        if n_bars <= _MOST_BARS_WRITTEN:
            texts = [f"{n:,}\n{share:.2%}" for n, share in zip(values, shares, strict=True)]
            axes.bar_label(bars, texts, padding=2, fontsize=8)
    axes.set(title=title, ylabel="share of the split, %")
    rotation = 90 if sum(map(len, classes)) > _MOST_LETTERS else 0
    axes.set_xticks(range(len(classes)), short_names(classes), rotation=rotation)
    axes.margins(y=0.18)
    axes.legend()
    return figure


def image_sheet(
    title: str, images: np.ndarray, captions: Sequence[str], columns: int = 12
) -> Figure:
    """Draw images (N, 32, 32, 3) uint8 in rows, over twice their size, each above its caption.

    A caption wider than its image takes two lines, in smaller letters.
    """
    columns = min(columns, max(6, len(images)))  # room for the title, even above few images
    rows = max(1, -(-len(images) // columns))
    cell = SIZE + 8  # pixels of the canvas: an image and the caption below it
    canvas = np.full((rows * cell, columns * cell, 3), 255, dtype=np.uint8)
    inch = 0.9  # width of a cell
    title = "\n".join(textwrap.fill(line, _TITLE * max(columns, 6)) for line in title.splitlines())
    head = 0.5 + 0.2 * max(0, title.count("\n") - 1)  # inches of the title, for two lines or more
    figure = Figure(figsize=(columns * inch, rows * inch + head))
    axes = figure.add_axes((0, 0, 1, rows * inch / (rows * inch + head)))
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        top, left = cell * (number // columns), cell * (number % columns) + 4
        canvas[top : top + SIZE, left : left + SIZE] = image
        lines = textwrap.wrap(caption, _CAPTION)[:2]
        text, size = ("\n".join(lines), 5.2) if len(lines) > 1 else (caption, 6.5)
        below = (left + SIZE / 2, top + SIZE + 0.5)
        axes.text(*below, text, ha="center", va="top", fontsize=size, color="dimgray")
    axes.imshow(canvas, interpolation="lanczos", aspect="auto")
    axes.axis("off")
    figure.suptitle(title, y=1 - 0.08 / figure.get_figheight(), va="top", fontsize=11)
    return figure
