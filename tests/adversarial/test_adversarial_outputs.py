import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_set
from PIL import Image

from noisylab.adversarial.outputs import write_attacks
from noisylab.adversarial.run import Attacks, _choose, attack_all
from noisylab.config.settings import AdversarialConfig, FitConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning.network import SimpleModel
from noisylab.learning.training import fit, predict_probs

CONFIG = AdversarialConfig("truck", "rarest", 0.96, 20, [150, 2.5], 3, "linf", 0.9)
CLASSES = ("car", "truck", "cat")
GIVEN = np.array([60, 20, 10])
RECIPE = FitConfig(epochs=8, lr=0.003, batch_size=16, optimizer="adam", device="cpu")


@pytest.fixture(scope="module")
def sets() -> dict[str, ImageSet]:
    train = make_set(90, seed=1)
    return {"train": train, "dev": make_set(30, seed=2), "test": train.subset([1, 4, 2])}


@pytest.fixture(scope="module")
def model(sets: dict[str, ImageSet]) -> SimpleModel:
    train = sets["train"]
    return fit(train, train.subset([0]), RECIPE, torch.Generator().manual_seed(0)).model


def run(model: SimpleModel, sets: dict[str, ImageSet], **changes: Any) -> Attacks:
    return attack_all(model, sets, GIVEN, replace(CONFIG, **changes), "cpu")


