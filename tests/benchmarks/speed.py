"""Time of an epoch, compared with a hand-written one: `python tests/benchmarks/speed.py`.

Both are measured in turn in one run, since machines drift. A ratio is the median over pairs; the
only argument is the number of pairs (default 7). If the smallest and largest ratio are far apart,
the machine was busy: run it again.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode
from usual import Augmented, Usual, list_of_tensors, weighted_sampler

from noisylab.config.classes import by_class
from noisylab.config.settings import AugmentConfig, FitConfig
from noisylab.core.images import ImageSet
from noisylab.learning.network import SimpleModel
from noisylab.learning.training import fit

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
    torch.set_num_threads(PLAIN.threads)
    train = noise(N_IMAGES)
    print(f"one epoch: {N_IMAGES} images, batch {PLAIN.batch_size}, {PLAIN.threads} threads")
    print(f"{'seconds, ' + str(n_pairs) + ' pairs':34} fit()  by hand    ratio  (range)")
    pairs = list_of_tensors(train)
    weights = by_class("", "inverse_frequency", train).tolist()
    size = PLAIN.batch_size
    compare(
        "plain", PLAIN, train, n_pairs, Usual(DataLoader(pairs, shuffle=True, batch_size=size), 3)
    )
    sampler = weighted_sampler(train, weights)
    compare(
        "balanced",
        BALANCED,
        train,
        n_pairs,
        Usual(DataLoader(pairs, sampler=sampler, batch_size=size), 3),
    )
    assert AUGMENTED.augment
    probability = by_class("", "one_minus_frequency", train).tolist()
    changed = Augmented(train, probability, AUGMENTED.augment)
    for n_workers in (0, 1, 2):  # compare with the fastest
        loader = DataLoader(
            changed,
            sampler=sampler,
            num_workers=n_workers,
            persistent_workers=n_workers > 0,
            batch_size=size,
        )
        name = f"augmented, {n_workers} workers by hand"
        compare(name, AUGMENTED, train, n_pairs, Usual(loader, 3))
    flops = epoch_flops()
    multiply(flops)
    times = [seconds(lambda: multiply(flops)) for _ in range(5)]
    print(f"{flops / 1e9:.1f} GFLOP as bare matrix products   {statistics.median(times):.3f} s")
    for what, code in START_UPS.items():
        times = [seconds(partial(run_python, code)) for _ in range(3)]
        print(f"start-up: {what:35} {statistics.median(times):.2f} s")


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
    print(f"{name:33} {own:6.3f} {other:8.3f} {statistics.median(ratios):8.2f}  {spread}")


def seconds(way: Callable[[], None]) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def run_python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def epoch_flops() -> int:
    """Floating-point operations of all convolutions and matrix products in a plain epoch."""
    with FlopCounterMode(display=False) as counter:
        SimpleModel(3)(torch.rand(PLAIN.batch_size, 3, 32, 32)).sum().backward()
    return int(counter.get_total_flops()) * N_IMAGES // PLAIN.batch_size


def multiply(flops: int, side: int = 1024) -> None:
    matrix = torch.rand(side, side)
    for _ in range(round(flops / (2 * side**3))):
        matrix @ matrix


def noise(n_images: int) -> ImageSet:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (min(n_images, N_IMAGES), 32, 32, 3), dtype=np.uint8)
    repeated = np.resize(images, (n_images, 32, 32, 3))
    labels = rng.choice(3, n_images, p=SHARES)
    return ImageSet(repeated, labels.astype(np.int64), ("car", "truck", "cat"))


if __name__ == "__main__":
    main()
