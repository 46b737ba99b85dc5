"""From the files of a run to its `Results`: metrics/, and the tables of plots/."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from noisylab.core.errors import InputError, shown
from noisylab.core.tables import read_table
from noisylab.report.results import (
    Attacked,
    Confusion,
    Data,
    Labels,
    Rate,
    Relabelled,
    Results,
    Scores,
    Split,
    Step,
    Swept,
    TrainedRun,
)
from noisylab.report.tree import Tree

_MOST_CLASSES = 1000


def read_results(
    metrics: str | Path, plots: str | Path, runs: Mapping[str, tuple[list[str], str]]
) -> Results:
    """Read the figures of all stages.

    runs: of each train stage in their order, the names of its runs and the one that it keeps.
    Raises InputError, which names file and key, for what is missing or not what it should be.
    """
    metrics, plots = Path(metrics), Path(plots)
    data = _data(Tree.read(metrics / "stats.json"))
    steps = {
        stage: Step(stage, {name: _run(metrics, plots, stage, name, data) for name in names}, keep)
        for stage, (names, keep) in runs.items()
    }
    return Results(
        data=data,
        steps=steps,
        relabelled=_relabelled(Tree.read(metrics / "relabel.json"), data.classes),
        swept=_swept(metrics, plots / "lr_sweep" / "trainings.csv", data),
        attacked=_attacked(Tree.read(metrics / "adversarial.json"), data.classes),
    )


def _data(tree: Tree) -> Data:
    splits = {}
    for name in ("train", "dev", "test"):
        if name in tree or name != "test":
            part = tree.part(name)
            count = part.part("count").counts()
            splits[name] = Split(part.count("images"), count, part.count("repeated_images"))
            if not 2 <= len(count) <= _MOST_CLASSES or sum(count.values()) != part.count("images"):
                raise part.wrong("images", "the sum of the counts of 2 classes or more")
            if list(count) != list(splits["train"].count) or not splits[name].images:
                raise part.wrong("images", "of the classes of train, and not 0")
    return Data(splits, tree.part("shared_images").counts())


def _run(metrics: Path, plots: Path, stage: str, name: str, data: Data) -> TrainedRun:
    folder = plots / stage / name
    losses = _columns(folder / "history.csv", {"train_loss": float, "dev_loss": float})
    return TrainedRun(
        name=name,
        scores=_scores_by_set(metrics / stage / f"{name}.json", data),
        confusion=_confusion(folder / "confusion.csv", data.classes),
        train_loss=losses["train_loss"],
        dev_loss=losses["dev_loss"],
    )


def _scores_by_set(path: Path, data: Data) -> dict[str, Scores]:
    """By the keys of SCORED: `dev` is one of two, by whether its labels were corrected."""
    tree = Tree.read(path)
    dev = "dev_corrected" if "dev_given" in tree else "dev_given"
    scores = {}
    for key in ("train", "dev", *tree):
        scored = dev if key == "dev" else key
        scores[scored] = _scores(tree.part(key), data.classes, data.count(scored))
    return scores


def _scores(tree: Tree, classes: list[str], count: Mapping[str, int] | None) -> Scores:
    recall = tree.part("recall").numbers()
    if list(recall) != classes:
        raise tree.wrong("recall", "of the classes of metrics/stats.json")
    if count:  # a class without images has no recall, though it is written as 0
        recall = {label: value for label, value in recall.items() if count[label]}
    accuracy, balanced, f1 = map(tree.number, ("accuracy", "balanced_accuracy", "macro_f1"))
    return Scores(accuracy, balanced, f1, recall)


def _confusion(path: Path, classes: list[str]) -> Confusion:
    counts = _columns(path, {"count": int})["count"]
    side = len(classes)
    if len(counts) != side**2:
        raise InputError(f"{path}: expected {side**2} rows, one a pair, got {len(counts)}")
    return Confusion(classes, [counts[side * row : side * (row + 1)] for row in range(side)])


def _relabelled(tree: Tree, classes: list[str]) -> Relabelled:
    splits = {}
    for name in ("train", "dev"):
        part = tree.part(name)
        wrong = [
            part.count(key) if key in part else None for key in ("wrong_before", "wrong_after")
        ]
        splits[name] = Labels(part.count("flagged"), part.count("corrected"), *wrong)
    corrected = tree.part("corrected")
    pairs = [
        (count, given, label)
        for given in corrected
        for label, count in corrected.part(given).counts().items()
    ]
    for _, given, label in pairs:
        if given not in classes or label not in classes:
            raise tree.wrong("corrected", "of the classes of metrics/stats.json")
    rules = {}
    if "rules" in tree:
        part = tree.part("rules")
        rules = {rule: part.part(rule).numbers() for rule in part}
    ordered = sorted(pairs, key=lambda pair: -pair[0])
    return Relabelled(splits, ordered, tree.count("reviewed"), rules)


def _swept(metrics: Path, trainings: Path, data: Data) -> Swept:
    tree = Tree.read(metrics / "lr_sweep.json")
    rates = _rates(trainings)
    best, best_scores = None, {}
    if "best" in tree:
        part = tree.part("best")
        optimizer, lr = part.text("optimizer"), part.number("lr")
        # The metrics have five digits after the point, the table has all.
        near = [
            rate
            for rate in rates
            if rate.optimizer == optimizer and round(rate.rate, 5) == round(lr, 5)
        ]
        if not near:
            raise part.wrong("lr", f"a rate of {trainings}")
        best = max(near, key=lambda rate: rate.balanced_accuracy or -1)
        best_scores = _scores_by_set(metrics / "lr_sweep" / "best.json", data)
    final = _scores_by_set(metrics / "lr_sweep" / "final.json", data)
    if tree.text("final") not in ("train_fixed", "lr_sweep"):
        raise tree.wrong("final", "train_fixed or lr_sweep")
    return Swept(tree.text("final"), best, rates, best_scores, final)


def _rates(path: Path) -> list[Rate]:
    columns: dict[str, Callable[[str], Any]] = {
        "optimizer": str, "rate": float, "diverged": str, "learned": str,
        "balanced_accuracy": float, "first_train_loss": float, "final_train_loss": float,
    }  # fmt: skip
    table = _columns(path, columns)
    grouped: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for values in zip(*table.values(), strict=True):
        row = dict(zip(table, values, strict=True))
        grouped.setdefault((row["optimizer"], row["rate"]), []).append(row)
    return [_rate(optimizer, rate, rows) for (optimizer, rate), rows in grouped.items()]


def _rate(optimizer: str, rate: float, rows: list[dict[str, Any]]) -> Rate:
    def mean(column: str) -> float | None:
        value: float = sum(row[column] for row in rows) / len(rows)
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


def _attacked(tree: Tree, classes: list[str]) -> Attacked:
    for key in ("source_class", "target_class"):
        if tree.text(key) not in classes:
            raise tree.wrong(key, "a class of metrics/stats.json")
    steps = tree.part("steps")
    budgets = {
        float(key.removeprefix("epsilon_")): _numbers(steps.part(key), "success", "confident")
        for key in steps
        if key.startswith("epsilon_")
    }
    example = (
        "source_before", "target_before", "source_after", "target_after",
        "linf", "l2", "epsilon", "steps", "reached",
    )  # fmt: skip
    return Attacked(
        split=tree.text("split"),
        source=tree.text("source_class"),
        target=tree.text("target_class"),
        example=_numbers(tree.part("example"), *example),
        attacked=steps.count("attacked"),
        before=steps.number("before"),
        steps=dict(sorted(budgets.items())),
        smallest=_search(tree.part("smallest")),
        confident=_search(tree.part("confident")),
    )


def _search(tree: Tree) -> dict[str, float]:
    """Sizes are there only where an image was moved to the target."""
    sizes = ("l2_median", "l2_p95", "linf_median", "linf_p95")
    return _numbers(tree, "success", *(sizes if tree.number("success") else ()))


def _numbers(tree: Tree, *keys: str) -> dict[str, float]:
    return {key: tree.number(key) for key in keys}


def _columns(path: Path, columns: Mapping[str, Callable[[str], Any]]) -> dict[str, list[Any]]:
    """Columns of a table, each value read by its function."""
    table: dict[str, list[Any]] = {name: [] for name in columns}
    for line, row in read_table(path, list(columns)).items():
        for name, read in columns.items():
            try:
                table[name].append(read(row[name]))
            except ValueError:
                raise InputError(
                    f"{path}: line {line}: {name} must be a number, got {shown(row[name])}"
                ) from None
    if not all(table.values()):
        raise InputError(f"{path}: has no rows; run `dvc repro`, which makes it anew")
    return table
