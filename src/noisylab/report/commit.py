"""The commit of the code, the parameters and the data of a run."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Commit:
    """id: 40 hex digits. is_changed: whether the files differ from that commit."""

    id: str
    is_changed: bool


def last_commit(folder: str | Path, paths: Sequence[str]) -> Commit | None:
    """The last commit that changed one of the paths in `folder`; None where git has none.

    A commit of results alone does not count, so a clone of the results gives the same answer.
    """
    try:
        found = _git(folder, "log", "-1", "--format=%H", "--", *paths).strip()
        changes = _git(folder, "status", "--porcelain", "--", *paths)
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository here
        return None
    return Commit(found, is_changed=bool(changes)) if found else None


def _git(folder: str | Path, *command: str) -> str:
    # Without locks, since this git only reads and another may be at work.
    return subprocess.run(
        ("git", "--no-optional-locks", *command),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
