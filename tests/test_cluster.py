"""A real scheduler and workers on loopback; faults are caused for real."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from noisylab import cluster
from noisylab.errors import InputError, WorkerDiedError
from noisylab.parallel import MOST_TRIES, map_trainings

TESTS = Path(__file__).parent


class Cluster:
    """A scheduler, and programs that work for it: each a `dask worker`, a group of processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        arguments = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        self.scheduler = self._start("scheduler", *arguments, "--scheduler-file", str(file))
        wait_until(lambda: file.exists() and '"address"' in file.read_text())
        self.address = file.read_text().partition('"address": "')[2].partition('"')[0]
        self.engine = f"dask:{self.address}"

    def add_host(self, workers: int = 1, threads: int = 1, **environment: str) -> Any:
        """Starts without waiting for it."""
        return self._start(
            "worker", self.address, "--nthreads", str(threads), "--nworkers", str(workers),
            "--no-dashboard", "--local-directory", str(self._folder), **environment,
        )  # fmt: skip

    def _start(self, what: str, *arguments: str, **environment: str) -> Any:
        with (self._folder / f"{what}.log").open("ab") as log:
            program = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + what, *arguments],
                env={**os.environ, "PYTHONPATH": str(TESTS), **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._programs.append(program)
        return program

    def close(self) -> None:
        for program in reversed(self._programs):
            kill(program)


def kill(program: Any) -> None:
    """Kill a program and what it started."""
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()


def wait_until(is_so: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def empty_cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    made.add_host(workers=2)
    yield made
    made.close()


def scaled_sum(job: int, values: np.ndarray) -> float:
    return float(job * values.sum())


def in_order(results: Any) -> list[Any]:
    return [result for _, result, _ in sorted(results, key=lambda one: one[0])]


def test_every_job_has_its_result(shared_cluster: Cluster) -> None:
    results = list(map_trainings(scaled_sum, range(5), shared_cluster.engine, (np.ones(10),)))
    assert in_order(results) == [0, 10, 20, 30, 40]
    assert in_order(map_trainings(scaled_sum, [], shared_cluster.engine, (np.ones(1),))) == []


def fail_at_two(job: int) -> int:
    if job == 2:
        raise ValueError("two will not do")
    return job


def test_an_error_is_a_result(shared_cluster: Cluster) -> None:
    results = {
        index: (result, error)
        for index, result, error in map_trainings(fail_at_two, [1, 2], shared_cluster.engine)
    }
    assert results[0] == (1, None)
    assert isinstance(results[1][1], ValueError)
    assert str(results[1][1]) == "two will not do"


def train_one(seed: int, images: np.ndarray) -> bytes:
    """The bytes of a model after an epoch."""
    import torch

    from noisylab.config import FitConfig
    from noisylab.images import ImageSet
    from noisylab.network import dump_weights
    from noisylab.training import fit

    known = ImageSet(images, np.arange(len(images)) % 2, ("a", "b"))
    config = FitConfig(1, 0.001, 8, "adam", 1, "cpu", class_weights="inverse_frequency")
    return dump_weights(fit(known, known, config, torch.Generator().manual_seed(seed)).model)


def test_trainings_end_with_the_same_bytes_as_here(shared_cluster: Cluster) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
    local = in_order(map_trainings(train_one, range(4), "local:1", (images,)))
    remote = in_order(map_trainings(train_one, range(4), shared_cluster.engine, (images,)))
    assert len(set(local)) == 4
    assert remote == local


def die_until(job: int, folder: str) -> int:
    """Job 1 kills its worker at its first try, job 2 at every one; the others take a while."""
    tries = len(list(Path(folder).glob(f"{job}-*")))
    Path(folder, f"{job}-{tries}").touch()
    if job == 2 or (job == 1 and tries == 0):
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)
    return job


def test_a_killed_worker_harms_nobody_else(empty_cluster: Cluster, tmp_path: Path) -> None:
    empty_cluster.add_host(workers=2)
    (tmp_path / "tries").mkdir()
    jobs, folder = range(4), str(tmp_path / "tries")
    results = {
        index: (result, error)
        for index, result, error in map_trainings(die_until, jobs, empty_cluster.engine, (folder,))
    }
    assert {index: results[index] for index in (0, 1, 3)} == {
        index: (index, None) for index in (0, 1, 3)
    }
    tries = {job: len(list((tmp_path / "tries").glob(f"{job}-*"))) for job in range(4)}
    assert tries == {0: 1, 1: 2, 2: MOST_TRIES, 3: 1}
    given_up = results[2][1]
    assert isinstance(given_up, WorkerDiedError)
    assert str(given_up).startswith("training 2 was given up: its worker died 3 times")


def slow_pid(job: int, folder: str) -> int:
    Path(folder, f"{job}-{os.getpid()}").touch()
    time.sleep(1)
    return job


def test_a_lost_host_harms_nobody(empty_cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "tries").mkdir()
    folder = tmp_path / "tries"
    first = empty_cluster.add_host(workers=2)
    trainings = map_trainings(slow_pid, range(6), empty_cluster.engine, (str(folder),))
    results = [next(trainings)]
    empty_cluster.add_host(workers=2)
    kill(first)
    results += trainings
    assert in_order(results) == [0, 1, 2, 3, 4, 5]


def test_all_workers_gone_ends_with_a_line(
    empty_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = empty_cluster.add_host()
    trainings = map_trainings(slow_pid, range(3), empty_cluster.engine, (str(tmp_path),))
    next(trainings)
    kill(host)
    monkeypatch.setattr(cluster, "_WAIT_SECONDS", 1)
    with pytest.raises(
        InputError, match=r"the scheduler at tcp://.* has no workers; start some with"
    ):
        list(trainings)


def test_a_scheduler_gone_ends_with_a_line(
    empty_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 2)
    empty_cluster.add_host()
    trainings = map_trainings(slow_pid, range(3), empty_cluster.engine, (str(tmp_path),))
    next(trainings)
    kill(empty_cluster.scheduler)
    start = time.monotonic()
    with pytest.raises(
        InputError, match=r"the scheduler at tcp://.* is gone; finished trainings are"
    ):
        list(trainings)
    assert time.monotonic() - start < 60


def test_no_scheduler_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 1)
    with pytest.raises(
        InputError, match=r"^engine dask: no scheduler answers at tcp://127.0.0.1:9"
    ):
        list(map_trainings(scaled_sum, [1], "dask:tcp://127.0.0.1:9", (np.ones(1),)))


def test_a_scheduler_without_workers_is_a_line(
    empty_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_WAIT_SECONDS", 1)
    with pytest.raises(InputError, match=r"has no workers; start some with `dask worker tcp://"):
        list(map_trainings(scaled_sum, [1], empty_cluster.engine, (np.ones(1),)))


def test_a_worker_with_two_threads_is_refused(empty_cluster: Cluster) -> None:
    empty_cluster.add_host(threads=2)
    with pytest.raises(InputError, match=r"must have threads 1, got 2; else results"):
        list(map_trainings(scaled_sum, [1], empty_cluster.engine, (np.ones(1),)))


def test_a_worker_without_the_package_is_refused(empty_cluster: Cluster, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    # As if it were not installed: neither its metadata nor its modules are found.
    (hidden / "sitecustomize.py").write_text(
        "import sys, importlib.metadata as metadata\n"
        "sys.modules['noisylab'] = None\n"
        "version = metadata.version\n"
        "def without(name):\n"
        "    if name == 'noisylab':\n"
        "        raise metadata.PackageNotFoundError(name)\n"
        "    return version(name)\n"
        "metadata.version = without\n"
    )
    empty_cluster.add_host(PYTHONPATH=f"{hidden}{os.pathsep}{TESTS}")
    with pytest.raises(
        InputError, match=r"^engine dask: worker tcp://.* lacks the package noisylab"
    ):
        list(map_trainings(scaled_sum, [1], empty_cluster.engine, (np.ones(1),)))


def test_a_worker_with_other_code_is_refused(
    shared_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = cluster._facts()
    monkeypatch.setattr(cluster, "_facts", lambda: facts | {"code of noisylab": "other"})
    with pytest.raises(InputError, match=r"must have code of noisylab other, got [0-9a-f]{12}"):
        list(map_trainings(scaled_sum, [1], shared_cluster.engine, (np.ones(1),)))
