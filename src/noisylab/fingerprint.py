"""What a result was made of, as one short name: the same only if nothing of it changed."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

import noisylab

#: training.py and all modules that it uses.
TRAINING_MODULES = (
    *("__init__", "augment", "checkpoints", "class_names", "config", "errors", "evaluation"),
    *("files", "images", "network", "optimizers", "rebuild", "sampling", "training"),
    *("training_state", "unpickler"),
)


@cache
def code_digest(*names: str) -> str:
    """SHA-256 of the library's modules of these names, or of all; its packages train nothing."""
    modules = sorted(Path(noisylab.__file__).parent.glob("*.py"))
    wanted = [path for path in modules if path.stem in names or not names]
    return fingerprint(*(part for path in wanted for part in (path.name, path.read_bytes())))


def fingerprint(*parts: str | bytes) -> str:
    """SHA-256 of all parts in their order, of each with its length, as a hexadecimal number."""
    digest = sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(f"{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()
