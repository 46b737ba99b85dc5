"""What a process that trains imports, and how much memory it takes."""

import subprocess
import sys

import pytest

OPTIMIZERS_ALONE = """
import sys
import numpy as np, torch
from noisylab.config.settings import OPTIMIZERS, FitConfig
from noisylab.core.images import ImageSet
from noisylab.learning.training import fit
images, labels = np.zeros((8, 32, 32, 3), np.uint8), np.arange(8) % 2
known = ImageSet(images, labels, ("a", "b"))
for name in OPTIMIZERS:
    fit(known, known, FitConfig(1, 0.001, 4, name, "cpu"), torch.Generator())
print({"torch._dynamo", "sklearn"} & sys.modules.keys())
"""


def test_training_imports_neither_torchs_compiler_nor_scikit_learn() -> None:
    """Each takes longer to import than torch."""
    command = [sys.executable, "-c", OPTIMIZERS_ALONE]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "set()\n"


MEMORY = """
import re, pathlib
import numpy as np, torch
from noisylab.config.settings import FitConfig
from noisylab.core.images import ImageSet
from noisylab.learning.training import fit
def make(n):
    images = np.random.default_rng(0).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    return ImageSet(images, np.arange(n, dtype=np.int64) % 3, ("a", "b", "c"))
train, dev = make(20_000), make(1000)
def peak():
    # Not ru_maxrss, which a new process inherits from the one that started it.
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status)[1])
before = peak()
fit(train, dev, FitConfig(1, 0.001, 128, "adam", "cpu"), torch.Generator())
print(peak() - before, train.images.nbytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_memory_is_bounded() -> None:
    """Beyond the images, which are kept as uint8, at most half of them and 400 MB."""
    command = [sys.executable, "-c", MEMORY]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    grown, images = map(int, output.split())
    assert grown < 0.5 * images + 400e6
