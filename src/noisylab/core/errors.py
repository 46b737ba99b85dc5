"""The exception for mistakes that a user can fix: a bad parameter, file, label or image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unicodedata import category

import numpy as np

_LONGEST = 60  # characters of a value; two or three values still fit on a line
_FIRST = 3  # values of a list

#: Marks that turn the order of the text around them, and with it a line that names a file.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class InputError(ValueError):
    """One line with the place, the expected and the actual value, and the remedy.

    Stages print it without a traceback; any other exception is a bug.
    """


class WorkerDiedError(InputError):
    """A training or an attack whose worker died in every try. Arguments: its name, the tries."""

    def __str__(self) -> str:
        name, tries = self.args
        return (
            f"{name} was given up: its worker died {tries} times, killed or out of "
            "memory; free memory, or set engine to local:1"
        )


@contextmanager
def located(where: object) -> Iterator[None]:
    """Put `where` and a colon before the message of an InputError."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def is_printable(text: str) -> bool:
    """Whether text keeps its line and its order wherever it is printed, and UTF-8 can hold it.

    Beyond str.isprintable, it may have spaces of any width, as macOS puts into the names of
    screenshots, and the joiners of Persian, Indic scripts and emoji.
    """
    return text.isprintable() or all(
        char.isprintable() or (category(char) in ("Zs", "Cf") and char not in _TURNING)
        for char in text
    )


def shown(value: object) -> str:
    """A value from a file as text for a message: one line of at most 60 characters.

    Containers and huge numbers are summarised, since their repr could exhaust the memory.

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
    """The first values of a list, and its length, as text for a message.

    >>> shown_list(["car", "cat"]), shown_list(range(1000))
    ("['car', 'cat']", '[0, 1, 2, ... 1000 in all]')
    """
    first = ", ".join(shown(value) for value in values[:_FIRST])
    rest = f", ... {len(values)} in all" if len(values) > _FIRST else ""
    return f"[{first}{rest}]"
