"""Many independent trainings at once on one GPU, in threads of this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

from noisylab.many.local import LOOK_SECONDS, Results


def map_threads(
    fn: Callable[..., Any],
    jobs: Sequence[Any],
    n_threads: int,
    shared: Sequence[Any],
    look: Callable[[], None] | None,
    stop: Callable[[], None] | None,
) -> Results:
    """As engines.map_trainings, for jobs that leave most of their work to a GPU.

    A GPU runs the work of several threads at the same time, but that of processes in turn. CUDA has
    32 streams for them.
    """
    with ThreadPoolExecutor(min(n_threads, 32)) as pool:
        running = {pool.submit(fn, job, *shared): index for index, job in enumerate(jobs)}
        try:
            while running:
                ended = wait(running, LOOK_SECONDS, FIRST_COMPLETED).done
                if look:
                    look()
                for future in ended:
                    error = future.exception()
                    yield running.pop(future), None if error else future.result(), error
        finally:
            if stop and running:
                stop()
            pool.shutdown(cancel_futures=True)
