"""The figures of the lab report that the pipeline reproduces, where the images are its images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from noisylab.report.results import Data

#: Figures by stage; see lab_report.json. Shares in [0, 1], percents of the data as it gave them.
LabReport = Mapping[str, Any]


def lab_report_of(data: Data) -> LabReport | None:
    """The lab report, if train and dev have its classes and its count of images under each."""
    report: LabReport = json.loads(
        files("noisylab.report").joinpath("lab_report.json").read_text(encoding="utf-8")
    )
    same = all(data.splits[split].count == count for split, count in report["count"].items())
    return report if same else None
