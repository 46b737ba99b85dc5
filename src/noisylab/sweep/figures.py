"""Pictures of stage `lr_sweep`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noisylab import plots


class RatePoint(NamedTuple):
    """Result of one training; nan where it diverged. Losses in nats, accuracy in [0, 1]."""

    rate: float
    balanced_accuracy: float
    train_loss: float
    dev_loss: float


def rate_curves(
    caption: str, series: Mapping[str, Sequence[RatePoint]], reference: tuple[str, float]
) -> Figure:
    """Draw balanced accuracy and final losses against the learning rate, a point per training.

    caption:   line below the panels.
    series:    by optimizer; curves connect the means of each rate.
    reference: name of another model, and its balanced accuracy on dev.
    """
    figure = Figure(figsize=(7.2, 7.4), layout="constrained")
    figure.suptitle("Constant learning rates")
    upper, lower = figure.subplots(2, 1, sharex=True)
    for (name, points), color in zip(series.items(), mpl.color_sequences["tab10"], strict=False):
        _draw(upper, points, "balanced_accuracy", color, "-", f"{name}, dev")
        _draw(lower, points, "train_loss", color, "--", f"{name}, train")
        _draw(lower, points, "dev_loss", color, "-", f"{name}, dev")
        diverged = [point.rate for point in points if math.isnan(point.train_loss)]
        if diverged:
            place = {"transform": upper.get_xaxis_transform(), "label": "diverged"}
            upper.plot(diverged, [0.03] * len(diverged), "x", color=color, **place)
    upper.axhline(reference[1], color="gray", linestyle=":", label=reference[0])
    upper.set(ylabel="balanced accuracy after the last epoch", xscale="log")
    lower.set(ylabel="loss in the last epoch", xlabel="learning rate")
    points = [point for part in series.values() for point in part]
    lower.set_ylim(0, _highest_shown(points))
    rates = sorted({point.rate for point in points})
    lower.set_xticks(rates, [f"{rate:g}" for rate in rates], rotation=45)
    lower.minorticks_off()
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.supxlabel(caption, fontsize=9, wrap=True)
    return figure


def losses_of_extremes(losses: Mapping[str, plots.Losses]) -> Figure:
    """Draw losses by epoch at the lowest, the best and the highest rate, side by side."""
    figure = Figure(figsize=(4.6 * len(losses), 3.6), layout="constrained")
    figure.suptitle("Learning rates: the lowest, the best, the highest")
    plots.draw_loss_panels(list(figure.subplots(1, len(losses), squeeze=False)[0]), losses)
    return figure


def _draw(
    axes: Axes, points: Sequence[RatePoint], what: str, color: object, style: str, label: str
) -> None:
    by_rate: dict[float, list[float]] = {}
    for point in points:
        by_rate.setdefault(point.rate, []).append(getattr(point, what))
    means = [sum(values) / len(values) for values in by_rate.values()]
    axes.plot([*by_rate], means, style, color=color, label=label)
    spread = [(rate, value) for rate, values in by_rate.items() for value in values]
    axes.plot(*zip(*spread, strict=True), "o", color=color, markersize=4, alpha=0.7)


def _highest_shown(points: Sequence[RatePoint]) -> float | None:
    """End of the axis of losses, cut where one would hide the rest; None shows all."""
    losses = [loss for point in points for loss in (point.train_loss, point.dev_loss)]
    finite = [loss for loss in losses if math.isfinite(loss)]
    limit = 4 * statistics.median(finite) if finite else math.inf
    return limit if finite and max(finite) > limit else None
