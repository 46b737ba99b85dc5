"""The pictures of adversarial images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from noisylab.core.images import SIZE

mpl.rcdefaults()  # as in figures.py: no matplotlibrc of the user's, and $ in names as it is
mpl.rcParams["text.parse_math"] = False

SOURCE_COLOR = "tab:blue"
TARGET_COLOR = "tab:orange"
_GRAY = 128  # where nothing was changed


def three_panels(before: np.ndarray, after: np.ndarray, captions: Sequence[str]) -> Figure:
    """An image (32, 32, 3) uint8, its change as it is and made visible, and the changed image.

    captions: of before and after, what the model says of them.
    """
    change = after.astype(int) - before
    largest = int(np.abs(change).max())
    gain = (_GRAY - 1) // max(largest, 1)
    noise = (_GRAY + gain * change).clip(0, 255).astype(np.uint8)
    words = f"gray: no change; {gain} times as strong as it is\nlargest change: {largest} of 255"
    figure = Figure(figsize=(10.2, 4.3), layout="constrained")
    panels = figure.subplots(1, 3)
    titles = ("original", "the noise that was added", "original + noise")
    texts = (captions[0], words, captions[1])
    for axes, image, title, text in zip(panels, (before, noise, after), titles, texts, strict=True):
        # Photographs as on every other sheet; of noise each pixel counts.
        axes.imshow(image, interpolation="nearest" if image is noise else "lanczos")
        axes.set_title(title)
        axes.set_xlabel(text, fontsize=11)
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def probability_curves(
    title: str, of_source: Sequence[float], of_target: Sequence[float], names: tuple[str, str]
) -> Figure:
    """Probabilities of both classes before the attack and after each step."""
    figure, axes = _axes()
    for values, name, color in zip(
        (of_source, of_target), names, (SOURCE_COLOR, TARGET_COLOR), strict=True
    ):
        axes.plot(range(len(values)), values, "o-", color=color, label=name)
        for step in (0, len(values) - 1):
            _write_beside(axes, step, values[step], color)
    axes.set(title=title, xlabel="step", ylabel="probability", ylim=(-0.04, 1.1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.09)
    axes.legend(loc="center left")
    return figure


def success_curves(
    title: str, xlabel: str, epsilons: Sequence[float], shares: Mapping[str, Sequence[float]]
) -> Figure:
    """Shares in [0, 1] by name against epsilon; nothing reaches anything at 0."""
    figure, axes = _axes()
    order = np.argsort(epsilons)
    for (name, values), color in zip(shares.items(), (TARGET_COLOR, "tab:brown"), strict=True):
        axes.plot(np.array(epsilons)[order], np.array(values)[order], "o-", color=color, label=name)
        for epsilon, value in zip(epsilons, values, strict=True):
            _write_beside(axes, epsilon, value, color)
    axes.set(title=title, xlabel=xlabel, ylabel="share of the images", ylim=(-0.04, 1.1))
    axes.set_xticks(sorted(epsilons))
    axes.margins(x=0.09)
    axes.legend(loc="upper left")
    return figure


def norm_histogram(title: str, norms_by_name: Mapping[str, np.ndarray]) -> Figure:
    """Histogram of L2 norms, in pixel levels, for each of two kinds of change."""
    figure, axes = _axes()
    most = max((norms.max() for norms in norms_by_name.values() if norms.size), default=1)
    edges = np.linspace(0, most or 1, 41).tolist()
    for (name, norms), color in zip(
        norms_by_name.items(), (TARGET_COLOR, "tab:brown"), strict=True
    ):
        if not norms.size:
            continue
        median = float(np.median(norms))
        axes.hist(norms, edges, color=color, alpha=0.6, label=f"{name}, median {median:.0f}")
        axes.axvline(median, color=color, linestyle="--")
    root = f"{SIZE * SIZE * 3:,}"
    xlabel = f"L2 norm of the change, in 8-bit levels (over all {root} values of an image)"
    axes.set(title=title, xlabel=xlabel, ylabel="images")
    if any(norms.size for norms in norms_by_name.values()):
        axes.legend()
    return figure


def pairs_sheet(
    title: str, before: np.ndarray, after: np.ndarray, captions: Sequence[tuple[str, str]]
) -> Figure:
    """Images (N, 32, 32, 3) uint8 above what they became, with what the model says of both."""
    columns = max(1, -(-len(before) // 2))
    figure = Figure(figsize=(max(1.75 * columns, 5), 8.3), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(4, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for number, (pair, texts) in enumerate(
        zip(zip(before, after, strict=True), captions, strict=True)
    ):
        for row, (image, text) in enumerate(zip(pair, texts, strict=True)):
            axes = grid[2 * (number // columns) + row, number % columns]
            axes.imshow(image, interpolation="lanczos")
            color = TARGET_COLOR if row else SOURCE_COLOR
            axes.set_title(text, fontsize=8.5, color=mpl.colors.to_hex(color), pad=2)
    return figure


def _write_beside(axes: Axes, at: float, value: float, color: str) -> None:
    axes.annotate(
        f"{value:.1%}",
        (at, value),
        xytext=(0, 7),
        textcoords="offset points",
        ha="center",
        fontsize=9,
        color=color,
    )


def _axes() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(alpha=0.3)
    return figure, axes
