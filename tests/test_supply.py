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
LOCKS = ("requirements.lock", "requirements-dev.lock")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = {"PIL": "pillow", "sklearn": "scikit-learn"}
PACKAGES |= {"axe_playwright_python": "axe-playwright-python"}
PACKAGES |= {"dask": "distributed"}  # installs dask
PACKAGES |= {"vl_convert": "vl-convert-python", "yaml": "pyyaml"}
NEEDED_BY_MAKE = {"setuptools"}  # for the editable installation, which does not isolate its build


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=;\[ ]", requirement)[0] for requirement in requirements}


EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
MAIN = names(PROJECT["dependencies"])
OPTIONAL = {name for group in EXTRAS.values() for name in names(group)}


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
    assert library - cluster == MAIN
    assert imported("tests") <= MAIN | OPTIONAL


def pins(lock: str) -> dict[str, set[str]]:
    """Versions by package; some have another version on an older Python."""
    found: dict[str, set[str]] = {}
    for pin in re.split(r"^(?=\S)", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", pin), pin.partition("\n")[0]
        match = re.match(r"([a-z0-9-]+)==(\S+)", pin)
        assert match, pin.partition("\n")[0]
        found.setdefault(match[1], set()).add(match[2])
    return found


def test_every_pin_has_a_hash_and_every_dependency_a_pin() -> None:
    run, develop = map(pins, LOCKS)
    assert {re.sub(r"[._]", "-", name) for name in MAIN | NEEDED_BY_MAKE} <= set(run)
    assert {name for group in ("dev", "cluster") for name in names(EXTRAS[group])} <= set(develop)


def test_a_package_for_tests_alone_is_not_installed_to_run_the_pipeline() -> None:
    run, develop = map(pins, LOCKS)
    assert {"pytest", "mypy", "playwright", "moto", "uv", "distributed"} <= set(develop) - set(run)
    assert all(versions <= develop[name] for name, versions in run.items())


def test_make_finds_the_pin_of_uv_with_its_hashes() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    command = next(line for line in lines if "sed -n" in line).partition("|| ")[2]
    shell = command.rstrip("\\ ").replace("$$", "$")
    pin = subprocess.run(shell, cwd=ROOT, shell=True, capture_output=True, text=True, check=True)
    first, *hashes = pin.stdout.splitlines()
    assert re.fullmatch(r"uv==[\d.]+ \\", first)
    assert len(hashes) > 10
    assert all(line.startswith("    --hash=sha256:") for line in hashes)


def test_the_licence_file_is_the_declared_licence() -> None:
    for name in PROJECT["license-files"]:
        assert (ROOT / name).read_text().startswith(f"{PROJECT['license']} License")


def test_a_missing_python_is_skipped_with_a_notice() -> None:
    script = Path(__file__).with_name("pythons.py")
    command = [sys.executable, str(script), "2.0"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert "Python 2.0: skipped; not installed on this machine" in result.stdout
