"""Reading of metrics and tables that the other stages wrote."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from noisylab.core.errors import InputError

REMEDY = "run `dvc repro`, which writes it again"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn every failure to read `path`, or to find a value in it, into one line that names it."""
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; {REMEDY}") from None
    except KeyError as error:
        raise InputError(f"{path}: has no {error.args[0]!r}; {REMEDY}") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        problem = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: is broken: {problem}; {REMEDY}") from None


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    with reading(path):
        return json.loads(path.read_text(encoding="utf-8"))


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV table by column; a table has at least one."""
    with reading(path), path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
        if not rows:
            raise ValueError("no rows")
        return rows


def read_numbers(path: Path, *columns: str) -> list[dict[str, float]]:
    """Some columns of a CSV table as numbers."""
    rows = read_rows(path)
    with reading(path):
        return [{column: float(row[column]) for column in columns} for row in rows]
