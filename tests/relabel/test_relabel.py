import csv
import json
import pickle
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import make_set
from sklearn.metrics import average_precision_score

from noisylab.config.settings import FitConfig, RelabelConfig
from noisylab.core.errors import InputError
from noisylab.core.images import Decisions, ImageSet
from noisylab.data.set_files import read_fixed_sets, read_set, write_sets
from noisylab.learning.calibration import unsmoothed
from noisylab.learning.kept import Training
from noisylab.learning.network import SimpleModel
from noisylab.learning.opinion import OpinionModel
from noisylab.learning.training import fit, predict_both_ways
from noisylab.many.trainer import Trainer
from noisylab.relabel import voters
from noisylab.relabel.outputs import corrections, describe, notices, score, write_relabelling
from noisylab.relabel.rules import LabelErrors
from noisylab.relabel.run import Relabelling, relabel
from noisylab.relabel.voters import second_opinion
from noisylab.review.cases import read_cases

pytestmark = pytest.mark.usefixtures("trainings_here")
RECIPE = FitConfig(
    epochs=12,
    lr=0.003,
    batch_size=16,
    optimizer="adam",
    device="cpu",
    class_weights="inverse_frequency",
)
CONFIG = RelabelConfig(
    "best", "cat", models=1, second_opinion=False, folds=3, fold_seeds=1, sheet_images=5
)
PLANTED = {"train": [2, 5, 8, 11, 14], "dev": [2, 5]}  # cats that are labelled car


@pytest.fixture(scope="module")
def sets() -> dict[str, ImageSet]:
    made = {"train": make_set(90, seed=1), "dev": make_set(30, seed=2)}
    for split, indices in PLANTED.items():
        labels = made[split].labels.copy()
        labels[indices] = 0
        made[split] = made[split].with_labels(labels)
    return made


@pytest.fixture(scope="module")
def model(sets: dict[str, ImageSet]) -> SimpleModel:
    return fit(sets["train"], sets["dev"], RECIPE, torch.Generator().manual_seed(0)).model


def find(
    sets: dict[str, ImageSet],
    model: SimpleModel,
    decisions: Decisions | None = None,
    config: RelabelConfig = CONFIG,
) -> Relabelling:
    return relabel(sets, model, decisions or {}, config, RECIPE, 0, Trainer(engine="local:2"))


def write(result: Relabelling, folder: Path, data: str = "data") -> list[str]:
    paths = {"data": str(folder / data), "metrics": str(folder / "m.json")}
    return write_relabelling(result, 5, **paths, plots=str(folder / "plots"))


def test_planted_errors_are_found_and_corrected_and_nothing_else(
    sets: dict[str, ImageSet], model: SimpleModel
) -> None:
    result = find(sets, model, config=replace(CONFIG, models=2))
    expected = {*PLANTED["train"], *(90 + index for index in PLANTED["dev"])}
    assert {*result.errors.flagged} == expected
    assert {result.place(index) for index in result.errors.flagged} == {
        (split, index) for split, indices in PLANTED.items() for index in indices
    }
    for split, fixed in result.fixed_sets().items():
        assert np.array_equal(fixed.images, sets[split].images)
        assert (fixed.labels == sets[split].true_labels).all()
    assert list(result.rules) == ["report", "best"]
    described = describe(result)
    assert described["train"] == {
        "flagged": 5,
        "corrected": 5,
        "wrong_before": 5,
        "wrong_after": 0,
    }
    assert described["corrected"] == {"car": {"cat": 7}}
    assert described["rules"]["best"]["f1"] == 1


def test_true_labels_only_score(sets: dict[str, ImageSet], model: SimpleModel) -> None:
    blind = {split: replace(part, true_labels=None) for split, part in sets.items()}
    seen, unseen = find(sets, model), find(blind, model)
    assert np.array_equal(seen.labels, unseen.labels)
    assert np.array_equal(seen.errors.scores, unseen.errors.scores)
    assert "rules" not in describe(unseen)
    assert "wrong_before" not in describe(unseen)["train"]


def test_a_person_overrides_the_rule_in_either_direction(
    sets: dict[str, ImageSet], model: SimpleModel
) -> None:
    decisions = {("train", 2): 0, ("train", 5): 1, ("dev", 2): 2, ("dev", 0): 2, ("dev", 1): 1}
    result = find(sets, model, decisions)
    fixed = result.fixed_sets()
    assert (fixed["train"].labels[[2, 5, 8]] == [0, 1, 2]).all()
    assert (fixed["dev"].labels[[0, 1, 2, 5]] == [2, 1, 2, 2]).all()
    assert describe(result)["reviewed"] == 5
    rows = {(row[0], row[1]): row[-2:] for row in corrections_of(result)}
    assert rows["train", "2"] == ["keep", "review"]
    assert rows["train", "5"] == ["truck", "review"]
    assert rows["dev", "0"] == ["cat", "review"]
    assert rows["dev", "1"] == ["keep", "review"]
    assert rows["train", "8"] == ["cat", "rule"]


