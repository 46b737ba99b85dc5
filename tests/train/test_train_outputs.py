import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_set
from PIL import Image

from noisylab.config.settings import AugmentConfig, FitConfig
from noisylab.core.images import ImageSet
from noisylab.learning.network import read_weights
from noisylab.learning.training import predict_probs
from noisylab.many.trainer import Trainer
from noisylab.train import figures
from noisylab.train.outputs import write_runs
from noisylab.train.run import Run, train_runs

CONFIG = FitConfig(epochs=2, lr=0.003, batch_size=16, optimizer="adam", device="cpu")
OTHER = FitConfig(
    *(1, 0.003, 16, "sgd", "cpu"),
    augment=AugmentConfig(probability="one_minus_frequency", shift_pixels=2),
)


def make_sets() -> dict[str, ImageSet]:
    train, dev = make_set(90, seed=1), make_set(30, seed=2)
    dev = dev.with_labels((dev.labels + 1) % 3)
    return {"train": train, "dev": dev, "test": dev.subset(range(9))}


@pytest.fixture
def sets() -> dict[str, ImageSet]:
    return make_sets()


def write(
    runs: dict[str, Run], sets: dict[str, ImageSet], folder: Path, given: ImageSet | None = None
) -> list[str]:
    names = {
        "model": "model.pt",
        "models": "models",
        "metrics": "metrics",
        "dev_metrics": "dev",
        "plots": "plots",
    }
    paths = {key: str(folder / name) for key, name in names.items()}
    return write_runs(runs, sets, "long", given or sets["train"], **paths)


def train_both(sets: dict[str, ImageSet]) -> dict[str, Run]:
    return train_runs(sets, {"long": CONFIG, "short": OTHER}, 0, Trainer(engine="local:1"))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Run], Path, list[str]]:
    """Two runs, the folder of their files, and the lines printed about them."""
    folder, sets = tmp_path_factory.mktemp("first"), make_sets()
    runs = train_both(sets)
    return runs, folder, write(runs, sets, folder)


def test_files_metrics_and_lines_of_every_run(
    first: tuple[dict[str, Run], Path, list[str]], sets: dict[str, ImageSet]
) -> None:
    runs, folder, lines = first
    splits = ("train", "dev", "dev_true", "test")
    expected = [f"{run} {split}" for run in runs for split in splits]
    assert [line.partition(":")[0] for line in lines] == expected
    assert re.search(r"accuracy [\d.]+, .*recall car [\d.]+, truck [\d.]+, cat [\d.]+$", lines[0])
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    plots = ["history.csv", "confusion.csv", "loss.png", "confusion.png", "classes.png"]
    plots += ["precision_recall.png", "suspects.png", "reliability.png"]
    each = [
        "metrics/{}.json",
        "dev/{}.json",
        "models/{}.pt",
        *(f"plots/{{}}/{name}" for name in plots),
    ]
    once = {"model.pt", "plots/runs.png", "plots/short/augmentations.png"}
    assert files == once | {name.format(run) for name in each for run in runs}

    metrics = json.loads((folder / "metrics" / "long.json").read_text())
    assert list(metrics) == ["precision", "train", "dev", "dev_true", "test"]
    evaluation = runs["long"].evaluations["dev_true"]
    assert metrics["dev_true"]["recall"]["cat"] == pytest.approx(evaluation.recall[2], abs=1e-5)
    assert metrics["dev"] != metrics["dev_true"]
    headline = json.loads((folder / "dev" / "long.json").read_text())
    shares = ["accuracy", "balanced_accuracy", "macro_f1", "ece"]
    assert list(headline) == ["loss", *shares]
    assert headline.items() <= metrics["dev"].items()

    confusion = (folder / "plots" / "long" / "confusion.csv").read_text().splitlines()
    counts = runs["long"].evaluations["dev"].confusion
    assert confusion[0] == "label,predicted,count,share"
    assert confusion[2].split(",")[:3] == ["car", "truck", str(counts[0, 1])]
    history = (folder / "plots" / "long" / "history.csv").read_text().splitlines()
    assert history[0] == "epoch,train_loss,dev_loss,train_accuracy,dev_accuracy"
    assert len(history) == 3

    kept = predict_probs(read_weights(folder / "model.pt"), sets["dev"].images)
    ours = predict_probs(runs["long"].model, sets["dev"].images)
    assert kept == pytest.approx(ours, abs=1e-6)
    weights = {name: (folder / f"models/{name}.pt").read_bytes() for name in runs}
    assert weights["long"] == (folder / "model.pt").read_bytes() != weights["short"]


def test_the_same_runs_leave_the_same_bytes(
    first: tuple[dict[str, Run], Path, list[str]], tmp_path: Path, sets: dict[str, ImageSet]
) -> None:
    write(train_both(sets), sets, tmp_path)
    contents = []
    for folder in (first[1], tmp_path):
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        contents.append([(path.relative_to(folder), path.read_bytes()) for path in paths])
    assert contents[0] == contents[1]


def test_suspects_are_predicted_as_the_rarest_and_labelled_the_most_common_class(
    tmp_path: Path, sets: dict[str, ImageSet]
) -> None:
    number = np.arange(90)
    sets["train"] = sets["train"].with_labels(np.where(number < 60, 2, np.where(number < 85, 0, 1)))
    sets["dev"].images[:] = 0
    sets["dev"].images[7] = (0, 255, 0)
    sets["dev"] = sets["dev"].with_labels(np.full(30, 2))
    run = train_runs(sets, {"long": CONFIG}, 0, Trainer(engine="local:1"))["long"]
    run.pred_probs["dev"][:] = (0, 0, 1)
    run.pred_probs["dev"][7] = (0.1, 0.8, 0.1)
    write({"long": run}, sets, tmp_path)
    with Image.open(tmp_path / "plots" / "long" / "suspects.png") as sheet:
        colors = np.asarray(sheet.convert("RGB")).reshape(-1, 3)
    assert (colors == (0, 255, 0)).all(axis=1).sum() > 3000  # that one image
    assert (colors == (0, 0, 0)).all(axis=1).sum() < 1000  # none of the others


def test_suspects_are_of_the_class_that_was_rare_as_given(
    tmp_path: Path, sets: dict[str, ImageSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = train_runs(sets, {"long": CONFIG}, 0, Trainer(engine="local:1"))
    drawn: list[tuple[int, int]] = []
    plain = figures.suspects

    def suspects(*arguments: Any) -> Any:
        drawn.append(arguments[-2:])
        return plain(*arguments)

    monkeypatch.setattr(figures, "suspects", suspects)
    labels = sets["train"].labels
    for rare, common in ((2, 0), (0, 1)):
        given = sets["train"].with_labels(np.where(labels == rare, common, labels))
        given = given.with_labels(np.r_[rare, given.labels[1:]])
        write(runs, sets, tmp_path, given)
        assert drawn[-1] == (common, rare)
