"""What each key of `params.yaml` must be, wherever it stands."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from noisylab.config.settings import (
    BY_CLASS,
    DEVICES,
    ENGINES,
    NORMS,
    OPTIMIZERS,
    RULES,
    SCHEDULES,
    is_engine,
)
from noisylab.core.images import SIZE

_MOST = 3.4e38  # in float32, in which torch computes, more is infinite

Check = Callable[[object], bool]


def _number(
    *, least: float = -math.inf, above: float = -math.inf, most: float = math.inf
) -> tuple[str, Check]:
    """A finite number ≥ `least`, > `above` and ≤ `most`."""

    def is_good(value: object) -> bool:
        if not _is(value, int, float) or not abs(value) <= _MOST:  # type: ignore[arg-type]
            return False
        return least <= value <= most and value > above  # type: ignore[operator]

    bounds = ((">=", least), (">", above), ("<=", most))
    given = [f"{sign} {bound:g}" for sign, bound in bounds if math.isfinite(bound)]
    return f"a number {' and '.join(given)}", is_good


def _integer(least: int, most: int) -> tuple[str, Check]:
    def is_good(value: object) -> bool:
        return _is(value, int) and least <= value <= most  # type: ignore[operator]

    return f"an integer in {least}..{most}", is_good


def _choice(*names: str) -> tuple[str, Check]:
    return f"one of {', '.join(names)}", lambda value: value in names


def _pair(one: tuple[str, Check]) -> tuple[str, Check]:
    """Two values that each pass `one`, the lower first."""
    expected, is_one = one

    def is_good(value: object) -> bool:
        if not isinstance(value, list) or len(value) != 2 or not all(map(is_one, value)):
            return False
        return bool(value[0] <= value[1])

    return f"a list of two, the lower first, each {expected}", is_good


def _list(one: tuple[str, Check]) -> tuple[str, Check]:
    """One value or more, none of them twice, that each pass `one`."""
    expected, is_one = one

    def is_good(value: object) -> bool:
        if not isinstance(value, list) or not value or not all(map(is_one, value)):
            return False
        return len(set(value)) == len(value)

    return f"a list of one or more, none of them twice, each {expected}", is_good


def _by_class(one: tuple[str, Check], *words: str, zeros: bool) -> tuple[str, Check]:
    """One of some words, or for each class a number that passes `one`; `zeros`: all may be 0."""
    expected, is_one = one

    def is_good(value: object) -> bool:
        if not isinstance(value, Mapping):
            return value in words
        return all(map(is_one, value.values())) and (zeros or any(value.values()))

    rest = "" if zeros else ", not all of them 0"
    return f"{', '.join(words)}, or for each class {expected}{rest}", is_good


def _or(one: tuple[str, Check], other: tuple[str, Check]) -> tuple[str, Check]:
    """A value that passes either."""
    return f"{one[0]}, {other[0]}", lambda value: one[1](value) or other[1](value)


def _by_optimizer(one: tuple[str, Check]) -> tuple[str, Check]:
    """For optimizers by name, what passes `one`."""
    expected, is_one = one

    def is_good(value: object) -> bool:
        if not isinstance(value, Mapping) or not all(name in OPTIMIZERS for name in value):
            return False
        return all(map(is_one, value.values()))

    return f"for optimizers of {', '.join(OPTIMIZERS)} {expected}", is_good


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _is(value: object, *types: type) -> bool:
    """Whether value is of the types; a bool is no number, whatever Python says."""
    return isinstance(value, types) and not isinstance(value, bool)


#: By key: a phrase that says what its value must be, and the test for it.
CHECKS: Mapping[str, tuple[str, Check]] = {
    "seed": _integer(0, 2**32 - 1),
    "lr": _number(above=0),
    "batch_size": _integer(1, 2**20),
    "optimizer": _choice(*OPTIMIZERS),
    "threads": _integer(1, 1024),
    "device": _choice(*DEVICES),
    "engine": (ENGINES, is_engine),
    "source": ("a folder", _is_text),
    "sheet_images": _integer(1, 1000),
    "epochs": _integer(1, 10**6),
    "schedule": _choice(*SCHEDULES),
    "warmup": _number(least=0, most=1),
    "weight_decay": _number(least=0),
    "label_smoothing": _number(least=0, most=1),
    "distillation": _number(least=0, most=1),
    "dropout": _number(least=0, most=0.99),
    "class_weights": _by_class(_number(least=0), *BY_CLASS, zeros=False),
    "probability": _or(
        _number(least=0, most=1),
        _by_class(_number(least=0, most=1), "one_minus_frequency", zeros=True),
    ),
    "rotate_degrees": _number(least=0, most=180),
    "crop_scale": _number(least=0.1, most=1),
    "blur_sigma": _pair(_number(least=0, most=10)),
    "brightness": _pair(_number(least=0, most=10)),
    "shift_pixels": _integer(0, SIZE - 1),
    "mirror": _number(least=0, most=1),
    "optimizers": _list(_choice(*OPTIMIZERS)),
    "rates": _list(_number(above=0)),
    "own_rates": _by_optimizer(_list(_number(above=0))),
    "seeds": _integer(1, 100),
    "keep": _choice(*RULES),
    "suspect_class": ("a class, rarest or any", _is_text),
    "models": _integer(1, 100),
    "folds": _integer(2, 100),
    "fold_seeds": _integer(1, 100),
    "source_class": ("a class or least_confused", _is_text),
    "target_class": ("a class, rarest or least_confused", _is_text),
    "example_probability": _number(least=0, most=1),
    "epsilon": _number(above=0, most=255),
    "epsilons": _list(_number(above=0, most=255)),
    "steps": _integer(1, 10_000),
    "norm": _choice(*NORMS),
    "confidence": _number(above=0, most=0.9999),
}
