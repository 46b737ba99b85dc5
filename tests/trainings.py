"""Jobs for workers, which import this module; only those that train import torch."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from clusters import wait_until

from noisylab.config.settings import FitConfig
from noisylab.core.images import ImageSet

if TYPE_CHECKING:
    from noisylab.learning.training import Epoch

GO = "go"
IMAGES = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)


class Slow:
    """Leaves a file named after training and process in the first epoch, and waits to be let go."""

    def __init__(self, folder: str, seed: int) -> None:
        self._file = Path(folder, f"{seed}-{os.getpid()}")
        self._go = Path(folder, GO)

    def resume(self, history: list[Epoch]) -> None:
        pass

    def step(self, n_images: int) -> None:
        pass

    def epoch(self, epoch: Epoch) -> None:
        if epoch.epoch == 1:
            self._file.touch()
            wait_until(self._go.exists)


def train_slowly(seed: int, images: np.ndarray, folder: str) -> tuple[bytes, int, str]:
    """Bytes of a model after two epochs; before it, torch's threads and the type of `images`."""
    import torch

    from noisylab.learning.network import dump_weights
    from noisylab.learning.training import fit

    n_threads, kind = torch.get_num_threads(), type(images).__name__
    known = ImageSet(images, np.arange(len(images)) % 2, ("a", "b"))
    config = FitConfig(2, 0.001, 8, "adam", "cpu", class_weights="inverse_frequency")
    generator = torch.Generator().manual_seed(seed)
    trained = fit(known, known, config, generator, Slow(folder, seed))
    return dump_weights(trained.model), n_threads, kind


def train_in_turn(seeds: range, folder: Path) -> list[bytes]:
    """Models of train_slowly(), trained in this process."""
    import torch

    n_threads = torch.get_num_threads()
    folder.mkdir()
    let_go(folder)
    models = [train_slowly(seed, IMAGES, str(folder))[0] for seed in seeds]
    torch.set_num_threads(n_threads)
    return models


def let_go(folder: Path) -> None:
    """Let all of train_slowly() continue after its first epoch."""
    (folder / GO).touch()


def started(folder: Path) -> list[int]:
    """Processes in which trainings began, the first one first."""
    files = sorted(folder.glob("*-*"), key=lambda file: file.stat().st_mtime_ns)
    return [int(file.name.rpartition("-")[2]) for file in files]


def ready(job: int) -> float:
    """The time when a worker can begin to train, seconds since 1970."""
    import torch  # noqa: F401

    import noisylab.learning.training  # noqa: F401

    return time.time()


def scaled_sum(job: int, values: np.ndarray) -> float:
    return float(job * values.sum())


def fail_at_two(job: int) -> int:
    if job == 2:
        raise ValueError("two will not do")
    return job


def die_until(job: int, folder: str) -> int:
    """Job 1 kills its worker at its first try, job 2 at every try."""
    tries = len(list(Path(folder).glob(f"{job}-*")))
    Path(folder, f"{job}-{tries}").touch()
    if job == 2 or (job == 1 and tries == 0):
        os.kill(os.getpid(), signal.SIGKILL)
    return job


def rest(job: int) -> int:
    time.sleep(0.5)
    return job


def map_here(
    fn: Callable[..., Any],
    jobs: Sequence[Any],
    engine: str,
    shared: Sequence[Any],
    *_: Any,
    **__: Any,
) -> Iterator[tuple[int, Any, None]]:
    """As map_trainings, in this process: in order for engine `local:1`, else the last job first."""
    numbered = list(enumerate(jobs))
    for index, job in numbered if engine == "local:1" else numbered[::-1]:
        yield index, fn(job, *shared), None


def in_order(results: Any) -> list[Any]:
    """Results of map_trainings() by job."""
    return [result for _, result, _ in sorted(results, key=lambda one: one[0])]


def nothing(job: int, images: np.ndarray) -> bytes:
    """As many bytes as a model has, immediately."""
    return bytes(250_000)


def costs(job: int, train: ImageSet, dev: ImageSet, config: FitConfig) -> tuple[float, int]:
    """CPU seconds of one training, and peak memory of its worker, bytes.

    The least of three times, since a busy machine only takes longer.
    """
    import torch

    from noisylab.learning.training import fit

    fit(dev, dev, config, torch.Generator())  # warms up
    seconds = []
    for _ in range(3):
        start = time.process_time()
        fit(train, dev, config, torch.Generator())
        seconds.append(time.process_time() - start)
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return min(seconds), 1024 * int(peak)
