"""Repair what a killed DVC leaves damaged: `noisylab repair`.

`make repro` does this before it runs the pipeline. DVC writes two of its files in place:
`dvc.lock`, the results of stages, and `.dvc/tmp/rwlock`, the locks of running ones. If it is killed
meanwhile, half a file is left, with which it refuses to run. It also trusts every file in its
cache. Damaged files are removed, and the next `dvc repro` makes them again: only time is lost.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import md5
from pathlib import Path

import yaml

_DESCRIPTION = """Remove files that a killed DVC left damaged in this folder: dvc.lock,
.dvc/tmp/rwlock, and copies of outputs in its cache. Prints a line for each. The next dvc repro
makes them again. make repro runs this command first."""

# It keeps scalars as text, as a path may be `no` or `1e5`. The version in C is the faster one.
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def repair(project: Path) -> list[str]:
    """Remove damaged files of DVC from a project, unless DVC is running; a line for each."""
    with _held(project / ".dvc" / "tmp" / "lock") as is_held:
        if not is_held:
            return []
        lines = _repair_rwlock(project / ".dvc" / "tmp")
        lock = project / "dvc.lock"
        try:
            outs = _read_outs(lock) if lock.exists() else {}
        except (yaml.YAMLError, AttributeError, LookupError, TypeError, ValueError):
            lock.unlink()
            return [*lines, "dvc.lock was damaged and is removed: every stage runs again"]
        damaged = set[str]()
        for path, digest in outs.items():
            lines += _repair_out(project, path, digest, damaged)
            for name, own in _read_listing(project, digest).items():
                lines += _repair_out(project, f"{path}/{name}", own, damaged)
        return lines


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Hold one of DVC's locks; False if another process holds it."""
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def _repair_rwlock(folder: Path) -> list[str]:
    with _held(folder / "rwlock.lock") as is_held:
        path = folder / "rwlock"
        if not is_held or not path.exists():
            return []
        try:
            json.loads(path.read_bytes())
        except ValueError:
            path.unlink()
            return [".dvc/tmp/rwlock was damaged and is removed"]
    return []


def _read_outs(lock: Path) -> dict[str, str]:
    """MD5 digest by path of the outputs in dvc.lock; raises if the file is damaged."""
    text = lock.read_text(encoding="utf-8")
    stages = yaml.load(text, _Loader)["stages"].values()
    for stage in stages:
        if not all(stage.values()) or not all(stage.get("params", {}).values()):
            raise ValueError("a key has no value: cut after it")
    outs = {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", [])}
    if not text.endswith("\n") or not all(map(re.compile("[0-9a-f]{32}").match, outs.values())):
        raise ValueError("cut in the middle of a line")
    return outs


def _read_listing(project: Path, digest: str) -> dict[str, str]:
    """MD5 digest by path of the files in a folder, from DVC's cached list of them."""
    cached = _cached(project, digest)
    if not digest.endswith(".dir") or not cached.is_file():
        return {}
    return {entry["relpath"]: entry["md5"] for entry in json.loads(cached.read_bytes())}


def _cached(project: Path, digest: str) -> Path:
    return project / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]


def _repair_out(project: Path, path: str, digest: str, damaged: set[str]) -> list[str]:
    """Remove the cached copy of an output, and the output itself, unless they match the digest.

    damaged: digests whose copy was removed, also for another output of the same content.
    """
    cached, out, lines = _cached(project, digest), project / path, []
    if cached.is_file() and _digest(cached) != digest.removesuffix(".dir"):
        cached.unlink()
        damaged.add(digest)
        lines.append(f"DVC's copy of {path} was damaged and is removed")
    if digest in damaged and out.is_file() and _digest(out) != digest:
        out.unlink()  # DVC copied it from its cache, and would trust it
        lines.append(f"{path} was damaged, too, and is removed: its stage runs again")
    return lines


def _digest(path: Path) -> str:
    digest = md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def main(arguments: Sequence[str] | None = None) -> None:
    """Repair the project in the current folder, and list what was removed."""
    parser = argparse.ArgumentParser(prog="noisylab repair", description=_DESCRIPTION)
    parser.parse_args(arguments)
    if not Path(".dvc").is_dir():
        sys.exit("there is no folder .dvc here; run this in the folder of params.yaml")
    for line in repair(Path.cwd()):
        print(line)


if __name__ == "__main__":
    main()
