"""Pictures of stage `lr_sweep`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
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
    figure.suptitle("Learning rates")
    upper, lower = figure.subplots(2, 1, sharex=True)
    for (name, points), color in zip(
        series.items(), mpl.color_sequences["petroff10"], strict=False
    ):
        rates, accuracy, train, dev = np.array(points).T
        _draw(upper, rates, accuracy, color, "-", f"{name}, dev")
        _draw(lower, rates, train, color, "--", f"{name}, train")
        _draw(lower, rates, dev, color, "-", f"{name}, dev")
        diverged = rates[np.isnan(train)]
        if len(diverged):
            heights, bottom = np.full(len(diverged), 0.03), upper.get_xaxis_transform()
            upper.plot(diverged, heights, "x", color=color, transform=bottom, label="diverged")
    upper.axhline(reference[1], color="gray", linestyle=":", label=reference[0])
    upper.set(ylabel="balanced accuracy, last epoch", xscale="log")
    lower.set(ylabel="loss in the last epoch, nats", xlabel="learning rate")
    table = np.concatenate([np.array(part) for part in series.values()])  # (N, 4)
    lower.set_ylim(0, _highest_shown(table[:, 2:]))
    ticks = np.unique(table[:, 0])
    lower.set_xticks(ticks, [f"{rate:g}" for rate in ticks], rotation=45)
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
    axes: Axes, rates: np.ndarray, values: np.ndarray, color: object, style: str, label: str
) -> None:
    """Draw values (N,) as points, and a curve through the means of equal rates (N,).

    Points on dashed curves are hollow: an optimizer with one rate has no curve to tell by.
    """
    distinct = np.unique(rates)
    means = [values[rates == rate].mean() for rate in distinct]
    inside = "white" if style == "--" else color
    axes.plot(distinct, means, style, color=color)
    axes.plot(rates, values, "o", color=color, markerfacecolor=inside, markersize=4)
    axes.plot([], [], f"o{style}", color=color, markerfacecolor=inside, markersize=4, label=label)


def _highest_shown(losses: np.ndarray) -> float | None:
    """End of the axis of losses, cut where one would hide the rest; None shows all."""
    finite = losses[np.isfinite(losses)]
    limit = 4 * float(np.median(finite)) if finite.size else np.inf
    return limit if finite.size and finite.max() > limit else None
