"""dvc.yaml compared with the code, because DVC does not follow imports."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src"
PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = sorted(PIPELINE["stages"])


def modules_of(path: Path) -> set[Path]:
    """Modules of the library that a file imports directly, anywhere in it."""
    names = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []  # never imported
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports are not followed"
            module = node.module or ""
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    files = set()
    for name in names:
        parts = name.split(".")
        for end in range(1, len(parts) + 1):  # importing a module imports its packages
            path = SOURCES.joinpath(*parts[:end])
            files |= {path.with_suffix(".py"), path / "__init__.py"}
    return {file for file in files if file.is_file()}


def all_modules_of(script: Path) -> set[str]:
    """Paths of all modules of the library that a script imports, directly or not."""
    found: set[Path] = set()
    pending = [script]
    while pending:
        new = modules_of(pending.pop()) - found
        found |= new
        pending += new
    return {path.relative_to(ROOT).as_posix() for path in found}


def folder_of(module: str) -> str:
    """The path in dvc.yaml: a module's package, or the file of a top-level module."""
    return "/".join(Path(module).parts[:3])


@pytest.mark.parametrize("name", STAGES)
def test_deps_list_exactly_the_folders_that_the_stage_imports(name: str) -> None:
    listed = [dep for dep in PIPELINE["stages"][name]["deps"] if dep.startswith("src/")]
    assert listed == sorted(
        {folder_of(module) for module in all_modules_of(ROOT / f"stages/{name}.py")}
    )


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_runs_and_depends_on_the_script_of_its_name(name: str) -> None:
    stage = PIPELINE["stages"][name]
    assert stage["cmd"] == f"env PYTHONPATH=src python stages/{name}.py"
    assert f"stages/{name}.py" in stage["deps"]


SETS = [f"data/{split}_set.pickle" for split in ("train", "dev", "test")]
READ_BY = {
    "read_sets": SETS,
    "read_fixed_sets": [
        *("data/fixed_train_set.pickle", "data/fixed_dev_set.pickle", SETS[2]),
        "data/pred_probs.pickle",
    ],
}


@pytest.mark.parametrize("name", STAGES)
def test_deps_list_every_file_that_the_script_names(name: str) -> None:
    stage = PIPELINE["stages"][name]
    outputs = [path for out in stage["outs"] for path in ([out] if isinstance(out, str) else out)]
    text = (ROOT / f"stages/{name}.py").read_text()
    named = re.findall(r"\"((?:data|models)/[^\"{]+)\"", text)
    for function, paths in READ_BY.items():
        named += paths if f"set_files.{function}(" in text else []
    assert {path for path in named if path not in outputs} <= set(stage["deps"])


@pytest.mark.parametrize(
    "name", [name for name in STAGES if name not in ("prepare", "check", "report")]
)
def test_an_invalid_value_stops_every_stage_before_its_outputs_are_removed(name: str) -> None:
    assert "data/checked.ok" in PIPELINE["stages"][name]["deps"]


def test_the_report_depends_on_all_metrics_and_pictures() -> None:
    outputs = [out for stage in PIPELINE["stages"].values() for out in stage["outs"]]
    paths = [out if isinstance(out, str) else next(iter(out)) for out in outputs]
    shown = {path for path in paths if path.startswith(("metrics/", "plots/"))}
    assert shown <= {*PIPELINE["stages"]["report"]["deps"]}


@pytest.mark.parametrize("name", [name for name in STAGES if name not in ("check", "report")])
def test_params_list_every_parameter_that_the_script_names(name: str) -> None:
    """The scripts `check` and `report` depend on the whole file, see their deps."""
    text = (ROOT / f"stages/{name}.py").read_text()
    listed = PIPELINE["stages"][name].get("params", [])
    assert {*re.findall(r"\bparams\.([a-z_]+)", text)} - {"yaml"} <= {*listed}


def test_every_script_is_a_stage() -> None:
    assert sorted(path.stem for path in (ROOT / "stages").glob("*.py")) == STAGES


def test_metrics_and_pictures_are_kept_in_git() -> None:
    for stage in PIPELINE["stages"].values():
        for output in stage.get("outs", []) + stage.get("metrics", []):
            path, options = next(iter(output.items())) if isinstance(output, dict) else (output, {})
            in_git = path.startswith(("metrics/", "plots/"))
            assert options.get("cache", True) is not in_git, path
