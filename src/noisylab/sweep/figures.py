"""The picture of a learning-rate sweep."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

mpl.rcdefaults()  # as in figures.py: no matplotlibrc of the user's, and $ in names as it is
mpl.rcParams["text.parse_math"] = False


@dataclass(frozen=True)
class RatePoint:
    """What one training reached: nan where it diverged. Losses in nats, accuracy in [0, 1]."""

    rate: float
    balanced_accuracy: float
    train_loss: float
    dev_loss: float


def rate_curves(
    title: str,
    conclusion: str,
    series: Mapping[str, Sequence[RatePoint]],
    reference: tuple[str, float],
) -> Figure:
    """Balanced accuracy and final losses against the learning rate, a point a training.

    series: by optimizer; lines go through the means. conclusion: written below. reference: the
    name and the balanced accuracy on dev of a model to compare with.
    """
    figure = Figure(figsize=(7.2, 7.4), layout="constrained")
    figure.suptitle(title)
    upper, lower = figure.subplots(2, 1, sharex=True)
    for (name, points), color in zip(series.items(), mpl.color_sequences["tab10"], strict=False):
        _draw(upper, points, "balanced_accuracy", color, "-", f"{name}, dev")
        _draw(lower, points, "train_loss", color, "--", f"{name}, train")
        _draw(lower, points, "dev_loss", color, "-", f"{name}, dev")
        _mark_diverged(upper, points, color)
    upper.axhline(reference[1], color="gray", linestyle=":", label=reference[0])
    upper.set(ylabel="balanced accuracy after the last epoch", xscale="log")
    lower.set(ylabel="loss in the last epoch", xlabel="learning rate")
    lower.set_ylim(0, _highest_shown([*chain(*series.values())]))
    rates = sorted({point.rate for points in series.values() for point in points})
    lower.set_xticks(rates, [f"{rate:g}" for rate in rates], rotation=45)
    lower.minorticks_off()
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.supxlabel(conclusion, fontsize=9, wrap=True)
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
    """Where the axis of losses ends; None for above all, if none is so high as to hide the rest."""
    losses = [loss for point in points for loss in (point.train_loss, point.dev_loss)]
    finite = [loss for loss in losses if math.isfinite(loss)]
    limit = 4 * statistics.median(finite) if finite else math.inf
    return limit if finite and max(finite) > limit else None


def _mark_diverged(axes: Axes, points: Sequence[RatePoint], color: object) -> None:
    rates = [point.rate for point in points if point.train_loss != point.train_loss]
    if rates:
        transform = axes.get_xaxis_transform()
        axes.plot(
            rates, [0.03] * len(rates), "x", color=color, transform=transform, label="diverged"
        )
