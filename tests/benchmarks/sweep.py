"""Time of a learning rate sweep: `python tests/benchmarks/sweep.py`.

Runs the trainings of stage lr_sweep, on noise of the same size, with few epochs and without
distillation (noise has no teacher), in four ways: hand-written, one after another, with two threads
(usual.py); fit() in two independent single-thread processes, timed after their imports; sweep() on
this machine; sweep() on a dask cluster on loopback. The four take turns, since machines drift; a
ratio is the median over rounds.
"""

from __future__ import annotations

import argparse
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from speed import N_IMAGES, noise
from torch.utils.data import DataLoader
from usual import Shifted, Usual, list_of_tensors, weighted_sampler

from noisylab.config.classes import by_class
from noisylab.config.params import read_params
from noisylab.config.settings import FitConfig, SweepConfig
from noisylab.core.images import ImageSet
from noisylab.learning.kept import Kept
from noisylab.many.engines import map_trainings
from noisylab.many.trainer import Trainer
from noisylab.sweep import run

sys.path.append(str(Path(__file__).parents[1]))
from clusters import Cluster
from trainings import costs, nothing, ready

N_DEV = 625
N_WORKERS = 2
N_NOTHING = 100
N_MANY = 1000
INDEPENDENT = """
import pickle, sys
from dataclasses import replace
import torch
from noisylab.learning.training import fit
train, dev, recipe, rates = pickle.load(sys.stdin.buffer)
print("ready", flush=True)
sys.stdin.buffer.read(1)
for rate in rates:
    fit(train, dev, replace(recipe, lr=rate), torch.Generator().manual_seed(0))
"""


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=3, help="0: print the costs only")
    arguments.add_argument("--epochs", type=int, default=4, help="epochs of each training")
    given = arguments.parse_args()
    params = read_params("params.yaml")
    kept = params.train_fixed.runs[params.train_fixed.keep]
    recipe = replace(kept, epochs=given.epochs, distillation=0.0, device="cpu")
    sets = {"train": noise(N_IMAGES), "dev": noise(N_DEV)}
    config = replace(params.lr_sweep, optimizers=["adam"], own_rates=None, seeds=1)
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        cluster = Cluster(Path(folder))
        cluster.add_host(N_WORKERS)
        try:
            engines = {"local": f"local:{N_WORKERS}", "dask": cluster.engine}
            first = start_up(cluster.engine)
            print(f"start-up of dask's scheduler and workers  {time.monotonic() - began:6.1f} s")
            print(f"first use of these workers                {first:6.1f} s")
            if given.rounds:
                compare(sets, recipe, config, engines, given.rounds, kept.epochs)
            print_costs(sets, recipe, engines, kept.epochs)
        finally:
            cluster.close()


def compare(
    sets: dict[str, ImageSet],
    recipe: FitConfig,
    config: SweepConfig,
    engines: dict[str, str],
    n_rounds: int,
    full_epochs: int,
) -> None:
    seconds: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        seconds.setdefault(name, []).append(value)

    loader = fastest_loader(sets["train"], recipe)
    rates = sorted(config.rates)
    for _ in range(n_rounds):
        note("by hand", by_hand(loader, sets["dev"], recipe, rates))
        note("independent", independent(sets, recipe, rates))
        for name, engine in engines.items():
            note(f"{name}, start-up", start_up(engine))
            note(name, swept(sets, recipe, config, engine))
    print(f"\n{len(rates)} trainings of {recipe.epochs} epochs, median of {n_rounds}, seconds")
    for name, values in seconds.items():
        print(
            f"  {name:18} {statistics.median(values):7.2f}  ({min(values):.2f}-{max(values):.2f})"
        )
    hand, two = seconds["by hand"], seconds["independent"]
    scale = full_epochs / recipe.epochs
    for name in engines:
        starts = seconds[f"{name}, start-up"]
        work = [whole - start for whole, start in zip(seconds[name], starts, strict=True)]
        full = [start + scale * one for start, one in zip(starts, work, strict=True)]
        print(f"{name}, without start-up")
        print(f"  time relative to hand-written            {ratio(work, hand)}")
        print(f"  speed relative to two processes (>= 0.9) {ratio(two, work)}")
        print(f"{name}, with start-up, at {full_epochs} epochs per training")
        full_by_hand = [scale * one for one in hand]
        print(f"  time relative to hand-written (<= 0.55)  {ratio(full, full_by_hand)}")


