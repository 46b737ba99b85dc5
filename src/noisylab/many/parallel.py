"""Many independent trainings at once, with the results that they would have one by one."""

from __future__ import annotations

import os
import signal
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
from joblib.externals.loky.process_executor import ProcessPoolExecutor

from noisylab.config.settings import ENGINES, is_engine
from noisylab.core.errors import InputError, WorkerDiedError, shown
from noisylab.core.processes import when_orphaned
from noisylab.learning.finished import EpochFile, Finished
from noisylab.many.memory import keep_freed_memory

MOST_TRIES = 3
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_shared: tuple[Any, ...] = ()  # in a worker: what all of its trainings are given


def map_trainings(
    fn: Callable[..., Any],
    jobs: Sequence[Any],
    engine: str = "local",
    shared: Sequence[Any] = (),
) -> Iterator[tuple[int, Any, BaseException | None]]:
    """Yield (index of the job, fn(job, *shared), None) as trainings end, in any order.

    engine: `local`, with a worker for each core, or `local:N` with N, or `dask:tcp://HOST:PORT`,
        the workers of that scheduler. A worker is a process that has one thread of torch's; fn must
        not ask for more, or results depend on the engine.
    shared: what every call is given; on this machine its arrays are mapped from a file, not copied.

    Where fn raises, the third is what it raised, and the second None. A worker that dies, killed
    or out of memory, harms no other: its job is tried again, and after three tries is given up with
    a WorkerDiedError. Raises InputError for an engine that is not known, and see
    cluster.map_on_cluster.
    """
    if not is_engine(engine):
        raise InputError(f"engine must be {ENGINES}, got {shown(engine)}")
    kind, _, where = engine.partition(":")
    if kind == "dask":
        from noisylab.many.cluster import map_on_cluster

        yield from map_on_cluster(fn, jobs, where, shared, MOST_TRIES)
        return
    n_workers = min(len(jobs), int(where) if where else len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory(prefix="noisylab-") as folder:
        path = str(Path(folder) / "shared")
        joblib.dump(tuple(shared), path)
        yield from _map_local(fn, jobs, n_workers, path)


def map_unfinished(
    fn: Callable[..., Any],
    jobs: Sequence[Any],
    keys: Sequence[str],
    finished: Finished | None,
    engine: str,
    shared: Sequence[Any] = (),
) -> Iterator[tuple[int, Any, BaseException | None]]:
    """As map_trainings, of fn(job, checkpoint, *shared), for jobs of which no result is kept.

    keys: the fingerprint of each job. First come the results that are kept; every other is kept
    once it is there. The checkpoint is that of the job's training, or None: on the workers of a
    cluster, and where `finished` is None.
    """
    left = []
    for index, key in enumerate(keys):
        result = finished.read(key) if finished else None
        if result is None:
            left.append(index)
        else:
            yield index, result, None
    is_here = finished and not engine.startswith("dask:")
    calls = [
        (fn, jobs[index], finished.checkpoint(keys[index]) if finished and is_here else None)
        for index in left
    ]
    for place, result, error in map_trainings(_call_with_checkpoint, calls, engine, shared):
        index = left[place]
        if finished and error is None:
            finished.write(keys[index], result)
        yield index, result, error


def _call_with_checkpoint(
    call: tuple[Callable[..., Any], Any, EpochFile | None], *shared: Any
) -> Any:
    fn, job, checkpoint = call
    return fn(job, checkpoint, *shared)


def _map_local(
    fn: Callable[..., Any], jobs: Sequence[Any], n_workers: int, path: str
) -> Iterator[tuple[int, Any, BaseException | None]]:
    # A pool for each worker, since a pool that loses one worker gives up the work of all.
    idle = [_worker(path) for _ in range(n_workers)]
    running: dict[Future[Any], tuple[int, ProcessPoolExecutor]] = {}
    pending, tries = deque(range(len(jobs))), Counter[int]()
    try:
        while pending or running:
            while pending and idle:
                index, worker = pending.popleft(), idle.pop()
                with _ctrl_c_held():
                    running[worker.submit(_call, fn, jobs[index])] = index, worker
            for future in wait(running, return_when=FIRST_COMPLETED).done:
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
                    yield index, None, WorkerDiedError(index, MOST_TRIES)
    finally:
        for worker in [*idle, *(worker for _, worker in running.values())]:
            worker.shutdown(wait=True, kill_workers=True)


@contextmanager
def _ctrl_c_held() -> Iterator[None]:
    """Let a process be started that Ctrl-C does not reach: it ends with this one, and in silence.

    Signals that are held are so in what is started meanwhile, too, and there for good.
    """
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _worker(path: str) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        max_workers=1,
        initializer=_start_worker,
        initargs=(path, os.getpid()),
        env=_ENVIRONMENT,
    )


def _start_worker(path: str, parent: int) -> None:
    global _shared
    # Else it would finish its training for nobody, or wait for ever.
    when_orphaned(lambda: os._exit(1), parent)
    keep_freed_memory()
    # Copy on write: torch takes no array that must not be written to.
    _shared = joblib.load(path, mmap_mode="c")


def _call(fn: Callable[..., Any], job: Any) -> Any:
    return fn(job, *_shared)
