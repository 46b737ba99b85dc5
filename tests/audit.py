"""Compare requirements.lock with known vulnerable versions: `make audit`.

Always with tests/known_vulnerable.txt, offline; and with pip-audit's service, where that program
is installed and reaches it. Exits 1 if a pinned version is listed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
KNOWN = ROOT / "tests" / "known_vulnerable.txt"


def pins(lock: str) -> list[tuple[str, str]]:
    """Name and version of every pin; a package has one for each Python that needs another."""
    return re.findall(r"^([a-z0-9-]+)==([^\s\\;]+)", lock, re.MULTILINE)


def vulnerable(lock: str, known: str) -> list[str]:
    """A line for each pin that an advisory concerns."""
    lines = [line.split() for line in known.splitlines() if line and not line.startswith("#")]
    return [
        f"{name} {version}: {advisory} ({concerned})"
        for name, version in pins(lock)
        for listed, concerned, advisory in lines
        if name == listed and SpecifierSet(concerned).contains(version, prereleases=True)
    ]


def main() -> None:
    lock, known = LOCK.read_text(), KNOWN.read_text()
    found = vulnerable(lock, known)
    n_known = sum(not line.startswith("#") for line in known.splitlines())
    print(f"{len(pins(lock))} pins, {n_known} advisories kept here: {len(found)} found")
    print(*found, sep="\n", end="\n" if found else "")
    if shutil.which("pip-audit"):
        command = ["pip-audit", "--requirement", str(LOCK), "--disable-pip", "--require-hashes"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        print(result.stdout or f"pip-audit: skipped, it says: {result.stderr.strip()[-200:]}")
        found += [result.stdout] * (result.returncode != 0 and bool(result.stdout))
    else:
        print("pip-audit: skipped, since it is not installed: pip install pip-audit")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
