"""Many independent trainings at once, in processes of this machine."""

from __future__ import annotations

import os
import signal
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from pathlib import Path
from typing import Any

import joblib
from joblib.externals.loky.process_executor import ProcessPoolExecutor

from noisylab.core.errors import WorkerDiedError
from noisylab.core.processes import when_orphaned
from noisylab.many.memory import keep_freed_memory

#: Index of the job, its result, and the exception that it raised, None if it raised none.
Results = Generator[tuple[int, Any, BaseException | None], None, None]

MOST_TRIES = 3
LOOK_SECONDS = 0.5
_shared: tuple[Any, ...] = ()  # in a worker: the arguments that all jobs share


def map_local(
    fn: Callable[..., Any],
    jobs: Sequence[Any],
    n_workers: int | None,
    shared: Sequence[Any],
    look: Callable[[], None] | None = None,
) -> Results:
    """As engines.map_trainings, in `n_workers` processes here; None is one per core."""
    n_workers = min(len(jobs), n_workers or len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory(prefix="noisylab-") as folder:
        path = str(Path(folder) / "shared")
        joblib.dump(tuple(shared), path)
        yield from _map_local(fn, jobs, n_workers, path, look)


def _map_local(
    fn: Callable[..., Any],
    jobs: Sequence[Any],
    n_workers: int,
    path: str,
    look: Callable[[], None] | None,
) -> Results:
    # One pool per worker: a pool that loses a worker gives up the work of all.
    idle = [_worker(path) for _ in range(n_workers)]
    running: dict[Future[Any], tuple[int, ProcessPoolExecutor]] = {}
    pending, tries = deque(range(len(jobs))), Counter[int]()
    try:
        while pending or running:
            while pending and idle:
                index, worker = pending[0], idle.pop()
                try:
                    running[_submit(worker, fn, jobs[index])] = index, worker
                    pending.popleft()
                except BrokenExecutor:  # it died while it had no job
                    worker.shutdown(wait=False, kill_workers=True)
                    idle.append(_worker(path))
            ended = wait(running, LOOK_SECONDS if look else None, FIRST_COMPLETED).done
            if look:
                look()
            for future in ended:
                index, worker = running.pop(future)
                error = future.exception()
                if not isinstance(error, BrokenExecutor):
                    idle.append(worker)
                    yield index, None if error else future.result(), error
                    continue
                worker.shutdown(wait=False, kill_workers=True)
                idle.append(_worker(path))
                tries[index] += 1
                if tries[index] < MOST_TRIES:
                    pending.append(index)
                else:
                    yield index, None, WorkerDiedError(f"training {index}", MOST_TRIES)
    finally:
        for worker in [*idle, *(worker for _, worker in running.values())]:
            worker.shutdown(wait=True, kill_workers=True)


def _submit(worker: ProcessPoolExecutor, fn: Callable[..., Any], job: Any) -> Future[Any]:
    """Give the worker a job; its process ignores Ctrl-C and exits when this process exits."""
    # A process started while a signal is blocked keeps it blocked.
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        future: Future[Any] = worker.submit(_call, fn, job)
        return future
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _worker(path: str) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        max_workers=1,
        initializer=_start_worker,
        initargs=(path, os.getpid()),
        env={"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    )


def _start_worker(path: str, parent: int) -> None:
    global _shared
    # An orphan would finish its training for nobody, or wait for ever.
    when_orphaned(lambda: os._exit(1), parent)
    keep_freed_memory()
    # Copy on write, since torch refuses read-only arrays.
    _shared = joblib.load(path, mmap_mode="c")


def _call(fn: Callable[..., Any], job: Any) -> Any:
    return fn(job, *_shared)
