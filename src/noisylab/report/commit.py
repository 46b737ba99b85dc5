"""The commit of the code, the parameters and the data of a run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: Variables by which a git that started this process names a repository, perhaps another one.
_ELSEWHERE = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_NAMESPACE"}


@dataclass(frozen=True)
class Commit:
    """The last commit of the inputs of a run.

    id:         40 hex digits; empty where it is unknown.
    is_changed: whether the files differ from that commit.
    is_cut:     whether the history of a shallow clone ends there: an earlier commit may hold the
                same inputs.
    has_images: whether git, or a file of DVC in git, tracks the images.
    problem:    the reason why the commit is unknown.
    """

    id: str
    is_changed: bool = False
    is_cut: bool = False
    has_images: bool = True
    problem: str = ""


def last_commit(folder: str | Path, paths: Sequence[str], images: str) -> Commit:
    """The last commit that changed one of the paths, or the images, of the repository `folder`.

    A commit of results alone does not count, so a clone of the results gives the same answer.

    images: the folder of the images, which may lie outside the repository.
    """
    try:
        tracked = _tracked(folder, images)
        inputs = [*paths, *tracked]
        found = _git(folder, "log", "-1", "--format=%H", "--no-show-signature", "--", *inputs)
        if not found:
            return Commit("", problem="no commit has these files")
        changes = _git(folder, "status", "--porcelain", "--untracked-files=all", "--", *inputs)
        is_shallow = _git(folder, "rev-parse", "--is-shallow-repository") == "true"
        has_parents = " " in _git(folder, "rev-list", "-1", "--parents", found)
    except OSError as error:
        return Commit("", problem=f"git cannot be run: {error.strerror}")
    except subprocess.CalledProcessError as error:
        return Commit("", problem=error.stderr.partition("\n")[0].removeprefix("fatal: "))
    is_cut = is_shallow and not has_parents
    return Commit(found, is_changed=bool(changes), is_cut=is_cut, has_images=bool(tracked))


def _tracked(folder: str | Path, images: str) -> list[str]:
    """The images, or the file by which DVC tracks them or a folder around them, if git has it."""
    _git(folder, "rev-parse")  # raises without a repository
    parents = [path for path in (Path(images), *Path(images).parents) if path.name]
    for path in (images, *(f"{parent}.dvc" for parent in parents)):
        try:
            if _git(folder, "ls-files", "--", path):
                return [path]
        except subprocess.CalledProcessError:  # outside the repository
            continue
    return []


def _git(folder: str | Path, *command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    # Without locks, since this git only reads and another may be at work.
    return subprocess.run(
        ("git", "--no-optional-locks", "--literal-pathspecs", *command),
        cwd=folder,
        env={**environment, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        errors="replace",
        check=True,
    ).stdout.strip()
