"""From the files of a run to its facts: metrics/, and the tables of plots/."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from noisylab.config.params import Params, TrainParams
from noisylab.report.facts import Data, Facts, Rate, Relabelled, Swept
from noisylab.report.run_files import read_json, read_numbers, read_rows, reading
from noisylab.report.runs import Hidden, Run, Step
from noisylab.report.scores import Confusion, Scores

STAGES = ("train_baseline", "train_balanced", "train_augmented", "train_fixed")


def read_facts(metrics: str | Path, plots: str | Path, params: Params) -> Facts:
    """Read the metrics and tables of all stages.

    Raises InputError, which names the file, for one that is missing or broken.
    """
    metrics, plots = Path(metrics), Path(plots)
    data = _data(metrics / "stats.json")
    lab = _lab_report(data)
    steps: dict[str, Step] = {}
    for stage in STAGES:
        section: TrainParams = getattr(params, stage)
        runs = {name: _run(metrics, plots, stage, name, data) for name in section.runs}
        before = steps[list(steps)[-1]] if steps else None
        kept, config = runs[section.keep], section.runs[section.keep]
        steps[stage] = Step(stage, runs, kept, config, before, lab.get(stage, {}))
    return Facts(
        params=params,
        data=data,
        steps=steps,
        relabelled=_relabelled(metrics / "relabel.json"),
        swept=_swept(metrics, plots, data),
        attack=read_json(metrics / "adversarial.json"),
        budgets=read_numbers(plots / "adversarial/success.csv", "epsilon", "success", "confident"),
        lab=lab,
    )


def _data(path: Path) -> Data:
    stats = read_json(path)
    with reading(path):
        names = ("train", "dev", "test") if "test" in stats else ("train", "dev")
        splits = {name: stats[name] for name in names}
        repeats = [(part["repeated_images"], name) for name, part in splits.items()]
        shared = [(count, *pair.split("_")[::-1]) for pair, count in stats["shared_images"].items()]
        return Data(splits, [one for one in repeats if one[0]], [one for one in shared if one[0]])


def _lab_report(data: Data) -> Mapping[str, Any]:
    """The lab report's figures, if train and dev have its count of images under each label."""
    text = files("noisylab.report").joinpath("lab_report.json").read_text(encoding="utf-8")
    lab: Mapping[str, Any] = json.loads(text)
    is_same = all(data.splits[name]["count"] == count for name, count in lab["count"].items())
    return lab if is_same else {}


def _run(metrics: Path, plots: Path, stage: str, name: str, data: Data) -> Run:
    folder, classes, hidden = plots / stage / name, data.classes, None
    rows = read_rows(folder / "confusion.csv")
    with reading(folder / "confusion.csv"):
        cells = {(row["actual"], row["predicted"]): int(row["count"]) for row in rows}
        confusion = Confusion(classes, [[cells[i, j] for j in classes] for i in classes])
    if not data.is_even:
        count = confusion.count(data.common, data.rare)
        hidden = Hidden(count, confusion.labelled(data.rare))
    losses = [row["dev_loss"] for row in read_numbers(folder / "history.csv", "dev_loss")]
    scores = _scores(metrics / stage / f"{name}.json", data)
    return Run(name, scores, confusion, losses, hidden)


def _scores(path: Path, data: Data) -> dict[str, Scores]:
    """Scores by key of SETS: `dev` in the file is one of two, by whether it was corrected."""
    figures = read_json(path)
    with reading(path):
        dev = "dev_corrected" if "dev_given" in figures else "dev_given"
        scores = {}
        for key, part in figures.items():
            scored = dev if key == "dev" else key
            images, recall = data.images_of(scored), part["recall"]
            if images:  # a class without images has no recall, though the file has 0
                recall = {label: value for label, value in recall.items() if images[label]}
            values = (part["accuracy"], part["balanced_accuracy"], part["macro_f1"])
            scores[scored] = Scores(*values, recall, images)
        return scores


def _relabelled(path: Path) -> Relabelled:
    figures = read_json(path)
    with reading(path):
        pairs = [
            (count, given, label)
            for given, labels in figures["corrected"].items()
            for label, count in labels.items()
        ]
        pairs.sort(key=lambda pair: -pair[0])
        splits = {name: figures[name] for name in ("train", "dev")}
        return Relabelled(splits, pairs, figures["reviewed"], figures.get("rules", {}))


def _swept(metrics: Path, plots: Path, data: Data) -> Swept:
    path, folder = metrics / "lr_sweep.json", metrics / "lr_sweep"
    figures, rates = read_json(path), _rates(plots / "lr_sweep/trainings.csv")
    best, best_scores = None, {}
    with reading(path):
        if "best" in figures:
            wanted = figures["best"]["optimizer"], figures["best"]["lr"]
            best = {(rate.optimizer, rate.rate): rate for rate in rates}[wanted]
            best_scores = _scores(folder / "best.json", data)
        return Swept(
            figures["final"], best, rates, best_scores, _scores(folder / "final.json", data)
        )


def _rates(path: Path) -> list[Rate]:
    """Learning rates in the order of the table, which has a row for each training."""
    grouped: dict[tuple[str, float], list[dict[str, str]]] = {}
    rows = read_rows(path)
    with reading(path):
        for row in rows:
            grouped.setdefault((row["optimizer"], float(row["rate"])), []).append(row)
        return [_rate(optimizer, rate, part) for (optimizer, rate), part in grouped.items()]


def _rate(optimizer: str, rate: float, rows: list[dict[str, str]]) -> Rate:
    def mean(column: str) -> float | None:
        value = sum(float(row[column]) for row in rows) / len(rows)
        return value if math.isfinite(value) else None

    return Rate(
        optimizer=optimizer,
        rate=rate,
        trainings=len(rows),
        diverged=sum(row["diverged"] == "yes" for row in rows),
        learned=sum(row["learned"] == "yes" for row in rows),
        balanced_accuracy=mean("balanced_accuracy"),
        first_loss=mean("first_train_loss"),
        last_loss=mean("final_train_loss"),
    )