def ratio(values: list[float], others: list[float]) -> str:
    ratios = [value / other for value, other in zip(values, others, strict=True)]
    return f"{statistics.median(ratios):5.2f}  ({min(ratios):.2f} to {max(ratios):.2f})"


def fastest_loader(train: ImageSet, recipe: FitConfig) -> Any:
    """The hand-written DataLoader with the fastest number of worker processes."""
    assert recipe.augment
    weights = by_class("class_weights", recipe.class_weights, train).tolist()
    loaders = [
        DataLoader(
            Shifted(train, recipe.augment.shift_pixels),
            sampler=weighted_sampler(train, weights),
            batch_size=recipe.batch_size,
            num_workers=n_workers,
            persistent_workers=n_workers > 0,
        )
        for n_workers in (0, 1, 2)
    ]
    for loader in loaders:  # starts the worker processes
        Usual(loader, len(train.classes))()
    return min(loaders, key=lambda loader: timed(Usual(loader, len(train.classes))))


def by_hand(loader: Any, dev: ImageSet, recipe: FitConfig, rates: list[float]) -> float:
    torch.set_num_threads(2)
    on_dev: Any = DataLoader(list_of_tensors(dev), batch_size=recipe.batch_size)

    def train_all() -> None:
        for rate in rates:
            usual = Usual(loader, 3, rate, recipe.dropout, recipe.label_smoothing)
            for _ in range(recipe.epochs):
                usual()
                usual.accuracy(on_dev)

    return timed(train_all)


def independent(sets: dict[str, ImageSet], recipe: FitConfig, rates: list[float]) -> float:
    programs = []
    for number in range(N_WORKERS):
        program = subprocess.Popen(
            [sys.executable, "-c", INDEPENDENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        work = (sets["train"], sets["dev"], recipe, rates[number::N_WORKERS])
        assert program.stdin
        pickle.dump(work, program.stdin)
        program.stdin.flush()
        programs.append(program)
    for program in programs:
        assert program.stdout
        program.stdout.readline()

    def train_all() -> None:
        for program in programs:
            assert program.stdin
            program.stdin.write(b"go")
            program.stdin.close()
        for program in programs:
            assert program.wait() == 0

    return timed(train_all)


def start_up(engine: str) -> float:
    """Seconds until all workers can begin to train."""
    began = time.time()
    ends: list[float] = [end for _, end, _ in map_trainings(ready, range(N_WORKERS), engine)]
    return max(ends) - began


def swept(sets: dict[str, ImageSet], recipe: FitConfig, config: SweepConfig, engine: str) -> float:
    wanted = run.trainings(replace(config, epochs=recipe.epochs), recipe, 0)
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        found = run.sweep(sets, wanted, Trainer(Kept(folder), engine))
        seconds = time.monotonic() - began
    for outcome in found.outcomes:
        if outcome.dev is None:
            print(f"rate {outcome.trained.config.lr:g} diverged and ended early; ignore its time")
    return seconds


def print_costs(
    sets: dict[str, ImageSet], recipe: FitConfig, engines: dict[str, str], full_epochs: int
) -> None:
    """Print the measured and computed figures of docs/scaling.md."""
    images, one = sets["train"].images, replace(recipe, epochs=1)
    shared = (sets["train"], sets["dev"], one)
    print(f"\n{'overhead':18}   ms/training  s to start    MB/worker     CPU s/epoch")
    for name, engine in engines.items():
        began = time.perf_counter()
        jobs = map_trainings(nothing, range(N_WORKERS + N_NOTHING), engine, (images,))
        ends = [time.perf_counter() - began for _ in jobs]
        begin = ends[N_WORKERS - 1]
        each = (ends[-1] - begin) / N_NOTHING
        ((_, (seconds, peak), _),) = map_trainings(costs, [0], engine, shared)
        print(f"{name:18} {1000 * each:13.1f} {begin:11.2f} {peak / 1e6:12.0f} {seconds:15.2f}")
    print(f"\n{N_MANY} trainings of {full_epochs} epochs, on dask")
    print("machines  workers   rounds  training, s   overhead, s  machine hours")
    for n_machines in (1, 10, 100):
        n_workers = N_WORKERS * n_machines
        n_rounds = -(-N_MANY // n_workers)
        training = n_rounds * full_epochs * seconds
        print(
            f"{n_machines:8} {n_workers:8} {n_rounds:8} {training:12.0f} {N_MANY * each:13.1f}"
            f" {n_machines * training / 3600:14.1f}"
        )


def timed(way: Callable[[], object]) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
