"""Reading files whole, and writing them whole or not at all, with reproducible bytes."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import stat
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noisylab.core.errors import InputError
from noisylab.core.processes import is_running

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DIGITS = 5  # of numbers in metrics and tables; further digits differ between processors


def read_file(path: str | Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises InputError, which names the path, if it is larger, unreadable, or no regular file.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe may wait forever
            raise InputError(f"{path}: cannot be read: not a regular file; check the path")
        if status.st_size > most:
            raise InputError(f"{path}: cannot be read: larger than {most:,} bytes; make it smaller")
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        what = "its permissions" if isinstance(error, PermissionError) else "the path"
        raise InputError(f"{path}: cannot be read: {reason}; check {what}") from None


def check_made(path: Path) -> None:
    """Raise InputError unless the pipeline has made the file."""
    if not path.is_file():
        raise InputError(f"{path}: does not exist yet; run make repro first")


def read_text(path: str | Path, most: int) -> str:
    """The text of a UTF-8 file of at most `most` bytes, without a byte order mark."""
    try:
        return read_file(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: cannot be read: byte {error.start} is not UTF-8; save it as UTF-8"
        ) from None


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file and its folder; a reader finds the whole old file or the whole new one.

    Raises InputError if the disk is full, the folder read-only, and so on.
    """
    path = Path(path)
    # Two processes that write the same file use two temporary ones.
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
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def check_new_folder(path: Path) -> None:
    """Raise InputError unless `path` is an empty folder, or nothing yet."""
    if path.is_dir():
        if any(path.iterdir()):
            raise InputError(f"{path}: is not empty; choose a new folder")
    elif path.exists() or path.is_symlink():
        raise InputError(f"{path}: exists and is no folder; choose a new folder")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `path` at the end of the block, or vanishes if it raises.

    Raises InputError as check_new_folder() does, and if the disk is full and so on.
    """
    check_new_folder(path)
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target.parent)
        temporary.mkdir()
        yield temporary
        temporary.replace(target)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def is_being_written(path: Path) -> bool:
    """Whether a running process fills `path` for write_bytes() or new_folder()."""
    writer = _writer(path)
    return writer is not None and is_running(writer)


def write_json(path: str | Path, values: Mapping[str, Any]) -> None:
    """Write nested numbers, rounded; None as null. JSON has no NaN or infinity: ValueError."""
    text = json.dumps(_rounded(values), indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, text.encode() + b"\n")


def write_csv(path: str | Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table with a header line; numbers are rounded, and the cell of None is empty."""
    buffer = io.StringIO(newline="")
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(columns)
    table.writerows(_rounded(list(rows)))
    write_bytes(path, buffer.getvalue().encode())


def write_png(path: str | Path, figure: Figure) -> None:
    """Write a figure, without the version of matplotlib."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Characters that the font lacks are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(buffer, format="png", metadata={"Software": None})
    write_bytes(path, buffer.getvalue())


def _remove_leftovers(folder: Path) -> None:
    """Remove the temporary files and folders of processes that were killed, and nothing else."""
    for path in folder.glob(".*.partial"):
        writer = _writer(path)
        if writer is None or is_running(writer):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _writer(path: Path) -> int | None:
    """The process that a temporary file or folder is named after; None if it is none of ours."""
    named = re.fullmatch(r"\..+\.(\d+)\.partial", path.name)
    return int(named[1]) if named else None


def _rounded(value: Any) -> Any:
    """Nested values with floats rounded to 5 decimals or, below 0.1, to 5 significant digits."""
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    if hasattr(value, "tolist"):  # numpy
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if not isinstance(value, float):
        return value
    return float(f"{value:.{_DIGITS}g}") if abs(value) < 0.1 else round(value, _DIGITS)
