"""Filters of the templates: numbers and names as text. What comes from data is escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from markupsafe import Markup, escape

_MOST_NAMES = 6  # items that a sentence lists


def percent(share: float | None, digits: int = 1) -> str | None:
    """A share in [0, 1]; 0 and 1 have no fraction, since they are exact.

    >>> percent(0.8816), percent(0.9999), percent(1.0)
    ('88.2%', '100.0%', '100%')
    """
    if share is None:
        return None
    digits = 0 if share in (0, 1) else digits
    return f"{100 * share:.{digits}f}%"


def setting(share: float) -> str:
    """A share of params.yaml, with all the digits that a user is likely to give it.

    >>> setting(0.4), setting(0.125), setting(0.999)
    ('40%', '12.5%', '99.9%')
    """
    return f"{100 * share:.6g}%"


def signed(difference: float) -> str:
    """A difference of two shares in points.

    >>> signed(-0.0412), signed(0.0001)
    ('\u22124.1', '±0.0')
    """
    value = f"{abs(100 * difference):.1f}"
    sign = "±" if value == "0.0" else "+" if difference > 0 else "\u2212"
    return f"{sign}{value}"


def points(difference: float) -> str:
    """A difference of two shares with its unit."""
    return f"{signed(difference)}\u00a0points"


def number(value: float | None) -> str | None:
    """A number of three digits or, from 100 to a billion, of all digits before the point.

    >>> number(12345), number(1026.19), number(43.72), number(21.0), number(0.0003), number(3e-7)
    ('12,345', '1,026', '43.7', '21', '0.0003', '3e-07')
    """
    if value is None:
        return None
    return f"{value:,.0f}" if 100 <= abs(value) < 1e9 else f"{value:.3g}"


def levels(value: float) -> str:
    """A size of a perturbation, in 8-bit levels.

    >>> levels(1), levels(2.5)
    ('1 level', '2.5 levels')
    """
    return f"{number(value)} level{'' if value == 1 else 's'}"


def fixed(value: float | None, digits: int = 3) -> str | None:
    """A number with that many digits after the point."""
    return None if value is None else f"{value:.{digits}f}"


def thousands(count: int) -> str:
    """A count with its thousands apart."""
    return f"{count:,}"


def counted(count: int, one: str, many: str = "") -> str:
    """A count with its noun.

    >>> counted(1, "image"), counted(2000, "class", "classes")
    ('1 image', '2,000 classes')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def bdi(name: str) -> Markup:
    """A class's name, isolated from the sentence's direction of writing."""
    return Markup("<bdi>{}</bdi>").format(name)


def code(name: object) -> Markup:
    """A name of params.yaml or of a file."""
    return Markup("<code>{}</code>").format(name)


def listed(items: Iterable[object]) -> Markup:
    """Items with commas and an "and"; of many, the first and how many more there are.

    >>> listed("abc"), listed("a"), listed("abcdefgh")
    (Markup('a, b and c'), Markup('a'), Markup('a, b, c, d, e and 3 more'))
    """
    shown = [escape(item) for item in items]
    if len(shown) > _MOST_NAMES:
        shown[_MOST_NAMES - 1 :] = [escape(f"{len(shown) - _MOST_NAMES + 1:,} more")]
    head, last = Markup(", ").join(shown[:-1]), shown[-1]
    return Markup("{} and {}").format(head, last) if head else last


def by_class(values: Mapping[str, float], form: str, *options: int) -> Markup:
    """Classes with their values, each formatted by a filter."""
    return listed(
        Markup("{} {}").format(bdi(label), FILTERS[form](value, *options))
        for label, value in values.items()
    )


def joint(loop: Any) -> str:
    """Text between an item of a template's loop and the next: a comma, an "and", or nothing."""
    return "" if loop.last else " and " if loop.revindex == 2 else ", "


FILTERS: dict[str, Callable[..., Any]] = {
    it.__name__: it
    for it in (
        percent, setting, signed, points, number, levels, fixed, thousands, counted,
        bdi, code, listed, by_class, joint,
    )
}  # fmt: skip
