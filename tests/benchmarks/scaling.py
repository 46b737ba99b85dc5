"""Growth of time and memory with the size of the set, and start-up times of stages.

`python tests/benchmarks/scaling.py`; each size runs in its own process.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

SIZES = (5_625, 50_000, 500_000)
IMAGES = 100_000  # minimum per measurement, over several epochs if need be, for a stable time
STAGES = ("prepare", "check", "stats", "train_baseline")

EPOCH = """
import sys, time; sys.path.insert(0, "tests/benchmarks")
from dataclasses import replace
import torch, speed, scaling
from noisylab.learning.training import fit
config = replace(getattr(speed, {name!r}), epochs={epochs})
small = speed.noise(640)
fit(small, small, replace(config, epochs=1), torch.Generator())  # warm-up: lazy imports
train = speed.noise({size})
before, start = scaling.peak(), time.perf_counter()
fit(train, small.subset([0]), config, torch.Generator())
print((time.perf_counter() - start) / {epochs}, scaling.peak() - before, train.images.nbytes)
"""
START = """
import ast, sys, time
from pathlib import Path
nodes = ast.walk(ast.parse(Path("stages/{stage}.py").read_text()))
imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
exec(compile(ast.Module(imports, []), "imports", "exec"))
print(time.time(), "torch" in sys.modules)
"""
FIRST_STEP = """
import os, time, torch
from noisylab.config import params
from noisylab.data import set_files
from noisylab.learning import training
class Stop:
    def step(self, n_images):
        print(time.time(), True, flush=True)
        os._exit(0)
sets = set_files.read_sets("data")
config = params.read_params("params.yaml").train_baseline.runs["report"]
training.fit(sets["train"], sets["dev"], config, torch.Generator(), Stop())
"""


def main() -> None:
    print("one epoch             images   seconds  µs/image    image MB  growth MB  allowed MB")
    for name in ("PLAIN", "BALANCED", "AUGMENTED"):
        for size in SIZES:
            epochs = -(-IMAGES // size)
            words = in_new_process(EPOCH.format(name=name, size=size, epochs=epochs)).split()
            seconds, growth, images = (float(word) for word in words)
            rate, allowed = 1e6 * seconds / size, 0.5 * images / 1e6 + 400
            print(
                f"{name.lower():18} {size:9,} {seconds:9.2f} {rate:9.1f} "
                f"{images / 1e6:11.0f} {growth / 1e6:10.0f} {allowed:11.0f}"
            )
    print("growth excludes the images themselves; allowed in all: 1.5 × images + 400 MB\n")
    print("start-up, median of 5           seconds  imports torch")
    codes = {stage: START.format(stage=stage) for stage in STAGES}
    for name, code in {**codes, "train_baseline, first step": FIRST_STEP}.items():
        print(f"{name:30} {median_start(code)}")


def peak() -> int:
    """Peak memory of this process, bytes; ru_maxrss would include the parent's."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+)", status)
    assert found
    return 1024 * int(found[1])


def median_start(code: str) -> str:
    seconds = []
    for _ in range(5):
        start = time.time()
        end, imports_torch = in_new_process(code).split()
        seconds.append(float(end) - start)
    return f"{statistics.median(seconds):8.2f}  {imports_torch}"


def in_new_process(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    main()
