"""Files of stage `lr_sweep`: the final model, metrics, the table of trainings, pictures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from noisylab.core import files
from noisylab.core.metrics import listing, write_metrics
from noisylab.learning.network import dump_weights
from noisylab.plots import Losses
from noisylab.sweep import figures
from noisylab.sweep.figures import RatePoint
from noisylab.sweep.run import Choice, Outcome, Sweep

_COLUMNS = (
    "optimizer", "rate", "seed", "epochs", "diverged", "learned",
    "first_train_loss", "final_train_loss", "best_train_loss",
    "first_dev_loss", "final_dev_loss", "best_dev_loss",
    "accuracy", "balanced_accuracy", "macro_f1",
)  # fmt: skip


def write_sweep(
    swept: Sweep,
    choice: Choice,
    classes: tuple[str, ...],
    *,
    model: str,
    summary: str,
    metrics: str,
    dev_metrics: str,
    plots: str,
) -> list[str]:
    """Write the final model, and metrics and pictures of the sweep; return lines to print.

    summary:     file for the metrics of the sweep.
    metrics, dev_metrics: folders for those of two models, as in train/outputs.py: `best`, the best
                 of the sweep if any converged, and `final`.
    """
    for name, source in {"best": "lr_sweep", "final": choice.kept}.items():
        if source in choice.models:
            evaluations = choice.evaluations[source].items()
            by_split = {split: part.metrics(classes) for split, part in evaluations}
            write_metrics(metrics, dev_metrics, name, by_split)
    described, folder = describe(swept, choice), Path(plots)
    files.write_json(summary, described)
    rows = [_row(swept, outcome) for outcome in swept.outcomes]
    files.write_csv(folder / "trainings.csv", _COLUMNS, rows)
    series: dict[str, list[RatePoint]] = {}
    for outcome in swept.outcomes:
        series.setdefault(outcome.trial.optimizer, []).append(_point(outcome))
    before = choice.evaluations["train_fixed"]["dev"].balanced_accuracy
    rates = figures.rate_curves(caption(swept), series, ("train_fixed, dev", before))
    files.write_png(folder / "rates.png", rates)
    losses = {
        f"lr {_name(swept, *setting)}": _losses(swept.of(*setting)[0])
        for setting in _extremes(swept)
    }
    files.write_png(folder / "losses.png", figures.losses_of_extremes(losses))
    files.write_bytes(model, dump_weights(choice.models[choice.kept]))
    by_rate = [f"{name} {rate:g}: {result(swept, name, rate)}" for name, rate in swept.settings()]
    return [*by_rate, *listing(described)]


def describe(swept: Sweep, choice: Choice) -> dict[str, Any]:
    """Metrics: the best rate overall and of each optimizer, and trainings that did not learn."""
    described: dict[str, Any] = {"final": choice.kept}
    best = swept.best()
    if best:
        described["best"] = {"optimizer": best[0], **_metrics(swept, *best)}
    described["trainings"] = len(swept.outcomes)
    described["diverged"] = sum(outcome.dev is None for outcome in swept.outcomes)
    described["not_learned"] = sum(not swept.has_learned(outcome) for outcome in swept.outcomes)
    for optimizer in dict.fromkeys(name for name, _ in swept.settings()):
        best = swept.best(optimizer)
        if best:
            described.setdefault("optimizers", {})[optimizer] = _metrics(swept, *best)
    return described


def caption(swept: Sweep) -> str:
    """Results at the lowest, the best and the highest rate, on one line."""
    return " · ".join(
        f"{which} {_name(swept, *setting)}: {result(swept, *setting)}"
        for setting, which in _extremes(swept).items()
    )


def result(swept: Sweep, optimizer: str, rate: float) -> str:
    """The mean balanced accuracy on dev, or why there is none to speak of."""
    merit = swept.merit(optimizer, rate)
    if merit is None:
        return "diverged"
    learned = all(map(swept.has_learned, swept.of(optimizer, rate)))
    return f"{merit[0]:.1%}" if learned else "not learned"


def _metrics(swept: Sweep, optimizer: str, rate: float) -> dict[str, Any]:
    """Metrics of a rate at which no training diverged."""
    values = [one.dev["balanced_accuracy"] for one in swept.of(optimizer, rate) if one.dev]
    return {
        "lr": rate,
        "seeds": len(values),
        "balanced_accuracy": np.mean(values),
        "deviation": np.std(values, ddof=1) if len(values) > 1 else 0.0,
    }


def _row(swept: Sweep, outcome: Outcome) -> tuple[object, ...]:
    trial, dev = outcome.trial, outcome.dev or {}
    losses = []
    for values in _losses(outcome):
        final = math.nan if outcome.dev is None or not values else values[-1]
        losses += [values[0], final, min(values)] if values else [math.nan] * 3
    return (
        trial.optimizer,
        trial.rate,
        trial.seed,
        len(outcome.history),
        "no" if outcome.dev else "yes",
        "yes" if swept.has_learned(outcome) else "no",
        *losses,
        *(dev.get(name, math.nan) for name in ("accuracy", "balanced_accuracy", "macro_f1")),
    )


def _point(outcome: Outcome) -> RatePoint:
    rate, dev = outcome.trial.rate, outcome.dev
    if dev is None:
        return RatePoint(rate, math.nan, math.nan, math.nan)
    return RatePoint(rate, dev["balanced_accuracy"], outcome.history[-1].train_loss, dev["loss"])


def _extremes(swept: Sweep) -> dict[tuple[str, float], str]:
    """Lowest, best and highest rate of the best optimizer, or of the first if all diverged."""
    best = swept.best()
    optimizer = best[0] if best else swept.settings()[0][0]
    settings = [setting for setting in swept.settings() if setting[0] == optimizer]
    named = {settings[0]: "lowest"}
    if best:
        named[best] = "best"
    named.setdefault(settings[-1], "highest")
    return named


def _name(swept: Sweep, optimizer: str, rate: float) -> str:
    several = len({name for name, _ in swept.settings()}) > 1
    return f"{optimizer} {rate:g}" if several else f"{rate:g}"


def _losses(outcome: Outcome) -> Losses:
    train = [epoch.train_loss for epoch in outcome.history]
    return train, [epoch.dev_loss for epoch in outcome.history]
