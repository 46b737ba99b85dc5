"""Where the stages that train write, and the metrics that they all write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisylab.core.files import write_json


@dataclass(frozen=True)
class Places:
    """Where a train stage writes.

    model:       file of the weights of the run to keep.
    metrics:     folder of one JSON a run with the figures of every split.
    dev_metrics: folder of one JSON a run with the few figures of dev that compare runs at a glance.
    plots:       folder of one folder a run, and of what compares them.
    """

    model: str
    metrics: str
    dev_metrics: str
    plots: str


def write_metrics(places: Places, name: str, metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the figures of one run by split, and by themselves the few of dev."""
    write_json(Path(places.metrics) / f"{name}.json", metrics)
    # Without the classes: `dvc metrics show` makes a column of every figure.
    headline = {key: value for key, value in metrics["dev"].items() if key != "recall"}
    write_json(Path(places.dev_metrics) / f"{name}.json", headline)
