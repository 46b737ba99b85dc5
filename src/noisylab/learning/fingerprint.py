"""Fingerprints: digests that change with anything that a result depends on."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

import noisylab

#: The packages that decide what a training yields: all that learning/kept.py imports.
TRAINING = ("core", "config", "data", "learning")


@cache
def code_digest(*packages: str) -> str:
    """SHA-256 of these packages of the library; of the whole library if none are named."""
    root = Path(noisylab.__file__).parent
    folders = [root / name for name in packages] or [root]
    files = sorted(path for folder in folders for path in folder.rglob("*.py"))
    names = [path.relative_to(root).as_posix() for path in files]
    return fingerprint(*names, *map(Path.read_bytes, files))


def fingerprint(*parts: str | bytes | np.ndarray) -> str:
    """SHA-256, hexadecimal, of all parts in order, each with its length; arrays are not copied."""
    digest = sha256()
    for part in parts:
        content = part.data if isinstance(part, np.ndarray) else part
        content = memoryview(content.encode() if isinstance(content, str) else content)
        digest.update(f"{content.nbytes}:".encode())
        digest.update(content)
    return digest.hexdigest()
