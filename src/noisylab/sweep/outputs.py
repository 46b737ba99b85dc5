"""What stage `lr_sweep` leaves: the final model, figures and pictures of the sweep."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from noisylab.core import files
from noisylab.core.places import Places, write_metrics
from noisylab.learning.network import dump_weights
from noisylab.plots import loss_panels
from noisylab.sweep.figures import RatePoint, rate_curves
from noisylab.sweep.run import Choice, Outcome, Sweep

_COLUMNS = (
    "optimizer", "rate", "seed", "epochs", "diverged", "learned",
    "first_train_loss", "final_train_loss", "best_train_loss",
    "first_dev_loss", "final_dev_loss", "best_dev_loss",
    "accuracy", "balanced_accuracy", "macro_f1",
)  # fmt: skip


def write_sweep(
    swept: Sweep, choice: Choice, classes: tuple[str, ...], summary: str, places: Places
) -> None:
    """Write the final model, and what there is to know of the sweep.

    summary: the file for its figures. In places.metrics and places.dev_metrics, `best` is the best
    model of the sweep and `final` the one that was kept.
    """
    named = {"best": "lr_sweep", "final": choice.kept}
    for name, model in named.items():
        if model in choice.models:
            parts = choice.evaluations[model]
            metrics = {split: part.metrics(classes) for split, part in parts.items()}
            write_metrics(places, name, metrics)
    files.write_json(summary, describe(swept, choice))
    plots = Path(places.plots)
    rows = [_row(swept, outcome) for outcome in swept.outcomes]
    files.write_csv(plots / "trainings.csv", _COLUMNS, rows)
    files.write_png(plots / "rates.png", _rates(swept, choice))
    losses = {
        _name(swept, optimizer, rate): _losses(swept.of(optimizer, rate)[0])
        for optimizer, rate in _extremes(swept)
    }
    title = "Learning rates: the lowest, the best, the highest"
    files.write_png(plots / "losses.png", loss_panels(title, losses))
    files.write_bytes(places.model, dump_weights(choice.models[choice.kept]))


def describe(swept: Sweep, choice: Choice) -> dict[str, Any]:
    """Figures by name: the best rate of each optimizer, and how many trainings did not learn."""
    described: dict[str, Any] = {"final": choice.kept}
    best = swept.best()
    if best:
        described["best"] = {"optimizer": best[0], **_figures(swept, *best)}
    described["trainings"] = len(swept.outcomes)
    described["diverged"] = sum(outcome.dev is None for outcome in swept.outcomes)
    described["not_learned"] = sum(not swept.has_learned(outcome) for outcome in swept.outcomes)
    for optimizer in dict.fromkeys(name for name, _ in swept.settings()):
        best = swept.best(optimizer)
        if best:
            described.setdefault("optimizers", {})[optimizer] = _figures(swept, *best)
    return described


def conclusion(swept: Sweep) -> str:
    """What the sweep shows, in a sentence for the best rate and one for each end of the rates."""
    best = swept.best()
    if not best:
        return "At no learning rate did all trainings end with finite losses: all are too high."
    figures = _figures(swept, *best)
    spread = f" ± {figures['deviation']:.1%}" if figures["seeds"] > 1 else ""
    sentences = [
        f"Of {len(swept.settings())} learning rates {_text(swept, *best)} does best: balanced "
        f"accuracy {figures['balanced_accuracy']:.1%}{spread} on dev"
    ]
    optimizers = dict.fromkeys(name for name, _ in swept.settings())
    if len(optimizers) > 1:
        sentences.append("Best of each: " + ", ".join(map(partial(_best_of, swept), optimizers)))
    lowest, *_, highest = _extremes(swept)
    if lowest != best:
        sentences.append(f"{_text(swept, *lowest)} {_verdict(swept, 'hardly learns', *lowest)}")
    if highest not in (best, lowest):
        verdict = _verdict(swept, "does not converge", *highest)
        sentences.append(f"{_text(swept, *highest)} {verdict}")
    return ". ".join(sentences) + "."


def summary(swept: Sweep, choice: Choice) -> list[str]:
    """Lines that say what came of it."""
    lines = []
    for optimizer, rate in swept.settings():
        merit = swept.merit(optimizer, rate)
        said = f"balanced accuracy {merit[0]:.1%} on dev" if merit else "diverged"
        learned = all(map(swept.has_learned, swept.of(optimizer, rate)))
        lines.append(f"{optimizer} {rate:g}: {said}{'' if learned else ', has not learned'}")
    lines.append(conclusion(swept))
    compared = ", ".join(
        f"{name} {parts['dev'].balanced_accuracy:.1%}" for name, parts in choice.evaluations.items()
    )
    lines.append(f"final model: that of {choice.kept} (balanced accuracy on dev: {compared})")
    return lines


def _figures(swept: Sweep, optimizer: str, rate: float) -> dict[str, Any]:
    """Of a rate at which no training diverged."""
    values = [one.dev["balanced_accuracy"] for one in swept.of(optimizer, rate) if one.dev]
    deviation = np.std(values, ddof=1) if len(values) > 1 else 0.0
    return {
        "lr": rate,
        "seeds": len(values),
        "balanced_accuracy": np.mean(values),
        "deviation": deviation,
    }


def _row(swept: Sweep, outcome: Outcome) -> tuple[object, ...]:
    trial, dev = outcome.trial, outcome.dev or {}
    losses = []
    for values in _losses(outcome):
        final = math.nan if outcome.dev is None or not values else values[-1]
        losses += [values[0], final, min(values)] if values else [math.nan] * 3
    return (
        trial.optimizer,
        repr(trial.rate),  # in full: rounding to five digits would make the lowest 0
        trial.seed,
        len(outcome.history),
        "no" if outcome.dev else "yes",
        "yes" if swept.has_learned(outcome) else "no",
        *losses,
        *(dev.get(name, math.nan) for name in ("accuracy", "balanced_accuracy", "macro_f1")),
    )


def _rates(swept: Sweep, choice: Choice) -> Any:
    series: dict[str, list[RatePoint]] = {}
    for outcome in swept.outcomes:
        balanced, train, dev = math.nan, math.nan, math.nan
        if outcome.dev:
            balanced = outcome.dev["balanced_accuracy"]
            train, dev = outcome.history[-1].train_loss, outcome.dev["loss"]
        point = RatePoint(outcome.trial.rate, balanced, train, dev)
        series.setdefault(outcome.trial.optimizer, []).append(point)
    before = choice.evaluations["train_fixed"]["dev"].balanced_accuracy
    reference = ("train_fixed, dev", before)
    return rate_curves("Learning rates, constant", conclusion(swept), series, reference)


def _extremes(swept: Sweep) -> list[tuple[str, float]]:
    """The lowest, the best and the highest rate of the best optimizer, or of the first."""
    best = swept.best()
    optimizer = best[0] if best else swept.settings()[0][0]
    settings = [setting for setting in swept.settings() if setting[0] == optimizer]
    chosen = [settings[0], *([best] if best else []), settings[-1]]
    return list(dict.fromkeys(chosen))


def _verdict(swept: Sweep, failure: str, optimizer: str, rate: float) -> str:
    """How a rate other than the best did; `failure` says that it has not learned."""
    outcomes = swept.of(optimizer, rate)
    merit = swept.merit(optimizer, rate)
    if merit is None:
        epoch = min(len(one.history) + 1 for one in outcomes if one.dev is None)
        return f"diverges in epoch {epoch}"
    if all(map(swept.has_learned, outcomes)):
        return f"learns, too: {merit[0]:.1%}"
    first, last = (np.mean([one.history[at].train_loss for one in outcomes]) for at in (0, -1))
    return (
        f"{failure}: in {len(outcomes[0].history)} epochs its train loss goes from {first:.3f} to "
        f"{last:.3f} ({last / first - 1:+.1%}), and chance is {swept.chance_loss:.3f}"
    )


def _best_of(swept: Sweep, optimizer: str) -> str:
    best = swept.best(optimizer)
    if not best:
        return f"{optimizer} none that is finite"
    return f"{optimizer} {best[1]:g} {_figures(swept, *best)['balanced_accuracy']:.1%}"


def _name(swept: Sweep, optimizer: str, rate: float) -> str:
    return f"lr {_text(swept, optimizer, rate)}"


def _text(swept: Sweep, optimizer: str, rate: float) -> str:
    several = len({name for name, _ in swept.settings()}) > 1
    return f"{optimizer} {rate:g}" if several else f"{rate:g}"


def _losses(outcome: Outcome) -> tuple[list[float], list[float]]:
    train = [epoch.train_loss for epoch in outcome.history]
    return train, [epoch.dev_loss for epoch in outcome.history]
