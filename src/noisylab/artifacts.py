"""Writing and reading what stages leave on disk: whole files, and the same bytes each time."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noisylab import pickles
from noisylab.errors import InputError
from noisylab.images import SPLITS, ImageSet
from noisylab.orphans import is_running

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

PRED_PROBS = "pred_probs.pickle"
_DIGITS = 5  # after the point, in metrics and tables: what is left is noise between processors


@dataclass(frozen=True)
class Places:
    """Where a train stage writes.

    model:       file of the weights of the run to keep.
    metrics:     folder of one JSON a run with the figures of every split.
    dev_metrics: folder of one JSON a run with the few figures of dev that compare runs at a glance.
    plots:       folder of one folder a run, and of what compares them.
    """

    model: str
    metrics: str
    dev_metrics: str
    plots: str


def write_bytes(path: str | Path, content: bytes) -> None:
    """Put `content` at `path`, making its folder; a reader finds the old file or the new one.

    Raises InputError where it cannot be written: the disk is full, the folder read-only, ...
    """
    path = Path(path)
    # Named by the process, so that two that write the same file do not mix.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path.parent)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def is_being_written(path: Path) -> bool:
    """Whether it is what write_bytes() has not yet put in its place, in a process that runs."""
    named = re.fullmatch(r"\..+\.(\d+)\.partial", path.name)
    return named is not None and is_running(int(named[1]))


def write_json(path: str | Path, values: Mapping[str, Any]) -> None:
    """Write nested numbers, rounded; NaN and infinity, which JSON cannot hold, raise ValueError."""
    text = json.dumps(_rounded(values), indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, text.encode() + b"\n")


def write_metrics(places: Places, name: str, metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the figures of one run by split, and by themselves the few of dev."""
    write_json(Path(places.metrics) / f"{name}.json", metrics)
    # Without the classes: `dvc metrics show` makes a column of every figure.
    headline = {key: value for key, value in metrics["dev"].items() if key != "recall"}
    write_json(Path(places.dev_metrics) / f"{name}.json", headline)


def write_csv(path: str | Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table with a header line; its numbers are rounded."""
    buffer = io.StringIO(newline="")
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(columns)
    table.writerows(_rounded(list(rows)))
    write_bytes(path, buffer.getvalue().encode())


def write_png(path: str | Path, figure: Figure) -> None:
    """Write a picture, without the version of the program that drew it."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Scripts that the font lacks are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(buffer, format="png", metadata={"Software": None})
    write_bytes(path, buffer.getvalue())


def write_sets(folder: str | Path, sets: Mapping[str, ImageSet], prefix: str = "") -> None:
    """Write `{prefix}{split}_set.pickle` for each split."""
    for split, image_set in sets.items():
        write_bytes(Path(folder) / f"{prefix}{split}_set.pickle", pickles.dump_set(image_set))


def read_sets(folder: str | Path) -> dict[str, ImageSet]:
    """The sets `train`, `dev` and `test`, as `write_sets` wrote them; `test` may be empty."""
    return {split: pickles.read_set(Path(folder) / f"{split}_set.pickle") for split in SPLITS}


def read_fixed_sets(folder: str | Path) -> dict[str, ImageSet]:
    """The same with the corrected labels of train and dev, and what models say of these.

    Nobody corrects test. Raises InputError where what models say is not of these sets.
    """
    names = {"train": "fixed_train", "dev": "fixed_dev", "test": "test"}
    folder = Path(folder)
    sets = {split: pickles.read_set(folder / f"{names[split]}_set.pickle") for split in SPLITS}
    path = folder / PRED_PROBS
    pred_probs = pickles.read_pickle(path)
    if not isinstance(pred_probs, dict) or {*pred_probs} != {"train", "dev"}:
        raise InputError(f"{path}: must hold probabilities of train and dev; run relabel again")
    for split, part in pred_probs.items():
        try:
            sets[split] = replace(sets[split], pred_probs=part)
        except InputError as error:
            raise InputError(f"{path}: {split}: {error}; run relabel again") from None
    return sets


def write_fixed_sets(
    folder: str | Path, sets: Mapping[str, ImageSet], pred_probs: Mapping[str, np.ndarray]
) -> None:
    """Write the corrected train and dev, and what models say of them, (N, K) float64 by split."""
    write_sets(folder, sets, prefix="fixed_")
    write_bytes(Path(folder) / PRED_PROBS, pickles.dump_pred_probs(pred_probs))


def _remove_leftovers(folder: Path) -> None:
    """Remove what processes left that were killed while they wrote."""
    for path in folder.glob(".*.partial"):
        if not is_being_written(path):
            path.unlink(missing_ok=True)


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if hasattr(value, "item"):  # a numpy number
        value = value.item()
    return round(value, _DIGITS) if isinstance(value, float) else value
