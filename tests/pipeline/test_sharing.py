"""A second clone gets the same state without training; experiments can be queued."""

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import PARAMS, Clone, make_clone
from .test_own_images import write_folders


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with the first stages only, after one run on images that DVC tracks, too.

    test_pipeline.py fetches the outputs of all stages.
    """
    source = {"source: data/source": "source: photos"}
    made = make_clone(tmp_path_factory.mktemp("first"), PARAMS | source)
    pipeline = made.folder / "dvc.yaml"
    pipeline.write_text(pipeline.read_text().partition("\n  train_balanced:")[0] + "\n")
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


def test_make_repro_fetches_instead_of_training(clone: Clone, tmp_path: Path) -> None:
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
    """Address of a local S3 server with an empty bucket `images`."""
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


def test_outputs_can_be_shared_through_s3(clone: Clone, tmp_path: Path, bucket: str) -> None:
    clone.run("dvc", "remote", "add", "--force", "--default", "store", "s3://images/store")
    clone.run("dvc", "remote", "modify", "store", "endpointurl", bucket)
    clone.commit()
    clone.run("dvc", "push")
    second = clone_again(clone, tmp_path / "second")
    second.run("dvc", "pull")
    check_same_state(clone, second)


def test_queued_experiments_run_the_code_from_when_they_were_queued(clone: Clone) -> None:
    code = "src/noisylab/train/outputs.py"
    shutil.copy(clone.folder / code, clone.folder / "kept")
    clone.edit(code, {"{split: part.metrics(": '{split: {"marked": 1.0} | part.metrics('})
    epochs = "train_baseline.runs.report.epochs"
    clone.run("dvc", "exp", "run", "--queue", "-S", f"{epochs}=3", "train_baseline")
    (clone.folder / "kept").replace(clone.folder / code)
    printed = clone.run("dvc", "exp", "run", "--run-all")
    assert "Failed" not in printed
    rows = list(csv.DictReader(clone.run("dvc", "exp", "show", "--csv").splitlines()))
    experiments = [row for row in rows if row["rev"] not in ("workspace", "main", "master")]
    assert [row[epochs] for row in experiments] == ["3"]
    assert {row["marked"] for row in experiments} == {"1.0"}
    assert "Data and pipelines are up to date." in clone.run("dvc", "status")


def test_a_refused_source_keeps_the_previous_sets(clone: Clone, tmp_path: Path) -> None:
    write_folders(tmp_path / "mine")
    broken = tmp_path / "mine" / "dev" / "a b" / "1.jpg"
    broken.write_bytes(broken.read_bytes()[:100])
    sets = {name: part for name, part in clone.outputs().items() if name.startswith("data/")}
    printed = clone.run(
        "dvc", "exp", "run", "-S", f"prepare.source={tmp_path / 'mine'}", fails=True
    )
    assert f"{broken}: expected a PNG or JPEG image" in printed
    assert "Traceback" not in printed
    assert sets.items() <= clone.outputs().items()
