"""Numbers, names and comparisons in words. What comes from data is escaped, always."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup, escape

from noisylab.report.results import Scores

_MOST_NAMES = 6  # classes that a sentence lists
_SAME = 0.005  # a difference in a share that is not worth a word


def say(template: str, *values: object, **named: object) -> Markup:
    """The template with the values in it: all of them escaped that are not Markup already.

    >>> say("{} images of {}", 3, name("<b>"))
    Markup('3 images of <bdi>&lt;b&gt;</bdi>')
    """
    return Markup(template).format(*values, **named)


def name(text: str) -> Markup:
    """A class's name, set apart from the sentence's direction of writing."""
    return Markup("<bdi>{}</bdi>").format(text)


def code(text: object) -> Markup:
    """A name of params.yaml, or of a file."""
    return Markup("<code>{}</code>").format(text)


def in_lab_report(template: str, *values: object) -> Markup:
    """What the lab report says."""
    return Markup('<span class="lab">{}</span>').format(say(template, *values))


def percent(share: float, digits: int = 1) -> str:
    """A share in [0, 1]; nothing and all are without a fraction, since they are exact.

    >>> percent(0.8816), percent(0.9999), percent(1.0)
    ('88.2\\xa0%', '100.0\\xa0%', '100\\xa0%')
    """
    digits = 0 if share in (0, 1) else digits
    return f"{100 * share:.{digits}f}\u00a0%"


def points(difference: float) -> str:
    """A difference of two shares.

    >>> points(-0.0412)
    '\u22124.1\\xa0points'
    """
    return f"{signed(difference)}\u00a0points"


def signed(difference: float) -> str:
    """The same without its unit, for a table that names it."""
    value = f"{abs(100 * difference):.1f}"
    sign = "±" if value == "0.0" else "+" if difference > 0 else "\u2212"
    return f"{sign}{value}"


def number(value: float) -> str:
    """A number of three digits or, with its thousands apart, of all before the point.

    >>> number(12345), number(1026.19), number(43.72), number(21.0), number(0.0003)
    ('12,345', '1,026', '43.7', '21', '0.0003')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def counted(count: int, what: str, many: str = "") -> str:
    """A count and what it counts.

    >>> counted(1, "image"), counted(1200, "image"), counted(2, "class", "classes")
    ('1 image', '1,200 images', '2 classes')
    """
    return f"{count:,} {what if count == 1 else many or what + 's'}"


def listed(parts: Iterable[object], most: int = _MOST_NAMES) -> Markup:
    """Parts as a sentence lists them.

    >>> listed(["a", "b", "c"])
    Markup('a, b and c')
    """
    shown = [escape(part) for part in parts]
    if len(shown) > most:
        shown[most - 1 :] = [escape(f"{len(shown) - most + 1:,} more")]
    head, last = Markup(", ").join(shown[:-1]), shown[-1] if shown else Markup()
    return Markup("{} and {}").format(head, last) if head else last


def names(classes: Iterable[str]) -> Markup:
    """Classes, listed."""
    return listed(map(name, classes))


def sentences(*parts: Markup | None) -> Markup:
    """A paragraph of those that there are."""
    return Markup(" ").join(part for part in parts if part)


def recalls(scores: Scores) -> Markup:
    """How much of each class is found: of all, or of the best and the worst where they are many."""
    ordered = list(scores.recall.items())
    if len(ordered) > _MOST_NAMES:
        ordered.sort(key=lambda item: -item[1])
        (best, most), (worst, least) = ordered[0], ordered[-1]
        text = "from {} of {} down to {} of {}"
        return say(text, percent(most), name(best), percent(least), name(worst))
    return listed(say("{} of {}", percent(recall), name(label)) for label, recall in ordered)


def weakest(scores: Scores) -> str:
    """The class that is found least."""
    return min(scores.recall, key=lambda label: scores.recall[label])


def spread(scores: Scores, count: Mapping[str, int]) -> float:
    """Standard error of the balanced accuracy: how far chance moves it with so many images."""
    found = [(scores.recall[label], images) for label, images in count.items() if images]
    variance = sum(recall * (1 - recall) / images for recall, images in found)
    return math.sqrt(variance) / len(found)


def verdict(before: Scores, after: Scores, count: Mapping[str, int] | None) -> Markup:
    """Balanced accuracy against that of another model on the same images, with what chance may do.

    count: images of each class there; None where it is not known.
    """
    difference = after.balanced_accuracy - before.balanced_accuracy
    values = (percent(before.balanced_accuracy), percent(after.balanced_accuracy))
    if abs(difference) < _SAME:
        return say("balanced accuracy is the same but for half a point: {} before, {} now", *values)
    word = "rises" if difference > 0 else "falls"
    text = say("balanced accuracy {} from {} to {} ({})", word, *values, points(difference))
    if count:
        margin = 2 * math.hypot(spread(before, count), spread(after, count))
        images = counted(sum(count.values()), "image")
        if abs(difference) < margin:
            tell = "{}, which is within the {} points that chance may make on {}"
            return say(tell, text, f"{100 * margin:.1f}", images)
        return say("{}, more than chance would make on {}", text, images)
    return text


def moved(what: str, before: float, after: float) -> Markup:
    """How a share moved.

    >>> moved("accuracy", 0.88, 0.83)
    Markup('accuracy falls from 88.0\\xa0% to 83.0\\xa0%')
    """
    if abs(after - before) < _SAME:
        return say("{} stays at {}", what, percent(after))
    word = "rises" if after > before else "falls"
    return say("{} {} from {} to {}", what, word, percent(before), percent(after))


def capital(text: Markup) -> Markup:
    """The sentence with its first letter in upper case; text must not begin with a tag."""
    return text[:1].upper() + text[1:]


def ordinal_range(values: Sequence[float]) -> str:
    """The least and the greatest of some numbers."""
    low, high = min(values), max(values)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
