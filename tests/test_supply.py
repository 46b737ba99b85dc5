"""What the project is built of: pinned, declared, licensed, and of no version known to be bad."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from audit import KNOWN, LOCK, ROOT, pins, vulnerable

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = {"PIL": "pillow", "sklearn": "scikit-learn"}
PACKAGES |= {"axe_playwright_python": "axe-playwright-python"}
PACKAGES |= {"dask": "distributed"}  # installs dask
PACKAGES |= {"vl_convert": "vl-convert-python", "yaml": "pyyaml"}
COMMANDS = {"dvc"}  # main dependencies that nothing imports


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=;\[ ]", requirement)[0] for requirement in requirements}


MAIN = names(PROJECT["dependencies"])
OPTIONAL = {name for group in PROJECT["optional-dependencies"].values() for name in names(group)}


def imported(*folders: str) -> set[str]:
    """The packages that the files under these folders import, as an index calls them."""
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    own = {path.stem for path in files} | {path.parent.name for path in files} | {"noisylab"}
    found = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return {PACKAGES.get(name, name) for name in found - own - sys.stdlib_module_names}


def test_every_import_is_declared_and_every_main_dependency_imported() -> None:
    library = imported("src", "stages")
    extras = names(PROJECT["optional-dependencies"]["cluster"])
    assert library - extras == MAIN - COMMANDS
    assert imported("tests") <= MAIN | OPTIONAL


def test_every_pin_has_a_hash_and_every_dependency_a_pin() -> None:
    lock = LOCK.read_text()
    entries = re.split(r"^(?=\S)", lock, flags=re.MULTILINE)[1:]
    assert len(entries) == len(pins(lock)) > 100
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.partition(" ")[0]
    pinned = {name for name, _ in pins(lock)}
    assert {re.sub(r"[._]", "-", name) for name in MAIN} <= pinned


def test_no_pin_is_known_to_be_vulnerable_and_an_old_one_is_found() -> None:
    known = KNOWN.read_text()
    assert vulnerable(LOCK.read_text(), known) == []
    planted = "torch==2.5.1 \\\n    --hash=sha256:0\npillow==11.2.1 ; python\ntorch==2.6.0 \\\n"
    assert vulnerable(planted, known) == [
        "torch 2.5.1: CVE-2025-32434 (<2.6.0)",
        "pillow 11.2.1: CVE-2025-48379 (>=11.2.0,<11.3.0)",
    ]


def test_the_licence_is_there_and_is_the_one_declared() -> None:
    for name in PROJECT["license-files"]:
        assert (ROOT / name).read_text().startswith(f"{PROJECT['license']} License")


def test_a_python_that_is_absent_is_skipped_with_a_notice() -> None:
    script = Path(__file__).with_name("pythons.py")
    command = [sys.executable, str(script), "2.0"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert "Python 2.0: skipped; not installed on this machine" in result.stdout
