"""Try every Python that the project claims, where it is on this machine: `make pythons`.

Makes a virtual environment for each in build/pythons (6 GB with PyTorch), installs the pinned
packages, imports every module and runs the quick tests. A Python that is absent is skipped with a
notice; exits 1 if one failed.
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
    if not path.name.startswith("__") and path.stem != "cluster"
)
QUICK = ("test_images", "test_params", "test_set_files", "test_pickled_arrays", "test_review")


def find(version: str) -> str | None:
    """A program of that Python that runs; pyenv puts ones on the path that do not."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [str(path) for path in pyenv.glob(f"{version}.*/bin/python{version}")]
    for program in [shutil.which(f"python{version}") or sys.executable, *found]:
        run = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        if run.returncode == 0 and run.stdout.startswith(f"Python {version}."):
            return program
    return None


def try_python(version: str) -> bool:
    """Whether all went well, or there is no such Python."""
    program = find(version)
    if program is None:
        print(f"Python {version}: skipped, since there is none on this machine", flush=True)
        return True
    folder = ROOT / "build" / "pythons" / version
    python = str(folder / "bin" / "python")
    lock = str(ROOT / "requirements.lock")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    tests = [path for name in QUICK if (path := ROOT / "tests" / f"{name}.py").exists()]
    steps: list[list[str]] = [
        [program, "-m", "venv", str(folder)],
        [*pip, "--require-hashes", "--requirement", lock],
        [*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
        [python, "-c", f"import {', '.join(MODULES)}"],
        [python, "-m", "ruff", "check", str(ROOT)],
        [python, "-m", "pytest", *map(str, tests)],
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
