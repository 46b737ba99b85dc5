import threading
import time
from collections.abc import Generator

import pytest
from trainings import fail_at_two, in_order

from noisylab.many.engines import map_trainings


def test_jobs_run_in_as_many_threads_as_asked_for() -> None:
    all_there = threading.Barrier(3, timeout=30)

    def meet(job: int, factor: int) -> tuple[int, str]:
        all_there.wait()
        return job * factor, threading.current_thread().name

    results = in_order(map_trainings(meet, range(6), "local:3", (10,), on_gpu=True))
    assert [value for value, _ in results] == [0, 10, 20, 30, 40, 50]
    assert len({name for _, name in results}) == 3


def test_an_error_is_that_of_its_job() -> None:
    results = {
        index: (result, error)
        for index, result, error in map_trainings(fail_at_two, [1, 2], on_gpu=True)
    }
    assert results[0] == (1, None)
    assert str(results[1][1]) == "two will not do"


def test_jobs_that_wait_are_dropped_when_no_more_results_are_wanted() -> None:
    ran: list[int] = []

    def work(job: int) -> None:
        ran.append(job)
        time.sleep(0.1)

    results = map_trainings(work, range(9), "local:1", on_gpu=True)
    assert isinstance(results, Generator)
    next(results)
    results.close()
    assert len(ran) < 9


def test_jobs_in_progress_are_stopped_when_no_more_results_are_wanted() -> None:
    stopped = threading.Event()
    results = map_trainings(
        lambda job: job or stopped.wait(60), [1, 0], "local:2", stop=stopped.set, on_gpu=True
    )
    assert isinstance(results, Generator)
    next(results)
    began = time.monotonic()
    results.close()
    assert stopped.is_set()
    assert time.monotonic() - began < 30


def test_stop_is_not_called_after_the_last_result() -> None:
    stopped = threading.Event()
    list(map_trainings(abs, [-1, -2], "local:2", stop=stopped.set, on_gpu=True))
    assert not stopped.is_set()


def test_look_is_called_before_each_result() -> None:
    looks: list[str] = []
    results = map_trainings(
        abs, [-1, -2], "local:1", look=lambda: looks.append("look"), on_gpu=True
    )
    assert [len(looks) > 0 for _ in results] == [True, True]


def test_an_interrupt_ends_after_the_jobs_in_progress() -> None:
    started, go = threading.Event(), threading.Event()

    def work(job: int) -> int:
        started.set()
        go.wait(30)
        return job

    def interrupt() -> None:
        assert started.wait(30)
        go.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(map_trainings(work, range(4), "local:2", look=interrupt, on_gpu=True))
