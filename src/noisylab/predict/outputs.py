"""Predictions as text: a CSV table, or a JSON list."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from noisylab.predict.run import Prediction

_DIGITS = 5  # after the point; further digits differ between processors


class CsvTable:
    """A line for each prediction: file, class, probability, and one probability a class."""

    def __init__(self, stream: TextIO, classes: Sequence[str]) -> None:
        self._classes = classes
        self._rows = csv.writer(stream, lineterminator="\n")
        self._rows.writerow(("file", "class", "probability", *classes))

    def write(self, made: Prediction) -> None:
        """Add a line."""
        probs = [f"{value:.{_DIGITS}f}" for value in made.probs]
        self._rows.writerow((made.name, self._classes[made.label], probs[made.label], *probs))

    def end(self) -> None:
        """Nothing follows the last line."""


class JsonList:
    """An object for each prediction, on a line of its own."""

    def __init__(self, stream: TextIO, classes: Sequence[str]) -> None:
        self._stream = stream
        self._classes = classes
        self._before = "[\n"

    def write(self, made: Prediction) -> None:
        """Add an object."""
        probs = [round(float(value), _DIGITS) for value in made.probs]
        fields = {
            "file": made.name,
            "class": self._classes[made.label],
            "probability": probs[made.label],
            "probabilities": dict(zip(self._classes, probs, strict=True)),
        }
        self._stream.write(self._before + json.dumps(fields, ensure_ascii=False))
        self._before = ",\n"

    def end(self) -> None:
        """Close the list."""
        self._stream.write("[]\n" if self._before == "[\n" else "\n]\n")
