"""What a result was made of, as one short name: the same only if nothing of it changed."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

import noisylab

#: The packages that a training is made of: all that fit() imports.
TRAINING = ("core", "config", "data", "learning")


@cache
def code_digest(*packages: str) -> str:
    """SHA-256 of the library's packages of these names, or of all of the library."""
    root = Path(noisylab.__file__).parent
    folders = [root / name for name in packages] or [root]
    files = sorted(path for folder in folders for path in folder.rglob("*.py"))
    parts = ((path.relative_to(root).as_posix(), path.read_bytes()) for path in files)
    return fingerprint(*(part for pair in parts for part in pair))


def fingerprint(*parts: str | bytes) -> str:
    """SHA-256 of all parts in their order, of each with its length, as a hexadecimal number."""
    digest = sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(f"{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()
