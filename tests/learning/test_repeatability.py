"""The same bytes whatever surrounds a run, and nearly the same figures on an older processor."""

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from readers import ROOT

AVX2 = runpy.run_path(str(ROOT / "tests" / "benchmarks" / "processors.py"))["AVX2"]

#: Trains on noise with every source of chance in use, and draws; prints digests and figures.
PROGRAM = """
import hashlib, io, json, sys
sys.path.insert(0, "tests")
import torch
from conftest import make_set
from noisylab.config.settings import AugmentConfig, FitConfig
from noisylab.learning.evaluation import loss_and_accuracy
from noisylab.learning.network import dump_weights
from noisylab.learning.training import fit, predict_probs
from noisylab.train import figures
train, dev = make_set(96, seed=1), make_set(64, seed=2)
augment = AugmentConfig(probability="one_minus_frequency", shift_pixels=2, mirror=0.5)
digest = lambda content: hashlib.sha256(content).hexdigest()
found = {}
for precision in sys.argv[1:]:
    config = FitConfig(2, 0.003, 32, "adam", "cpu", precision, schedule="one_cycle",
                       class_weights="inverse_frequency", augment=augment)
    trained = fit(train, dev, config, torch.Generator().manual_seed(0))
    probs = predict_probs(trained.model, dev.images)
    losses = [epoch.train_loss for epoch in trained.history]
    picture = io.BytesIO()
    figures.loss_curves("été", (losses, losses)).savefig(
        picture, format="png", metadata={"Software": None})
    found[precision] = {"weights": digest(dump_weights(trained.model)),
                      "picture": digest(picture.getvalue()), "losses": losses,
                      "accuracy": loss_and_accuracy(dev.labels, probs)[1],
                      "probs": probs.tolist()}
print(json.dumps(found))
"""

#: Three seconds of work, in parts, so that it lasts as long as a run.
BURNER = """
import time
while time.process_time() < 3:
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    time.sleep(0.15)
"""


def run(*precisions: str, **environment: str) -> dict[str, dict[str, Any]]:
    """Figures by precision."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *precisions],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        check=True,
        timeout=600,
    )
    found: dict[str, dict[str, Any]] = json.loads(result.stdout)
    return found


@pytest.fixture(scope="module")
def here() -> dict[str, dict[str, Any]]:
    return run("float32", "bfloat16", PYTHONHASHSEED="0")


@pytest.fixture
def surroundings(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Another user's, with habits of their own, on a machine that is busy."""
    home = tmp_path / "a hôme"
    (home / "matplotlib").mkdir(parents=True)
    settings = "font.size: 20\nsavefig.dpi: 50\naxes.grid: True\nfont.family: serif\n"
    (home / "matplotlib" / "matplotlibrc").write_text(settings)
    burner = subprocess.Popen([sys.executable, "-c", BURNER])
    yield {
        "HOME": str(home),
        "MPLCONFIGDIR": str(home / "matplotlib"),
        "MPLBACKEND": "svg",
        "USER": "o'hara",
        "LOGNAME": "o'hara",
        "PYTHONHASHSEED": "4711",
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "C",
        "OMP_NUM_THREADS": "3",
        "MKL_NUM_THREADS": "1",
    }
    burner.kill()
    burner.wait()


def test_the_environment_of_a_run_changes_no_bit(
    here: dict[str, dict[str, Any]], surroundings: dict[str, str]
) -> None:
    elsewhere = run("float32", "bfloat16", **surroundings)
    assert elsewhere["float32"] == here["float32"]
    assert elsewhere["bfloat16"] == here["bfloat16"]


def test_an_older_processor_gives_nearly_equal_figures(here: dict[str, dict[str, Any]]) -> None:
    """Two epochs are too few for rounding to grow: see tests/benchmarks/processors.py."""
    older, newer = run("float32", **AVX2)["float32"], here["float32"]
    assert older["losses"] == pytest.approx(newer["losses"], abs=1e-3)
    assert older["accuracy"] == pytest.approx(newer["accuracy"], abs=0.05)
    for one, other in zip(newer["probs"], older["probs"], strict=True):
        assert other == pytest.approx(one, abs=1e-2)
