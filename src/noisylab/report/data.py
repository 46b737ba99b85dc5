"""The section on the data: know them first."""

from __future__ import annotations

from markupsafe import Markup

from noisylab.report.blocks import Column, Section, Shot, Story, Table
from noisylab.report.results import Data
from noisylab.report.wording import (
    capital,
    counted,
    listed,
    name,
    names,
    number,
    percent,
    say,
    sentences,
)

_MOST_ROWS = 20  # classes of which the table shows each
_UNBALANCED, _VERY_UNBALANCED = 1.5, 5  # images of the most common class for one of the rarest


def data_section(story: Story) -> Section:
    """What there is, what is wrong with it, what can be done."""
    data = story.results.data
    return Section(
        id="data",
        title="Know the data first",
        paragraphs=[
            ("The data", sentences(_what_there_is(data), _twice(data))),
            ("Problem", sentences(_balance(data), _wrong_labels(story))),
            (
                "Remedy",
                say(
                    "Train once on the data as they are, to have a measure. Then draw rare classes "
                    "more often, change the images that are drawn, look for wrong labels, and "
                    "train again on the corrected ones."
                ),
            ),
        ],
        tables=[_table(story)],
        shots=[
            Shot(
                "stats/classes.png",
                "Bar chart: the share of each label in train and dev; the table has its figures.",
                say("Images by given label, in train and dev."),
            ),
            *_sheets(data),
        ],
    )


def imbalance_words(data: Data) -> str:
    """How unbalanced train is."""
    if data.splits["train"].imbalance >= _VERY_UNBALANCED:
        return "very unbalanced"
    return "unbalanced" if data.splits["train"].imbalance >= _UNBALANCED else "balanced"


def _what_there_is(data: Data) -> Markup:
    uses = {"train": "to train on", "dev": "to watch and to choose by (dev)", "test": "to test on"}
    parts = listed(
        say("{} {}", counted(split.images, "image"), uses[key])
        for key, split in data.splits.items()
    )
    classes = say("of {}, {}", counted(len(data.classes), "class", "classes"), names(data.classes))
    none = say("There is no test set: every figure below is of train or dev.")
    return sentences(say("{}, {}.", parts, classes), None if "test" in data.splits else none)


def _twice(data: Data) -> Markup:
    parts = [
        say("{} of {} repeat an earlier one", f"{split.repeated:,}", key)
        for key, split in data.splits.items()
        if split.repeated
    ]
    parts += [
        say("{} of {} are in {}, too", f"{count:,}", *reversed(pair.split("_")))
        for pair, count in data.shared.items()
        if count
    ]
    if not parts:
        return say("No image is there twice, neither within a set nor in two.")
    return say("Some images are there twice, which flatters what is measured: {}.", listed(parts))


def _balance(data: Data) -> Markup:
    train, dev = data.splits["train"], data.splits["dev"]
    common, rare = name(data.common), name(data.rare)
    ratio = f"{train.imbalance:.1f}"
    words = imbalance_words(data)
    if data.common == data.rare:
        return say("In train all labels are equally frequent.")
    if words == "balanced":
        text = "The labels are balanced: {} is there {} times as often as the rarest, {}."
        return say(text, common, ratio, rare)
    return sentences(
        say(
            "The labels are {}: for one image labelled {} there are {} labelled {}.",
            words,
            rare,
            ratio,
            common,
        ),
        say(
            "A model that calls everything {} is right on {} of dev.",
            common,
            percent(dev.share(data.common)),
        ),
    )


def _wrong_labels(story: Story) -> Markup:
    wrong = {
        key: part.wrong_before
        for key, part in story.results.relabelled.splits.items()
        if part.wrong_before is not None
    }
    if not wrong:
        return say(
            "Whether the labels are right, nobody knows: look at the images under their labels."
        )
    if not any(wrong.values()):
        return say(
            "By the true labels, which are used to score and for nothing else, none is wrong."
        )
    parts = listed(say("{} of {}", number(count), key) for key, count in wrong.items())
    text = (
        "And some are wrong: {} by the true labels, which are used to score and for nothing else."
    )
    return say(text, parts)


def _table(story: Story) -> Table:
    data, lab = story.results.data, story.lab
    columns = [
        Column(what, group=key, is_lab=what == "lab report")
        for key in data.splits
        for what in ("images", "share", *(["lab report"] if lab and key in lab["percent"] else []))
    ]
    shown = sorted(data.classes, key=lambda label: -data.splits["train"].count[label])
    caption = say("Images by given label")
    if len(shown) > _MOST_ROWS:
        half = _MOST_ROWS // 2
        shown = shown[:half] + shown[-half:]
        caption = say("Images by given label: the {} most common and the {} rarest", half, half)
    rows = []
    for label in shown:
        cells: list[str] = []
        for key, split in data.splits.items():
            cells += [f"{split.count[label]:,}", percent(split.share(label), 2)]
            if lab and key in lab["percent"]:
                cells.append(f"{lab['percent'][key][label]:.2f}\u00a0%")
        rows.append((name(label), cells))
    return Table(caption, "label", columns, rows)


def _sheets(data: Data) -> list[Shot]:
    """Images of the most common class, among which others hide best, and of the rarest."""
    shots = []
    for label in dict.fromkeys((data.common, data.rare)):
        at = data.classes.index(label)
        alt = f"Sheet of images of train labelled {label}, with their numbers."
        caption = capital(
            say("images of train under the label {}: are they all right?", name(label))
        )
        shots.append(Shot(f"stats/sheets/{at}_*.png", alt, caption))
    return shots
