"""Pictures of stage `adversarial`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from noisylab import plots
from noisylab.core.images import SIZE

SOURCE_COLOR, TARGET_COLOR, SURE_COLOR = "tab:blue", "tab:orange", "tab:brown"
_GRAY = 128  # of an unchanged pixel


def example(
    before: np.ndarray, after: np.ndarray, pred_probs: np.ndarray, classes: Sequence[str]
) -> Figure:
    """Draw an image (32, 32, 3) uint8, its change made visible, and the changed image.

    pred_probs: (2, K), of the image before and after.
    """
    change = after.astype(int) - before
    largest = int(np.abs(change).max())
    gain = max((_GRAY - 1) // max(largest, 1), 1)
    noise = (_GRAY + gain * change).clip(0, 255).astype(np.uint8)
    names = plots.short_names(classes)
    texts = [
        "\n".join(f"{names[label]} {row[label]:.1%}" for label in np.argsort(-row)[:3])
        for row in pred_probs
    ]
    texts.insert(1, f"grey: no change; amplified {gain}×\nlargest change: {largest} of 255")
    figure = Figure(figsize=(10.2, 4.3), layout="constrained")
    panels = figure.subplots(1, 3)
    titles = ("original", "perturbation", "adversarial")
    for axes, image, title, text in zip(panels, (before, noise, after), titles, texts, strict=True):
        # Photographs are smoothed as on every other sheet; of noise each pixel counts.
        axes.imshow(image, interpolation="nearest" if image is noise else "lanczos")
        axes.set_title(title)
        axes.set_xlabel(text, fontsize=11)
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def probability_curves(title: str, probs: Mapping[str, np.ndarray]) -> Figure:
    """Draw the probabilities of source and target, by name, before and after each step."""
    (figure, axes), shown = _grid_axes(), []
    for (name, values), color in zip(probs.items(), (SOURCE_COLOR, TARGET_COLOR), strict=True):
        label = plots.shortened(name)
        shown += axes.plot(range(len(values)), values, "o-", color=color, label=label)
        for step in (0, len(values) - 1):
            _write_above(axes, step, values[step], color)
    axes.set(title=title, xlabel="step", ylabel="probability", ylim=(-0.04, 1.1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.09)
    plots.add_legend(axes, shown, loc="center left")
    return figure


def probability_histogram(
    title: str, xlabel: str, probs: np.ndarray, example: float, confidence: float
) -> Figure:
    """Draw how many images have which probability (N,) in [0, 1] after the steps.

    example: the probability of the image shown elsewhere. confidence: from where on one is sure.
    """
    figure, axes = _grid_axes()
    axes.hist(probs, np.linspace(0, 1, 21).tolist(), color=TARGET_COLOR, alpha=0.6)
    median, share = float(np.median(probs)), float((probs >= confidence).mean())
    axes.axvline(median, color=TARGET_COLOR, linestyle="--", label=f"median {median:.1%}")
    axes.axvline(example, color=SOURCE_COLOR, label=f"the example {example:.1%}")
    axes.axvline(
        confidence, color=SURE_COLOR, linestyle=":", label=f"p ≥ {confidence:g}: {share:.0%}"
    )
    axes.set(title=title, xlabel=xlabel, ylabel="images", xlim=(0, 1))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper center")
    return figure


def success_curves(
    title: str, xlabel: str, epsilons: Sequence[float], shares: Mapping[str, Sequence[float]]
) -> Figure:
    """Draw the shares in [0, 1] of two successes, by name, against ascending epsilons."""
    (figure, axes), shown = _grid_axes(), []
    for (name, values), color in zip(shares.items(), (TARGET_COLOR, SURE_COLOR), strict=True):
        shown += axes.plot(epsilons, values, "o-", color=color, label=name)
        for epsilon, value in zip(epsilons, values, strict=True):
            _write_above(axes, epsilon, value, color)
    axes.set(title=title, xlabel=xlabel, ylabel="share of the images", ylim=(-0.04, 1.1))
    axes.set_xticks(epsilons)
    axes.margins(x=0.09)
    plots.add_legend(axes, shown, loc="upper left")
    return figure


def norm_histogram(title: str, norms: Mapping[str, np.ndarray]) -> Figure:
    """Draw histograms of L2 norms, in 8-bit levels, of two kinds of change by name."""
    (figure, axes), shown = _grid_axes(), []
    most = max((values.max() for values in norms.values() if values.size), default=1)
    edges = np.linspace(0, most or 1, 41).tolist()
    for (name, values), color in zip(norms.items(), (TARGET_COLOR, SURE_COLOR), strict=True):
        if values.size:
            median = float(np.median(values))
            label = f"{name}, median {median:.0f}"
            axes.hist(values, edges, color=color, alpha=0.6)
            shown.append(Patch(color=color, alpha=0.6, label=label))
            axes.axvline(median, color=color, linestyle="--")
    n_values = SIZE * SIZE * 3
    xlabel = f"L2 norm of the perturbation, in 8-bit levels (over all {n_values:,} values)"
    axes.set(title=title, xlabel=xlabel, ylabel="images")
    if shown:
        plots.add_legend(axes, shown)
    return figure


def pairs_sheet(
    title: str, before: np.ndarray, after: np.ndarray, above: Sequence[str], below: Sequence[str]
) -> Figure:
    """Draw images (N, 32, 32, 3) uint8 above their changed versions, with a caption for each."""
    columns = max(1, -(-len(before) // 2))
    figure = Figure(figsize=(max(1.75 * columns, 5), 8.3), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(4, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    rows = ((before, above, SOURCE_COLOR), (after, below, TARGET_COLOR))
    for row, (images, captions, color) in enumerate(rows):
        for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
            axes = grid[2 * (number // columns) + row, number % columns]
            axes.imshow(image, interpolation="lanczos")
            axes.set_title(caption, fontsize=8.5, color=color, pad=2)
    return figure


def _write_above(axes: Axes, at: float, value: float, color: str) -> None:
    style: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "color": color}
    axes.annotate(f"{value:.1%}", (at, value), xytext=(0, 7), fontsize=9, **style)


def _grid_axes() -> tuple[Figure, Axes]:
    figure, axes = plots.new_axes()
    axes.grid(alpha=0.3)
    return figure, axes
