"""The packages of the library: imports go one way, and a name says one thing."""

import ast
from collections import Counter
from pathlib import Path

import pytest
from test_pipeline_file import ROOT, modules_of

LIBRARY = ROOT / "src" / "noisylab"
STAGES = ("stats", "train", "relabel", "sweep", "attack")
#: Each may import those before it.
ORDER = ("core", "config", "data", "learning", "many", *STAGES, "review", "report")
ROOMS = {"__init__", "__main__", "run", "outputs", "figures"}  # the same in several packages
MODULES = sorted(LIBRARY.rglob("*.py"))


def package_of(path: Path) -> str:
    """The package of a module or, of a module at the top, its name."""
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


@pytest.mark.parametrize("package", ORDER)
def test_imports_go_one_way(package: str) -> None:
    allowed = {*ORDER[: ORDER.index(package) + 1], "__init__", "plots"}
    if package in STAGES:
        allowed -= {*STAGES} - {package}
    imported = {
        package_of(module)
        for path in (LIBRARY / package).rglob("*.py")
        for module in modules_of(path)
    }
    assert imported <= allowed


def test_what_every_stage_imports_is_small() -> None:
    imported = {package_of(module) for module in modules_of(LIBRARY / "stage.py")}
    assert imported <= {"__init__", "core", "config"}


def test_core_and_config_need_no_torch() -> None:
    for path in (*(LIBRARY / "core").rglob("*.py"), *(LIBRARY / "config").rglob("*.py")):
        assert "import torch" not in path.read_text(), path
        assert "from torch" not in path.read_text(), path


def test_no_module_name_stands_twice() -> None:
    names = Counter(path.stem for path in MODULES if path.stem not in ROOMS)
    assert [name for name, count in names.items() if count > 1] == []


def calls(path: Path) -> set[str]:
    """The names of functions that a module calls."""
    nodes = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return {ast.unparse(node.func) for node in nodes}


def test_only_programs_print() -> None:
    printing = {path.relative_to(LIBRARY).as_posix() for path in MODULES if "print" in calls(path)}
    programs = {path for path in printing if path.endswith("__main__.py")}
    assert printing - programs == {"stage.py", "repair.py"}


def test_only_config_reads_the_parameters() -> None:
    readers = {package_of(path) for path in MODULES if "read_params" in calls(path)}
    assert readers == {"stage"}


def test_settings_of_matplotlib_stand_in_one_place() -> None:
    setting = [path.name for path in MODULES if "mpl.rcdefaults" in calls(path)]
    assert setting == ["plots.py"]
