"""Faults are caused for real: workers are killed while they work."""

import os
import platform
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from clusters import wait_until
from trainings import (
    IMAGES,
    die_until,
    fail_at_two,
    in_order,
    let_go,
    scaled_sum,
    started,
    train_in_turn,
    train_slowly,
)  # fmt: skip

from noisylab.core.errors import InputError, WorkerDiedError
from noisylab.many.engines import map_trainings
from noisylab.many.local import MOST_TRIES


@pytest.mark.parametrize("engine", ["local", "local:1", "local:3"])
def test_every_job_yields_its_result_on_any_number_of_workers(engine: str) -> None:
    results = list(map_trainings(scaled_sum, range(5), engine, (np.ones(10),)))
    assert sorted(index for index, _, _ in results) == [0, 1, 2, 3, 4]
    assert in_order(results) == [0, 10, 20, 30, 40]


def test_no_jobs_yield_nothing() -> None:
    assert list(map_trainings(scaled_sum, [])) == []


def test_an_error_is_a_result() -> None:
    results = {
        index: (result, error) for index, result, error in map_trainings(fail_at_two, [1, 2])
    }
    assert results[0] == (1, None)
    assert results[1][0] is None
    assert isinstance(results[1][1], ValueError)
    assert str(results[1][1]) == "two will not do"


@pytest.mark.filterwarnings("error")
def test_killing_a_worker_changes_no_result(tmp_path: Path) -> None:
    """Workers have one thread and map shared arrays from a file."""
    seeds, parallel = range(4), tmp_path / "parallel"
    parallel.mkdir()
    expected = train_in_turn(seeds, tmp_path / "in turn")
    assert len(set(expected)) == len(seeds)
    trainings = map_trainings(train_slowly, seeds, "local:2", (IMAGES, str(parallel)))
    with ThreadPoolExecutor() as pool:
        results = pool.submit(list, trainings)
        wait_until(lambda: len({*started(parallel)} - {os.getpid()}) == 2)
        os.kill(started(parallel)[-1], signal.SIGKILL)
        let_go(parallel)
    models, threads, kinds = zip(*in_order(results.result()), strict=True)
    assert list(models) == expected
    assert {*threads} == {1}
    assert {*kinds} == {"memmap"}
    assert len(started(parallel)) == len(seeds) + 1


def test_a_killed_worker_harms_nobody_else(tmp_path: Path) -> None:
    results = {
        index: (result, error)
        for index, result, error in map_trainings(die_until, range(6), "local:2", (str(tmp_path),))
    }
    assert {index: results[index] for index in (0, 1, 3, 4, 5)} == {
        index: (index, None) for index in (0, 1, 3, 4, 5)
    }
    tries = {job: len(list(tmp_path.glob(f"{job}-*"))) for job in range(6)}
    assert tries == {0: 1, 1: 2, 2: MOST_TRIES, 3: 1, 4: 1, 5: 1}
    given_up = results[2][1]
    assert isinstance(given_up, WorkerDiedError)
    assert str(given_up).startswith("training 2 was given up: its worker died 3 times")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_worker_that_dies_while_idle_is_replaced() -> None:
    pids = []
    for _, pid, error in map_trainings(own_pid, range(3), "local:1", (np.ones(1),)):
        assert error is None
        pids.append(pid)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not Path(f"/proc/{pids[-1]}").exists())
    assert len({*pids}) == 3


@pytest.mark.parametrize(
    "engine", ["dask", "dask:tcp://here", "local:0", "local:-1", "local:two", "", "local:2 "]
)
def test_an_unknown_engine_is_refused(engine: str) -> None:
    message = "^engine must be local, local:N for N workers, dask:tcp://HOST:PORT, or dask:tls:"
    with pytest.raises(InputError, match=message):
        list(map_trainings(scaled_sum, [1], engine, (np.ones(1),)))


def starve(job: int) -> int:
    """Allow itself 200 MB more than it has, and take 2 GB."""
    import resource

    size = 4096 * int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (size + 2 * 10**8, size + 2 * 10**8))
    return len(bytearray(2 * 10**9)) if job else 0


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_running_out_of_memory_fails_only_that_job() -> None:
    results = {index: (result, error) for index, result, error in map_trainings(starve, [0, 1])}
    assert results[0] == (0, None)
    assert isinstance(results[1][1], MemoryError)


def page_faults(job: int) -> int:
    """Of 20 rounds that take and free what the steps of a training do, after a first one."""
    import resource

    def one_round() -> None:
        blocks = [np.ones(1_600_000, np.float32) for _ in range(4)]  # 6.4 MB each
        blocks.clear()

    one_round()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        one_round()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc's")
def test_workers_reuse_the_memory_that_a_step_frees() -> None:
    assert in_order(map_trainings(page_faults, [0], "local:1"))[0] < 6000  # pages of one round


CTRL_C = """
import os, sys, time
from noisylab.many.engines import map_trainings
def work(job):
    os.write(1, b"%d\\n" % os.getpid())  # in one piece: two workers share the pipe
    time.sleep(600)
if __name__ == "__main__":
    try:
        list(map_trainings(work, [1, 2], "local:2"))
    except KeyboardInterrupt:
        sys.exit("stopped")
"""


def test_workers_end_silently_on_ctrl_c(tmp_path: Path) -> None:
    script = tmp_path / "ctrl_c.py"
    script.write_text(CTRL_C)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(  # type: ignore[call-overload]
        [sys.executable, script], text=True, start_new_session=True, **streams
    ) as program:
        workers = [int(program.stdout.readline()) for _ in range(2)]
        os.killpg(program.pid, signal.SIGINT)
        assert program.stderr.read() == "stopped\n"
    assert not any(is_running(worker) for worker in workers)


ORPHAN = """
import os, sys, time
from noisylab.many.engines import map_trainings
def work(job):
    print(os.getpid(), flush=True)
    time.sleep(600)
if __name__ == "__main__":
    list(map_trainings(work, [1], "local:1"))
"""


def is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_a_worker_ends_with_the_program_that_started_it(tmp_path: Path) -> None:
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        worker = int(program.stdout.readline())
        program.kill()
    wait_until(lambda: not is_running(worker))


def test_a_worker_ends_if_its_program_ended_before_it_started() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    code = f"""
import os, time
from noisylab.core.processes import when_orphaned
when_orphaned(lambda: os._exit(3), {ended.pid})
time.sleep(600)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=300).returncode == 3


def own_pid(job: int, values: np.ndarray) -> int:
    return os.getpid()


def test_leaving_early_leaves_no_files_and_no_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    results = map_trainings(own_pid, range(4), "local:2", (np.ones(10),))
    _, worker, _ = next(results)
    assert len(list(tmp_path.glob("noisylab-*"))) == 1
    results.close()
    assert not list(tmp_path.glob("noisylab-*"))
    assert not is_running(worker)
