"""The section on adversarial examples."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from noisylab.report.blocks import Column, Section, Shot, Story, Table
from noisylab.report.results import SCORED, Attacked
from noisylab.report.wording import capital, counted, name, number, percent, say, sentences


def attack_section(story: Story) -> Section:
    """What it takes to fool the final model."""
    attacked = story.results.attacked
    return Section(
        id="adversarial",
        title="An adversarial example",
        paragraphs=[
            ("Problem", _problem(story)),
            ("Remedy", _what_is_done(story)),
            ("Result", sentences(_example(attacked), _all_images(story), _smallest(attacked))),
            ("Against the step before", _against(story)),
        ],
        tables=[_example_table(story), _budget_table(story), _search_table(story)],
        shots=_shots(attacked),
    )


def _problem(story: Story) -> Markup:
    key = story.judged_on
    text = "The final model is right on {} of {}. What is it worth on images changed on purpose?"
    return say(text, percent(story.results.final[key].accuracy), SCORED[key])


def _what_is_done(story: Story) -> Markup:
    attacked, norm = story.results.attacked, story.params.adversarial.norm
    text = (
        "Freeze the model and change the image alone: in {}, each along the gradient of the loss "
        "against the wrong label {}, by at most {}. What counts is the image as saved and read "
        "back."
    )
    steps = counted(round(attacked.example["steps"]), "step")
    return say(text, steps, name(attacked.target), _levels(attacked.example["epsilon"], norm))


def _example(attacked: Attacked) -> Markup:
    example, source, target = attacked.example, name(attacked.source), name(attacked.target)
    before, after = percent(example["source_before"]), percent(example["target_after"])
    if example["reached"]:
        text = (
            "An image that the model calls {} with {} is called {} with {} after it; no pixel "
            "changed by more than {} levels."
        )
        return say(text, source, before, target, after, number(example["linf"]))
    text = "An image that the model calls {} with {} is not called {} after it: that gets {}."
    return say(text, source, before, target, after)


def _all_images(story: Story) -> Markup:
    """Of all images of the class: how many are moved by the smallest and by the largest budget."""
    attacked, norm = story.results.attacked, story.params.adversarial.norm
    images = counted(attacked.attacked, "image")
    if not attacked.attacked or not attacked.steps:
        return say("No other image was attacked.")
    what = say(
        "Of the {} labelled {} in {} that it gets right",
        images,
        name(attacked.source),
        attacked.split,
    )
    low, high = min(attacked.steps), max(attacked.steps)
    shares = percent(attacked.steps[low]["success"]), percent(attacked.steps[high]["success"])
    text = "{}, {} are moved to {} by a change of {}"
    first = say(text, what, shares[0], name(attacked.target), _levels(low, norm))
    if low == high:
        return say("{}.", first)
    return say("{}, {} by {}.", first, shares[1], _levels(high, norm))


def _smallest(attacked: Attacked) -> Markup | None:
    """The least change that is enough."""
    found = attacked.smallest
    if not attacked.attacked:
        return None
    if not found["success"]:
        return say("A search for the least change that is enough moves none.")
    text = "A search for the least change moves {}, half of them by {} levels a pixel or less."
    return say(text, percent(found["success"]), number(found["linf_median"]))


def _against(story: Story) -> Markup:
    attacked, example = story.results.attacked, story.results.attacked.example
    before = percent(attacked.before) if attacked.before else "none"
    text = "Before the attack the model called {} of these images {}"
    share = say(text, before, name(attacked.target))
    rose = say(
        "in the example the probability of {} goes from {} to {}",
        name(attacked.target),
        percent(example["target_before"]),
        percent(example["target_after"]),
    )
    same = say("The model itself is as it was.")
    if not attacked.attacked:
        return sentences(say("{}.", capital(rose)), same)
    return sentences(say("{}; {}.", share, rose), same)


def _example_table(story: Story) -> Table:
    attacked, lab = story.results.attacked, (story.lab or {}).get("adversarial")
    if lab and (lab["source"], lab["target"]) != (attacked.source, attacked.target):
        lab = None
    columns = [Column("before"), Column("after")]
    if lab:
        columns += [Column(f"lab report, {when}", is_lab=True) for when in ("before", "after")]
    example = attacked.example
    told: Mapping[str, list[str | None]] = {
        "source": [percent(lab["source_before"], 0), None] if lab else [],
        "target": [None, percent(lab["target_after"], 0)] if lab else [],
    }
    rows = []
    for which in ("source", "target"):
        ours = [percent(example[f"{which}_{when}"]) for when in ("before", "after")]
        title = say("probability of {}", name(getattr(attacked, which)))
        rows.append((title, [*ours, *told[which]]))
    return Table(f"The example, attacked in {number(example['steps'])} steps", "", columns, rows)


def _budget_table(story: Story) -> Table:
    attacked, config = story.results.attacked, story.params.adversarial
    size = "the largest change of a pixel" if config.norm == "linf" else "the change in L2"
    rows = [
        (number(epsilon), [percent(part["success"]), percent(part["confident"])])
        for epsilon, part in attacked.steps.items()
    ]
    columns = [
        Column("moved to the target"),
        Column(f"with {percent(config.confidence, 0)} or more"),
    ]
    images = counted(attacked.attacked, "image")
    caption = f"The same steps on {images} of {attacked.split}, by {size}"
    return Table(caption, "levels of 255", columns, rows)


def _search_table(story: Story) -> Table:
    attacked = story.results.attacked
    sure = f"for {percent(story.params.adversarial.confidence, 0)}"
    columns = {
        "success": "moved",
        "l2_median": "L2, median",
        "l2_p95": "L2, 95th percentile",
        "linf_median": "largest change, median",
        "linf_p95": "largest change, 95th percentile",
    }
    rows = []
    for title, found in (
        ("just enough", attacked.smallest),
        (sure, attacked.confident),
    ):
        cells = [
            None
            if what not in found
            else percent(found[what])
            if what == "success"
            else number(found[what])
            for what in columns
        ]
        rows.append((title, cells))
    return Table(
        "The least change, in levels of 255", "", list(map(Column, columns.values())), rows
    )


def _shots(attacked: Attacked) -> list[Shot]:
    source, target = attacked.source, attacked.target
    return [
        Shot(
            "adversarial/example.png",
            f"Three pictures: an image called {source}, what was added, and the changed image.",
            say("The image, what was added, and the image after it."),
        ),
        Shot(
            "adversarial/probabilities.png",
            f"Probabilities of {source} and {target} in each step of the attack.",
            say("Probabilities of {} and {}, step by step.", name(source), name(target)),
        ),
        Shot(
            "adversarial/success.png",
            "Share of images that the attack moves, by the size of the change.",
            say("How many images are moved, by the size of the change."),
        ),
        Shot(
            "adversarial/smallest_l2.png",
            "Histogram of the least change, in L2, that moves an image.",
            say("The least change that is enough, image by image."),
        ),
        Shot(
            "adversarial/pairs.png",
            "Sheet of images before and after they were changed as little as is enough.",
            say("Before and after."),
        ),
    ]


def _levels(epsilon: float, norm: str) -> str:
    """A size of a change, in levels of 255."""
    what = "a pixel" if norm == "linf" else "in L2 over the image"
    return f"{epsilon:g} levels {what}"
