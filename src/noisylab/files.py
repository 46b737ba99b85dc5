"""Reading a file that a user gave: never a pipe that waits, nor more of it than is wanted."""

from __future__ import annotations

import stat
from pathlib import Path

from noisylab.errors import InputError


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
