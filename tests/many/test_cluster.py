"""A real scheduler and workers on loopback; faults are caused for real."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import distributed
import numpy as np
import pytest
from clusters import Cluster, kill, wait_until
from trainings import (
    IMAGES,
    die_until,
    fail_at_two,
    in_order,
    let_go,
    rest,
    scaled_sum,
    started,
    train_in_turn,
    train_slowly,
)  # fmt: skip

from noisylab.config.settings import FitConfig
from noisylab.core.errors import InputError, WorkerDiedError
from noisylab.core.images import ImageSet
from noisylab.learning.kept import Kept, Training
from noisylab.many import cluster
from noisylab.many.engines import map_trainings
from noisylab.many.local import MOST_TRIES
from noisylab.many.trainer import Trainer, Trainings

pytestmark = pytest.mark.timeout(900)  # on a busy machine


def test_every_job_yields_its_result(shared_cluster: Cluster) -> None:
    results = list(map_trainings(scaled_sum, range(5), shared_cluster.engine, (np.ones(10),)))
    assert in_order(results) == [0, 10, 20, 30, 40]
    assert in_order(map_trainings(scaled_sum, [], shared_cluster.engine, (np.ones(1),))) == []


def test_an_error_is_a_result(shared_cluster: Cluster) -> None:
    results = {
        index: (result, error)
        for index, result, error in map_trainings(fail_at_two, [1, 2], shared_cluster.engine)
    }
    assert results[0] == (1, None)
    assert isinstance(results[1][1], ValueError)
    assert str(results[1][1]) == "two will not do"


def test_killing_a_worker_and_a_host_changes_no_result(
    empty_cluster: Cluster, tmp_path: Path
) -> None:
    seeds, remote = range(6), tmp_path / "remote"
    remote.mkdir()
    expected = train_in_turn(seeds, tmp_path / "local")
    assert len(set(expected)) == len(seeds)
    for _ in range(2):
        empty_cluster.add_host()
    trainings = map_trainings(train_slowly, seeds, empty_cluster.engine, (IMAGES, str(remote)))
    with ThreadPoolExecutor() as pool:
        results = pool.submit(list, trainings)
        wait_until(lambda: len(started(remote)) > 0)
        first = started(remote)[-1]
        os.kill(first, signal.SIGKILL)  # its nanny starts another
        wait_until(lambda: {*started(remote)} > {first})
        (other, *_) = {*started(remote)} - {first}
        os.killpg(os.getpgid(other), signal.SIGKILL)
        let_go(remote)
    assert [model for model, _, _ in in_order(results.result())] == expected
    assert len(started(remote)) > len(seeds)


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


def test_a_worker_that_does_not_answer_is_passed_over(empty_cluster: Cluster) -> None:
    host = empty_cluster.add_host()
    assert in_order(map_trainings(scaled_sum, [1], empty_cluster.engine, (np.ones(1),))) == [1]
    os.killpg(host.pid, signal.SIGSTOP)
    with cluster._connected(empty_cluster.address) as client:
        workers = cluster._Workers(client, empty_cluster.address)
        assert not workers.present()
        empty_cluster.add_host()
        wait_until(lambda: len(workers.present()) == 1)


def test_losing_all_workers_is_a_one_line_error(
    empty_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = empty_cluster.add_host()
    trainings = map_trainings(rest, range(3), empty_cluster.engine)
    next(trainings)
    kill(host)
    monkeypatch.setattr(cluster, "_WAIT_SECONDS", 1)
    with pytest.raises(
        InputError, match=r"the scheduler at tcp://.* has no workers; start some with"
    ):
        list(trainings)


def test_losing_the_scheduler_is_a_one_line_error_and_keeps_finished_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = ImageSet(IMAGES, np.arange(60) % 2, ("a", "b"))
    config = FitConfig(5, 0.001, 8, "adam", "cpu")
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 4)  # for the client to give up
    wanted = [Training(config, seed) for seed in range(3)]

    def begin(engine: str) -> Trainings:
        return Trainer(Kept(tmp_path / "kept"), engine).train(known, known, wanted)

    own = Cluster(tmp_path)
    try:
        own.add_host()
        trainings = begin(own.engine)
        index, first = next(trainings)
        kill(own.scheduler)
        with pytest.raises(
            InputError, match=r"the scheduler at tcp://.* is gone; finished trainings are kept"
        ):
            list(trainings)
    finally:
        own.close()
    assert len(list((tmp_path / "kept").iterdir())) == 1
    again = list(begin("local:1"))
    assert (again[0][0], again[0][1].weights) == (index, first.weights)
    assert sorted(index for index, _ in again) == [0, 1, 2]


def test_losing_the_scheduler_before_any_worker_is_a_one_line_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 4)  # for the client to give up
    own = Cluster(tmp_path)
    present = cluster._Workers.present

    def close_first(workers: cluster._Workers) -> set[str]:
        own.close()
        return present(workers)

    monkeypatch.setattr(cluster._Workers, "present", close_first)
    with pytest.raises(InputError, match=r"the scheduler at tcp://.* is gone; finished trainings"):
        list(map_trainings(rest, range(3), own.engine))


def test_a_client_that_fails_to_start_is_started_again(
    empty_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """distributed asserts that its thread starts in ten seconds, which a busy machine may take."""
    client, failures = distributed.Client, [AssertionError(), AssertionError()]

    def late(*arguments: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return client(*arguments, **options)

    monkeypatch.setattr(distributed, "Client", late)
    with cluster._connected(empty_cluster.address) as connected:
        assert connected.scheduler
    failures += [AssertionError()] * cluster._CONNECT_TRIES
    with pytest.raises(InputError, match="the client did not start"):
        cluster._connected(empty_cluster.address).__enter__()
