"""`params.yaml`, checked whole and turned into frozen dataclasses."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from noisylab.config.checks import CHECKS
from noisylab.config.settings import (
    AdversarialConfig,
    AugmentConfig,
    FitConfig,
    RelabelConfig,
    SweepConfig,
)
from noisylab.core.errors import InputError
from noisylab.core.files import read_text

#: Far more than the pipeline has use for; a file within these is read in seconds.
MAX_FILE_BYTES = 100_000
MAX_NODES = 10_000
MAX_DEPTH = 20
MAX_LENGTH = 1000  # characters of a value

Section = TypeVar("Section")


@dataclass(frozen=True)
class PrepareParams:
    """Stage `prepare`. source: the folder that holds the images."""

    source: str


@dataclass(frozen=True)
class StatsParams:
    """Stage `stats`. sheet_images: how many images of each class to show."""

    sheet_images: int


@dataclass(frozen=True)
class TrainParams:
    """A train stage. runs: by name, how to train; keep: the run whose model goes on."""

    keep: str
    runs: dict[str, FitConfig]


@dataclass(frozen=True)
class Params:
    """The whole file. What stands at its top holds for every run that does not set it itself."""

    seed: int
    lr: float
    batch_size: int
    optimizer: str
    threads: int
    device: str
    engine: str
    prepare: PrepareParams
    stats: StatsParams
    train_baseline: TrainParams
    train_balanced: TrainParams
    train_augmented: TrainParams
    relabel: RelabelConfig
    train_fixed: TrainParams
    lr_sweep: SweepConfig
    adversarial: AdversarialConfig


def read_params(path: str | Path) -> Params:
    """Read and check the whole file.

    Raises InputError, which names the file and the key, at the first value of the wrong type or
    out of range, and at a key that is unknown, missing or there twice.
    """
    text = read_text(path, MAX_FILE_BYTES)
    try:
        # YAML 1.2, as DVC writes and reads it: there `1e-05` is a number.
        _check_plain(text)
        values = YAML(typ="safe", pure=True).load(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = _one_line(error.problem)
        raise InputError(f"{path}: line {line} is not valid YAML: {problem}") from None
    except Exception as error:  # a month 13, a version 1.3, ...: ruamel.yaml raises nearly anything
        raise InputError(f"{path}: is not valid YAML: {_one_line(error)}") from None
    try:
        return _params(values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _check_plain(text: str) -> None:
    """Refuse what would take hours or all the memory to build: aliases of aliases, huge numbers."""
    counts = [0]  # values so far, aliases unfolded: of the file, and of each list that is open
    anchors: list[str | None] = []
    unfolded: dict[str | None, int] = {}  # by anchor
    for event in YAML(typ="safe", pure=True).parse(text):  # bit by bit, so a deep file ends early
        if isinstance(event, SequenceStartEvent | MappingStartEvent):
            counts.append(1)
            anchors.append(event.anchor)
        elif isinstance(event, SequenceEndEvent | MappingEndEvent):
            count = counts.pop()
            unfolded[anchors.pop()] = count
            counts[-1] += count
        elif isinstance(event, AliasEvent):
            counts[-1] += unfolded.get(event.anchor, 1)
        elif isinstance(event, ScalarEvent):
            counts[-1] += 1
            if len(event.value) > MAX_LENGTH:
                line = event.start_mark.line + 1
                raise InputError(f"line {line}: a value has more than {MAX_LENGTH} characters")
        if counts[-1] > MAX_NODES or len(counts) > MAX_DEPTH:
            raise InputError(
                f"holds more than {MAX_NODES:,} values, aliases unfolded, or more than {MAX_DEPTH} "
                "levels; write it without aliases"
            )


def _params(values: object) -> Params:
    sections = _keys(Params, "", values)
    top = {key: _checked(key, value) for key, value in sections.items() if key in CHECKS}
    shared = {field.name: top[field.name] for field in fields(FitConfig) if field.name in top}
    parts: dict[str, Any] = {
        "prepare": _section(PrepareParams, "prepare", sections["prepare"]),
        "stats": _section(StatsParams, "stats", sections["stats"]),
        "relabel": _section(RelabelConfig, "relabel", sections["relabel"]),
        "lr_sweep": _section(SweepConfig, "lr_sweep", sections["lr_sweep"]),
        "adversarial": _section(AdversarialConfig, "adversarial", sections["adversarial"]),
    }
    for name in (key for key in sections if key.startswith("train_")):
        parts[name] = _train_section(name, sections[name], shared)
    return Params(**top, **parts)


def _train_section(place: str, values: object, shared: Mapping[str, Any]) -> TrainParams:
    parts = _keys(TrainParams, place, values)
    named = parts["runs"]
    if not isinstance(named, Mapping) or not named:
        raise _refused(f"{place}.runs", "one or more named runs", named)
    for name in named:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise _refused(f"{place}.runs", "named in letters, digits, _ and -", name)
    runs = {
        name: _section(FitConfig, f"{place}.runs.{name}", run, shared)
        for name, run in named.items()
    }
    for name, run in runs.items():
        if run.distillation and place != "train_fixed":
            raise InputError(
                f"{place}.runs.{name}.distillation must be 0, got {run.distillation:g}: what "
                "models say of the images is known to train_fixed alone"
            )
    if parts["keep"] not in list(runs):
        raise _refused(f"{place}.keep", f"one of the runs {', '.join(runs)}", parts["keep"])
    return TrainParams(keep=parts["keep"], runs=runs)


def _section(
    cls: type[Section], place: str, values: object, shared: Mapping[str, Any] | None = None
) -> Section:
    """The dataclass `cls` from a section; what the section leaves out is taken from `shared`."""
    parts = _keys(cls, place, values, shared or {})
    return cls(**{key: _checked(f"{place}.{key}", value) for key, value in parts.items()})


def _keys(
    cls: type[Any], place: str, values: object, shared: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The section's values by key, none missing and none unknown."""
    wanted = [field.name for field in fields(cls)]
    if not isinstance(values, Mapping):
        raise _refused(place or "the file", f"a section with {', '.join(wanted)}", values)
    dot = f"{place}." if place else ""
    for key in values:
        if key not in wanted:
            close = difflib.get_close_matches(str(key), wanted, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(wanted)}"
            raise InputError(f"{dot}{_one_line(key)} is unknown; {hint}")
    parts = {**(shared or {}), **values}
    for key in (field.name for field in fields(cls) if field.default is MISSING):
        if key not in parts:
            raise InputError(f"{dot}{key} is missing")
    return parts


def _checked(place: str, value: object) -> Any:
    """The value if it is what its key, the last part of `place`, stands for."""
    key = place.rpartition(".")[2]
    if key == "augment":
        return _section(AugmentConfig, place, value)
    expected, is_good = CHECKS[key]
    if not is_good(value):
        raise _refused(place, expected, value)
    return value


def _one_line(value: object) -> str:
    return " ".join(str(value).split())[:200]


def _refused(place: str, expected: str, got: object) -> InputError:
    return InputError(
        f"{place} must be {expected}, got {'nothing' if got is None else reprlib.repr(got)}"
    )
