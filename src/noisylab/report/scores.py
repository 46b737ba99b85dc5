"""Tables and sentences about how good a run is, which every step has."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from noisylab.report.blocks import Column, Story, Table
from noisylab.report.results import SCORED, Confusion, Scores, Step, TrainedRun
from noisylab.report.wording import (
    code,
    counted,
    listed,
    moved,
    name,
    percent,
    recalls,
    say,
    sentences,
    signed,
    verdict,
)

_MOST_ROWS = 12  # classes of which a table shows each
_BY_HEART, _CLOSE = 0.10, 0.03  # balanced accuracy on train above that on dev
_RISEN = 1.05  # times its lowest: a dev loss that ends higher has risen
MEASURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
}


def scores_table(
    caption: Markup | str, scores: Mapping[str, Scores], lab: Mapping[str, Mapping[str, object]]
) -> Table:
    """Measures and recalls in rows, the sets in columns; beside each what the lab report gave.

    lab: by set, its `accuracy` and its `recall` by class, as far as it gave them.
    """
    columns: list[tuple[Column, object]] = []
    for key, title in SCORED.items():
        if key in scores:
            columns.append((Column("this run", group=title), scores[key]))
            if key in lab:
                columns.append((Column("lab report", group=title, is_lab=True), lab[key]))
    if not any(column.is_lab for column, _ in columns):
        columns = [(Column(column.group), values) for column, values in columns]
    rows = [
        (title, [_measure(values, measure) for _, values in columns])
        for measure, title in MEASURES.items()
    ]
    rows += [
        (say("recall of {}", name(label)), [_recall(values, label) for _, values in columns])
        for label in _shown_classes(scores)
    ]
    return Table(caption, "measure", [column for column, _ in columns], rows)


def comparison_table(
    before: tuple[str, Mapping[str, Scores]], after: tuple[str, Mapping[str, Scores]]
) -> Table:
    """Each measure before and after, on every set of images and labels that both were scored on."""
    shared = [key for key in SCORED if key in before[1] and key in after[1] and key != "train"]
    columns = [
        Column(what, group=SCORED[key]) for key in shared for what in ("before", "after", "change")
    ]
    rows = []
    for measure, title in MEASURES.items():
        cells: list[str] = []
        for key in shared:
            values = [getattr(part[1][key], measure) for part in (before, after)]
            cells += [*map(percent, values), signed(values[1] - values[0])]
        rows.append((title, cells))
    caption = f"{after[0]}, against {before[0]}: same images, same labels, changes in points"
    return Table(caption, "measure", columns, rows)


def compared(story: Story, before: Mapping[str, Scores], after: Mapping[str, Scores]) -> Markup:
    """How balanced accuracy and accuracy moved on the set that steps are compared on."""
    key = story.judged_on
    old, new = before[key], after[key]
    text = verdict(old, new, story.results.data.count(key))
    parts = [say("On {}, {}.", SCORED[key], text)]
    if key == "test":
        old, new = before["dev_given"], after["dev_given"]
        what = moved("accuracy", old.accuracy, new.accuracy)
        balanced = moved("balanced accuracy", old.balanced_accuracy, new.balanced_accuracy)
        parts.append(say("On {}, {} and {}.", SCORED["dev_given"], what, balanced))
    else:
        parts.append(say("There {}.", moved("accuracy", old.accuracy, new.accuracy)))
    return sentences(*parts)


def own_dev(run: TrainedRun) -> tuple[str, Scores]:
    """The dev set by the labels that the run's stage had, and its name."""
    key = "dev_corrected" if "dev_corrected" in run.scores else "dev_given"
    return SCORED[key], run.scores[key]


def found(run: TrainedRun) -> Markup:
    """What share of each class it finds on dev."""
    where, scores = own_dev(run)
    measures = "accuracy {}, balanced accuracy {}"
    values = say(measures, percent(scores.accuracy), percent(scores.balanced_accuracy))
    return say("On {} it finds {}: {}.", where, recalls(scores), values)


def one_answer(confusion: Confusion) -> str | None:
    """The class that everything is called, if there is such."""
    answers = [label for label, count in confusion.called().items() if count]
    return answers[0] if len(answers) == 1 else None


def never_answered(confusion: Confusion) -> list[str]:
    """Classes that nothing is called though there are images of them."""
    called = confusion.called()
    rows = zip(confusion.classes, confusion.counts, strict=True)
    return [label for label, row in rows if sum(row) and not called[label]]


