"""The real pipeline in clones of this working tree, with few epochs."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARAMS = {
    "epochs: 5\n": "epochs: 2\n",
    "epochs: 25\n": "epochs: 1\n",
    "epochs: 15\n": "epochs: 1\n",
    "epochs: 57\n": "epochs: 2\n",
    "epochs: 40\n": "epochs: 2\n",
    "sheet_images: 96": "sheet_images: 12",
    "sheet_images: 240": "sheet_images: 12",
    "models: 3": "models: 2",
    "second_opinion: true": "second_opinion: false",  # its 20 epochs take a minute
    "  - adamw\n  - sgd\n  - rmsprop\n": "",
    **{f"\n  - {rate}\n": "\n" for rate in ("0.00001", "0.0001", "0.001", "0.01")},
    "engine: local ": "engine: local:1 ",  # each worker takes two seconds to import torch
}
#: Runs the stages in one process, which imports the slow packages once.
STAGES = """
import runpy, sys, yaml
last = sys.argv.pop()
for stage in yaml.safe_load(open("dvc.yaml", encoding="utf-8"))["stages"]:
    runpy.run_path(f"stages/{stage}.py", run_name="__main__")
    if stage == last:
        break
"""


@dataclass(frozen=True)
class Clone:
    """A clone to run commands in."""

    folder: Path

    def run(self, *command: str, fails: bool = False) -> str:
        """Run a command that must succeed, or must fail; return both output streams."""
        result = subprocess.run(
            command,
            cwd=self.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (result.returncode != 0) == fails, result.stdout
        return result.stdout

    def run_stages(self, last: str = "report") -> str:
        """Run the stages until `last` without DVC, in a fifth of the time; return both outputs."""
        return self.run("env", "PYTHONPATH=src", "python", "-c", STAGES, last)

    def edit(self, name: str, changes: dict[str, str]) -> None:
        text = (self.folder / name).read_text()
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        (self.folder / name).write_text(text)

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "state")

    def outputs(self) -> dict[str, str]:
        """Path -> SHA-256 of every file that stages write."""
        return {
            path.relative_to(self.folder).as_posix(): sha256(path.read_bytes()).hexdigest()
            for pattern in (
                "data/*.pickle",
                "data/adversarial/**/*",
                "models/**/*",
                "metrics/**/*",
                "plots/**/*",
                "*.html",
            )
            for path in self.folder.glob(pattern)
            if path.is_file()
        }


def environment() -> dict[str, str]:
    """This environment, with this Python's programs first and a fixed name and date for git."""
    names = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        # A fixed date, so that clones of the same files have the same first commit.
        for what, value in (
            ("NAME", "test"),
            ("EMAIL", "test@example.org"),
            ("DATE", "2001-01-01T00:00:00+0000"),
        )
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, **names, "PATH": path, "DVC_NO_ANALYTICS": "1"}


def make_clone(folder: Path, params: dict[str, str] = PARAMS) -> Clone:
    """A clone of the working tree as git would commit it, without results of earlier runs."""
    listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if not name.startswith(("metrics/", "plots/", "dvc.lock")) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    thin_out(folder / "data/source/labels.csv", {"train": 6, "test": 10})
    clone = Clone(folder)
    clone.edit("params.yaml", params)
    clone.run("git", "init", "--quiet")
    clone.commit()
    return clone


def thin_out(table: Path, steps: dict[str, int]) -> None:
    """Keep every `steps[split]`-th image of each split."""
    head, *lines = table.read_text().splitlines(keepends=True)
    for split, step in steps.items():
        of_split = [line for line in lines if f",{split}," in line]
        dropped = {*of_split} - {*of_split[::step]}
        lines = [line for line in lines if line not in dropped]
    table.write_text(head + "".join(lines))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone after one run of the pipeline; the tests of a file share it, in their order."""
    made = make_clone(tmp_path_factory.mktemp("clone"))
    made.run("dvc", "repro")
    made.commit()
    return made
