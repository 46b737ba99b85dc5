"""A second clone reaches the same state without training, and experiments wait in a queue."""

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import PARAMS, Clone, make_clone
from .test_own_images import write_folders

RATES = {f"  - {rate}\n": "" for rate in ("0.0000003", "0.00001", "0.0001", "0.001", "0.01")}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which the pipeline ran once on images that DVC keeps, too."""
    source = {"source: data/source": "source: photos"}
    made = make_clone(tmp_path_factory.mktemp("first"), PARAMS | RATES | source)
    write_folders(made.folder / "photos")
    made.run("dvc", "add", "--quiet", "photos")
    made.run("dvc", "repro")
    made.commit()
    return made


def clone_again(clone: Clone, folder: Path) -> Clone:
    clone.run("git", "clone", "--quiet", str(clone.folder), str(folder))
    return Clone(folder)


def check_same_state(first: Clone, second: Clone) -> None:
    assert "Data and pipelines are up to date." in second.run("dvc", "status")
    assert "Running stage" not in second.run("dvc", "repro")
    assert second.run("git", "status", "--porcelain") == ""
    assert second.outputs() == first.outputs()
    assert (second.folder / "photos" / "train" / "été" / "0.png").is_file()


def test_a_folder_brings_a_second_clone_to_the_same_state(clone: Clone, tmp_path: Path) -> None:
    clone.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    clone.commit()
    clone.run("dvc", "push")
    second = clone_again(clone, tmp_path / "second")
    second.run("dvc", "pull")
    check_same_state(clone, second)


def test_make_fetches_before_it_trains(clone: Clone, tmp_path: Path) -> None:
    clone.run("dvc", "remote", "add", "--force", "--default", "store", str(tmp_path / "store"))
    clone.commit()
    clone.run("dvc", "push")
    second = clone_again(clone, tmp_path / "second")
    (tmp_path / "ready").touch()
    printed = second.run(
        "make", "--old-file", str(tmp_path / "ready"), "repro", f"READY={tmp_path / 'ready'}"
    )
    assert "Running stage" not in printed
    assert second.outputs() == clone.outputs()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an S3 on this machine that holds an empty bucket `images`."""
    server = pytest.importorskip("moto.server", reason="moto is not installed: no S3 to test with")
    pytest.importorskip("dvc_s3", reason="dvc-s3 is not installed: DVC cannot speak to S3")
    boto3 = pytest.importorskip("boto3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    running = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    address = "http://{}:{}".format(*running.get_host_and_port())
    boto3.client("s3", endpoint_url=address).create_bucket(Bucket="images")
    yield address
    running.stop()


def test_s3_does_the_same(clone: Clone, tmp_path: Path, bucket: str) -> None:
    clone.run("dvc", "remote", "add", "--force", "--default", "store", "s3://images/store")
    clone.run("dvc", "remote", "modify", "store", "endpointurl", bucket)
    clone.commit()
    clone.run("dvc", "push")
    second = clone_again(clone, tmp_path / "second")
    second.run("dvc", "pull")
    check_same_state(clone, second)


def test_queued_experiments_run_with_the_code_that_they_were_queued_with(clone: Clone) -> None:
    code = "src/noisylab/sweep_artifacts.py"
    shutil.copy(clone.folder / code, clone.folder / "kept")
    clone.edit(code, {"{split: part.metrics(": '{split: {"marked": 1.0} | part.metrics('})
    clone.run("dvc", "exp", "run", "--queue", "-S", "lr_sweep.epochs=1,2,3")
    (clone.folder / "kept").replace(clone.folder / code)
    printed = clone.run("dvc", "exp", "run", "--run-all")
    assert "Failed" not in printed
    rows = list(csv.DictReader(clone.run("dvc", "exp", "show", "--csv").splitlines()))
    experiments = [row for row in rows if row["rev"] not in ("workspace", "main", "master")]
    assert sorted(row["lr_sweep.epochs"] for row in experiments) == ["1", "2", "3"]
    column = "metrics/dev/lr_sweep/best.json:marked"
    assert {row[column] for row in experiments} == {"1.0"}
    assert "Data and pipelines are up to date." in clone.run("dvc", "status")
