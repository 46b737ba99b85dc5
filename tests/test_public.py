"""The public names: lazy, typed and complete; examples in docstrings and docs run."""

import ast
import doctest
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import noisylab

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(
    path
    for pattern in ("src/noisylab/**/*.py", "docs/*.md")
    for path in ROOT.glob(pattern)
    if ">>> " in path.read_text()
)


def run_python(program: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_import_loads_neither_torch_nor_numpy() -> None:
    program = "import sys, noisylab; print({'torch', 'numpy'} & {*sys.modules})"
    assert run_python(program) == "set()\n"


def test_label_errors_are_found_without_torch() -> None:
    program = "import sys, noisylab; noisylab.find_confused; print('torch' in sys.modules)"
    assert run_python(program) == "False\n"


def test_every_public_name_is_listed_documented_and_there() -> None:
    assert {*noisylab.__all__} <= {*dir(noisylab)}
    page = (ROOT / "docs" / "api.md").read_text()
    for name in noisylab.__all__:
        public = getattr(noisylab, name)
        assert public.__name__ == name
        assert inspect.getdoc(public)
        assert f"`{name}(" in page


def test_type_checkers_see_the_names_that_exist() -> None:
    tree = ast.parse((ROOT / "src/noisylab/__init__.py").read_text())
    typed = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("noisylab.")
        for alias in node.names
    }
    assert typed == {name: getattr(noisylab, name).__module__ for name in noisylab.__all__}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'noisylab' has no attribute 'find_errors'"):
        noisylab.find_errors  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_print_what_they_say(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    if path.suffix == ".py":
        name = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        found = doctest.testmod(import_module(name))
    else:
        text = path.read_text().replace("```", "")  # a fence would be expected output
        example = doctest.DocTestParser().get_doctest(text, {}, path.name, str(path), 0)
        found = doctest.DocTestRunner().run(example)
    assert found.attempted
    assert not found.failed
