"""The section on training again, on corrected labels."""

from __future__ import annotations

from markupsafe import Markup

from noisylab.report.blocks import Section, Shot, Story
from noisylab.report.recipe import recipe
from noisylab.report.scores import (
    by_heart,
    compared,
    comparison_table,
    found,
    hidden,
    hidden_sentence,
    mistakes,
    runs_sentence,
    scores_table,
)
from noisylab.report.training import run_shots
from noisylab.report.wording import code, counted, percent, say, sentences

_FLATTERS = 0.01  # balanced accuracy on corrected labels above that on others


def fixed_section(story: Story) -> Section:
    """The same network on corrected labels."""
    stage = "train_fixed"
    step, before = story.step(stage), story.before(stage)
    picture = Shot(
        f"{stage}/before_after.png",
        "Confusion matrices before and after labels were corrected, on the same sets.",
        say("Before and after: the kept models of {} and {}.", code(before.stage), code(stage)),
    )
    runs = [f"{part.stage}, run {part.keep}" for part in (before, step)]
    kept = step.kept
    return Section(
        id=stage,
        title="Training on corrected labels",
        paragraphs=[
            ("Problem", _wrong_lessons(story)),
            ("Remedy", recipe(story.config(stage))),
            (
                "Result",
                sentences(
                    found(kept),
                    by_heart(kept),
                    mistakes(kept),
                    hidden_sentence(story, kept),
                    _hidden_before(story),
                    _flattery(story),
                    runs_sentence(step),
                ),
            ),
            ("Against the step before", compared(story, before.kept.scores, kept.scores)),
        ],
        tables=[
            scores_table(say("Run {}", code(step.keep)), kept.scores, {}),
            comparison_table((runs[0], before.kept.scores), (runs[1], kept.scores)),
        ],
        shots=[picture, *run_shots(story, stage)],
    )


def _wrong_lessons(story: Story) -> Markup:
    relabelled = story.results.relabelled
    corrected = relabelled.splits["train"].corrected
    if not corrected:
        return say("No label of train was corrected: what is new is the way of training alone.")
    images = story.results.data.splits["train"].images
    text = "The models so far learned from {} of train that {} corrected since, {} of all."
    share = percent(corrected / images)
    return say(text, counted(corrected, "label"), "was" if corrected == 1 else "were", share)


def _hidden_before(story: Story) -> Markup | None:
    """What stood out before, if it stood out."""
    count, _ = hidden(story, story.step("train_augmented").kept)
    if not count:
        return None
    return say("Before, on the given labels, it was {}.", f"{count:,}")


def _flattery(story: Story) -> Markup | None:
    """Dev was corrected by models of the same kind: do they flatter the new one?"""
    scores = story.step("train_fixed").kept.scores
    if not story.results.relabelled.splits["dev"].corrected:
        return None
    corrected = scores["dev_corrected"].balanced_accuracy
    if "dev_true" not in scores:
        text = "Labels of dev were corrected by models of the same kind, and may flatter it: {}."
        given = percent(scores["dev_given"].balanced_accuracy)
        return say(text, say("by the given ones its balanced accuracy is {}", given))
    true = scores["dev_true"].balanced_accuracy
    if corrected - true < _FLATTERS:
        return None
    text = (
        "Labels of dev that such models corrected flatter a model of their kind: its balanced "
        "accuracy is {} by corrected labels and {} by true ones."
    )
    return say(text, percent(corrected), percent(true))
