"""Reading CSV tables that people may edit."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from noisylab.core.errors import InputError, shown, shown_list
from noisylab.core.files import read_text

# Enough for twenty bundles with a row per image. The largest table takes half a gigabyte in memory.
MAX_FILE_BYTES = 32 * 2**20
MAX_ROWS = 200_000
MAX_COLUMNS = 20

#: Columns of corrections.csv, which stage `relabel` writes.
CORRECTIONS = ("split", "index", "given", "suggested", "score", "flagged", "decision", "by")


def read_table(path: Path, columns: Sequence[str]) -> dict[int, dict[str, str]]:
    """Rows by line number; a row is a dict from column to cell, without surrounding space.

    Raises InputError, with the line of a bad row, unless the file is a table in UTF-8 that has
    all `columns`, rows as long as its header, and a size within the limits above.
    """
    text = read_text(path, MAX_FILE_BYTES)
    lines = _lines(path, text)
    _, header = next(lines, (0, []))
    missing = [name for name in columns if name not in header]
    if missing:
        hint = "; separate columns with commas" if len(header) == 1 else ""
        raise InputError(
            f"{path}: expected a column {missing[0]!r}, got {shown_list(header)}{hint}"
        )
    if len(header) > MAX_COLUMNS:
        raise InputError(f"{path}: expected at most {MAX_COLUMNS} columns, got {len(header)}")
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise InputError(f"{path}: expected each column once, got {shown(twice[0])} again")
    rows: dict[int, dict[str, str]] = {}
    for line, cells in lines:
        if len(cells) != len(header):
            raise InputError(f"{path}: line {line}: expected {len(header)} cells, got {len(cells)}")
        if len(rows) == MAX_ROWS:
            raise InputError(f"{path}: line {line}: expected at most {MAX_ROWS:,} rows, got more")
        rows[line] = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    return rows


def _lines(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells of the lines that are not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise InputError(f"{path}: expected a CSV table in UTF-8, got {error}") from None
