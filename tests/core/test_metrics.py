import json
from pathlib import Path

import numpy as np

from noisylab.core.metrics import listing, write_metrics

METRICS = {
    "train": {"accuracy": np.float64(0.88125), "recall": {"car": 1.0, "cat": 0.0}},
    "dev": {"accuracy": 0.5, "recall": {"car": 0.25, "cat": 0.75}},
}


def test_metrics_of_dev_stand_alone_without_those_by_class(tmp_path: Path) -> None:
    write_metrics(str(tmp_path / "all"), str(tmp_path / "dev"), "long", METRICS)
    assert json.loads((tmp_path / "all" / "long.json").read_text()) == METRICS
    assert json.loads((tmp_path / "dev" / "long.json").read_text()) == {"accuracy": 0.5}


def test_a_line_lists_each_group() -> None:
    assert listing(METRICS, "long") == [
        "long train: accuracy 0.8812, recall car 1, cat 0",
        "long dev: accuracy 0.5, recall car 0.25, cat 0.75",
    ]
    mixed = {"images": np.int64(123456), "sizes": {"l2": None}, "final": "best", "corrected": {}}
    assert listing(mixed) == ["images 123456, final best", "sizes: l2 –", "corrected: none"]
