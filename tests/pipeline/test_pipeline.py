"""The bundled photographs through the whole pipeline, and the commands that its users live in."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from .conftest import Clone, make_clone

TRAIN_STAGES = ("train_augmented", "train_balanced", "train_baseline")


def read_json(clone: Clone, name: str) -> Any:
    return json.loads((clone.folder / name).read_text())


def test_the_counts_are_the_reports(clone: Clone) -> None:
    stats = read_json(clone, "metrics/stats.json")
    assert stats["train"]["count"] == {"car": 4949, "truck": 449, "cat": 227}
    assert stats["dev"]["count"] == {"car": 551, "truck": 51, "cat": 23}
    assert stats["train"]["percent"] == {"car": 87.98222, "truck": 7.98222, "cat": 4.03556}
    assert stats["dev"]["percent"] == {"car": 88.16, "truck": 8.16, "cat": 3.68}
    assert stats["test"]["count"] == {"car": 1000, "truck": 1000, "cat": 1000}


def test_the_baseline_calls_everything_a_car(clone: Clone) -> None:
    metrics = read_json(clone, "metrics/train_baseline/report.json")
    assert list(metrics) == ["train", "dev", "dev_true", "test"]
    assert metrics["dev"]["accuracy"] == 0.8816
    assert metrics["dev"]["recall"] == {"car": 1, "truck": 0, "cat": 0}


def test_nothing_is_done_twice(clone: Clone) -> None:
    printed = clone.run("dvc", "repro")
    assert "Running stage" not in printed
    assert "Data and pipelines are up to date." in printed


def test_a_second_run_elsewhere_writes_the_same_bytes(clone: Clone, tmp_path: Path) -> None:
    other = make_clone(tmp_path)
    other.run("dvc", "repro")
    ours, theirs = clone.outputs(), other.outputs()
    assert len(ours) > 12
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []


def test_metrics_fit_a_terminal(clone: Clone) -> None:
    printed = clone.run("dvc", "metrics", "show")
    assert "balanced_accuracy" in printed
    assert "metrics/dev/train_baseline/report.json" in printed
    assert max(map(len, printed.splitlines())) <= 120


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed: 0", "seed: 1"),
        ("lr: 0.001", "lr: 0.002"),
        ("batch_size: 32", "batch_size: 16"),
        ("optimizer: adam", "optimizer: sgd"),
        ("threads: 2", "threads: 1"),
        ("device: auto", "device: cpu"),
    ],
)
def test_what_holds_for_all_runs_makes_them_anew(clone: Clone, key: str, value: str) -> None:
    clone.edit("params.yaml", {key: value})
    changed = json.loads(clone.run("dvc", "status", "--json"))
    clone.edit("params.yaml", {value: key})
    assert sorted(changed) == ["check_params", *TRAIN_STAGES]


def test_an_experiment_reruns_the_training_alone(clone: Clone) -> None:
    printed = clone.run("dvc", "exp", "run", "-S", "lr=0.0003")
    for stage in ("check_params", *TRAIN_STAGES):
        assert f"Running stage '{stage}'" in printed
    assert "Stage 'prepare' didn't change, skipping" in printed
    assert "Stage 'stats' didn't change, skipping" in printed
    difference = clone.run("dvc", "metrics", "diff")
    assert re.search(r"train_baseline/report\.json +loss +0\.\d+ +0\.\d+", difference)

    clone.run("dvc", "plots", "diff")
    page = (clone.folder / "dvc_plots" / "index.html").read_text()
    assert "workspace" in page
    assert "HEAD" in page


def test_a_number_with_an_exponent_is_one(clone: Clone) -> None:
    clone.run("dvc", "exp", "run", "-S", "lr=1e-5")
    assert "lr: 1e-05" in (clone.folder / "params.yaml").read_text()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lr=abc", "params.yaml: lr must be a number > 0, got 'abc'\n"),
        ("+learning=1", "params.yaml: learning is unknown; known are seed, lr"),
    ],
)
def test_a_wrong_value_ends_with_one_line_and_harms_nothing(
    clone: Clone, override: str, message: str
) -> None:
    clone.run("git", "checkout", "--quiet", ".")
    clone.run("dvc", "checkout")
    before = clone.outputs()
    printed = clone.run("dvc", "exp", "run", "-S", override, fails=True)
    assert message in printed
    assert "Traceback" not in printed
    assert clone.outputs() == before