def test_what_the_models_say_goes_with_the_corrected_sets(
    tmp_path: Path, sets: dict[str, ImageSet], model: SimpleModel
) -> None:
    result = find(sets, model, {("train", 5): 1, ("dev", 0): 2}, replace(CONFIG, keep="report"))
    expected = predict_both_ways(model, result.known.images)
    expected[[5, 90]] = [[0, 1, 0], [0, 0, 1]]  # a person knows
    write_sets(tmp_path, {"test": sets["dev"]})
    write(result, tmp_path, data=".")
    fixed = read_fixed_sets(tmp_path)
    for split, part in (("train", expected[:90]), ("dev", expected[90:])):
        assert np.array_equal(fixed[split].pred_probs, part)  # type: ignore[arg-type]
        assert (fixed[split].labels == result.fixed_sets()[split].labels).all()
    assert fixed["test"].pred_probs is None


def test_distillation_reads_probabilities_without_the_smoothing_of_the_recipe(
    sets: dict[str, ImageSet], model: SimpleModel
) -> None:
    smooth = replace(RECIPE, label_smoothing=0.1)
    decisions = {("train", 5): 1}
    result = relabel(sets, model, decisions, CONFIG, smooth, 0, Trainer())
    expected = unsmoothed(predict_both_ways(model, result.known.images), 0.1)
    expected[5] = [0, 1, 0]
    assert np.array_equal(result.pred_probs, expected)
    plain = find(sets, model, decisions)  # whose models predict the same
    assert np.array_equal(result.errors.scores, plain.errors.scores)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1], "expected probabilities of train and dev; run relabel again"),
        ({"train": np.eye(3)}, "expected probabilities of train and dev; run relabel again"),
        (
            {"train": np.eye(3), "dev": np.eye(3)},
            "train: pred_probs must be float64 of shape (90, 3), got float64 of shape (3, 3); run",
        ),
        ({"train": 1, "dev": 2}, "train: pred_probs must be float64 of shape (90, 3), got 1; run"),
    ],
)
def test_what_other_sets_were_said_to_be_is_refused(
    tmp_path: Path, sets: dict[str, ImageSet], content: object, message: str
) -> None:
    write_sets(tmp_path, sets, prefix="fixed_")
    write_sets(tmp_path, {"test": sets["dev"]})
    (tmp_path / "pred_probs.pickle").write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match=re.escape(f"pred_probs.pickle: {message}")):
        read_fixed_sets(tmp_path)


def corrections_of(result: Relabelling) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in corrections(result, result.errors.near(3))]


def test_any_confusion_is_found_where_nobody_knows_which(model: SimpleModel) -> None:
    made = {"train": make_set(300, seed=1), "dev": make_set(60, seed=2)}
    labels = made["train"].labels.copy()
    labels[2:90:3] = 0
    made["train"] = made["train"].with_labels(labels)
    config = replace(CONFIG, suspect_class="any")
    result = find(made, model, config=config)
    assert result.suspect is None
    assert len(result.errors.flagged) >= 20
    assert {*result.errors.flagged} <= set(range(2, 90, 3))
    assert {*result.errors.suggested[result.errors.flagged]} == {2}


