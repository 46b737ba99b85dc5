"""Reading a JSON file of figures: what is missing or of the wrong type is named in one line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from noisylab.core.errors import InputError, shown

_REMEDY = "run `dvc repro`, which makes it anew"


class Tree:
    """A section of a metrics file, which knows the file and the keys that lead to it."""

    def __init__(self, path: Path, values: Any, place: str = "") -> None:
        self._path, self._place = path, place
        if not isinstance(values, dict):
            raise self._refused("", "a section", values)
        self._values: dict[str, Any] = values

    @classmethod
    def read(cls, path: Path) -> Tree:
        """The whole of a file; raises InputError where there is none, or no JSON in it."""
        try:
            return cls(path, json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}; {_REMEDY}") from None
        except (ValueError, RecursionError) as error:
            if isinstance(error, InputError):
                raise
            problem = " ".join(str(error).split())[:200]
            raise InputError(f"{path}: is not valid JSON: {problem}; {_REMEDY}") from None

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def part(self, key: str) -> Tree:
        """A section of this one."""
        return Tree(self._path, self._value(key), f"{self._place}{key}.")

    def number(self, key: str) -> float:
        """A finite number."""
        value = self._value(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refused(key, "a number", value)
        if not math.isfinite(value):
            raise self._refused(key, "a finite number", value)
        return value

    def count(self, key: str) -> int:
        """An integer of 0 or more."""
        value = self._value(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self._refused(key, "an integer >= 0", value)
        return value

    def text(self, key: str) -> str:
        """A text."""
        value = self._value(key)
        if not isinstance(value, str):
            raise self._refused(key, "a text", value)
        return value

    def numbers(self) -> dict[str, float]:
        """All of a section that holds numbers only."""
        return {key: self.number(key) for key in self._values}

    def counts(self) -> dict[str, int]:
        """All of a section that holds counts only."""
        return {key: self.count(key) for key in self._values}

    def wrong(self, key: str, expected: str) -> InputError:
        """What to raise where a value of the right type cannot be."""
        return self._refused(key, expected, self._value(key))

    def _value(self, key: str) -> Any:
        if key not in self._values:
            raise InputError(f"{self._path}: {self._place}{key} is missing; {_REMEDY}")
        return self._values[key]

    def _refused(self, key: str, expected: str, got: object) -> InputError:
        place = f"{self._place}{key}".rstrip(".") or "the file"
        return InputError(f"{self._path}: {place} must be {expected}, got {shown(got)}; {_REMEDY}")
