"""What a process that trains imports, and how much memory it takes."""

import json
import subprocess
import sys
from typing import Any

import pytest

TRAININGS = """
import json, pathlib, re, sys
import numpy as np, torch
from noisylab.config.settings import OPTIMIZERS, FitConfig
from noisylab.core.images import ImageSet
from noisylab.learning.training import fit
def make(n):
    images = np.random.default_rng(0).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    return ImageSet(images, np.arange(n, dtype=np.int64) % 3, ("a", "b", "c"))
def peak():
    # Not ru_maxrss, which a new process inherits from the one that started it.
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status)[1])
few = make(8)
for name in OPTIMIZERS:
    fit(few, few, FitConfig(1, 0.001, 4, name, "cpu"), torch.Generator())
found = {"slow": sorted({"torch._dynamo", "sklearn"} & sys.modules.keys())}
if sys.platform == "linux":
    config = FitConfig(1, 0.001, 128, "adam", "cpu")
    train, dev = make(8000), make(1000)
    fit(train.subset(range(1000)), dev, config, torch.Generator())
    before = peak()
    fit(train, dev, config, torch.Generator())
    found |= {"grown": peak() - before, "images": train.images.nbytes}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    command = [sys.executable, "-c", TRAININGS]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    printed: dict[str, Any] = json.loads(output)
    return printed


def test_training_imports_neither_torchs_compiler_nor_scikit_learn(found: dict[str, Any]) -> None:
    """Each takes longer to import than torch."""
    assert found["slow"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_memory_beyond_a_batch_is_that_of_the_images(found: dict[str, Any]) -> None:
    """Images are kept as uint8: those of a whole set as float32 would take four times as much."""
    assert found["grown"] < 1.5 * found["images"]
