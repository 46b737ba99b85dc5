"""Sentences follow the figures: other figures, other sentences."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_run import make_run

from noisylab.config.settings import AugmentConfig

ALL_ONE = [[100, 0, 0], [12, 0, 0], [8, 0, 0]]


def test_a_baseline_of_one_answer_is_called_useless(tmp_path: Path) -> None:
    said = make_run(tmp_path).said()
    assert "It calls everything car: its accuracy of 83.3 %" in said["train_baseline"]
    assert "takes no training, and does as well" in said["train_baseline"]
    assert (
        "The baseline calls everything car, a label that 83.3 % of dev have"
        in said["train_balanced"]
    )
    assert "it calls everything car" in said["short"]


def test_a_baseline_that_tells_classes_apart_is_not(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.confuse("train_baseline", [[90, 5, 5], [6, 6, 0], [6, 0, 2]])
    said = run.said()
    assert "everything" not in said["train_balanced"] + said["short"]
    assert "It answers with each class" in said["train_baseline"]
    assert "To call everything car would be right on 83.3 % of dev" in said["train_baseline"]
    assert "finds no more than 25.0 % of cat" in said["train_balanced"]


def test_a_class_that_is_never_answered_is_named(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.confuse("train_baseline", [[90, 10, 0], [6, 6, 0], [6, 2, 0]])
    assert "It never answers cat, though there are such images" in run.said()["train_baseline"]


def test_everything_called_another_class_than_the_common_one(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.confuse("train_baseline", [[0, 100, 0], [0, 12, 0], [0, 8, 0]])
    said = run.said()["train_baseline"]
    assert "It calls everything truck: its accuracy of 10.0 %" in said
    assert "To call everything car would be right on 83.3 % of dev; the model is on 10.0 %" in said


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ((500, 60, 40), "very unbalanced: for one image labelled cat there are 12.5 labelled car"),
        ((100, 60, 50), "are unbalanced: for one image labelled cat there are 2.0 labelled car"),
        ((50, 50, 49), "are balanced: car is there 1.0 times as often as the rarest, cat"),
    ],
)
def test_how_unbalanced_the_data_are(tmp_path: Path, counts: tuple[int, ...], text: str) -> None:
    assert text in make_run(tmp_path, train=counts).said()["data"]


def test_images_that_are_there_twice_are_told(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "No image is there twice" in run.said()["data"]
    run.change("stats.json", "dev", "repeated_images", value=3)
    run.change("stats.json", "shared_images", "train_dev", value=7)
    assert "3 of dev repeat an earlier one and 7 of dev are in train, too" in run.said()["data"]


def test_without_test_and_true_labels_nothing_is_said_of_them(tmp_path: Path) -> None:
    run = make_run(tmp_path, test=None, truth=False)
    said = run.said()
    assert "There is no test set" in said["data"]
    assert "Whether the labels are right, nobody knows" in said["data"]
    assert "how many still are, nobody knows" in said["relabel"]
    assert "On dev (given labels), balanced accuracy" in said["train_balanced"]
    for text in said.values():
        assert "true labels" not in text
        assert "on test" not in text.lower()
    assert "true labels" not in run.html()


def test_labels_that_are_all_right(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for split in ("train", "dev"):
        run.change("relabel.json", split, "wrong_before", value=0)
        run.change("relabel.json", split, "wrong_after", value=4)
    run.change("relabel.json", "rules", value=None)
    said = run.said()
    assert "none is wrong" in said["data"]
    assert "Worse: 0 labels of train and dev were wrong, and 8 are now" in said["relabel"]


def test_nothing_flagged(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for split in ("train", "dev"):
        run.change("relabel.json", split, "flagged", value=0)
        run.change("relabel.json", split, "corrected", value=0)
        run.change("relabel.json", split, "wrong_after", value=20)
    run.change("relabel.json", "corrected", value={})
    said = run.said()
    assert (
        "0 labels flagged, and none corrected: the corrected sets are the given" in said["relabel"]
    )
    assert "No gain: 40 labels of train and dev were wrong, and 40 are now" in said["relabel"]
    assert "No label of train was corrected" in said["train_fixed"]
    assert "With no label corrected" in said["short"]
    assert "flagged images" not in run.html().lower()


def test_a_persons_decisions_are_counted(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "No person has decided on any" in run.said()["relabel"]
    run.change("relabel.json", "reviewed", value=2)
    assert "2 decisions of a person went before the rule" in run.said()["relabel"]


def test_by_heart_or_not(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "the two lie close" in run.said()["train_balanced"]
    run.confuse("train_balanced", [[90, 5, 5], [6, 6, 0], [6, 0, 2]])
    said = run.said()
    assert "learns training images by heart" in said["train_balanced"]
    assert (
        "Of cat, the rarest class, 90.0 % are found on train and 25.0 % on dev"
        in said["train_augmented"]
    )


def test_what_stands_out(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "No image labelled car is called cat" in run.said()["train_augmented"]
    run.confuse("train_augmented", [[80, 5, 15], [2, 10, 0], [1, 0, 7]])
    said = run.said()
    assert (
        "What stands out: 15 images labelled car are called cat, against 8"
        in said["train_augmented"]
    )
    assert "Is the model wrong so often, or are the labels?" in said["relabel"]
    assert "Before, on the given labels, it was 15." in said["train_fixed"]


def test_a_step_that_does_worse_is_said_to(tmp_path: Path) -> None:
    run = make_run(tmp_path, test=None)
    run.confuse("train_augmented", ALL_ONE)
    said = run.said()
    assert "balanced accuracy falls from 93.1 % to 33.3 %" in said["train_augmented"]
    assert "balanced accuracy rises from 33.3 % to 93.1 %" in said["train_fixed"]


def test_a_difference_that_chance_may_make_is_called_so(tmp_path: Path) -> None:
    run = make_run(tmp_path, test=None)
    run.confuse("train_augmented", [[90, 10, 0], [1, 11, 0], [0, 0, 8]])
    assert "within the" in run.said()["train_augmented"]
    assert "more than chance would make on 120 images" in run.said()["train_balanced"]


@pytest.mark.parametrize("n_classes", [2, 5, 40])
def test_any_number_of_classes(tmp_path: Path, n_classes: int) -> None:
    classes = tuple(f"kind {at}" for at in range(n_classes))
    many = dict.fromkeys(("train", "dev", "test"), [30] + [10] * (n_classes - 1))
    run = make_run(tmp_path, classes, **many)  # type: ignore[arg-type]
    text = run.html()
    assert f"{n_classes} classes, kind 0" in re.sub("</?bdi>", "", text)
    for word in ("car", "truck", "cat", "lab report"):
        assert not re.search(rf"\b{word}s?\b", text)


def test_settings_are_told_as_they_are(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    said = run.said()
    assert (
        "5 epochs by adam, with a learning rate of 0.001 and 32 images a step"
        in said["train_baseline"]
    )
    assert "Images are shown as they are" in said["train_balanced"]
    assert "Every image is moved by up to 4 pixels along each axis" in said["train_augmented"]
    said_by_models = "70 % of each label replaced by what the models of relabel say"
    assert said_by_models in said["train_fixed"]
    assert "replaced" not in said["train_augmented"]
    section = run.params.train_augmented
    runs = {"best": section.runs["report"], "report": section.runs["report"]}
    params = replace(run.params, train_augmented=replace(section, runs=runs))
    said = replace(run, params=params).said()
    assert (
        "in one of seven ways with a probability of one minus the share" in said["train_augmented"]
    )
    augment = AugmentConfig(probability=0.3)
    runs = {"best": replace(section.runs["report"], augment=augment), "report": runs["report"]}
    params = replace(run.params, train_augmented=replace(section, runs=runs))
    said = replace(run, params=params).said()
    assert "in one of seven ways with a probability of 30 %" in said["train_augmented"]
    weights: dict[str, Any] = {"car": 1, "truck": 2, "cat": 22}
    runs = {"best": replace(section.runs["report"], class_weights=weights), "report": runs["best"]}
    params = replace(run.params, train_augmented=replace(section, runs=runs))
    assert (
        "with weights by their label: car 1, truck 2 and cat 22"
        in replace(run, params=params).said()["train_augmented"]
    )
    relabel = replace(run.params.relabel, keep="report", suspect_class="any")
    said = replace(run, params=replace(run.params, relabel=relabel)).said()
    assert "all of them are looked at" in said["relabel"]
    assert "what the kept model of train_augmented calls otherwise" in said["relabel"]


def test_classes_that_are_equally_common(tmp_path: Path) -> None:
    equal = dict.fromkeys(("train", "dev", "test"), (50, 50, 50))
    run = make_run(tmp_path, **equal)  # type: ignore[arg-type]
    said = run.said()
    assert "all labels are equally frequent" in said["data"]
    assert "What it confuses most on dev" in said["relabel"]
    for text in said.values():
        assert "rarest" not in text or "often for the rarest" in text
        assert "car are called car" not in text


def test_corrected_labels_flatter_or_may(tmp_path: Path) -> None:
    run = make_run(tmp_path / "true")
    assert "flatter" not in run.said()["train_fixed"]
    run.change("train_fixed/best.json", "dev_true", "balanced_accuracy", value=0.7)
    assert "93.1 % by corrected labels and 70.0 % by true ones" in run.said()["train_fixed"]
    unknown = make_run(tmp_path / "unknown", truth=False)
    assert "may flatter it: by the given ones" in unknown.said()["train_fixed"]
