"""The notebook runs from top to bottom, on fewer epochs; it is stored without outputs."""

import json
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

DOCS = Path(__file__).parents[1] / "docs"
TOUR = DOCS / "tour.ipynb"
PARAMETERS = 'source_folder = "../data/source"\nbaseline_epochs = 1\nepochs = 1'


def test_the_notebook_runs_and_draws() -> None:
    notebook: Any = nbformat.read(TOUR, as_version=4)
    (parameters,) = (cell for cell in notebook.cells if cell.metadata.get("tags") == ["parameters"])
    names = {line.partition(" = ")[0] for line in parameters.source.splitlines() if " = " in line}
    assert names == {line.partition(" = ")[0] for line in PARAMETERS.splitlines()}
    parameters.source = PARAMETERS
    NotebookClient(notebook, resources={"metadata": {"path": str(DOCS)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 5
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    assert "of 452 wrong ones" in printed
    assert "Warning" not in printed


def test_the_notebook_is_stored_without_outputs() -> None:
    notebook = json.loads(TOUR.read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 8
    for cell in cells:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
