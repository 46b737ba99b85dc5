"""Which commit the code, the parameters and the data of a run are of."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Commit:
    """id: 40 hex digits. is_changed: whether something there differs from that commit."""

    id: str
    is_changed: bool


def last_commit(folder: str | Path, paths: Sequence[str]) -> Commit | None:
    """The last commit that changed one of the paths in `folder`; None where git knows of none.

    It does not move when results alone are committed, so that a clone of them says the same.
    """
    try:
        found = _git(folder, "log", "-1", "--format=%H", "--", *paths).strip()
        changes = _git(folder, "status", "--porcelain", "--", *paths)
    except (OSError, subprocess.CalledProcessError):  # no git, or nothing of git's here
        return None
    return Commit(found, is_changed=bool(changes)) if found else None


def _git(folder: str | Path, *command: str) -> str:
    # Without locks: another git may be at work, and this one is only to read.
    return subprocess.run(
        ("git", "--no-optional-locks", *command),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