def by_heart(run: TrainedRun) -> Markup:
    """Whether it does much better on what it was trained on."""
    where, dev = own_dev(run)
    train = run.scores["train"]
    gap = train.balanced_accuracy - dev.balanced_accuracy
    values = (percent(train.balanced_accuracy), where, percent(dev.balanced_accuracy))
    text = "Balanced accuracy is {} on train and on {} {}: the two lie close."
    if gap <= -_CLOSE:
        text = "Balanced accuracy is {} on train and on {} {}: nothing is learned by heart."
    elif gap >= _BY_HEART:
        text = "It learns training images by heart: balanced accuracy {} on train, on {} {}."
    elif gap >= _CLOSE:
        text = "Balanced accuracy is {} on train and on {} {}: a little is learned by heart."
    return sentences(say(text, *values), _risen(run))


def mistakes(run: TrainedRun, most: int = 3) -> Markup:
    """What it confuses most on dev."""
    frequent = run.confusion.mistakes()[:most]
    if not frequent:
        return say("On {} it makes no mistake.", own_dev(run)[0])
    parts = [
        say("{} called {} ({})", name(actual), name(predicted), f"{count:,}")
        for count, actual, predicted in frequent
    ]
    return say("What it confuses most on {}: {}.", own_dev(run)[0], listed(parts))


def hidden(story: Story, run: TrainedRun) -> tuple[int, int]:
    """Images of dev labelled the most common class and called the rarest; and those labelled so.

    None are, where all classes are equally common.
    """
    common, rare = story.results.data.common, story.results.data.rare
    if common == rare:
        return 0, 0
    row = run.confusion.counts[run.confusion.classes.index(rare)]
    return run.confusion.count(common, rare), sum(row)


def hidden_sentence(story: Story, run: TrainedRun) -> Markup | None:
    """What stands out where the most common class hides the rarest."""
    if story.results.data.common == story.results.data.rare:
        return None
    common, rare = map(name, (story.results.data.common, story.results.data.rare))
    count, labelled = hidden(story, run)
    images = counted(count, "image")
    if count == 0:
        return say("No image labelled {} is called {}.", common, rare)
    text = "{} labelled {} {} called {}, against {} labelled {} at all"
    values = say(text, images, common, "is" if count == 1 else "are", rare, f"{labelled:,}", rare)
    if count >= max(labelled, 1):
        return say("What stands out: {}.", values)
    return say("{}.", values)


def runs_sentence(step: Step) -> Markup | None:
    """Which of several runs goes on."""
    others = [run for run in step.runs if run != step.keep]
    if not others:
        return None
    kept = own_dev(step.kept)[1].balanced_accuracy
    parts = listed(
        say("{} {}", code(other), percent(own_dev(step.runs[other])[1].balanced_accuracy))
        for other in others
    )
    text = "Of its runs {} goes on, with a balanced accuracy of {} on {}; the others: {}."
    return say(text, code(step.keep), percent(kept), own_dev(step.kept)[0], parts)


def _risen(run: TrainedRun) -> Markup | None:
    lowest = min(run.dev_loss)
    if run.dev_loss[-1] <= _RISEN * lowest:
        return None
    epoch = run.dev_loss.index(lowest) + 1
    text = "Its dev loss is lowest in epoch {} of {}, at {}, and ends at {}."
    return say(text, epoch, len(run.dev_loss), f"{lowest:.3f}", f"{run.dev_loss[-1]:.3f}")


def _shown_classes(scores: Mapping[str, Scores]) -> list[str]:
    """All classes, or of many those that are found least on the last of the sets."""
    recall = list(scores.values())[-1].recall
    if len(recall) <= _MOST_ROWS:
        return list(recall)
    return sorted(recall, key=lambda label: recall[label])[:_MOST_ROWS]


def _measure(values: object, measure: str) -> str | None:
    if isinstance(values, Scores):
        return percent(getattr(values, measure))
    share = values.get(measure)  # type: ignore[attr-defined]
    return None if share is None else percent(share, 0)


def _recall(values: object, label: str) -> str | None:
    if isinstance(values, Scores):
        recall = values.recall.get(label)  # none where no image is of that class
        return None if recall is None else percent(recall)
    share = values.get("recall", {}).get(label)  # type: ignore[attr-defined]
    return None if share is None else percent(share, 0)
