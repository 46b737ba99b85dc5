"""Reading a file that a user gave, and writing whole files: the same bytes each time."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noisylab.core.errors import InputError
from noisylab.core.processes import is_running

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DIGITS = 5  # after the point, in metrics and tables: what is left is noise between processors


def read_file(path: str | Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises InputError, which names the file, for one that is larger, cannot be read, or is none.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would wait, a device never end
            raise InputError(f"{path}: cannot be read: Is not a file; check the path")
        if status.st_size > most:
            raise InputError(
                f"{path}: cannot be read: is larger than {most:,} bytes; make it smaller"
            )
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"{path}: cannot be read: {reason}; check the path") from None


def read_text(path: str | Path, most: int) -> str:
    """The same as text in UTF-8, without the mark that some editors put before it."""
    try:
        return read_file(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: cannot be read: byte {error.start} is not UTF-8; save it as UTF-8"
        ) from None


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
