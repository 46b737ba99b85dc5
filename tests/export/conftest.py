"""A project with its own photos after a run, as far as an export sees it."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from noisylab.core.images import Decisions
from noisylab.data.set_files import read_sets, write_sets
from noisylab.data.sources import read_source
from noisylab.export import __main__ as program
from noisylab.review.decisions import write_decisions

ROOT = Path(__file__).parents[2]
HEADER = "split,index,given,suggested,score,flagged,decision,by"

#: After a run in which a person kept `dev 0` and made `train 3` a car. In train, images 0 to 2 are
#: labelled car and 3 to 5 cat; in dev, 0 and 1 are labelled car, 2 and 3 cat.
CORRECTIONS = """
train,1,car,cat,0.9,yes,cat,rule
dev,0,car,cat,0.8,yes,keep,person
train,0,car,cat,0.7,yes,cat,rule
train,2,car,cat,0.5,no,keep,rule
train,3,cat,car,0.1,no,car,person
"""
APPLIED: Decisions = {("dev", 0): 0, ("train", 3): 0}


def photo(seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def make_photos(folder: Path) -> None:
    """Class folders; both classes of train have an image 1.png."""
    names = {"train": ["car/0.png", "car/1.png", "car/2.png", "cat/1.png", "cat/4.png"]}
    names["train"].append("cat/5.png")
    names["dev"] = ["car/0.png", "car/1.png", "cat/2.png", "cat/3.png"]
    for split, listed in names.items():
        for index, name in enumerate(listed):
            path = folder / split / name
            path.parent.mkdir(parents=True, exist_ok=True)
            photo(1000 * (split == "dev") + index).save(path)


def finish_run(project: Path, corrections: str, decisions: Decisions) -> None:
    """The outputs of prepare and relabel, and the person's decisions."""
    write_sets(project / "data", read_source(project / "photos").sets)
    (project / "data/corrections.csv").write_text(HEADER + corrections)
    decide(project, decisions)


def decide(project: Path, decisions: Decisions) -> None:
    write_decisions(project / "data/review.csv", decisions, read_sets(project / "data"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a project whose source, still to be made, is `photos`."""
    folder = tmp_path / "project"
    folder.mkdir()
    text = (ROOT / "params.yaml").read_text()
    assert text.count("source: data/source") == 1
    (folder / "params.yaml").write_text(text.replace("source: data/source", "source: photos"))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def photos(project: Path) -> Path:
    """Class folders after a run."""
    make_photos(project / "photos")
    finish_run(project, CORRECTIONS, APPLIED)
    return project / "photos"


@pytest.fixture
def export(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """Run the command; the lines that it prints, or the one line of a refusal."""

    def run(*arguments: str) -> list[str]:
        try:
            program.main(arguments)
        except SystemExit as ended:
            return str(ended.code).split("\n")
        return capsys.readouterr().out.splitlines()

    return run


def files(folder: Path) -> list[str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def copied(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target))
