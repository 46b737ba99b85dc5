"""Metrics as nested names and numbers: files that DVC compares, and lines for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from noisylab.core.files import write_json


def write_metrics(
    folder: str, dev_folder: str, name: str, metrics: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write the metrics of one model by split, and those of dev once more for `dvc metrics`."""
    write_json(Path(folder) / f"{name}.json", metrics)
    # Without those by class: `dvc metrics show` makes a column of every number.
    dev = {key: value for key, value in metrics["dev"].items() if not isinstance(value, Mapping)}
    write_json(Path(dev_folder) / f"{name}.json", dev)


def listing(metrics: Mapping[str, Any], name: str = "") -> list[str]:
    """A line for each group of metrics, and first one for those in no group.

    name: in front of each line.

    >>> listing({"split": "dev", "dev": {"loss": 0.41234, "recall": {"car": 1, "cat": None}}})
    ['split dev', 'dev: loss 0.4123, recall car 1, cat –']
    """
    alone = {key: value for key, value in metrics.items() if not isinstance(value, Mapping)}
    groups = {key: value for key, value in metrics.items() if isinstance(value, Mapping)}
    lines = [f"{name}: {_line(alone)}" if name else _line(alone)] if alone else []
    return lines + [f"{name} {key}: {_line(values)}".lstrip() for key, values in groups.items()]


def _line(metrics: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_text(value)}" for key, value in metrics.items()) or "none"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return _line(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return "–" if value is None else str(value)
