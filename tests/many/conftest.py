"""Clusters for tests, and patience with them."""

from collections.abc import Iterator

import pytest
from clusters import Cluster

from noisylab.many import cluster


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers take long to start on a busy machine."""
    monkeypatch.setattr(cluster, "_WAIT_SECONDS", 300)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("scheduler"))
    yield made
    made.close()


@pytest.fixture
def empty_cluster(scheduler: Cluster) -> Iterator[Cluster]:
    """A scheduler without workers."""
    yield scheduler
    scheduler.remove_hosts()


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers that no test harms."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    made.add_host(workers=2)
    yield made
    made.close()
