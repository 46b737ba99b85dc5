"""Metrics as nested names and numbers: files that DVC compares, and lines for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from noisylab.core.files import write_json


def write_metrics(folder: str, dev_folder: str, name: str, metrics: Mapping[str, Any]) -> None:
    """Write the metrics of one model by split, and those of dev once more for `dvc metrics`."""
    write_json(Path(folder) / f"{name}.json", metrics)
    # `dvc metrics show` makes a column of every number: without those by class, and without the
    # confidence, which says little beside `ece`, a row fits into a terminal.
    shown = {key: value for key, value in _alone(metrics["dev"]).items() if key != "confidence"}
    write_json(Path(dev_folder) / f"{name}.json", shown)


def listing(metrics: Mapping[str, Any], name: str = "") -> list[str]:
    """A line for the metrics in no group, and one for each group, after `name` if there is one.

    >>> listing({"split": "dev", "dev": {"loss": 0.41234, "recall": {"car": 1, "cat": None}}})
    ['split dev', 'dev: loss 0.4123, recall car 1, cat –']
    """
    alone = _alone(metrics)
    groups = [(key, values) for key, values in metrics.items() if key not in alone]
    lines = [_text(alone)] if alone else []
    return lines + [f"{name} {key}: {_text(values)}".lstrip() for key, values in groups]


def _alone(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics in no group."""
    return {key: value for key, value in metrics.items() if not isinstance(value, Mapping)}


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "–" if value is None else str(value)
