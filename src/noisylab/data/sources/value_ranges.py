"""Ranges in which tensors hold pixels, recognised from all values of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from noisylab.core.errors import InputError

#: Bicubic resizing overshoots at edges: how far, as a part of the range, and what share of values.
_OVERSHOOT = 0.2
_MOST_OUTSIDE = 0.05

_ROUNDING = 1e-5  # part of the range by which float arithmetic may leave it; a level is 4e-3
_LEAST_BRIGHT = 16  # the greatest of pixels 0 to 255, unless all images are black


@dataclass(frozen=True)
class ValueRange:
    """Values `low` for black and `high` for white; `formula` makes them from pixels 0 to 255."""

    low: float
    high: float
    formula: str

    def to_uint8(self, values: np.ndarray) -> np.ndarray:
        """The nearest levels; a value outside the range becomes 0 or 255."""
        levels = np.rint((values.astype(np.float64) - self.low) / (self.high - self.low) * 255)
        return np.clip(levels, 0, 255).astype(np.uint8)

    def holds(self, tensors: Sequence[np.ndarray]) -> bool:
        """Whether all values are inside, except for a few that overshoot."""
        if self.count_outside(tensors, _OVERSHOOT):
            return False
        n_values = sum(tensor.size for tensor in tensors)
        return self.count_outside(tensors) <= _MOST_OUTSIDE * n_values

    def count_outside(self, tensors: Sequence[np.ndarray], allowed: float = _ROUNDING) -> int:
        """Number of values that are outside by more than `allowed`, a part of the range."""
        margin = allowed * (self.high - self.low)
        low, high = self.low - margin, self.high + margin
        return sum(int(((values < low) | (values > high)).sum()) for values in tensors)


SIGNED = ValueRange(-1, 1, "(pixels / 255 - 0.5) / 0.5")
UNIT = ValueRange(0, 1, "pixels / 255")
LEVELS = ValueRange(0, 255, "pixels")


@dataclass
class Ranges:
    """The range of train, which is read first, and in which the other files are read, too."""

    train: ValueRange | None = None
    notices: list[str] = field(default_factory=list)

    def of(self, name: str, tensors: Sequence[np.ndarray]) -> ValueRange:
        """The range of the tensors in the file `name`, with a notice unless it is [-1, 1].

        Raises InputError, with the index of a tensor, for values in no range or in another one.
        """
        for index, tensor in enumerate(tensors):
            if not np.isfinite(tensor).all():
                raise InputError(f"index {index}: expected finite values, got NaN or infinity")
        if not tensors:
            return self.train or SIGNED
        found = _recognise(tensors)
        chosen = self.train or found
        if chosen is None or not chosen.holds(tensors):
            ranges = "[-1, 1], [0, 1] or [0, 255]"
            if chosen:
                ranges = f"[{chosen.low:g}, {chosen.high:g}], as in train.pickle"
            raise InputError(
                f"expected values in {ranges}, got {_extremes(tensors)}; divide pixels by 255, or "
                "undo a standardisation with tensor * std + mean"
            )
        self.train = chosen
        n_outside = chosen.count_outside(tensors)
        is_plain = chosen is LEVELS and tensors[0].dtype == np.uint8
        if n_outside or found is not chosen or not (chosen is SIGNED or is_plain):
            clipped = f", {n_outside:,} of them clipped" if n_outside else ""
            self.notices.append(
                f"{name}: values from {_extremes(tensors)} were read as {chosen.formula}, "
                f"[{chosen.low:g}, {chosen.high:g}]{clipped}"
            )
        return chosen


def _recognise(tensors: Sequence[np.ndarray]) -> ValueRange | None:
    ranges = [UNIT, SIGNED]
    if max(values.max() for values in tensors) > _LEAST_BRIGHT or tensors[0].dtype == np.uint8:
        ranges.append(LEVELS)
    return next((each for each in ranges if each.holds(tensors)), None)


def _extremes(tensors: Sequence[np.ndarray]) -> str:
    low, high = (np.array([part(values) for values in tensors]) for part in (np.min, np.max))
    return f"{low.min():g} (index {low.argmin()}) to {high.max():g} (index {high.argmax()})"
