"""Put right what DVC itself cannot after it was killed: `python -m noisylab.repair`.

`make repro` does so before it runs the pipeline. DVC writes two of its files in place: `dvc.lock`,
which says what was done, and `.dvc/tmp/rwlock`, which says what is being done. Killed meanwhile it
leaves half of them, and then refuses to run. And it takes for whole whatever lies in its cache.
What is damaged is removed and made anew by the next `dvc repro`: nothing is lost but time.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

_MD5 = re.compile(r"[0-9a-f]{32}")


def repair(project: Path) -> list[str]:
    """Remove what is damaged of DVC's files in a project; a line for each that was.

    Does nothing while DVC is running there.
    """
    with _held(project / ".dvc" / "tmp" / "lock") as is_ours:
        if not is_ours:
            return []
        lines = _repair_rwlock(project / ".dvc" / "tmp")
        path = project / "dvc.lock"
        stages = _stages(path)
        if stages is None:
            path.unlink()
            lines.append("dvc.lock was damaged, and is removed: stages run again")
        return lines + _repair_cache(project, stages or {})


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Hold one of DVC's locks, if nobody else does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def _repair_rwlock(folder: Path) -> list[str]:
    with _held(folder / "rwlock.lock") as is_ours:
        path = folder / "rwlock"
        if not is_ours or not path.exists():
            return []
        try:
            json.loads(path.read_bytes())
        except ValueError:
            path.unlink()
            return [".dvc/tmp/rwlock was damaged, and is removed"]
    return []


def _stages(path: Path) -> dict[str, Any] | None:
    """What dvc.lock says of each stage; None if it is damaged."""
    if not path.exists():
        return {}
    try:
        content = YAML(typ="safe").load(path.read_bytes())
        stages = content["stages"]
        for stage in stages.values():
            for part in (*stage.get("deps", ()), *stage.get("outs", ())):
                if not isinstance(part["path"], str) or not _MD5.match(part["md5"]):
                    return None
    except (YAMLError, AttributeError, KeyError, TypeError, UnicodeError):
        return None
    return dict(stages)


def _repair_cache(project: Path, stages: dict[str, Any]) -> list[str]:
    """Remove what is not what its name says, of all files that stages wrote last."""
    lines = []
    for stage in stages.values():
        for out in stage.get("outs", ()):
            digest = out["md5"]
            kept = project / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
            if not kept.is_file() or _is_whole(kept, digest):
                continue
            kept.unlink()
            lines.append(f"DVC's copy of {out['path']} was damaged, and is removed")
            copy = project / out["path"]
            if copy.is_file() and not _is_whole(copy, digest):
                copy.unlink()  # DVC took it out of its cache, and would think that it is whole
                lines.append(f"{out['path']} was damaged, too, and is removed: it is made anew")
    return lines


def _is_whole(path: Path, digest: str) -> bool:
    actual = md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(2**20):
            actual.update(block)
    return actual.hexdigest() == digest.removesuffix(".dir")


def main() -> None:
    """Repair the project in the current folder, and say what was repaired."""
    for line in repair(Path.cwd()):
        print(line)


if __name__ == "__main__":
    main()
