"""Compare results between processors: `python tests/benchmarks/processors.py [N] [EPOCHS]`.

Trains the kept run of train_augmented with N seeds (default 3) and its own number of epochs (or
EPOCHS), once with all instructions of this processor and once restricted to AVX2, as on an older
one. Prints the differences of their figures and, for comparison, the differences between seeds.
Other instructions round differently, and after many steps the weights differ. The promise: figures
differ no more than between seeds. Run stage prepare first.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import replace
from itertools import combinations

#: Instruction limits of PyTorch, oneDNN and MKL.
AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
FIGURES = ("accuracy", "balanced_accuracy", "macro_f1")


def train(seed: int, epochs: int) -> None:
    """Train once in this process and print the figures as JSON."""
    import torch

    from noisylab.config.params import read_params
    from noisylab.data import set_files
    from noisylab.learning.evaluation import evaluate_splits
    from noisylab.learning.training import fit, predict_splits

    stage = read_params("params.yaml").train_augmented
    config = stage.runs[stage.keep]
    config = replace(config, epochs=epochs or config.epochs)
    sets = set_files.read_sets("data")
    model = fit(sets["train"], sets["dev"], config, torch.Generator().manual_seed(seed)).model
    parts = evaluate_splits(sets, predict_splits(model, sets))
    figures = {f"{s} {f}": getattr(parts[s], f) for s in ("dev", "test") for f in FIGURES}
    bits = sum(float(weight.detach().double().abs().sum()) for weight in model.parameters())
    print(
        json.dumps({"processor": torch.backends.cpu.get_cpu_capability(), "bits": bits, **figures})
    )


def result(seed: int, epochs: int, limits: dict[str, str]) -> dict[str, float | str]:
    command = [sys.executable, __file__, "--train", str(seed), str(epochs)]
    environment = {**os.environ, **limits}
    printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
    found: dict[str, float | str] = json.loads(printed)
    return found


def main() -> None:
    if sys.argv[1:2] == ["--train"]:
        train(int(sys.argv[2]), int(sys.argv[3]))
        return
    numbers = [int(argument) for argument in sys.argv[1:]]
    n_seeds, epochs = [*numbers, *(3, 0)[len(numbers) :]]
    pairs = [[result(seed, epochs, limits) for limits in ({}, AVX2)] for seed in range(n_seeds)]
    newest, oldest = ([pair[place] for pair in pairs] for place in (0, 1))
    print(f"{newest[0]['processor']} and {oldest[0]['processor']}, {n_seeds} seeds")
    same = sum(one["bits"] == other["bits"] for one, other in pairs)
    print(f"  identical to the last bit: {same} of {n_seeds}")
    for name in (name for name in newest[0] if " " in name):
        apart = [abs(float(one[name]) - float(other[name])) for one, other in pairs]
        values = [float(one[name]) for one in newest]
        seeds = [abs(one - other) for one, other in combinations(values, 2)]
        print(
            f"  {name:24} between processors mean {statistics.mean(apart):.4f} max {max(apart):.4f}"
            f", between seeds mean {statistics.mean(seeds):.4f} max {max(seeds):.4f}"
        )


if __name__ == "__main__":
    main()
