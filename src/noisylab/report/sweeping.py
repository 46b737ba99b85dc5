"""The section on learning rates."""

from __future__ import annotations

from markupsafe import Markup

from noisylab.report.blocks import Column, Section, Shot, Story, Table
from noisylab.report.results import Rate, Swept
from noisylab.report.scores import compared, comparison_table, scores_table
from noisylab.report.wording import (
    counted,
    in_lab_report,
    listed,
    ordinal_range,
    percent,
    points,
    say,
    sentences,
)


def sweep_section(story: Story) -> Section:
    """Which learning rate is best, and which model is the final one."""
    swept = story.results.swept
    fixed = story.step("train_fixed")
    tables = [_table(story)]
    if swept.best:
        names = f"train_fixed, run {fixed.keep}", "best of lr_sweep"
        tables += [comparison_table((names[0], fixed.kept.scores), (names[1], swept.best_scores))]
    return Section(
        id="lr_sweep",
        title="Learning rates",
        paragraphs=[
            ("Problem", _so_far(story)),
            ("Remedy", _remedy(story)),
            ("Result", sentences(_best(swept), _extremes(swept), _failures(swept), _lab(story))),
            ("Against the step before", _final(story)),
        ],
        tables=[*tables, scores_table("The final model", swept.final_scores, {})],
        shots=[
            Shot(
                "lr_sweep/rates.png",
                "Balanced accuracy on dev, and losses, against the learning rate on a log axis; "
                "the table has the figures.",
                say("Balanced accuracy and losses by learning rate."),
            ),
            Shot(
                "lr_sweep/losses.png",
                "Losses by epoch at the lowest, the best and the highest learning rate.",
                say("The lowest rate, the best and the highest: train green, dev red."),
            ),
        ],
    )


def _so_far(story: Story) -> Markup:
    config = story.config("train_fixed")
    rate = f"{config.lr:g}"
    if config.schedule == "constant":
        return say(
            "The learning rate so far, {}, stands in params.yaml. Is there a better one?", rate
        )
    text = "The learning rate so far follows a schedule up to {}. Is a constant one better?"
    return say(text, rate)


def _remedy(story: Story) -> Markup:
    config = story.params.lr_sweep
    several = counted(len(config.rates), "constant rate")
    text = "The kept recipe of train_fixed at {}, {}, by {}: {} of {} each, from {}."
    return say(
        text,
        several,
        ordinal_range(config.rates),
        listed(config.optimizers),
        counted(story.results.swept.count("trainings"), "training"),
        counted(config.epochs, "epoch"),
        counted(config.seeds, "seed"),
    )


def _best(swept: Swept) -> Markup:
    if swept.best is None:
        return say("No rate is best: at each of them a training diverged.")
    text = "Best is {}, with a balanced accuracy of {} on the corrected dev set."
    best = percent(swept.best.balanced_accuracy or 0)
    return say(text, _name(swept, swept.best), best)


def _extremes(swept: Swept) -> Markup:
    """How the lowest and the highest rate of the best optimizer did."""
    optimizer = swept.best.optimizer if swept.best else swept.rates[0].optimizer
    of_it = [rate for rate in swept.rates if rate.optimizer == optimizer]
    chosen = {id(rate): rate for rate in (of_it[0], of_it[-1]) if rate is not swept.best}
    return sentences(*(_verdict(swept, rate, of_it[0]) for rate in chosen.values()))


def _verdict(swept: Swept, rate: Rate, lowest: Rate) -> Markup:
    which = say("The {}, {},", "lowest" if rate is lowest else "highest", _name(swept, rate))
    if rate.diverged:
        return say("{} diverges.", which)
    if rate.learned == rate.trainings:
        return say("{} learns, too: {}.", which, percent(rate.balanced_accuracy or 0))
    if rate.learned:
        trainings = counted(rate.trainings, "training")
        return say("{} learns in {} of {}.", which, rate.learned, trainings)
    if rate.first_loss is None or rate.last_loss is None:
        return say("{} does not learn.", which)
    text = "{} {}: its train loss goes from {} to {}, about that of chance."
    word = "hardly learns" if rate is lowest else "does not converge"
    return say(text, which, word, f"{rate.first_loss:.3f}", f"{rate.last_loss:.3f}")


def _failures(swept: Swept) -> Markup:
    n_all, n_diverged = swept.count("trainings"), swept.count("diverged")
    n_not = n_all - swept.count("learned") - n_diverged
    if not n_diverged and not n_not:
        return say("All {} learned.", counted(n_all, "training"))
    parts = [
        f"{count:,} {what}"
        for count, what in ((n_diverged, "diverged"), (n_not, "did not learn"))
        if count
    ]
    return say("Of {}, {}.", counted(n_all, "training"), listed(parts))


def _lab(story: Story) -> Markup | None:
    lab = story.lab and story.lab.get("lr_sweep")
    if not lab:
        return None
    text = (
        "The lab report tried rates at random: {} was too low in {} epochs, {} too high, about {} "
        "best."
    )
    rates = f"{lab['too low']:g}", lab["epochs"], f"{lab['too high']:g}", f"{lab['best']:g}"
    return in_lab_report(text, *rates)


def _final(story: Story) -> Markup:
    swept, fixed = story.results.swept, story.step("train_fixed").kept
    if swept.best is None:
        return say("So the model of train_fixed stays the final one.")
    before = fixed.scores["dev_corrected"].balanced_accuracy
    best = swept.best_scores["dev_corrected"].balanced_accuracy
    values = percent(before), percent(best), points(best - before)
    text = (
        "On the corrected dev set train_fixed has a balanced accuracy of {}, the best rate {} ({})."
    )
    kept = (
        "its model is the final one"
        if swept.final == "lr_sweep"
        else "train_fixed stays the final model"
    )
    judged = compared(story, fixed.scores, swept.best_scores)
    return sentences(say(text, *values), say("So {}.", kept), judged)


def _table(story: Story) -> Table:
    swept = story.results.swept
    lab = (story.lab or {}).get("lr_sweep", {})
    told = {lab[what]: what for what in ("too low", "best", "too high") if what in lab}
    several = len({rate.optimizer for rate in swept.rates}) > 1
    columns = [
        *([Column("optimizer")] if several else []),
        Column("balanced accuracy on dev"),
        Column("train loss, first epoch"),
        Column("train loss, last epoch"),
        Column("came of it"),
        *([Column("lab report", is_lab=True)] if told else []),
    ]
    rows = []
    for rate in swept.rates:
        accuracy, first, last = rate.balanced_accuracy, rate.first_loss, rate.last_loss
        cells: list[str | None] = [
            *([rate.optimizer] if several else []),
            None if accuracy is None else percent(accuracy),
            *(None if loss is None else f"{loss:.3f}" for loss in (first, last)),
            _outcome(swept, rate),
            *([told.get(rate.rate)] if told else []),
        ]
        rows.append((f"{rate.rate:g}", cells))
    return Table("Learning rates, each constant; means over seeds", "rate", columns, rows)


def _outcome(swept: Swept, rate: Rate) -> str:
    if rate is swept.best:
        return "best"
    if rate.diverged:
        return "diverged" if rate.diverged == rate.trainings else f"{rate.diverged} diverged"
    return "learned" if rate.learned == rate.trainings else "not learned"


def _name(swept: Swept, rate: Rate) -> str:
    several = len({one.optimizer for one in swept.rates}) > 1
    return f"{rate.optimizer} at {rate.rate:g}" if several else f"{rate.rate:g}"
