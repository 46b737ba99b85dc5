import os
from pathlib import Path

import numpy as np
import pytest
from test_pipeline_file import SOURCES, all_modules_of

from noisylab.learning.fingerprint import TRAINING, code_digest, fingerprint
from noisylab.learning.kept import Kept

RESULT = {"history": [[1, 0.5]], "dev": None, "weights": b"\0\1", "probs": np.eye(2)}


def test_a_written_result_is_read_back(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "new")
    assert kept.read("key") is None
    kept.write("key", RESULT)
    back = kept.read("key")
    np.testing.assert_array_equal(back.pop("probs"), RESULT["probs"])
    assert back == {name: RESULT[name] for name in ("history", "dev", "weights")}


@pytest.mark.parametrize("place", [0, 40, -1])
def test_a_damaged_result_is_none(tmp_path: Path, place: int) -> None:
    kept = Kept(tmp_path)
    kept.write("key", RESULT)
    content = bytearray((tmp_path / "key").read_bytes())
    content[place] ^= 1
    (tmp_path / "key").write_bytes(content)
    assert kept.read("key") is None
    (tmp_path / "key").write_bytes(content[:10])
    assert kept.read("key") is None


def test_only_used_results_and_the_newest_others_stay(tmp_path: Path) -> None:
    Kept(tmp_path / "nowhere").keep_used()
    before = Kept(tmp_path)
    for second, key in enumerate(("a", "b", "c")):
        before.write(key, 1)
        os.utime(tmp_path / key, (second, second))
    (tmp_path / "a.epoch").touch()  # of a training that was given up
    (tmp_path / f".a.{2**22 + 1}.partial").touch()  # of a process that was killed
    beside = tmp_path / f".e.{os.getppid()}.partial"  # of one that writes this very moment
    beside.touch()
    now = Kept(tmp_path)
    assert now.read("b") == 1
    now.write("d", 2)
    beside.touch()
    now.keep_used(n_others=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [beside.name, "b", "c", "d"]
    now.keep_used(n_others=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [beside.name, "b", "d"]


def test_a_result_replaces_the_state_of_its_training(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    state = kept.checkpoint("a")
    assert state is not None
    state.write(lambda: {"epoch": 1})
    assert state.read() == {"epoch": 1}
    assert kept.read("a") is None
    kept.write("a", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    kept = Kept()
    kept.write("a", 1)
    kept.keep_used()
    assert kept.read("a") is None
    assert kept.checkpoint("a") is None


def test_training_packages_are_those_that_a_training_imports() -> None:
    used = all_modules_of(SOURCES / "noisylab" / "learning" / "kept.py")
    packages = {Path(name).parts[2] for name in used if len(Path(name).parts) > 3}
    assert packages == set(TRAINING)


def test_a_fingerprint_changes_with_any_part_and_with_their_borders() -> None:
    assert fingerprint("ab", b"c") == fingerprint("ab", "c")
    assert len({fingerprint(*parts) for parts in (("ab", "c"), ("a", "bc"), ("abc",), ())}) == 4
    assert code_digest() != code_digest("learning") != code_digest("learning", "sweep")
