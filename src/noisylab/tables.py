"""Reading CSV tables that people may have edited."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from noisylab.errors import InputError, shown_list


def read_table(path: Path, columns: Sequence[str]) -> dict[int, dict[str, str]]:
    """The table's rows by their line in the file: stripped cells by column.

    Raises InputError for a file that is no table in UTF-8 or lacks one of the columns, and names
    the line of a row of another length.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        lines = [(reader.line_num, cells) for cells in reader if cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: expected a CSV table in UTF-8, got {error}") from error
    header = lines[0][1] if lines else []
    missing = [name for name in columns if name not in header]
    if missing:
        raise InputError(f"{path}: expected a column {missing[0]!r}, got {shown_list(header)}")
    rows = {}
    for line, cells in lines[1:]:
        if len(cells) != len(header):
            raise InputError(f"{path}: line {line}: expected {len(header)} cells, got {len(cells)}")
        rows[line] = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    return rows