def test_the_second_opinion_counts_as_much_as_the_other_models(
    sets: dict[str, ImageSet], model: SimpleModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(second_opinion(RECIPE), epochs=1)
    monkeypatch.setattr(voters, "second_opinion", lambda recipe_of_others: recipe)
    result = find(sets, model, config=replace(CONFIG, models=2, second_opinion=True))
    known = result.known
    training = Training(RECIPE, 1), Training(recipe, 0, network=OpinionModel)
    others = [one.run(known, known.subset([0])).revive() for one in training]
    said = [predict_both_ways(one, known.images) for one in (model, *others)]
    expected = (said[0] + said[1]) / 4 + said[2] / 2
    assert result.pred_probs == pytest.approx(expected, abs=1e-12)


def test_the_rarest_class_is_suspected_by_default(
    sets: dict[str, ImageSet], model: SimpleModel
) -> None:
    result = find(sets, model, config=replace(CONFIG, suspect_class="rarest"))
    assert result.suspect == 2


def test_the_rule_that_is_kept_corrects(sets: dict[str, ImageSet], model: SimpleModel) -> None:
    result = find(sets, model, config=replace(CONFIG, keep="report"))
    assert result.errors is result.rules["report"]
    assert result.errors is not result.rules["best"]


def test_where_nothing_is_flagged_the_sets_stay(model: SimpleModel, tmp_path: Path) -> None:
    clean = {"train": make_set(90, seed=1), "dev": make_set(30, seed=2)}
    result = find(clean, model)
    for split, fixed in result.fixed_sets().items():
        assert np.array_equal(fixed.labels, clean[split].labels)
    lines = write(result, tmp_path)
    assert lines[:2] == [
        "reviewed 0",
        "train: flagged 0, corrected 0, wrong_before 0, wrong_after 0",
    ]
    assert lines[-1] == (
        "relabel: ['car', 'truck', 'cat'] are equally rare in train; the suspect class is "
        "cat; to choose another, set relabel.suspect_class"
    )


def test_a_model_of_other_classes_is_refused(sets: dict[str, ImageSet]) -> None:
    with pytest.raises(InputError, match="augmented is for 5 classes, the sets have 3; train"):
        find(sets, SimpleModel(5))


def test_an_unknown_suspect_is_refused(sets: dict[str, ImageSet], model: SimpleModel) -> None:
    message = r"suspect_class must be rarest, any, or one of \['car', 'truck', 'cat'\], got 'dog'"
    with pytest.raises(InputError, match=message):
        find(sets, model, config=replace(CONFIG, suspect_class="dog"))


def test_the_names_of_images_are_in_the_table_of_corrections(
    tmp_path: Path, sets: dict[str, ImageSet], model: SimpleModel
) -> None:
    named = {
        split: replace(image_set, names=tuple(f"{split}/{i}.png" for i in range(len(image_set))))
        for split, image_set in sets.items()
    }
    write(find(named, model, {("dev", 0): 2}), tmp_path)
    with (tmp_path / "data" / "corrections.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [f"{row['split']}/{row['index']}.png" for row in rows]
    assert {"train", "dev"} == {row["split"] for row in rows}
    read_cases(tmp_path / "data" / "corrections.csv", named)


def test_what_is_written(tmp_path: Path, sets: dict[str, ImageSet], model: SimpleModel) -> None:
    contents = []
    for name in ("first", "second"):
        folder = tmp_path / name
        result = find(sets, model, {("dev", 0): 2})
        write(result, folder)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        contents.append({str(path.relative_to(folder)): path.read_bytes() for path in paths})
    assert contents[0] == contents[1]
    pictures = ["classes", "flagged", "near", "precision_recall"]
    assert list(contents[0]) == [
        "data/corrections.csv",
        "data/fixed_dev_set.pickle",
        "data/fixed_train_set.pickle",
        "data/pred_probs.pickle",
        "m.json",
        *(f"plots/{name}.png" for name in pictures),
    ]
    fixed = read_set(tmp_path / "first" / "data" / "fixed_train_set.pickle")
    assert (fixed.labels == sets["train"].true_labels).all()
    with (tmp_path / "first" / "data" / "corrections.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 7 + 5 + 1
    assert [row["flagged"] for row in rows] == ["yes"] * 7 + ["no"] * 6
    scores = [float(row["score"]) for row in rows]
    assert scores[:7] == sorted(scores[:7], reverse=True)
    assert rows[0]["given"] == "car"
    assert (rows[0]["suggested"], rows[0]["decision"], rows[0]["by"]) == ("cat", "cat", "rule")
    metrics = json.loads((tmp_path / "first" / "m.json").read_text())
    is_wrong = result.known.labels != result.known.true_labels
    average = average_precision_score(is_wrong, result.rules["report"].scores)
    assert metrics["rules"]["report"]["average_precision"] == pytest.approx(average, abs=1e-5)


def test_missed_is_counted_among_as_many_as_are_wrong() -> None:
    is_wrong = np.array([True, False, True, True, False])
    errors = LabelErrors(np.array([0.9, 0.8, 0.7, 0.1, 0.2]), np.zeros(5, np.int64), is_wrong)
    assert score(errors, is_wrong)["missed"] == pytest.approx(1 / 3)


def calls_everything(label: int) -> SimpleModel:
    model = SimpleModel(3).eval()
    with torch.no_grad():
        model.fc3.bias.zero_()[label] = 9
    return model


def test_a_class_that_the_rule_would_empty_keeps_its_labels(sets: dict[str, ImageSet]) -> None:
    result = find(sets, calls_everything(2), {("train", 0): 2, ("train", 1): 2})
    assert len(result.errors.flagged) == (result.known.labels != 2).sum()
    assert result.spared == (0, 1)
    is_decided = np.isin(np.arange(len(result.known)), [0, 1])
    assert (result.labels[is_decided] == 2).all()
    assert (result.labels[~is_decided] == result.known.labels[~is_decided]).all()
    warned = [line for line in notices(result) if "would leave no image of train" in line]
    assert len(warned) == 2
    assert "labelled car; their labels stay as given" in warned[0]


def test_a_person_may_not_empty_a_class(sets: dict[str, ImageSet], model: SimpleModel) -> None:
    trucks = np.flatnonzero(sets["train"].labels == 1)
    with pytest.raises(InputError, match=r"leave no image of train labelled 'truck'; keep at"):
        find(sets, model, {("train", int(index)): 0 for index in trucks})


def test_a_class_of_one_image_cannot_be_in_two_folds(model: SimpleModel) -> None:
    made = {"train": make_set(31, seed=1), "dev": make_set(9, seed=2)}
    for part, rare in (("train", 1), ("dev", 0)):
        labels = np.where(made[part].labels == 2, 0, made[part].labels)
        labels[:rare] = 2
        made[part] = made[part].with_labels(labels)
    with pytest.raises(InputError, match=r"two images of each class, .* got 1 labelled 'cat'"):
        find(made, model, config=replace(CONFIG, suspect_class="any"))
