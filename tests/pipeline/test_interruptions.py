"""Four kills at random moments; tests/benchmarks/kills.py does more than a hundred."""

import os
import random
import subprocess
from pathlib import Path

import pytest

from .conftest import Clone, environment
from .killing import Tally, chain, check, small_clone, wait_for_rest

STAGE = "train_baseline"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A small clone after the first training."""
    made = small_clone(tmp_path_factory.mktemp("killed"))
    made.run("dvc", "repro", STAGE)
    return made


def test_after_four_kills_the_next_run_writes_the_same_bytes(clone: Clone) -> None:
    expected, rng, tally = clone.outputs(), random.Random(1), Tally()
    while tally.kills.total() < 4:
        for stage in ("prepare", STAGE):
            chain(clone, stage, 3, rng, tally)
            check(clone, stage, expected, tally)
    assert tally.wrong == []


def test_of_two_concurrent_runs_one_finishes_and_a_refusal_is_explained(clone: Clone) -> None:
    expected = clone.outputs()
    command = ["dvc", "repro", "--force", "--single-item", STAGE]
    both = [
        subprocess.Popen(
            command,
            cwd=clone.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    printed = [process.communicate()[0] for process in both]
    assert 0 in [process.returncode for process in both]
    for process, text in zip(both, printed, strict=True):
        if process.returncode:
            assert "is busy, it is being blocked by" in text or "Unable to acquire lock" in text
            assert "Traceback" not in text
    assert clone.outputs() == expected
    assert not wait_for_rest(clone)
    assert "up to date" in clone.run("dvc", "status", STAGE)


def test_a_stage_script_run_beside_dvc_does_no_harm(clone: Clone) -> None:
    expected = clone.outputs()
    beside = subprocess.Popen(["python", "stages/stats.py"], cwd=clone.folder, env=environment())
    clone.run("dvc", "repro", "--force", "--single-item", "stats")
    assert beside.wait() == 0
    clone.run("dvc", "repro", "stats")
    assert expected.items() <= clone.outputs().items()
    assert not list(clone.folder.rglob(".*.partial"))


def test_a_damaged_copy_in_dvcs_cache_is_rebuilt(clone: Clone) -> None:
    """DVC alone would check out the damaged copy."""
    path = clone.folder / "data/dev_set.pickle"
    content = path.read_bytes()
    (kept,) = [
        copy
        for copy in (clone.folder / ".dvc/cache/files/md5").rglob("*")
        if copy.is_file() and copy.read_bytes() == content
    ]
    kept.chmod(0o644)
    kept.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
    kept.chmod(0o444)
    path.unlink()
    clone.run("dvc", "checkout", "data/dev_set.pickle")
    assert path.read_bytes() != content
    printed = clone.run("python", "-m", "noisylab.repair")
    assert "DVC's copy of data/dev_set.pickle was damaged and is removed\n" in printed
    assert "data/dev_set.pickle was damaged, too, and is removed: its stage runs again\n" in printed
    clone.run("dvc", "repro", "prepare")
    assert path.read_bytes() == content
    assert clone.run("python", "-m", "noisylab.repair") == ""


@pytest.mark.parametrize("name", ["dvc.lock", ".dvc/tmp/rwlock"])
def test_a_file_half_written_by_a_killed_dvc_is_repaired(clone: Clone, name: str) -> None:
    expected = clone.outputs()
    path: Path = clone.folder / name
    content = path.read_text()
    path.write_text(content[:-1] + "\n  - {" if name == "dvc.lock" else '{"write": {')
    clone.run("dvc", "repro", "prepare", fails=True)
    assert f"{name} was damaged and is removed" in clone.run("python", "-m", "noisylab.repair")
    clone.run("dvc", "repro", "prepare")
    assert clone.outputs() == expected
    path.write_text(content)  # for the tests that follow: with the first training


def test_file_times_in_past_and_future_rerun_nothing(clone: Clone) -> None:
    expected = clone.outputs()
    for number, path in enumerate(sorted((clone.folder / "data").glob("*.pickle"))):
        stamp = (0, 4_000_000_000)[number % 2]  # 1970 and 2096
        os.utime(path, (stamp, stamp))
    for path in (clone.folder / "stages").glob("*.py"):
        os.utime(path, (0, 0))
    assert "Running stage" not in clone.run("dvc", "repro", STAGE)
    assert clone.outputs() == expected


def test_the_error_for_a_damaged_model_names_file_and_remedy(clone: Clone) -> None:
    model = clone.folder / "models/train_augmented.pt"
    content = bytearray((clone.folder / f"models/{STAGE}.pt").read_bytes())
    content[len(content) // 2] ^= 255
    model.write_bytes(content)
    (clone.folder / "data/review.csv").touch()
    printed = clone.run("python", "stages/relabel.py", fails=True)
    model.unlink()
    assert printed.startswith("models/train_augmented.pt: ")
    assert "rm models/train_augmented.pt && dvc repro" in printed
    assert len(printed.splitlines()) == 1
