"""The sections on the three trainings with given labels: baseline, balanced, augmented."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from noisylab.report.blocks import Section, Shot, Story
from noisylab.report.data import imbalance_words
from noisylab.report.recipe import recipe
from noisylab.report.results import Scores, TrainedRun
from noisylab.report.scores import (
    by_heart,
    compared,
    comparison_table,
    found,
    hidden_sentence,
    mistakes,
    never_answered,
    one_answer,
    runs_sentence,
    scores_table,
)
from noisylab.report.wording import (
    capital,
    code,
    counted,
    in_lab_report,
    listed,
    name,
    names,
    percent,
    say,
    sentences,
    verdict,
    weakest,
)

_POOR = 0.5  # recall below which a class is badly recognised
_LEARNED_BY_HEART = 0.1  # recall on train above that on dev


def baseline_section(story: Story) -> Section:
    """Raw data as given: where does that lead?"""
    step = story.step("train_baseline")
    data = story.results.data
    words = imbalance_words(data)
    return _section(
        story,
        "train_baseline",
        "Baseline: the data as they are",
        say("The labels are {}. What that does to a plain training is not known yet.", words),
        sentences(_answers(step.kept), found(step.kept)),
        ("Against one answer for all", _against_one_answer(story, step.kept)),
        [],
    )


def balanced_section(story: Story) -> Section:
    """Rare classes drawn more often."""
    kept = story.step("train_balanced").kept
    return _section(
        story,
        "train_balanced",
        "Balanced batches",
        _baseline_problem(story),
        sentences(found(kept), by_heart(kept)),
        _against_before(story, "train_balanced"),
        [],
    )


def augmented_section(story: Story) -> Section:
    """No image twice the same."""
    kept = story.step("train_augmented").kept
    common, rare = story.results.data.common, story.results.data.rare
    folder = "train_augmented"
    suspects = Shot(
        f"{folder}/{kept.name}/suspects.png",
        f"Sheet of images of dev that are labelled {common} and called {rare}, the surest first.",
        capital(
            say("images of dev labelled {} that the model calls {}.", name(common), name(rare))
        ),
    )
    changed = Shot(
        f"{folder}/{kept.name}/augmentations.png",
        "Sheet: one image of each class, and what the network is shown instead of it.",
        say("What the network is shown in place of an image."),
        is_optional=True,
    )
    curves = Shot(
        f"{folder}/{kept.name}/precision_recall.png",
        "Curves of precision against recall on dev, one a class, by the given labels.",
        say("Precision and recall of each class on dev, at every threshold."),
    )
    return _section(
        story,
        "train_augmented",
        "Augmentation",
        _by_heart_problem(story),
        sentences(found(kept), mistakes(kept), hidden_sentence(story, kept), _lab_confused(story)),
        _against_before(story, "train_augmented"),
        [changed, curves, *([suspects] if common != rare else [])],
    )


def run_shots(story: Story, stage: str) -> list[Shot]:
    """Pictures that every train stage has: losses and confusion of its runs, and its kept run."""
    step = story.step(stage)
    kept = f"{stage}/{step.keep}"
    confusion = Shot(
        f"{kept}/confusion.png",
        f"Confusion matrices of run {step.keep}: counts of images by label and by what they are "
        "called, a matrix for each set.",
        say("Run {} on each set: by label, what its images are called.", code(step.keep)),
    )
    table = Shot(
        f"{kept}/classes.png",
        f"Table of precision, recall and F1 of each class, run {step.keep}.",
        say("Run {}: precision, recall and F1 by class.", code(step.keep)),
        is_folded=True,
    )
    if len(step.runs) > 1:
        losses = Shot(
            f"{stage}/runs.png",
            "For each run its losses by epoch, train green and dev red, and its confusion on dev.",
            say("Its runs side by side: losses (train green, dev red), below them dev."),
        )
    else:
        losses = Shot(
            f"{kept}/loss.png",
            f"Losses of run {step.keep} by epoch, train green and dev red.",
            say("Losses by epoch: train green, dev red."),
        )
    return [losses, confusion, table]


def _section(
    story: Story,
    stage: str,
    title: str,
    problem: Markup,
    result: Markup,
    against: tuple[str, Markup],
    shots: Sequence[Shot],
) -> Section:
    step = story.step(stage)
    lab: dict[str, Any] = dict(story.lab[stage]) if story.lab else {}
    tables = [scores_table(say("Run {}", code(step.keep)), step.kept.scores, lab)]
    if stage != "train_baseline":
        before = story.before(stage)
        names_of_runs = [f"{part.stage}, run {part.keep}" for part in (before, step)]
        tables.append(
            comparison_table(
                (names_of_runs[0], before.kept.scores), (names_of_runs[1], step.kept.scores)
            )
        )
    return Section(
        id=stage,
        title=title,
        paragraphs=[
            ("Problem", problem),
            ("Remedy", recipe(story.config(stage))),
            ("Result", sentences(result, runs_sentence(step))),
            against,
        ],
        tables=tables,
        shots=[*run_shots(story, stage), *shots],
    )


def _against_before(story: Story, stage: str) -> tuple[str, Markup]:
    before = story.before(stage).kept
    text = compared(story, before.scores, story.step(stage).kept.scores)
    return "Against the step before", text


def _answers(run: TrainedRun) -> Markup | None:
    """What stands out in what it answers on dev."""
    only, never = one_answer(run.confusion), never_answered(run.confusion)
    accuracy = percent(run.scores["dev_given"].accuracy)
    if only is not None:
        text = (
            "It calls everything {}: its accuracy of {} is the share of that label and no more. "
            "A model of no use."
        )
        return say(text, name(only), accuracy)
    if never:
        return say("It never answers {}, though there are such images.", names(never))
    return say("It answers with each class, and is right on {} of dev.", accuracy)


def _against_one_answer(story: Story, run: TrainedRun) -> Markup:
    data = story.results.data
    common, dev, scores = data.common, data.splits["dev"], run.scores["dev_given"]
    if one_answer(run.confusion) == common:
        return say("To call everything {} takes no training, and does as well.", name(common))
    recall = {label: float(label == common) for label, count in dev.count.items() if count}
    trivial = Scores(dev.share(common), 1 / len(recall), 0.0, recall)
    text = (
        "To call everything {} would be right on {} of dev; the model is on {}. Against that, {}."
    )
    accuracies = percent(trivial.accuracy), percent(scores.accuracy)
    return say(text, name(common), *accuracies, verdict(trivial, scores, dev.count))


def _baseline_problem(story: Story) -> Markup:
    run = story.step("train_baseline").kept
    only, scores = one_answer(run.confusion), run.scores["dev_given"]
    dev = story.results.data.splits["dev"]
    if only is not None:
        text = "The baseline calls everything {}, a label that {} of dev have."
        return say(text, name(only), percent(dev.share(only)))
    worst = weakest(scores)
    value = percent(scores.recall[worst])
    if scores.recall[worst] < _POOR:
        return say("The baseline finds no more than {} of {} on dev.", value, name(worst))
    text = "The baseline finds at least {} of every class on dev. Is there more to be had?"
    return say(text, value)


def _by_heart_problem(story: Story) -> Markup:
    run, data = story.step("train_balanced").kept, story.results.data
    rare, images = data.rare, data.splits["train"].count[data.rare]
    on_train, on_dev = run.scores["train"].recall, run.scores["dev_given"].recall
    if (
        rare == data.common
        or rare not in on_dev
        or on_train[rare] - on_dev[rare] < _LEARNED_BY_HEART
    ):
        return by_heart(run)
    text = (
        "Of {}, the rarest class, {} are found on train and {} on dev: its {} of train are drawn "
        "again and again, and learned by heart."
    )
    values = percent(on_train[rare]), percent(on_dev[rare]), counted(images, "image")
    return say(text, name(rare), *values)


def _lab_confused(story: Story) -> Markup | None:
    """How often two classes are taken for each other, where the lab report tells how often."""
    told = story.lab and story.lab["train_augmented"].get("confused")
    if not told:
        return None
    one, other = told["classes"]
    counts = {run.name: run.confusion for run in story.step("train_augmented").runs.values()}
    ours = listed(
        say("{} and {} in run {}", part.count(one, other), part.count(other, one), code(run))
        for run, part in counts.items()
    )
    theirs = in_lab_report("in the lab report {} and {} times", *told["counts"])
    return say("{} and {} taken for each other: {}; {}.", name(one), name(other), ours, theirs)
