"""The section on correcting labels."""

from __future__ import annotations

from markupsafe import Markup

from noisylab.report.blocks import Column, Section, Shot, Story, Table
from noisylab.report.results import Relabelled
from noisylab.report.scores import hidden, hidden_sentence, mistakes
from noisylab.report.wording import code, counted, listed, name, percent, say, sentences

_MOST_ROWS = 20  # pairs of classes of which the table shows the corrections


def relabel_section(story: Story) -> Section:
    """Which labels are probably wrong."""
    relabelled = story.results.relabelled
    n_flagged = relabelled.total("flagged") or 0
    sheet = Shot(
        "relabel/flagged.png",
        "Sheet of flagged images, the most certain first, each with given and suggested label.",
        say("Flagged images, the most certain first: given label, suggested label, score."),
    )
    near = Shot(
        "relabel/near.png",
        "Sheet of images that were not flagged but nearly so.",
        say("Those just below the threshold, which keep their labels."),
        is_folded=True,
    )
    counts = Shot(
        "relabel/classes.png",
        "Bar chart: the share of each label in train and dev, given and corrected.",
        say("Images by label, as given (pale) and as corrected."),
    )
    curves = Shot(
        "relabel/precision_recall.png",
        "Precision against recall of what each rule flags, by the true labels; what is flagged is "
        "marked.",
        say("How right each rule is, by the true labels."),
        is_optional=True,
    )
    return Section(
        id="relabel",
        title="Correcting labels",
        paragraphs=[
            ("Problem", _suspicion(story)),
            ("Remedy", _rule(story)),
            ("Result", sentences(_corrections(relabelled), _reviewed(relabelled))),
            ("Against the step before", _wrong_labels(relabelled)),
        ],
        tables=[
            table for table in (_pairs(relabelled), _splits(relabelled), _rules(story)) if table
        ],
        shots=[*([sheet] if n_flagged else []), counts, curves, near],
    )


def _suspicion(story: Story) -> Markup:
    run = story.step("train_augmented").kept
    count, labelled = hidden(story, run)
    text = hidden_sentence(story, run) or mistakes(run)
    if count >= max(labelled, 1):
        return sentences(text, say("Is the model wrong so often, or are the labels?"))
    return sentences(text, say("Model and labels disagree: which of them is wrong?"))


def _rule(story: Story) -> Markup:
    config = story.params.relabel
    suspect = config.suspect_class
    of_stage, models = code("train_augmented"), counted(config.models, "model")
    if suspect == "any":
        looked = say("Nobody says which classes are confused: all of them are looked at.")
        asked = say("Flagged is what the kept model of {} calls otherwise.", of_stage)
    else:
        label = story.results.data.rare if suspect == "rarest" else suspect
        looked = say("What is looked for is {} under other labels.", name(label))
        asked = say("Flagged is what the kept model of {} calls so.", of_stage)
    if config.keep == "best":
        text = "Flagged is what {} on average, over image and mirror image, clearly take for it."
        asked = say(text, models)
    if config.keep == "best" and suspect == "any":
        text = (
            "{}, asked about images that they were not trained on, say which classes are confused; "
            "{} say which images."
        )
        folds = config.folds * config.fold_seeds
        asked = say(text, counted(folds, "model"), models)
    decided = say("A person may decide otherwise, image by image, in {}.", code("data/review.csv"))
    return sentences(looked, asked, decided)


def _corrections(relabelled: Relabelled) -> Markup:
    flagged, corrected = relabelled.total("flagged"), relabelled.total("corrected")
    if not corrected:
        what = say("{} flagged", counted(flagged or 0, "label"))
        return say("{}, and none corrected: the corrected sets are the given ones.", what)
    parts = listed(
        say("{} of {}", f"{part.corrected:,}", key) for key, part in relabelled.splits.items()
    )
    text = "{} flagged, {} corrected: {}."
    total = counted(corrected or 0, "label")
    return say(text, counted(flagged or 0, "label"), total, parts)


def _reviewed(relabelled: Relabelled) -> Markup:
    if not relabelled.reviewed:
        return say("No person has decided on any.")
    decisions = counted(relabelled.reviewed, "decision")
    return say("{} of a person went before the rule.", decisions)


def _wrong_labels(relabelled: Relabelled) -> Markup:
    before, after = relabelled.total("wrong_before"), relabelled.total("wrong_after")
    if before is None or after is None:
        return say("How many labels were wrong, and how many still are, nobody knows.")
    dev = relabelled.splits["dev"]
    parts = say("{} of dev before, {} after", f"{dev.wrong_before:,}", f"{dev.wrong_after:,}")
    values = f"{before:,}", f"{after:,}", parts
    if after < before:
        return say("Of train and dev, {} labels were wrong, and {} still are ({}).", *values)
    if after > before:
        return say("Worse: {} labels of train and dev were wrong, and {} are now ({}).", *values)
    return say("No gain: {} labels of train and dev were wrong, and {} are now ({}).", *values)


def _pairs(relabelled: Relabelled) -> Table | None:
    if not relabelled.pairs:
        return None
    rows = [
        (name(given), [name(label), f"{count:,}"])
        for count, given, label in relabelled.pairs[:_MOST_ROWS]
    ]
    rest = len(relabelled.pairs) - len(rows)
    caption = say("What was corrected") + (
        say(", and {} more of fewer images", counted(rest, "pair")) if rest > 0 else ""
    )
    return Table(caption, "given label", [Column("corrected label"), Column("images")], rows)


def _splits(relabelled: Relabelled) -> Table:
    titles = {
        "flagged": "flagged",
        "corrected": "corrected",
        "wrong_before": "wrong before",
        "wrong_after": "wrong after",
    }
    known = {what: title for what, title in titles.items() if relabelled.total(what) is not None}
    rows = [
        (key, [f"{getattr(part, what):,}" for what in known])
        for key, part in relabelled.splits.items()
    ]
    return Table("Labels", "set", [Column(title) for title in known.values()], rows)


def _rules(story: Story) -> Table | None:
    rules = story.results.relabelled.rules
    measures = {
        "flagged": "flagged",
        "precision": "precision",
        "recall": "recall",
        "f1": "F1",
        "average_precision": "average precision",
    }
    if not rules:
        return None
    columns = [Column(title) for title in measures.values()]
    rows = []
    for rule, figures in rules.items():
        kept = ", kept" if rule == story.params.relabel.keep else ""
        cells = [
            f"{figures[what]:,}" if what == "flagged" else percent(figures[what])
            for what in measures
            if what in figures
        ]
        rows.append((say("{}{}", code(rule), kept), cells))
    return Table("How right each rule is, by the true labels", "rule", columns, rows)
