import os
from pathlib import Path

import numpy as np
import pytest
from test_pipeline_file import SOURCES, all_modules_of

from noisylab.learning.fingerprint import TRAINING, code_digest, fingerprint
from noisylab.learning.finished import EpochFile, Finished
from noisylab.many.parallel import map_unfinished

RESULT = {"history": [[1, 0.5]], "dev": None, "weights": b"\0\1", "probs": np.eye(2)}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    finished = Finished(tmp_path / "new")
    assert finished.read("key") is None
    finished.write("key", RESULT)
    back = finished.read("key")
    np.testing.assert_array_equal(back.pop("probs"), RESULT["probs"])
    assert back == {name: RESULT[name] for name in ("history", "dev", "weights")}


@pytest.mark.parametrize("place", [0, 40, -1])
def test_a_damaged_result_is_none(tmp_path: Path, place: int) -> None:
    finished = Finished(tmp_path)
    finished.write("key", RESULT)
    content = bytearray((tmp_path / "key").read_bytes())
    content[place] ^= 1
    (tmp_path / "key").write_bytes(content)
    assert finished.read("key") is None
    (tmp_path / "key").write_bytes(content[:10])
    assert finished.read("key") is None


def test_only_what_was_used_is_kept(tmp_path: Path) -> None:
    Finished(tmp_path / "nowhere").keep_used()
    before = Finished(tmp_path)
    for second, key in enumerate(("a", "b", "c")):
        before.write(key, 1)
        os.utime(tmp_path / key, (second, second))
    (tmp_path / "a.epoch").touch()  # of a training that was given up
    (tmp_path / f".a.{2**22 + 1}.partial").touch()  # of a process that was killed
    beside = tmp_path / f".e.{os.getppid()}.partial"  # of one that writes this very moment
    beside.touch()
    now = Finished(tmp_path)
    assert now.read("b") == 1
    now.write("d", 2)
    beside.touch()
    now.keep_used(n_others=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [beside.name, "b", "c", "d"]
    now.keep_used(n_others=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [beside.name, "b", "d"]


def test_a_result_replaces_the_state_of_its_training(tmp_path: Path) -> None:
    finished = Finished(tmp_path)
    finished.checkpoint("a").write(lambda: {"epoch": 1})
    assert finished.checkpoint("a").read() == {"epoch": 1}
    assert finished.read("a") is None
    finished.write("a", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def noted(job: int, checkpoint: EpochFile, folder: str) -> int:
    checkpoint.write(lambda: {"job": job})
    with Path(folder, str(job)).open("a") as file:
        file.write("x")
    if job == 3:
        raise ValueError("three")
    return 10 * job


def test_only_what_is_not_finished_is_done(tmp_path: Path) -> None:
    finished = Finished(tmp_path / "finished")
    (tmp_path / "done").mkdir()
    shared = (str(tmp_path / "done"),)
    first = list(map_unfinished(noted, [1, 3], ["k1", "k3"], finished, "local:1", shared))
    assert [(index, result, str(error)) for index, result, error in first] == [
        (0, 10, "None"),
        (1, None, "three"),
    ]
    jobs, keys = [2, 1, 3], ["k2", "k1", "k3"]
    second = list(map_unfinished(noted, jobs, keys, finished, "local:1", shared))
    assert [(index, result) for index, result, _ in second] == [(1, 10), (0, 20), (2, None)]
    done = {path.name: len(path.read_text()) for path in (tmp_path / "done").iterdir()}
    assert done == {"1": 1, "2": 1, "3": 2}


def test_training_packages_are_those_that_training_imports() -> None:
    used = all_modules_of(SOURCES / "noisylab" / "learning" / "training.py")
    packages = {Path(name).parts[2] for name in used if len(Path(name).parts) > 3}
    assert packages == set(TRAINING)


def test_a_fingerprint_changes_with_any_part_and_with_their_borders() -> None:
    assert fingerprint("ab", b"c") == fingerprint("ab", "c")
    assert len({fingerprint(*parts) for parts in (("ab", "c"), ("a", "bc"), ("abc",), ())}) == 4
    assert code_digest() != code_digest("learning") != code_digest("learning", "sweep")
