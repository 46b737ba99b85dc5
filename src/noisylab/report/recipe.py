"""How a run trains, in words: all of it from its settings."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from noisylab.config.settings import AugmentConfig, ByClass, FitConfig
from noisylab.report.wording import counted, listed, name, percent, say, sentences

_DROPOUT = FitConfig.dropout  # the network's own


def recipe(config: FitConfig) -> Markup:
    """A few sentences: how long, how fast, what is drawn, how it is changed."""
    parts = [
        say("a learning rate of {}{}", f"{config.lr:g}", _schedule(config)),
        say("{} a step", counted(config.batch_size, "image")),
    ]
    if config.label_smoothing:
        parts.append(
            say("{} of each label spread over all classes", percent(config.label_smoothing, 0))
        )
    if config.distillation:
        share = percent(config.distillation, 0)
        parts.append(say("{} of each label replaced by what the models of relabel say", share))
    if config.dropout != _DROPOUT:
        parts.append(say("dropout {}", f"{config.dropout:g}"))
    if config.weight_decay is not None:
        parts.append(say("weight decay {}", f"{config.weight_decay:g}"))
    epochs, settings = counted(config.epochs, "epoch"), listed(parts, most=len(parts))
    return sentences(
        drawing(config.class_weights),
        augmenting(config.augment),
        say("{} by {}, with {}.", epochs, config.optimizer, settings),
    )


def drawing(weights: ByClass) -> Markup:
    """Which images an epoch draws."""
    if isinstance(weights, Mapping):
        drawn = listed(
            say("{} {}", name(label), f"{weight:g}") for label, weight in weights.items()
        )
        return say("Images are drawn with weights by their label: {}.", drawn)
    return {
        "none": say("Each image is drawn once an epoch."),
        "one_minus_frequency": say(
            "Images are drawn with a weight of one minus the share of their label."
        ),
        "inverse_frequency": say("All classes are drawn equally often, however rare they are."),
    }[weights]


def augmenting(config: AugmentConfig | None) -> Markup:
    """How images are changed before the network sees them."""
    changes = (_one_of_seven(config), _every(config)) if config else ()
    return sentences(*changes) or say("Images are shown as they are.")


def _one_of_seven(config: AugmentConfig) -> Markup | None:
    if config.probability is None:
        return None
    ways = (
        f"mirrored, turned upside down, rotated by up to {config.rotate_degrees:g}°, cropped to "
        f"{percent(config.crop_scale, 0)} of its side or more and enlarged back, made grey, "
        "blurred, or made darker or brighter"
    )
    if isinstance(config.probability, int | float):
        how = say("of {}", percent(config.probability, 0))
    elif isinstance(config.probability, Mapping):
        chances = config.probability.items()
        how = say("by class: {}", listed(say("{} {}", name(c), percent(p, 0)) for c, p in chances))
    else:
        how = say("of one minus the share of its label, so most often for the rarest class")
    return say("An image is changed in one of seven ways with a probability {}: {}.", how, ways)


def _every(config: AugmentConfig) -> Markup | None:
    parts = []
    if config.shift_pixels:
        parts.append(
            say("moved by up to {} along each axis", counted(config.shift_pixels, "pixel"))
        )
    if config.mirror:
        parts.append(say("mirrored with a chance of {}", percent(config.mirror, 0)))
    return say("Every image is {}.", listed(parts)) if parts else None


def _schedule(config: FitConfig) -> Markup:
    if config.schedule == "constant":
        return Markup()
    return say(" at its highest, reached after {} of the steps", percent(config.warmup, 0))
