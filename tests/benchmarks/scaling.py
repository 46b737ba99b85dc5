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
KINDS = ("PLAIN", "BALANCED", "AUGMENTED")
STAGES = ("prepare", "check", "stats", "train_baseline")

EPOCH = """
from noisylab.learning.training import fit
config = replace(speed.{name}, epochs={repeats})
run = lambda images: fit(images, small.subset([0]), config, torch.Generator())
"""
ENSEMBLE = """
from noisylab.many.ensemble import mean_probs, seed_members
from noisylab.many.trainer import Trainer
trainer = Trainer(engine="local:1")
def run(images):
    for _ in range({repeats}):
        mean_probs(images, seed_members(len(images), [0]), speed.BALANCED, trainer)
"""
ATTACK = """
import numpy as np
from noisylab.adversarial.steps import attack
from noisylab.learning.network import SimpleModel
torch.manual_seed(0)
model = SimpleModel(3)
def run(images):
    for _ in range({repeats}):
        attack(model, images.images, np.full(len(images), 2), epsilon=8, steps=5)
"""
MEASURED = """
import sys, time; sys.path.insert(0, "tests/benchmarks")
from dataclasses import replace
import torch, speed, scaling
torch.set_num_threads(1)
small = speed.noise(640)
{code}
run(small)  # warm-up: lazy imports
train = speed.noise({size})
before, start = scaling.peak(), time.perf_counter()
run(train)
print((time.perf_counter() - start) / {repeats}, scaling.peak() - before, train.images.nbytes)
"""
WORK = {
    **{f"epoch, {name.lower()}": EPOCH.replace("{name}", name) for name in KINDS},
    "ensemble of relabel": ENSEMBLE,
    "attack, 5 steps": ATTACK,
}
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
    print(f"{'on one thread':22} images   seconds  µs/image  images, MB  growth, MB  allowed, MB")
    for name, code in WORK.items():
        for size in SIZES:
            repeats = -(-IMAGES // size)
            filled = code.format(repeats=repeats)
            words = in_new_process(MEASURED.format(code=filled, size=size, repeats=repeats)).split()
            seconds, growth, images = (float(word) for word in words)
            per_image, allowed = 1e6 * seconds / size, 0.3 * images / 1e6 + 400
            print(
                f"{name:20} {size:8,} {seconds:9.2f} {per_image:9.1f} {images / 1e6:11.0f} "
                f"{growth / 1e6:11.0f} {allowed:12.0f}",
                flush=True,
            )
    print("ensemble: one training of one epoch, and predictions of the images and their mirrors")
    print("growth excludes the images themselves; allowed in all: 1.3 × images + 400 MB\n")
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
