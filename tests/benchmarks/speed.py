"""Time of an epoch: `python tests/benchmarks/speed.py [N_PAIRS]`.

fit() is compared with a hand-written epoch in float32, and with a bare loop of torch's operations
on tensors that are ready, in the same precision. Both are measured in turn in one run, since
machines drift. A ratio is the median over pairs (default 7). If the smallest and largest ratio are
far apart, the machine was busy: run it again.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, WeightedRandomSampler
from usual import Augmented, Bare, Usual, list_of_tensors, weighted_sampler

from noisylab.config.classes import by_class
from noisylab.config.settings import AugmentConfig, FitConfig
from noisylab.core.images import ImageSet
from noisylab.learning.precision import find_precision
from noisylab.learning.training import fit
from noisylab.many.memory import keep_freed_memory

N_IMAGES = 5625
SHARES = (0.88, 0.08, 0.04)
PLAIN = FitConfig(1, 0.001, 32, "adam", "cpu")
BALANCED = replace(PLAIN, class_weights="inverse_frequency")
AUGMENTED = replace(BALANCED, augment=AugmentConfig(probability="one_minus_frequency"))

#: Each runs in its own process and is timed from the process start.
START_UPS = {
    "Python alone": "",
    "imports of stage stats": "import noisylab.stats.outputs, noisylab.stage",
    "imports of a train stage": "import noisylab.train.run, noisylab.train.outputs, noisylab.stage",
    "a train stage to its first batch": """
import noisylab.train.outputs, noisylab.stage, numpy, torch
from noisylab.config.settings import FitConfig
from noisylab.core.images import ImageSet
from noisylab.learning.training import fit
one = ImageSet(numpy.zeros((32, 32, 32, 3), numpy.uint8), numpy.arange(32) % 2, ("a", "b"))
fit(one, one, FitConfig(1, 0.001, 32, "adam", "cpu"), torch.Generator())
""",
}


def main() -> None:
    n_pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    torch.set_num_threads(1)
    keep_freed_memory()  # as in the processes that train
    train = noise(N_IMAGES)
    print(f"one epoch of {N_IMAGES} images on one thread, {n_pairs} pairs")
    print(f"{'seconds':45} fit()    other    ratio  (range)")
    for size in (32, 128):
        with_bfloat16 = find_precision("auto", torch.device("cpu")) == "bfloat16"
        for precision in ("float32", "bfloat16") if with_bfloat16 else ("float32",):
            settings: dict[str, Any] = {"batch_size": size, "precision": precision}
            what = f"batch {size}, {precision}"
            balanced, augmented = replace(BALANCED, **settings), replace(AUGMENTED, **settings)
            hand = Usual(DataLoader(list_of_tensors(train), size, sampler=sampler(train)), 3)
            compare(f"balanced by hand, {what}", balanced, train, n_pairs, hand)
            bare = Bare(train, size, precision)
            compare(f"bare loop, {what}", balanced, train, n_pairs, bare)
            hand = min(augmented_by_hand(train, size), key=seconds)
            compare(f"augmented by hand, {what}", augmented, train, n_pairs, hand)
    for what, code in START_UPS.items():
        times = [seconds(partial(run_python, code)) for _ in range(3)]
        print(f"start-up: {what:35} {statistics.median(times):.2f} s")


def sampler(train: ImageSet) -> WeightedRandomSampler:
    return weighted_sampler(train, by_class("", "inverse_frequency", train).tolist())


def augmented_by_hand(train: ImageSet, size: int) -> list[Usual]:
    """Epochs by hand with workers and without, to compare with the fastest."""
    assert AUGMENTED.augment
    probability = by_class("", "one_minus_frequency", train).tolist()
    images = Augmented(train, probability, AUGMENTED.augment)
    ways = []
    for n_workers in (0, 1):
        loader = DataLoader(
            images,
            size,
            sampler=sampler(train),
            num_workers=n_workers,
            persistent_workers=n_workers > 0,
        )
        ways.append(Usual(loader, 3))
        ways[-1]()  # starts the workers
    return ways


def compare(
    name: str, config: FitConfig, train: ImageSet, n_pairs: int, by_hand: Callable[[], None]
) -> None:
    dev = train.subset([0])

    def ours() -> None:
        fit(train, dev, config, torch.Generator())

    ours()
    by_hand()
    pairs = [(seconds(ours), seconds(by_hand)) for _ in range(n_pairs)]
    ratios = [own / other for own, other in pairs]
    own, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
    print(f"{name:43} {own:6.3f} {other:8.3f} {statistics.median(ratios):8.2f}  {spread}")


def seconds(way: Callable[[], None]) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def run_python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def noise(n_images: int) -> ImageSet:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (min(n_images, N_IMAGES), 32, 32, 3), dtype=np.uint8)
    repeated = np.resize(images, (n_images, 32, 32, 3))
    labels = rng.choice(3, n_images, p=SHARES)
    return ImageSet(repeated, labels.astype(np.int64), ("car", "truck", "cat"))


if __name__ == "__main__":
    main()
