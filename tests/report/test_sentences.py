"""Sentences about data, trainings and labels follow the figures."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_run import make_run

from noisylab.config.settings import AugmentConfig

SPLITS = ("train", "dev", "test")
ALL_ONE = [[100, 0, 0], [12, 0, 0], [8, 0, 0]]


def test_a_baseline_of_one_answer_is_called_useless(tmp_path: Path) -> None:
    said = make_run(tmp_path).said()
    assert "The model predicts car for every image" in said["train_baseline"]
    assert "Its accuracy of 83.3% on dev is merely the share" in said["train_baseline"]
    assert "needs no training and gives the same scores" in said["train_baseline"]
    assert "predicts car, the label of 83.3% of dev, for every image" in said["train_balanced"]
    assert "the network predicts car for every image" in said["short"]


def test_a_baseline_that_tells_classes_apart_is_not(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.confuse("train_baseline", [[90, 5, 5], [6, 6, 0], [6, 0, 2]])
    said = run.said()
    assert "every image" not in said["short"]
    assert "The baseline predicts" not in said["train_balanced"]
    assert "The model predicts every class" in said["train_baseline"]
    assert "car for every image gives an accuracy of 83.3% on dev" in said["train_baseline"]
    assert "recall of cat on dev is only 25.0%" in said["train_balanced"]


def test_a_class_that_is_never_answered_is_named(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.confuse("train_baseline", [[90, 10, 0], [6, 6, 0], [6, 2, 0]])
    assert "The model never predicts cat, although dev contains" in run.said()["train_baseline"]


def test_everything_called_another_class_than_the_common_one(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.confuse("train_baseline", [[0, 100, 0], [0, 12, 0], [0, 8, 0]])
    said = run.said()["train_baseline"]
    assert "The model predicts truck for every image. Its accuracy of 10.0%" in said
    assert "an accuracy of 83.3% on dev; the model reaches 10.0%" in said


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ((500, 60, 40), "highly imbalanced: for each image labelled cat, 12.5 are labelled car"),
        ((100, 60, 50), "are imbalanced: for each image labelled cat, 2.0 are labelled car"),
        ((50, 50, 49), "most common one, truck, is 1.0 times as frequent as the rarest, cat"),
    ],
)
def test_how_unbalanced_the_data_are(tmp_path: Path, counts: tuple[int, ...], text: str) -> None:
    assert text in make_run(tmp_path, train=counts).said()["data"]


def test_repeated_images_are_told(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "There are no duplicate images" in run.said()["data"]
    run.change("stats.json", "dev", "repeated_images", value=3)
    run.change("stats.json", "shared_images", "train_dev", value=7)
    said = run.said()["data"]
    assert "In dev, 3 images repeat an earlier one" in said
    assert "7 images of dev are also in train" in said


def test_no_sentence_mentions_a_test_set_or_true_labels_that_do_not_exist(tmp_path: Path) -> None:
    run = make_run(tmp_path, test=None, truth=False)
    said = run.said()
    assert "There is no test set" in said["data"]
    assert "so is the number of wrong labels." in said["data"]
    assert "so is the number of wrong labels before and after" in said["relabel"]
    assert "On dev (given labels), balanced accuracy" in said["train_balanced"]
    for text in said.values():
        assert "on test" not in text.lower()
    assert "(true labels)" not in run.html()


def test_labels_that_are_all_right(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for split in ("train", "dev"):
        run.change("relabel.json", split, "wrong_before", value=0)
        run.change("relabel.json", split, "wrong_after", value=4)
    run.remove("relabel.json", "rules")
    said = run.said()
    assert "no label is wrong" in said["data"]
    assert (
        "The labels got worse. In train and dev, 0 labels were wrong before and 8 are wrong now"
        in said["relabel"]
    )


def test_labels_that_are_right_before_and_after(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "Of those wrong now, 4 were right before." in run.said()["relabel"]
    for split in ("train", "dev"):
        for what in ("wrong_before", "wrong_after", "made_wrong"):
            run.change("relabel.json", split, what, value=0)
    said = run.said()["relabel"]
    assert "No label of train and dev was wrong before, and none is now." in said
    assert "did not improve" not in said


def test_a_suspect_that_is_hardly_rarer_is_called_arbitrary(tmp_path: Path) -> None:
    arbitrary = "so this choice is arbitrary: set relabel.suspect_class to any"
    assert arbitrary not in make_run(tmp_path / "a").said()["relabel"]
    even = make_run(tmp_path / "b", train=(57, 62, 63)).said()
    assert f"car, truck and cat are about equally rare, {arbitrary}" in even["relabel"]
    two = make_run(tmp_path / "c", train=(500, 60, 45)).said()["relabel"]
    assert f"truck and cat are about equally rare, {arbitrary}" in two
    assert "is predicted as" not in even["train_augmented"]


def test_a_model_that_has_learned_nothing_does_not_memorise(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.confuse("train_balanced", ALL_ONE)
    run.change("train_balanced/inverse_frequency.json", "train", "balanced_accuracy", value=0.49)
    said = run.said()["train_balanced"]
    assert "The model has hardly learned: balanced accuracy is" in said
    assert "memorises" not in said


def test_nothing_flagged(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for split in ("train", "dev"):
        run.change("relabel.json", split, "flagged", value=0)
        run.change("relabel.json", split, "corrected", value=0)
        run.change("relabel.json", split, "wrong_after", value=20)
    run.change("relabel.json", "corrected", value={})
    said = run.said()
    assert "flagged 0 labels. None was corrected" in said["relabel"]
    assert "The labels did not improve. In train and dev, 40 labels were wrong" in said["relabel"]
    assert "No label of train was corrected" in said["train_fixed"]
    assert "No label was corrected" in said["short"]
    assert "flagged images" not in run.html().lower()


def test_a_persons_decisions_are_counted(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "There are no review decisions" in run.said()["relabel"]
    run.change("relabel.json", "reviewed", value=2)
    assert "2 review decisions took precedence over the rule" in run.said()["relabel"]


def test_memorising_is_told_by_the_gap_between_train_and_dev(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "The model hardly overfits" in run.said()["train_balanced"]
    run.confuse("train_balanced", [[90, 5, 5], [6, 6, 0], [6, 0, 2]])
    said = run.said()
    assert "The model memorises the training images" in said["train_balanced"]
    assert (
        "Recall of the rarest class, cat, is 90.0% on train and 25.0% on dev"
        in said["train_augmented"]
    )


def test_images_of_a_rare_class_under_a_common_label_are_counted(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    said = run.said()
    none = "No image of dev (given labels) labelled car is predicted as cat"
    assert none in said["train_augmented"]
    assert "The model makes no error on dev (given labels)" not in said["relabel"]
    assert "The most frequent confusions on dev (given labels) are" in said["relabel"]
    assert "labelled car and predicted as cat" not in run.html()
    run.confuse("train_augmented", [[80, 5, 15], [2, 10, 0], [1, 0, 7]])
    said = run.said()
    assert (
        "On dev (given labels), 15 images labelled car are predicted as cat; 8 images carry"
        in said["train_augmented"]
    )
    assert "Is the model wrong this often, or are the labels?" in said["relabel"]


def test_a_step_that_does_worse_is_told(tmp_path: Path) -> None:
    run = make_run(tmp_path, test=None)
    run.confuse("train_augmented", ALL_ONE)
    said = run.said()
    assert "balanced accuracy falls from 93.1% to 33.3%" in said["train_augmented"]
    assert "balanced accuracy rises from 33.3% to 93.1%" in said["train_fixed"]


def test_a_difference_that_chance_can_explain_is_marked(tmp_path: Path) -> None:
    run = make_run(tmp_path, test=None)
    run.confuse("train_augmented", [[90, 10, 0], [1, 11, 0], [0, 0, 8]])
    assert "within the" in run.said()["train_augmented"]
    assert "more than chance can explain on 120 images" in run.said()["train_balanced"]


@pytest.mark.parametrize("n_classes", [2, 5, 40])
def test_any_number_of_classes(tmp_path: Path, n_classes: int) -> None:
    classes = tuple(f"kind {at}" for at in range(n_classes))
    many = dict.fromkeys(("train", "dev", "test"), [30] + [10] * (n_classes - 1))
    run = make_run(tmp_path, classes, **many)  # type: ignore[arg-type]
    text = run.html()
    assert f"{n_classes} classes: kind 0" in re.sub("</?bdi>", "", text)
    for word in ("car", "truck", "cat", "lab report"):
        assert not re.search(rf"\b{word}s?\b", text)


def test_settings_are_told_as_they_are(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    said = run.said()
    assert "5 epochs of Adam, learning rate 0.001, batch size 32." in said["train_baseline"]
    assert "Images are not augmented" in said["train_balanced"]
    assert "Every image is shifted by up to 4 pixels along each axis" in said["train_augmented"]
    peak = "one-cycle learning rate with a peak of 0.001 after 20% of the steps"
    assert peak in said["train_augmented"]
    assert "the targets are 30% label and 70% mean probabilities" in said["train_fixed"]
    assert "replace" not in said["train_augmented"]
    section = run.params.train_augmented
    runs = {"best": section.runs["report"], "report": section.runs["report"]}
    params = replace(run.params, train_augmented=replace(section, runs=runs))
    said = replace(run, params=params).said()
    assert "With a probability of one minus the frequency of its label" in said["train_augmented"]
    augment = AugmentConfig(probability=0.3)
    runs = {"best": replace(section.runs["report"], augment=augment), "report": runs["report"]}
    params = replace(run.params, train_augmented=replace(section, runs=runs))
    said = replace(run, params=params).said()
    assert (
        "With a probability of 30%, an image is changed in one of seven ways"
        in said["train_augmented"]
    )
    mixed = replace(section.runs["report"], mixup=0.25, cutmix=0.5)
    runs = {"best": mixed, "report": runs["report"]}
    params = replace(run.params, train_augmented=replace(section, runs=runs))
    assert (
        "25% of the images are blended with another image (mixup) and 50% get a square of another "
        "image (CutMix); their targets are mixed in the same proportion."
        in replace(run, params=params).said()["train_augmented"]
    )
    weights: dict[str, Any] = {"car": 1, "truck": 2, "cat": 22}
    runs = {"best": replace(section.runs["report"], class_weights=weights), "report": runs["best"]}
    params = replace(run.params, train_augmented=replace(section, runs=runs))
    assert (
        "with class weights: car 1, truck 2 and cat 22"
        in replace(run, params=params).said()["train_augmented"]
    )
    relabel = replace(run.params.relabel, keep="report", suspect_class="any")
    said = replace(run, params=replace(run.params, relabel=relabel)).said()
    assert "all classes are checked" in said["relabel"]
    assert "the kept model of train_augmented predicts a class other than" in said["relabel"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"test": None, "truth": False},
        {"train": (50, 50, 50), "dev": (50, 50, 50)},
        {"classes": tuple(f"kind {at}" for at in range(30)), **dict.fromkeys(SPLITS, [9] * 30)},
    ],
)
def test_sentences_are_whole(tmp_path: Path, settings: dict[str, Any]) -> None:
    run = make_run(tmp_path, **settings)
    for change in (None, "relabel.json"):
        if change:
            for split in ("train", "dev"):
                run.change(change, split, "corrected", value=0)
            run.change("stats.json", "dev", "repeated_images", value=1)
            run.change("adversarial.json", "final", "steps", "attacked", value=0)
            run.change("adversarial.json", "train_fixed", "example", value=None)
        for section, text in run.said().items():
            assert not re.search(r" [.,:;?]|[.,:;]{2}|–|\(\)", text), section
            assert not text or text.endswith((".", "?")), section


def test_classes_that_are_equally_common(tmp_path: Path) -> None:
    equal = dict.fromkeys(("train", "dev", "test"), (50, 50, 50))
    run = make_run(tmp_path, **equal)  # type: ignore[arg-type]
    said = run.said()
    assert "All labels are equally frequent" in said["data"]
    assert "The most frequent confusion" in said["relabel"]
    for text in said.values():
        assert "rarest" not in text or "highest for the rarest" in text
        assert "car are predicted as car" not in text


def test_scores_on_corrected_labels_are_or_may_be_optimistic(tmp_path: Path) -> None:
    run = make_run(tmp_path / "true")
    assert "optimistic" not in run.said()["train_fixed"]
    run.change("train_fixed/best.json", "dev_true", "balanced_accuracy", value=0.7)
    said = run.said()["train_fixed"]
    assert "93.1% against the corrected labels and 70.0% against the true ones" in said
    unknown = make_run(tmp_path / "unknown", truth=False)
    assert "may be optimistic: against the given labels" in unknown.said()["train_fixed"]
