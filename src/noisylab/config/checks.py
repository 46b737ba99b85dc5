"""The vocabulary in which settings state the values that they accept."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

_MAX = 3.4e38  # torch computes in float32, where larger numbers are infinite


@dataclass(frozen=True)
class Check:
    """A condition on a value of params.yaml.

    expected: the words after "must be" in an error message.
    is_good:  returns something true for a value that meets the condition.
    """

    expected: str
    is_good: Callable[[Any], object]


def number(*, least: float = -math.inf, above: float = -math.inf, most: float = math.inf) -> Check:
    """A finite number, >= `least`, > `above` and <= `most`."""

    def is_good(value: Any) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and abs(value) <= _MAX and least <= value <= most and value > above

    bounds = ((">=", least), (">", above), ("<=", most))
    given = [f"{sign} {bound:g}" for sign, bound in bounds if math.isfinite(bound)]
    return Check(f"a number {' and '.join(given)}", is_good)


def integer(least: int, most: int) -> Check:
    """An integer in `least`..`most`."""
    inside = number(least=least, most=most).is_good
    return Check(f"an integer in {least}..{most}", lambda x: isinstance(x, int) and inside(x))


def text(expected: str, pattern: str = r"(?s).*\S.*") -> Check:
    """A string that matches `pattern` as a whole; by default any that is not blank."""
    return Check(expected, lambda x: isinstance(x, str) and re.fullmatch(pattern, x))


def switch() -> Check:
    """true or false."""
    return Check("true or false", lambda x: isinstance(x, bool))


def choice(*names: str) -> Check:
    """One of the names."""
    expected = names[0] if len(names) == 1 else f"one of {', '.join(names)}"
    return Check(expected, lambda x: x in names)


def either(*checks: Check) -> Check:
    """A value that passes one of the checks."""
    expected = ", or ".join(check.expected for check in checks)
    return Check(expected, lambda x: any(check.is_good(x) for check in checks))


def list_of(one: Check) -> Check:
    """A list of one or more different values that pass `one`."""
    expected = f"a list of one or more, all different, each {one.expected}"
    return Check(expected, lambda x: _is_list(x, one) and x and len(set(x)) == len(x))


def pair(one: Check) -> Check:
    """A list of two values that pass `one`, the lower first."""
    expected = f"a list of two, the lower first, each {one.expected}"
    return Check(expected, lambda x: _is_list(x, one) and len(x) == 2 and x[0] <= x[1])


def by_name(one: Check, names: Collection[str] = (), *, zeros: bool = True) -> Check:
    """A mapping from some of `names`, by default from classes, to values that pass `one`.

    zeros: whether all values may be 0. Classes are checked by config/classes.py, which has images.
    """

    def is_good(x: Any) -> bool:
        if not isinstance(x, Mapping) or (names and not set(x) <= set(names)):
            return False
        return all(map(one.is_good, x.values())) and (zeros or any(x.values()))

    keys = f"any of {', '.join(names)}" if names else "each class"
    return Check(f"for {keys} {one.expected}{'' if zeros else ', not all 0'}", is_good)


def _is_list(value: Any, one: Check) -> bool:
    return isinstance(value, list) and all(map(one.is_good, value))
