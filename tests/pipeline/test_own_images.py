"""The real pipeline on a user's own images: other classes, sizes and formats."""

import json
import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from .conftest import PARAMS, Clone, make_clone

NAMES = ("été", "a b", "x$y", "0", "rarest")  # non-identifiers, a number, a keyword of params.yaml
EPOCHS = {f"epochs: {epochs}\n": "epochs: 9\n" for epochs in (15, 25, 40, 57)}
COUNTS = {"train": (60, 25, 20, 18, 15), "dev": (12, 6, 5, 4, 3)}


def picture(rng: np.random.Generator, label: int, side: int) -> np.ndarray:
    """Noise with one or two brighter channels: easy to learn."""
    image = rng.integers(0, 120, (side, side, 3), dtype=np.uint8)
    image[:, :, [(0,), (1,), (2,), (0, 1), (0, 2)][label]] += 100
    return image


def write_folders(folder: Path) -> None:
    """Write five classes as folders of PNG and JPEG files in many sizes."""
    rng = np.random.default_rng(0)
    for split, counts in COUNTS.items():
        for label, (name, count) in enumerate(zip(NAMES, counts, strict=True)):
            (folder / split / name).mkdir(parents=True)
            for index in range(count):
                image = Image.fromarray(picture(rng, label, int(rng.integers(20, 60))))
                image.save(folder / split / name / f"{index}.{('png', 'jpg')[index % 2]}")


def write_pickles(folder: Path) -> None:
    """Write two classes as pickled (tensor, label) pairs without class names."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for split, counts in COUNTS.items():
        pairs = []
        for label in np.repeat((0, 1), counts[:2]):
            unit = torch.from_numpy(picture(rng, label, 32)).permute(2, 0, 1) / 255
            pairs.append(((unit - 0.5) / 0.5, int(label)))
        (folder / f"{split}.pickle").write_bytes(pickle.dumps(pairs))


def run_on(source: Path, folder: Path, last: str = "report") -> tuple[Clone, str]:
    """A clone after the stages until `last` ran on the source, and what the stages printed.

    They train for more epochs than in other tests, since the source has few images.
    """
    folder.mkdir()
    params = {**PARAMS, **EPOCHS, "source: data/source ": f"source: {source} "}
    made = make_clone(folder, {**params, "second_opinion: true": "second_opinion: true"})
    return made, made.run_stages(last)


@pytest.fixture(scope="module")
def of_folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Clone, str]:
    """Class folders, a clone after all stages ran on them, and what they printed."""
    folder = tmp_path_factory.mktemp("folders")
    write_folders(folder / "mine")
    return folder / "mine", *run_on(folder / "mine", folder / "clone")


def test_class_folders_run_through_the_pipeline(of_folders: tuple[Path, Clone, str]) -> None:
    _, clone, printed = of_folders
    assert "train: 138 images: 0 18, a b 25, rarest 15, x$y 20, été 60" in printed
    assert "images resized to 32x32" in printed
    metrics = json.loads((clone.folder / "metrics/train_augmented/best.json").read_text())
    assert list(metrics) == ["precision", "train", "dev"]
    assert list(metrics["dev"]["recall"]) == ["0", "a b", "rarest", "x$y", "été"]
    relabelled = json.loads((clone.folder / "metrics/relabel.json").read_text())
    assert "rules" not in relabelled  # true labels are unknown
    corrections = (clone.folder / "data/corrections.csv").read_text().splitlines()[1:]
    assert {row.split(",")[3] for row in corrections} == {"rarest"}  # the suspect class
    final = json.loads((clone.folder / "metrics/lr_sweep/final.json").read_text())
    assert list(final) == ["train", "dev", "dev_given"]
    written = [path for kind in ("metrics", "plots") for path in (clone.folder / kind).rglob("*")]
    text = "".join(p.read_text() for p in written if p.suffix in (".json", ".csv")) + printed
    assert not re.search(r"\b(car|truck|cat)s?\b", text + " ".join(map(str, written)))
    page = (clone.folder / "report.html").read_text()
    assert "<bdi>x$y</bdi>" in page
    assert "lab report" not in page


def test_a_second_run_elsewhere_writes_the_same_bytes(
    of_folders: tuple[Path, Clone, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folder name, user, locale and settings differ."""
    source, clone, _ = of_folders
    folder, home = tmp_path / "a clöne, elsewhere", tmp_path / "home"
    home.mkdir()
    (home / "matplotlibrc").write_text("font.size: 20\nsavefig.dpi: 50\n")
    surroundings = {"HOME": str(home), "MPLCONFIGDIR": str(home), "MPLBACKEND": "svg"}
    surroundings |= {"USER": "o'hara", "LOGNAME": "o'hara", "TZ": "Asia/Kathmandu", "LC_ALL": "C"}
    surroundings |= {"PYTHONHASHSEED": "4711", "OMP_NUM_THREADS": "3"}
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    mask = os.umask(0o077)
    other, _ = run_on(source, folder)
    os.umask(mask)
    ours, theirs = clone.outputs(), other.outputs()
    assert len(ours) > 12
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []


def test_pickled_pairs_are_prepared_and_trained_on(tmp_path: Path) -> None:
    write_pickles(tmp_path / "mine")
    clone, printed = run_on(tmp_path / "mine", tmp_path / "clone", last="train_baseline")
    assert "train: 85 images: 0 60, 1 25" in printed
    metrics = json.loads((clone.folder / "metrics/train_baseline/report.json").read_text())
    assert list(metrics["dev"]["recall"]) == ["0", "1"]