def test_files_and_metrics_are_written_the_same_each_time(
    model: SimpleModel, sets: dict[str, ImageSet], tmp_path: Path
) -> None:
    attacks = run(model, sets)
    probs = predict_probs(model, sets["train"].images)[:, 1]
    assert abs(probs[attacks.example] - 0.96) == np.abs(probs[1::3] - 0.96).min()

    def write(folder: Path) -> dict[str, bytes]:
        names = {"data": "data", "metrics": "metrics.json", "plots": "plots"}
        paths = {key: str(folder / name) for key, name in names.items()}
        lines = write_attacks(attacks, model, CLASSES, CONFIG, **paths)
        assert lines[0] == "source_class truck, target_class cat, split test"
        assert lines[1].startswith(f"example: index {attacks.example}, source_before ")
        files = (path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    written = write(tmp_path / "a")
    assert written == write(tmp_path / "b")
    ways = ("original", "epsilon_150", "epsilon_2.5", "smallest", "confident", "steps")
    pictures = ("example", "probabilities", "success", "smallest_l2", "pairs")
    assert set(written) == {
        *(f"data/{way}.png" for way in ways),
        *(f"plots/{name}.png" for name in (*pictures, "adversarial", "original")),
        *("plots/steps.csv", "plots/success.csv", "metrics.json"),
    }
    metrics = json.loads(written["metrics.json"])
    assert (metrics["source_class"], metrics["target_class"]) == ("truck", "cat")
    assert metrics["split"] == "test"
    assert metrics["steps"]["attacked"] == metrics["smallest"]["attacked"] == 2
    assert metrics["steps"]["before"] == 0
    assert metrics["steps"]["epsilon_150"]["success"] == 1
    assert metrics["smallest"]["success"] == metrics["confident"]["success"] == 1
    assert 0 < metrics["smallest"]["l2_median"] < metrics["confident"]["l2_median"]
    assert metrics["example"]["linf"] <= 20
    saved = [
        np.array(Image.open(tmp_path / f"a/plots/{name}.png"))
        for name in ("original", "adversarial")
    ]
    assert saved[0].shape == (32, 32, 3)
    assert (saved[0] == sets["train"].images[attacks.example]).all()
    called = predict_probs(model, saved[1][None])[0]
    assert metrics["example"]["target_after"] == pytest.approx(float(called[2]), abs=1e-5)
    rows = written["plots/steps.csv"].decode().splitlines()
    assert rows[0] == "step,source,target"
    assert len(rows) == 5
    assert written["plots/success.csv"].decode().splitlines()[1].startswith("2.5,")


def test_where_nothing_is_reached_there_are_no_sizes(
    model: SimpleModel, sets: dict[str, ImageSet], tmp_path: Path
) -> None:
    attacks = run(model, sets)
    original = attacks.images["original"]
    untouched = replace(
        attacks,
        trail=np.concatenate([attacks.trail[:1]] * 4),
        images=dict.fromkeys(attacks.images, original),
    )
    metrics = tmp_path / "metrics.json"
    paths = {"data": str(tmp_path / "data"), "plots": str(tmp_path / "plots")}
    lines = write_attacks(untouched, model, CLASSES, CONFIG, metrics=str(metrics), **paths)
    described = json.loads(metrics.read_text())
    for name in ("smallest", "confident"):
        assert described[name]["success"] == 0
        sizes = ("l2_median", "l2_p95", "linf_median", "linf_p95")
        assert [described[name][size] for size in sizes] == [None] * 4
    assert lines[-1] == "adversarial: the example is not classified as cat; raise epsilon or steps"


def test_without_a_test_set_dev_is_attacked(model: SimpleModel, sets: dict[str, ImageSet]) -> None:
    attacks = run(model, {**sets, "test": sets["test"].subset([])})
    assert attacks.split == "dev"
    assert len(attacks.images["original"]) == 10


# Car and truck are confused most; truck and cat least, though no car is called cat.
CONFUSION = np.array([[90, 5, 0], [6, 30, 1], [3, 1, 20]])


@pytest.mark.parametrize(
    ("source", "target", "able", "chosen"),
    [
        ("least_confused", "rarest", [0, 1, 2], (1, 2)),
        ("least_confused", "least_confused", [0, 1, 2], (1, 2)),
        ("least_confused", "rarest", [0], (0, 2)),
        ("least_confused", "rarest", [2], (1, 2)),
        ("least_confused", "rarest", [], (1, 2)),
        ("least_confused", "car", [0, 1, 2], (2, 0)),
        ("cat", "rarest", [0, 1, 2], (2, 1)),
        ("car", "least_confused", [0, 1, 2], (0, 2)),
    ],
)
def test_the_pair_is_the_one_confused_least(
    source: str, target: str, able: list[int], chosen: tuple[int, int]
) -> None:
    config = replace(CONFIG, source_class=source, target_class=target)
    assert _choose(config, CLASSES, CONFUSION, GIVEN, able) == chosen


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source_class": "dog"}, "source_class must be least_confused, or one of .*, got 'dog'"),
        ({"target_class": "dog"}, "target_class must be rarest, least_confused, or one of"),
        ({"source_class": "cat", "target_class": "cat"}, "are both 'cat'; they must differ"),
    ],
)
def test_bad_classes_are_refused(
    model: SimpleModel, sets: dict[str, ImageSet], changes: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run(model, sets, **changes)


@pytest.mark.parametrize("source", ["truck", "least_confused"])
def test_a_model_that_predicts_no_source_image_correctly_leaves_nothing_to_attack(
    sets: dict[str, ImageSet], tmp_path: Path, source: str
) -> None:
    model, metrics = SimpleModel(3), tmp_path / "metrics.json"
    with torch.no_grad():
        model.fc3.bias[2] = 100  # predicts cat, the target, for every image
    attacks = run(model, sets, source_class=source)
    paths = {"data": str(tmp_path / "data"), "plots": str(tmp_path / "plots")}
    lines = write_attacks(attacks, model, CLASSES, CONFIG, metrics=str(metrics), **paths)
    name = CLASSES[attacks.source]
    assert name != "cat"
    assert lines[-2:] == [
        f"adversarial: no image of {split} is correctly predicted as {name}"
        for split in ("train", "test")
    ]
    nothing = json.loads(metrics.read_text())
    assert nothing["steps"]["attacked"] == nothing["smallest"]["attacked"] == 0
    assert nothing["example"]["index"] is nothing["steps"]["before"] is None
    attacked = run(model, sets, source_class="cat", target_class="car")
    write_attacks(attacked, model, CLASSES, CONFIG, metrics=str(metrics), **paths)
    assert keys(json.loads(metrics.read_text())) == keys(nothing)


def keys(values: Any) -> Any:
    return {key: keys(value) for key, value in values.items()} if isinstance(values, dict) else None


def test_a_source_that_the_model_learned_in_one_split_only(
    model: SimpleModel, sets: dict[str, ImageSet], tmp_path: Path
) -> None:
    test = sets["test"].subset([0, 1])
    wrong = test.with_labels(np.array([2, 2]))  # trucks that are called cat
    attacks = run(model, {**sets, "test": wrong}, source_class="cat", target_class="car")
    assert attacks.example is not None
    assert attacks.images["smallest"].shape == (0, 32, 32, 3)
    relabelled = {**sets, "train": sets["train"].with_labels(np.zeros(90, dtype=np.int64))}
    attacks = run(model, relabelled)
    assert attacks.example is None
    assert len(attacks.images["confident"]) == 2
    paths = {name: str(tmp_path / name) for name in ("data", "metrics", "plots")}
    lines = write_attacks(attacks, model, CLASSES, CONFIG, **paths)
    assert lines[-1] == "adversarial: no image of train is correctly predicted as truck"


def test_a_broken_model_is_refused(sets: dict[str, ImageSet]) -> None:
    model = SimpleModel(3)
    with pytest.raises(InputError, match="the final model is for 2 classes, the sets have 3"):
        run(SimpleModel(2), sets)
    with torch.no_grad():
        model.fc3.bias[0] = torch.nan
    with pytest.raises(InputError, match="the model's output is NaN"):
        run(model, sets)
