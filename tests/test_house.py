"""Rules for the library's packages: order of imports, unique module names, no side effects."""

import ast
from collections import Counter
from pathlib import Path

import pytest
from test_pipeline_file import ROOT, modules_of

LIBRARY = ROOT / "src" / "noisylab"
STAGES = ("stats", "train", "relabel", "sweep", "adversarial")
AFTER_STAGES = ("review", "report", "api", "predict", "export")
#: Each package may import only those before it.
ORDER = ("core", "config", "data", "learning", "many", *STAGES, *AFTER_STAGES)
ROOMS = {"__init__", "__main__", "run", "outputs", "figures"}  # names that several packages share
MODULES = sorted(LIBRARY.rglob("*.py"))


def package_of(path: Path) -> str:
    """The package of a module, or the name of a top-level module."""
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def imported(*paths: Path) -> set[str]:
    """The packages and top-level modules of the library that modules import."""
    return {package_of(module) for path in paths for module in modules_of(path)}


def test_every_package_has_a_place_in_the_order() -> None:
    assert {*ORDER} == {path.parent.name for path in LIBRARY.glob("*/__init__.py")}


@pytest.mark.parametrize("package", ORDER)
def test_packages_import_only_earlier_ones(package: str) -> None:
    allowed = {*ORDER[: ORDER.index(package) + 1], "__init__"}
    if package in STAGES:
        allowed = {*allowed, "plots"} - ({*STAGES} - {package})
    assert imported(*(LIBRARY / package).rglob("*.py")) <= allowed


def test_top_level_modules_import_little() -> None:
    assert imported(LIBRARY / "stage.py") <= {"__init__", "core", "config"}
    assert imported(LIBRARY / "plots.py") <= {"__init__", "core"}
    assert imported(LIBRARY / "repair.py") <= {"__init__", "core"}
    assert imported(LIBRARY / "remote.py") <= {"__init__"}


def test_core_and_config_do_not_import_torch() -> None:
    paths = (path for name in ("core", "config") for path in (LIBRARY / name).rglob("*.py"))
    for node in (node for path in paths for node in ast.walk(ast.parse(path.read_text()))):
        if isinstance(node, ast.Import):
            assert "torch" not in {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").partition(".")[0] != "torch"


def test_module_names_are_unique() -> None:
    names = Counter(path.stem for path in MODULES if path.stem not in ROOMS)
    assert [name for name, count in names.items() if count > 1] == []


def calls(path: Path) -> set[str]:
    """Names of the functions that a module calls, without those of their modules or objects."""
    nodes = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return {ast.unparse(node.func).rpartition(".")[2] for node in nodes}


def test_only_programs_print() -> None:
    printing = {path.relative_to(LIBRARY).as_posix() for path in MODULES if "print" in calls(path)}
    programs = {path for path in printing if path.endswith("__main__.py")}
    assert printing - programs == {"stage.py", "remote.py", "repair.py"}


def test_only_programs_read_the_parameters() -> None:
    readers = {
        path.relative_to(LIBRARY).as_posix() for path in MODULES if "read_params" in calls(path)
    }
    assert readers == {"stage.py", "export/__main__.py", "review/__main__.py"}
