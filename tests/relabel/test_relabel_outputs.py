import csv
import json
import pickle
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import make_set
from planted import CONFIG, find, planted_sets, trained_model, write
from sklearn.metrics import average_precision_score

from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.data.set_files import read_fixed_sets, read_set, write_sets
from noisylab.learning.network import SimpleModel
from noisylab.learning.training import predict_both_ways
from noisylab.relabel.outputs import corrections, describe, score
from noisylab.relabel.rules import LabelErrors
from noisylab.relabel.run import Relabelling
from noisylab.review.cases import read_cases

pytestmark = pytest.mark.usefixtures("trainings_here")


@pytest.fixture(scope="module")
def sets() -> dict[str, ImageSet]:
    return planted_sets()


@pytest.fixture(scope="module")
def model(sets: dict[str, ImageSet]) -> SimpleModel:
    return trained_model(sets)


def corrections_of(result: Relabelling) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in corrections(result, result.errors.near(3))]


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
    assert rows["train", "2"] == ["keep", "person"]
    assert rows["train", "5"] == ["truck", "person"]
    assert rows["dev", "0"] == ["cat", "person"]
    assert rows["dev", "1"] == ["keep", "person"]
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


def test_where_nothing_is_flagged_the_sets_stay(model: SimpleModel, tmp_path: Path) -> None:
    clean = {"train": make_set(90, seed=1), "dev": make_set(30, seed=2)}
    result = find(clean, model)
    for split, fixed in result.fixed_sets().items():
        assert np.array_equal(fixed.labels, clean[split].labels)
    lines = write(result, tmp_path)
    assert lines[:2] == [
        "reviewed 0",
        "train: flagged 0, corrected 0, wrong_before 0, wrong_after 0, made_wrong 0",
    ]
    assert not any("equally rare" in line for line in lines)  # the suspect is named


def test_a_suspect_that_is_rarest_by_order_alone_is_told(
    model: SimpleModel, tmp_path: Path
) -> None:
    clean = {"train": make_set(90, seed=1), "dev": make_set(30, seed=2)}
    result = find(clean, model, config=replace(CONFIG, suspect_class="rarest"))
    assert write(result, tmp_path)[-1] == (
        "relabel: ['car', 'truck', 'cat'] are about equally rare in train, and only labels that "
        "should be car are looked for; to look for any, set relabel.suspect_class to any"
    )
