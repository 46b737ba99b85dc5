"""Many independent trainings on the workers of a dask.distributed scheduler, on any machines."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import platform
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from noisylab.core.errors import InputError, WorkerDiedError
from noisylab.learning.fingerprint import code_digest
from noisylab.many.local import MOST_TRIES, Results
from noisylab.many.memory import keep_freed_memory

if TYPE_CHECKING:
    from distributed import Client, Future

_CONNECT_SECONDS = 10
_CONNECT_TRIES = 3
_WAIT_SECONDS = 30  # for a first worker, and for another when all are gone
_READ_SECONDS = 30  # for a result to arrive
_SIGN_SECONDS = 2  # for a sign of life
_FACTS_SECONDS = 30  # for the facts of a worker, which imports noisylab
_LOOK_SECONDS = 1
# dask raises asyncio.TimeoutError, which is not Python's own TimeoutError before 3.11.


def map_on_cluster(
    fn: Callable[..., Any], jobs: Sequence[Any], address: str, shared: Sequence[Any]
) -> Results:
    """As engines.map_trainings, on the scheduler at `tcp://HOST:PORT` or `tls://HOST:PORT`.

    Workers may come and go. TLS takes its certificates from dask's settings. Raises InputError
    where the scheduler is gone or all workers stay away, and for a worker whose results would
    differ.
    """
    with _connected(address) as client:
        workers = _Workers(client, address)
        while not workers.present():  # data goes only to a worker that was checked
            time.sleep(_LOOK_SECONDS)
        # A task, not client.scatter: dask runs it again if the worker that held it is lost.
        data = _submit(client, None, bytes, pickle.dumps((fn, tuple(shared))))
        running: dict[Future, tuple[int, str]] = {}
        pending, tries = deque(range(len(jobs))), Counter[int]()
        while pending or running:
            present = workers.present()
            for future, (index, worker) in [*running.items()]:
                if worker in present and not future.done():
                    continue
                # A lost worker takes its result with it: dask fetches a result when it is read.
                is_lost = worker not in present and not future.cancelled()
                outcome = None if is_lost else _outcome(future, address)
                del running[future]
                future.cancel()  # dask drops its result
                tries[index] += 1
                if outcome:
                    yield index, *outcome
                elif tries[index] < MOST_TRIES:
                    pending.append(index)
                else:
                    yield index, None, WorkerDiedError(f"training {index}", MOST_TRIES)
            # One training per worker: dask blames a worker's death on all that it had.
            idle = present - {worker for _, worker in running.values()}
            for worker in sorted(idle)[: len(pending)]:
                index = pending.popleft()
                running[_submit(client, worker, _call, jobs[index], data)] = index, worker
            _wait(running)


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            "engine dask needs the package distributed; pip install -r requirements-dev.lock"
        ) from None
    # The errors raised here say in one line what these would log.
    for name in ("distributed", "distributed.client"):  # dask sets the level of each
        logging.getLogger(name).setLevel(logging.CRITICAL)
    client = None
    try:
        for _ in range(_CONNECT_TRIES):
            # A failed client is in a cycle, and its __del__ waits for ever if it is collected while
            # another client starts.
            gc.collect()
            # Raised where dask's own thread does not start in ten seconds: the machine is busy.
            with suppress(AssertionError):
                client = Client(address, timeout=_CONNECT_SECONDS)
                break
    except (OSError, ValueError, TypeError) as error:  # TypeError: tls without certificates
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"engine dask: no scheduler answers at {address} ({reason}); start one with "
            "`dask scheduler`, or set engine to local"
        ) from None
    if client is None:
        raise InputError(
            "engine dask: the client did not start: this machine is too busy; stop other programs"
        )
    try:
        yield client
    finally:
        with suppress(Exception):  # the scheduler may be gone
            client.close(timeout=1)


class _Workers:
    """The workers of a scheduler; each is checked before its first training."""

    def __init__(self, client: Client, address: str) -> None:
        self._client = client
        self._address = address
        self._good: set[str] = set()
        self._expected = _facts() | {"threads": 1}
        self._seen = time.monotonic()

    def present(self) -> set[str]:
        """Addresses of the workers that answer.

        Raises InputError after a while without any, or if the client has given up the scheduler.
        """
        scheduler = self._client.scheduler
        if scheduler is None:
            raise _gone(self._address)
        try:
            there = self._client.sync(scheduler.ncores, callback_timeout=_CONNECT_SECONDS)
        except (OSError, asyncio.TimeoutError):
            there = {}
        self._good = {worker for worker in there if worker in self._good or self._is_good(worker)}
        now = time.monotonic()
        if self._good:
            self._seen = now
        elif now > self._seen + _WAIT_SECONDS:
            raise InputError(
                f"engine dask: the scheduler at {self._address} has no workers; start some with "
                f"`dask worker {self._address} --nthreads 1` and run the same command again"
            )
        return self._good

    def _is_good(self, worker: str) -> bool:
        """Whether a new worker answers; raises InputError if its results would differ."""
        try:
            # A function of Python's own first, which a worker without the package can run.
            found = self._run(worker, _SIGN_SECONDS, version, "noisylab")
            if isinstance(found, Exception):
                raise InputError(
                    f"engine dask: worker {worker} lacks the package noisylab; install the version "
                    "that this machine has"
                )
            found = self._run(worker, _FACTS_SECONDS, _worker_facts)
        except (OSError, asyncio.TimeoutError, KeyError):
            return False
        if isinstance(found, Exception):
            raise InputError(f"engine dask: worker {worker} cannot import noisylab: {found}")
        for name, value in self._expected.items():
            if found[name] != value:
                raise InputError(
                    f"engine dask: worker {worker} must have {name} {value}, got {found[name]}; "
                    "otherwise results would differ"
                )
        return True

    def _run(
        self, worker: str, seconds: float, function: Callable[..., Any], *arguments: str
    ) -> Any:
        """The result or exception of a function on a worker; raises if no answer comes in time."""
        # Not client.run(), which waits half a minute for a worker that has just died.
        run = self._client._run
        options = {"workers": [worker], "on_error": "return", "callback_timeout": seconds}
        found = self._client.sync(run, function, *arguments, **options)[worker]
        if isinstance(found, OSError):  # of the connection to the worker
            raise found
        return found


def _submit(
    client: Client, worker: str | None, function: Callable[..., Any], *parts: Any
) -> Future:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph")  # the data, sent once
        key = f"noisylab-{uuid4().hex}"
        return client.submit(function, *parts, key=key, pure=False, workers=worker)


def _wait(running: dict[Future, Any]) -> None:
    """Wait a moment, or until a training ends."""
    from distributed import wait

    if not running:
        time.sleep(_LOOK_SECONDS / 10)
        return
    with suppress(asyncio.TimeoutError, CancelledError):
        wait([*running], timeout=_LOOK_SECONDS, return_when="FIRST_COMPLETED")


def _outcome(future: Future, address: str) -> tuple[Any, BaseException | None] | None:
    """A training's result or the exception that it raised; None if its worker was lost."""
    from distributed import KilledWorker

    try:
        return future.result(timeout=_READ_SECONDS), None
    except CancelledError:
        raise _gone(address) from None
    except (KilledWorker, asyncio.TimeoutError):
        return None
    except Exception as error:
        return None, error


def _gone(address: str) -> InputError:
    return InputError(
        f"engine dask: the scheduler at {address} is gone; finished trainings are kept; start it "
        "again and run the same command"
    )


@cache
def _facts() -> dict[str, Any]:
    """Versions that results depend on."""
    facts = {package: version(package) for package in ("noisylab", "torch", "numpy")}
    python = ".".join(platform.python_version_tuple()[:2])
    return {"Python": python, **facts, "code of noisylab": code_digest()[:12]}


def _worker_facts(dask_worker: Any) -> dict[str, Any]:
    """The facts of the worker that runs this; dask passes it as `dask_worker`."""
    return _facts() | {"threads": dask_worker.state.nthreads}


def _call(job: Any, data: bytes) -> Any:
    keep_freed_memory()
    fn, shared = pickle.loads(data)
    return fn(job, *shared)
