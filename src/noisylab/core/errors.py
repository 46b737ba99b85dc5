"""The one exception for what a user can put right: a bad parameter, file, label or image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

_LONGEST = 60  # characters of a value: two or three of them still make a line
_FIRST = 3  # of the values in a list


class InputError(ValueError):
    """Says in one line where, what was expected, what was got and what to do.

    Stages print it without a traceback; every other exception is a fault of the program.
    """


class WorkerDiedError(InputError):
    """A training ended its worker each time that it was tried."""

    def __init__(self, index: int, tries: int) -> None:
        super().__init__(index, tries)

    def __str__(self) -> str:
        index, tries = self.args
        return (
            f"training {index} was given up: its worker died {tries} times, killed or out of "
            "memory; free memory, or set engine to local:1"
        )


@contextmanager
def located(where: object) -> Iterator[None]:
    """Put `where` and a colon before the message of an InputError."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def shown(value: object) -> str:
    """What a message may say of a value out of a file: at most 60 characters, on one line.

    Never the repr of a container, which could take all the memory there is, nor of a huge number.

    >>> shown("car"), shown([1, 2]), shown(np.zeros(3)), shown(10**5000)
    ("'car'", 'list of 2', 'float64 of shape (3,)', 'int of 16610 bits')
    """
    if isinstance(value, (str, bytes, bytearray)):
        text = repr(value[:_LONGEST])
    elif isinstance(value, np.ndarray):
        text = f"{value.dtype} of shape {value.shape}"
    elif isinstance(value, int) and value.bit_length() > 4 * _LONGEST:
        text = f"int of {value.bit_length()} bits"
    elif value is None or isinstance(value, (int, float, np.generic)):
        text = repr(value)
    elif isinstance(value, (list, tuple, dict)):
        text = f"{type(value).__name__} of {len(value)}"
    else:
        text = type(value).__name__
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def shown_list(values: Sequence[object]) -> str:
    """The first of the values, and how many there are.

    >>> shown_list(["car", "cat"]), shown_list(range(1000))
    ("['car', 'cat']", '[0, 1, 2, ... 1000 in all]')
    """
    first = ", ".join(shown(value) for value in values[:_FIRST])
    rest = f", ... {len(values)} in all" if len(values) > _FIRST else ""
    return f"[{first}{rest}]"
