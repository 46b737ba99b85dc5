"""params.yaml, checked as a whole and turned into frozen dataclasses."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, get_args, get_origin

from noisylab.config import yaml12
from noisylab.config.checks import text
from noisylab.config.settings import FitConfig, Params, TrainParams
from noisylab.core.errors import InputError, located
from noisylab.core.files import read_text

__all__ = ["Params", "TrainParams", "check_recipe", "read_params"]

MAX_FILE_BYTES = 100_000
_NAME = text("a name of at most 60 letters, digits, _ and -", r"[A-Za-z0-9_-]{1,60}")


def read_params(path: str | Path) -> Params:
    """Read and check the whole file.

    Raises InputError, which names the file and the key, at the first value of the wrong type or
    out of range, and at a key that is unknown, missing or duplicate.
    """
    content = read_text(path, MAX_FILE_BYTES)
    with located(path):
        params: Params = _section(Params, "", yaml12.load(content), {})
        for name, section in vars(params).items():
            if isinstance(section, TrainParams):
                _check_runs(name, section)
        _check_named("adversarial.run", params.adversarial.run, params.train_fixed)
    return params


def check_recipe(settings: Mapping[str, object]) -> FitConfig:
    """The settings of one training, checked as those of a run; raises InputError likewise."""
    recipe: FitConfig = _section(FitConfig, "", settings, {})
    _check_mixing("", recipe)
    return recipe


def _section(cls: Any, place: str, values: object, top: Mapping[str, object]) -> Any:
    """The dataclass `cls` of a section's values; a run takes those that are missing from `top`."""
    wanted = [field.name for field in fields(cls)]
    if not isinstance(values, Mapping):
        _refuse(place or "the file", f"a section with {', '.join(wanted)}", values)
    dot = f"{place}." if place else ""
    for key in values:
        if key not in wanted:
            close = difflib.get_close_matches(str(key), wanted, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(wanted)}"
            raise InputError(f"{dot}{' '.join(str(key).split())[:200]} is unknown; {hint}")
    if cls is FitConfig:
        values = {**top, **values}
    parts = {}
    for field in fields(cls):
        if field.name in values:
            value = values[field.name]
            parts[field.name] = _value(field.type, dot + field.name, value, top or values)
        elif field.default is MISSING:
            raise InputError(f"{dot}{field.name} is missing")
    return cls(**parts)


def _value(kind: Any, place: str, value: Any, top: Mapping[str, object]) -> Any:
    """The value of a field that is annotated as `kind`."""
    if get_origin(kind) is Annotated:
        check = get_args(kind)[1]
        if not check.is_good(value):
            _refuse(place, check.expected, value)
        return tuple(value) if isinstance(value, list) else value  # as defaults are written
    cls = next(filter(is_dataclass, (kind, *get_args(kind))))
    if get_origin(kind) is not dict:
        return _section(cls, place, value, top)
    if not isinstance(value, Mapping) or not value:
        _refuse(place, f"one or more runs, each with {_NAME.expected}", value)
    for key in value:
        if not _NAME.is_good(key):
            _refuse(f"each key of {place}", _NAME.expected, key)
    return {key: _section(cls, f"{place}.{key}", part, top) for key, part in value.items()}


def _check_runs(stage: str, params: TrainParams) -> None:
    _check_named(f"{stage}.keep", params.keep, params)
    for name, run in params.runs.items():
        if run.distillation and stage != "train_fixed":
            expected = "0, since only train_fixed has predicted probabilities"
            _refuse(f"{stage}.runs.{name}.distillation", expected, run.distillation)
        _check_mixing(f"{stage}.runs.{name}.", run)


def _check_mixing(prefix: str, run: FitConfig) -> None:
    if run.mixup + run.cutmix > 1:
        expected = f"at most 1 together with mixup, which is {run.mixup:g}"
        _refuse(f"{prefix}cutmix", expected, run.cutmix)


def _check_named(place: str, run: str, params: TrainParams) -> None:
    if run not in params.runs:
        _refuse(place, f"one of the runs {', '.join(params.runs)}", run)


def _refuse(place: str, expected: str, got: object) -> NoReturn:
    value = "nothing" if got is None else reprlib.repr(got)
    raise InputError(f"{place} must be {expected}, got {value}")
