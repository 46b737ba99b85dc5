"""Training on a GPU: `python tests/benchmarks/cuda.py [N_SEEDS [ENGINE]]`; takes a few minutes.

Compares its results with those of the CPU, over N_SEEDS trainings of the kept run of
train_augmented (default 3; 0 for none), and prints the time of an epoch, memory, and the time of
all trainings of the pipeline with ENGINE (default local). The status is 1 if results differ by more
than the tolerances below. Run stage prepare first.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import torch
from processors import FIGURES, result
from speed import AUGMENTED, BALANCED, N_IMAGES, noise

from noisylab.config.params import Params, read_params
from noisylab.core.images import ImageSet
from noisylab.data import set_files
from noisylab.learning.network import dump_weights
from noisylab.learning.training import Epoch, fit
from noisylab.many.trainer import Trainer
from noisylab.relabel.run import relabel
from noisylab.sweep import run as sweep
from noisylab.train.run import train_runs

NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}
TOLERANCES = {"dev": 0.05, "test": 0.01}  # of the mean over seeds
LOSS_TOLERANCE = 0.001  # after an epoch
EPOCHS = 3  # timed in one fit(); the first, which records the graphs, is not


def main() -> None:
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    engine = sys.argv[2] if len(sys.argv) > 2 else "local"
    if not torch.cuda.is_available():
        sys.exit("this machine has no CUDA device")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    sets = set_files.read_sets("data")
    is_same = is_alike(sets["train"], sets["dev"])
    is_same &= n_seeds == 0 or is_equally_good(n_seeds)
    print_epochs()
    print_trainings(read_params("params.yaml"), sets, engine)
    sys.exit(0 if is_same else 1)


def is_alike(train: ImageSet, dev: ImageSet) -> bool:
    """Whether an epoch in float32, with augmentation and without dropout, ends alike.

    With SGD: the first steps of Adam turn rounding errors into changes of full size.
    """
    config = replace(
        AUGMENTED, batch_size=128, dropout=0.0, precision="float32", optimizer="sgd", lr=0.03
    )
    ends = [
        fit(train, dev, replace(config, device=device), torch.Generator().manual_seed(0)).history
        for device in ("cpu", "cuda")
    ]
    apart = max(
        max(abs(one.train_loss - other.train_loss), abs(one.dev_loss - other.dev_loss))
        for one, other in zip(*ends, strict=True)
    )
    print(f"largest difference of a loss to the CPU's, an epoch in float32: {apart:.6f}")
    return bool(apart <= LOSS_TOLERANCE)


def is_equally_good(n_seeds: int) -> bool:
    """Whether models are as good as those of the CPU, in the precision of `auto` on each."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        here = [pool.submit(result, seed, 0, NO_GPU) for seed in range(n_seeds)]
        on_cpu = [one.result() for one in here]
    on_gpu = [result(seed, 0, {}) for seed in range(n_seeds)]
    is_good = True
    print(f"mean over {n_seeds} seeds (range){'':13} CPU                      GPU")
    for split, tolerance in TOLERANCES.items():
        for figure in FIGURES:
            name = f"{split} {figure}"
            columns = [[float(row[name]) for row in rows] for rows in (on_cpu, on_gpu)]
            means = [statistics.mean(values) for values in columns]
            is_good &= abs(means[0] - means[1]) <= tolerance
            cells = [
                f"{mean:.4f} ({min(values):.4f} to {max(values):.4f})"
                for mean, values in zip(means, columns, strict=True)
            ]
            print(f"  {name:30} {'  '.join(cells)}")
    return is_good


def print_epochs() -> None:
    train = noise(N_IMAGES)
    dev = train.subset([0])
    print(f"seconds for an epoch of {N_IMAGES} images   float32  bfloat16")
    for name, config in (("balanced", BALANCED), ("augmented", AUGMENTED)):
        for size in (32, 128, 1024):
            cells = []
            for precision in ("float32", "bfloat16"):
                own = replace(
                    config, batch_size=size, precision=precision, device="cuda", epochs=EPOCHS + 1
                )
                clock = Clock()
                fit(train, dev, own, torch.Generator(), clock)
                cells.append(f"{statistics.median(clock.seconds()):8.4f}")
            print(f"  {name + ', batch ' + str(size):38} {'  '.join(cells)}")
    print_memory()


def print_memory() -> None:
    free, total = torch.cuda.mem_get_info()
    print(f"memory of the GPU in use: {(total - free) / 1e6:.0f} MB")


class Clock:
    """A Progress that notes when epochs end."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def resume(self, history: list[Epoch]) -> None:
        raise AssertionError("nothing to resume")

    def step(self, n_images: int) -> None:
        pass

    def epoch(self, epoch: Epoch) -> None:
        self._times.append(time.perf_counter())

    def seconds(self) -> list[float]:
        """Of each epoch from the second on."""
        return [end - start for start, end in zip(self._times, self._times[1:], strict=False)]


def print_trainings(params: Params, sets: dict[str, ImageSet], engine: str) -> None:
    """Time of each stage's trainings, with the evaluation of their models."""
    print(f"seconds for the trainings of a stage, engine {engine}")
    start = time.perf_counter()
    trainer = Trainer(engine=engine)
    stages = {name: getattr(params, name) for name in ("train_baseline", "train_balanced")}
    for name, stage in stages.items():
        with timed(name):
            train_runs(sets, stage.runs, params.seed, trainer)
    augmented, fixed = params.train_augmented, params.train_fixed
    with timed("train_augmented"):
        before = train_runs(sets, augmented.runs, params.seed, trainer)[augmented.keep]
    recipe = augmented.runs[augmented.keep]
    with timed("relabel"):
        found = relabel(sets, before.model, {}, params.relabel, recipe, params.seed, trainer)
    better = {**sets, **found.fixed_sets()}
    for split, part in found.parts.items():
        better[split] = replace(better[split], pred_probs=found.pred_probs[part])
    with timed("train_fixed"):
        after = train_runs(better, fixed.runs, params.seed, trainer)[fixed.keep]
    trainings = sweep.trainings(params.lr_sweep, after.config, params.seed)
    with timed("lr_sweep"):
        swept = sweep.sweep(better, trainings, trainer)
    print(f"  {'all':20} {time.perf_counter() - start:6.1f}")
    choice = sweep.choose(swept, after.model, better, sets["dev"].labels)
    test = choice.evaluations[choice.kept]["test"].balanced_accuracy
    print(f"balanced accuracy of the final model on test: {test:.4f}")
    digest = hashlib.sha256(dump_weights(choice.models[choice.kept])).hexdigest()
    print(f"its weights, equal for every ENGINE: {digest[:16]}")
    print_memory()


@contextmanager
def timed(name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"  {name:20} {time.perf_counter() - start:6.1f}", flush=True)


if __name__ == "__main__":
    main()
