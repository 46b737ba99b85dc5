"""Try every Python version that the project supports and this machine has: `make pythons`.

For each, creates a virtual environment in build/pythons (6 GB with PyTorch), installs the pinned
packages, imports every module and runs the quick tests. A missing version is skipped with a notice;
exits 1 if one failed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
MODULES = sorted(
    ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    for path in (ROOT / "src").rglob("*.py")
    if not path.name.startswith("__")
)
QUICK = (
    *("core/test_images.py", "config/test_params.py", "data/test_set_files.py"),
    "many/test_cluster.py",  # distributed has an error class of its own before 3.11
)


def find(version: str) -> str | None:
    """A working interpreter of that version; pyenv also puts shims on PATH that do not run."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [str(path) for path in pyenv.glob(f"{version}.*/bin/python{version}")]
    for program in [shutil.which(f"python{version}") or sys.executable, *found]:
        run = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        if run.returncode == 0 and run.stdout.startswith(f"Python {version}."):
            return program
    return None


def try_python(version: str) -> bool:
    """Whether all steps succeeded, or this machine lacks that version."""
    program = find(version)
    if program is None:
        print(f"Python {version}: skipped; not installed on this machine", flush=True)
        return True
    folder = ROOT / "build" / "pythons" / version
    python = str(folder / "bin" / "python")
    lock = str(ROOT / "requirements-dev.lock")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    tests = [str(ROOT / "tests" / name) for name in QUICK]
    steps: list[list[str]] = [
        [program, "-m", "venv", str(folder)],
        [*pip, "--require-hashes", "--requirement", lock],
        [*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
        [python, "-c", f"import {', '.join(MODULES)}"],
        [python, "-m", "ruff", "check", str(ROOT)],
        [python, "-m", "pytest", *tests],
    ]
    for step in steps:
        if subprocess.run(step, cwd=ROOT, check=False).returncode:
            print(f"Python {version}: failed at {' '.join(step)[:200]}", flush=True)
            return False
    print(f"Python {version}: imports {len(MODULES)} modules, passes the quick tests", flush=True)
    return True


if __name__ == "__main__":
    results = [try_python(version) for version in sys.argv[1:] or VERSIONS]
    sys.exit(not all(results))
