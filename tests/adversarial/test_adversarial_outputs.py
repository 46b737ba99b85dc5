import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_set
from PIL import Image
from trainings import map_here

from noisylab.adversarial import parts
from noisylab.adversarial.outputs import write_attacks
from noisylab.adversarial.run import Attacks, _choose, attack_all
from noisylab.config.settings import AdversarialConfig, FitConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning.network import SimpleModel
from noisylab.learning.training import fit, predict_probs

CONFIG = AdversarialConfig("report", "truck", "rarest", 0.96, 20, [150, 2.5], 3, "linf", 0.9)
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


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of attacks run here; to start workers takes seconds."""
    monkeypatch.setattr(parts, "map_trainings", map_here)


def run(model: SimpleModel, sets: dict[str, ImageSet], **changes: Any) -> Attacks:
    config = replace(CONFIG, **changes)
    models = {"train_fixed": model, "final": model}
    return attack_all(models, sets, GIVEN, config, "cpu", "local")


def write(attacks: Attacks, models: dict[str, SimpleModel], folder: Path) -> list[str]:
    names = {"data": "data", "metrics": "metrics.json", "plots": "plots"}
    paths = {key: str(folder / name) for key, name in names.items()}
    return write_attacks(attacks, models, CLASSES, CONFIG, **paths)


def written(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_equal_models_leave_the_same_files_and_metrics(
    model: SimpleModel, sets: dict[str, ImageSet], tmp_path: Path
) -> None:
    attacks = run(model, sets)
    example = attacks.by_model["final"].example
    assert example is not None
    lines = write(attacks, {"train_fixed": model, "final": model}, tmp_path)
    assert lines[0] == "source_class truck, target_class cat, split test"
    assert lines[1].startswith(f"train_fixed example: index {example.index}, source_before ")
    found = written(tmp_path)
    ways = ["original", "epsilon_150", "epsilon_2.5", "smallest", "confident"]
    ways += ["steps", "near", "moved"]
    pictures = ("example", "near", "probabilities", "success", "smallest_l2", "pairs")
    of_one = {
        *(f"data/final/{way}.png" for way in ways),
        *(f"plots/final/{name}.png" for name in (*pictures, "adversarial", "original")),
        *("plots/final/steps.csv", "plots/final/success.csv"),
    }
    of_other = {name.replace("final", "train_fixed") for name in of_one}
    assert set(found) == {*of_one, *of_other, "metrics.json"}
    other = {name: found[name.replace("final", "train_fixed")] for name in of_one}
    assert {name: found[name] for name in of_one} == other
    described = json.loads(found["metrics.json"])
    assert (described["source_class"], described["target_class"]) == ("truck", "cat")
    assert described["split"] == "test"
    metrics = described["final"]
    assert metrics == described["train_fixed"]
    assert metrics["steps"]["attacked"] == metrics["smallest"]["attacked"] == 2
    assert metrics["steps"]["epsilon_150"]["success"] == 1
    assert metrics["smallest"]["success"] == metrics["confident"]["success"] == 1
    assert 0 < metrics["smallest"]["l2_median"] < metrics["confident"]["l2_median"]
    assert metrics["example"]["linf"] <= 20
    saved = [
        np.array(Image.open(tmp_path / f"plots/final/{name}.png"))
        for name in ("original", "adversarial")
    ]
    assert saved[0].shape == (32, 32, 3)
    assert (saved[0] == sets["train"].images[example.index]).all()
    called = predict_probs(model, saved[1][None])[0]
    assert metrics["example"]["target_after"] == pytest.approx(float(called[2]), abs=1e-5)
    rows = found["plots/final/steps.csv"].decode().splitlines()
    assert rows[0] == "step,source,target"
    assert len(rows) == 5
    assert found["plots/final/success.csv"].decode().splitlines()[1].startswith("2.5,")


def test_where_nothing_is_reached_there_are_no_sizes(
    model: SimpleModel, sets: dict[str, ImageSet], tmp_path: Path
) -> None:
    attacks = run(model, sets).by_model["final"]
    assert attacks.example is not None
    still = replace(
        attacks.example,
        trail=np.concatenate([attacks.example.trail[:1]] * 4),
        moved=attacks.example.near,
    )
    untouched = replace(
        attacks, example=still, images=dict.fromkeys(attacks.images, attacks.images["original"])
    )
    lines = write(Attacks(1, 2, "test", {"final": untouched}), {"final": model}, tmp_path)
    described = json.loads((tmp_path / "metrics.json").read_text())["final"]
    assert described["example"]["near"]["success"] == 0
    for name in ("smallest", "confident"):
        assert described[name]["success"] == 0
        sizes = ("l2_median", "l2_p95", "linf_median", "linf_p95")
        assert [described[name][size] for size in sizes] == [None] * 4
    assert lines[-1] == (
        "adversarial: the example of the final model is not classified as cat; raise epsilon or "
        "steps"
    )


def test_without_a_test_set_dev_is_attacked(model: SimpleModel, sets: dict[str, ImageSet]) -> None:
    attacks = run(model, {**sets, "test": sets["test"].subset([])})
    assert attacks.split == "dev"
    assert len(attacks.by_model["final"].images["original"]) == 10


# Car and truck are confused most; truck and cat least, though no car is called cat.
CONFUSION = np.array([[90, 5, 0], [6, 30, 1], [3, 1, 20]])


@pytest.mark.parametrize(
    ("source", "target", "able", "chosen"),
    [
        ("least_confused", "rarest", [0, 1, 2], (1, 2)),
        ("least_confused", "least_confused", [0, 1, 2], (1, 2)),
        ("least_confused", "rarest", [0], (0, 2)),
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


def constant(label: int, n_classes: int = 3) -> SimpleModel:
    """A model that predicts one class for every image."""
    model = SimpleModel(n_classes)
    with torch.no_grad():
        model.fc3.bias[label] = 100
    return model


def test_a_model_without_correct_predictions_is_a_result(
    model: SimpleModel, sets: dict[str, ImageSet], tmp_path: Path
) -> None:
    models = {"train_fixed": constant(2), "final": model}
    attacks = attack_all(models, sets, GIVEN, CONFIG, "cpu", "local")
    lines = write(attacks, models, tmp_path)
    assert "train_fixed example –" not in lines
    wanted = "adversarial: the train_fixed model predicts no image of truck in train correctly"
    assert [line for line in lines if line.startswith(wanted)]
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    poor = metrics["train_fixed"]
    assert poor["example"] is None
    assert poor["steps"]["attacked"] == 0
    assert poor["smallest"]["success"] is None
    assert metrics["final"]["steps"]["attacked"] == 2
    assert not (tmp_path / "plots/train_fixed").exists()


@pytest.mark.parametrize("source", ["truck", "least_confused"])
def test_models_that_all_predict_nothing_correctly_leave_folders_and_metrics(
    sets: dict[str, ImageSet], tmp_path: Path, source: str
) -> None:
    attacks = run(constant(2), sets, source_class=source)
    assert attacks.source != attacks.target == 2
    write(attacks, dict.fromkeys(("train_fixed", "final"), constant(2)), tmp_path)
    assert [*written(tmp_path)] == ["metrics.json"]
    assert (tmp_path / "data").is_dir()
    assert (tmp_path / "plots").is_dir()


def test_unfit_models_are_refused(sets: dict[str, ImageSet]) -> None:
    with pytest.raises(InputError, match="the train_fixed model is for 2 classes, the sets have 3"):
        run(SimpleModel(2), sets)
    broken = constant(0)
    with torch.no_grad():
        broken.fc3.bias[0] = torch.nan
    with pytest.raises(InputError, match="the output of the train_fixed model is NaN or infinite"):
        run(broken, sets)
