"""Dependencies are declared and pinned with hashes; the licence file is the declared one."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).parents[1]
PINS = re.split(r"^(?=\S)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)[1:]
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
    cluster = names(PROJECT["optional-dependencies"]["cluster"])
    assert library - cluster == MAIN - COMMANDS
    assert imported("tests") <= MAIN | OPTIONAL


def test_every_pin_has_a_hash_and_every_dependency_a_pin() -> None:
    assert len(PINS) > 100
    for pin in PINS:
        assert re.match(r"[a-z0-9-]+==\S", pin), pin.partition("\n")[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", pin), pin.partition("\n")[0]
    pinned = {pin.partition("==")[0] for pin in PINS}
    assert {re.sub(r"[._]", "-", name) for name in MAIN} <= pinned


def test_the_licence_file_is_the_declared_licence() -> None:
    for name in PROJECT["license-files"]:
        assert (ROOT / name).read_text().startswith(f"{PROJECT['license']} License")


def test_a_missing_python_is_skipped_with_a_notice() -> None:
    script = Path(__file__).with_name("pythons.py")
    command = [sys.executable, str(script), "2.0"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert "Python 2.0: skipped; not installed on this machine" in result.stdout
