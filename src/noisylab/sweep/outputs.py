"""Files of stage `lr_sweep`: the final model, metrics, the table of trainings, pictures."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from noisylab.core import files
from noisylab.core.metrics import listing, write_metrics
from noisylab.learning.network import dump_weights
from noisylab.learning.precision import used_precision
from noisylab.plots import Losses
from noisylab.sweep import figures
from noisylab.sweep.figures import RatePoint
from noisylab.sweep.run import Choice, Outcome, Setting, Sweep


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
    files.write_csv(folder / "trainings.csv", list(rows[0]), [list(row.values()) for row in rows])
    before = choice.evaluations["train_fixed"]["dev"].balanced_accuracy
    rates = figures.rate_curves(caption(swept), _series(rows), ("train_fixed, dev", before))
    files.write_png(folder / "rates.png", rates)
    extremes = {setting: swept.by_setting[setting][0] for setting in _extremes(swept)}
    losses = {
        f"lr {_name(swept, setting)}{_stopped(first)}": _losses(first)
        for setting, first in extremes.items()
    }
    files.write_png(folder / "losses.png", figures.losses_of_extremes(losses))
    files.write_bytes(model, dump_weights(choice.models[choice.kept]))
    by_rate = [
        f"{optimizer} {rate:g}: {result(swept, (optimizer, rate))}"
        for optimizer, rate in swept.by_setting
    ]
    return [*by_rate, *listing(described)]


def describe(swept: Sweep, choice: Choice) -> dict[str, Any]:
    """Metrics: the best rate overall and of each optimizer, and trainings that did not learn."""
    recipe = swept.outcomes[0].trained.config
    described: dict[str, Any] = {"final": choice.kept, "precision": used_precision(recipe)}
    best = swept.best()
    if best:
        described["best"] = {"optimizer": best[0], **_metrics(swept, best)}
        described["near_best"] = len(swept.near_best())
    described["trainings"] = len(swept.outcomes)
    finite = [outcome for outcome in swept.outcomes if outcome.dev is not None]
    described["diverged"] = len(swept.outcomes) - len(finite)
    described["not_learned"] = sum(not swept.has_learned(outcome) for outcome in finite)
    for optimizer in _optimizers(swept):
        best = swept.best(optimizer)
        if best:
            described.setdefault("optimizers", {})[optimizer] = _metrics(swept, best)
    return described


def caption(swept: Sweep) -> str:
    """Results at the lowest, the best and the highest rate, on one line."""
    return " · ".join(
        f"{which} {_name(swept, setting)}: {result(swept, setting)}"
        for setting, which in _extremes(swept).items()
    )


def result(swept: Sweep, setting: Setting) -> str:
    """Mean balanced accuracy on dev, or the reason for its absence."""
    merit = swept.merit(setting)
    if merit is None:
        return "diverged"
    outcomes = swept.by_setting[setting]
    if all(map(swept.has_learned, outcomes)):
        return f"{merit[0]:.1%}"
    epochs = max(len(one.trained.history) for one in outcomes if not swept.has_learned(one))
    return f"not learned in {epochs} epochs"


def _metrics(swept: Sweep, setting: Setting) -> dict[str, Any]:
    """Metrics of a rate at which no training diverged."""
    values = [one.dev["balanced_accuracy"] for one in swept.by_setting[setting] if one.dev]
    return {
        "lr": setting[1],
        "seeds": len(values),
        "balanced_accuracy": np.mean(values),
        "deviation": np.std(values, ddof=1) if len(values) > 1 else None,
        "standard_error": swept.standard_error(setting),
    }


def _row(swept: Sweep, outcome: Outcome) -> dict[str, Any]:
    """Cells by column."""
    config, history, dev = outcome.trained.config, outcome.trained.history, outcome.dev
    row: dict[str, Any] = {
        "optimizer": config.optimizer,
        "rate": config.lr,
        "seed": outcome.seed,
        "epochs": len(history),
        "diverged": "no" if dev else "yes",
        "learned": "yes" if swept.has_learned(outcome) else "no",
    }
    for split, losses in zip(("train", "dev"), _losses(outcome), strict=True):
        row[f"first_{split}_loss"] = losses[0] if losses else math.nan
        row[f"final_{split}_loss"] = losses[-1] if dev else math.nan
        row[f"best_{split}_loss"] = min(losses, default=math.nan)
    for name in ("accuracy", "balanced_accuracy", "standard_error", "macro_f1"):
        row[name] = dev[name] if dev else math.nan
    return row


def _series(rows: list[dict[str, Any]]) -> dict[str, list[RatePoint]]:
    """A point per training, by optimizer."""
    columns = ("rate", "balanced_accuracy", "final_train_loss", "final_dev_loss")
    series: dict[str, list[RatePoint]] = {}
    for row in rows:
        point = RatePoint(*(row[name] for name in columns))
        series.setdefault(row["optimizer"], []).append(point)
    return series


def _extremes(swept: Sweep) -> dict[Setting, str]:
    """The best setting, and the lowest and highest rate of the optimizer with the most rates.

    Of optimizers with equally many, it is the best one, or the first if all diverged.
    """
    best = swept.best()
    n_rates = Counter(optimizer for optimizer, _ in swept.by_setting)
    optimizers = _optimizers(swept)
    widest = max([best[0] if best else optimizers[0], *optimizers], key=n_rates.__getitem__)
    settings = [setting for setting in swept.by_setting if setting[0] == widest]
    named = {settings[0]: "lowest"}
    if best:
        named[best] = "best"
    named.setdefault(settings[-1], "highest")
    return named


def _optimizers(swept: Sweep) -> list[str]:
    return list(dict.fromkeys(optimizer for optimizer, _ in swept.by_setting))


def _name(swept: Sweep, setting: Setting) -> str:
    optimizer, rate = setting
    return f"{optimizer} {rate:g}" if len(_optimizers(swept)) > 1 else f"{rate:g}"


def _stopped(outcome: Outcome) -> str:
    epochs = len(outcome.trained.history)
    return f", stopped after epoch {epochs}" if epochs < outcome.trained.config.epochs else ""


def _losses(outcome: Outcome) -> Losses:
    history = outcome.trained.history
    return [epoch.train_loss for epoch in history], [epoch.dev_loss for epoch in history]
