"""What stands above the sections, and the table of all runs below them."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from noisylab.report.blocks import Column, Section, Story, Table, bar
from noisylab.report.results import SCORED, Scores, Step
from noisylab.report.scores import MEASURES, one_answer
from noisylab.report.wording import (
    code,
    counted,
    name,
    names,
    number,
    percent,
    points,
    say,
    sentences,
    weakest,
)


def short_section(story: Story) -> Section:
    """The run in a few figures and sentences."""
    final = story.results.final
    worst = weakest(final[story.judged_on])
    text = "Its weakest class on {} is {}, of which it finds {}."
    value = percent(final[story.judged_on].recall[worst])
    return Section(
        id="short",
        title="In short",
        paragraphs=[
            ("", _start(story)),
            ("", sentences(_end(story), say(text, SCORED[story.judged_on], name(worst), value))),
        ],
        figures=_figures(story),
        tables=[_way(story)],
    )


def runs_section(story: Story) -> Section:
    """All runs on every set but train."""
    results = story.results
    runs = {
        say("{} {}{}", stage, code(run.name), _kept(step, run.name)): run.scores
        for stage, step in results.steps.items()
        for run in step.runs.values()
    }
    if results.swept.best:
        runs[say("lr_sweep {}", code("best"))] = results.swept.best_scores
    runs[say("lr_sweep {}, of {}", code("final"), results.swept.final)] = results.final
    shown = [key for key in SCORED if key != "train" and any(key in part for part in runs.values())]
    columns = [Column(title, group=SCORED[key]) for key in shown for title in MEASURES.values()]
    rows = [
        (title, [_cell(scores, key, measure) for key in shown for measure in MEASURES])
        for title, scores in runs.items()
    ]
    return Section(
        id="runs",
        title="All runs",
        paragraphs=[("", _which_labels(story))],
        tables=[Table("All runs on every set", "run", columns, rows, is_dense=True)],
    )


def title_words(story: Story) -> Markup:
    """The line below the title: what the run is of."""
    data = story.results.data
    images = sum(split.images for split in data.splits.values())
    return say("{} under the labels {}", counted(images, "image"), names(data.classes))


def _start(story: Story) -> Markup:
    run = story.step("train_baseline").kept
    scores, only = run.scores["dev_given"], one_answer(run.confusion)
    if only is not None:
        text = "Trained on the data as they are, the network is right on {} of dev: {}."
        everything = say("it calls everything {}", name(only))
        return say(text, percent(scores.accuracy), everything)
    text = (
        "Trained on the data as they are, the network is right on {} of dev, with a balanced "
        "accuracy of {}."
    )
    return say(text, percent(scores.accuracy), percent(scores.balanced_accuracy))


def _end(story: Story) -> Markup:
    """From the baseline to the final model, and what was corrected between them."""
    key, corrected = story.judged_on, story.results.relabelled.total("corrected")
    before = story.step("train_baseline").kept.scores[key].balanced_accuracy
    after = story.results.final[key].balanced_accuracy
    text = (
        "{}, the final model has a balanced accuracy of {} on {}, where the baseline has {} ({})."
    )
    values = percent(after), SCORED[key], percent(before), points(after - before)
    labels = counted(corrected or 0, "label")
    between = "With {} corrected on the way" if corrected else "With no label corrected"
    return say(text, say(between, labels), *values)


def _figures(story: Story) -> list[tuple[Markup | str, Markup | str, Markup | str]]:
    """What it is of, the figure, what it is against."""
    results, key = story.results, story.judged_on
    before = story.step("train_baseline").kept.scores[key].balanced_accuracy
    after = results.final[key].balanced_accuracy
    shown: list[tuple[Markup | str, Markup | str, Markup | str]] = [
        (f"balanced accuracy, {SCORED[key]}", percent(after), f"{percent(before)} at the baseline")
    ]
    corrected = results.relabelled.total("corrected") or 0
    wrong, still = (results.relabelled.total(what) for what in ("wrong_before", "wrong_after"))
    known = results.data.splits["train"].images + results.data.splits["dev"].images
    against = f"of {known:,} in train and dev"
    if wrong is not None and still is not None:
        against += f"; wrong before {wrong:,}, after {still:,}"
    shown.append(("labels corrected", f"{corrected:,}", against))
    best, attacked = results.swept.best, results.attacked
    if best:
        accuracy = percent(best.balanced_accuracy or 0)
        shown.append(("best constant learning rate", f"{best.rate:g}", f"{accuracy} on dev"))
    if attacked.attacked and attacked.smallest["success"]:
        title = say("{} made {} by the least change", name(attacked.source), name(attacked.target))
        least = f"half of them by {number(attacked.smallest['linf_median'])} levels of 255 or less"
        shown.append((title, percent(attacked.smallest["success"]), least))
    return shown


def _way(story: Story) -> Table:
    """The kept model of each step, on the set that steps are compared on."""
    key = story.judged_on
    kept = {stage: step.kept.scores for stage, step in story.results.steps.items()}
    final = say("final, {}", code(story.results.swept.final))
    models: dict[str, Mapping[str, Scores]] = {**kept, final: story.results.final}
    links = {stage: say('<a href="#{0}">{1}</a>', stage, code(stage)) for stage in kept}
    rows = []
    for title, scores in models.items():
        shares = [getattr(scores[key], measure) for measure in MEASURES]
        rows.append((links.get(title, title), [bar(s, percent(s)) for s in shares]))
    return Table(
        f"Step by step, on {SCORED[key]}", "model of", list(map(Column, MEASURES.values())), rows
    )


def _kept(step: Step, run: str) -> str:
    return ", kept" if run == step.keep and len(step.runs) > 1 else ""


def _which_labels(story: Story) -> Markup:
    splits, final = story.results.data.splits, story.results.final
    return sentences(
        say(
            "Dev is scored by the labels as given, and from {} on by the corrected ones.",
            code("train_fixed"),
        ),
        say("True labels of dev are known: they score, and nothing else.")
        if "dev_true" in final
        else None,
        say("Nothing was chosen on test.") if "test" in splits else say("There is no test set."),
    )


def _cell(scores: Mapping[str, Scores], key: str, measure: str) -> str | None:
    return percent(getattr(scores[key], measure)) if key in scores else None
