"""Many independent trainings at once, with the results that they would have one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from noisylab.config.settings import ENGINES, is_engine
from noisylab.core.errors import InputError, shown
from noisylab.many.local import Results, map_local
from noisylab.many.threads import map_threads


def map_trainings(
    fn: Callable[..., Any],
    jobs: Sequence[Any],
    engine: str = "local",
    shared: Sequence[Any] = (),
    look: Callable[[], None] | None = None,
    stop: Callable[[], None] | None = None,
    on_gpu: bool = False,
) -> Results:
    """Yield the result of fn(job, *shared) for each job as it ends, in any order.

    engine: `local`, with one worker per core or eight for a GPU, `local:N` with N workers, or
        `dask:tcp://HOST:PORT` with those of that scheduler. A worker is a process in which torch
        has one thread; fn must not ask for more, or results depend on the engine.
    on_gpu: whether fn computes on the GPU of this machine; local workers are threads then.
    shared: arguments of every call; local workers map their arrays from a file.
    look: called now and then while local workers run, and before each result.
    stop: called if no more results are wanted; ends jobs that run in threads.

    A worker that dies, killed or out of memory, harms no other: its job is tried again, three
    times in all, and then yields a WorkerDiedError. Raises InputError for an unknown engine; see
    also cluster.map_on_cluster.
    """
    if not is_engine(engine):
        raise InputError(f"engine must be {ENGINES}, got {shown(engine)}")
    kind, _, where = engine.partition(":")
    n_workers = int(where) if kind == "local" and where else None
    if kind == "dask":
        from noisylab.many.cluster import map_on_cluster  # dask is an extra

        return map_on_cluster(fn, jobs, where, shared)
    if on_gpu:
        return map_threads(fn, jobs, n_workers or 8, shared, look, stop)
    return map_local(fn, jobs, n_workers, shared, look)
