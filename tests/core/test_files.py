import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from noisylab.core import files
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.data import set_files
from noisylab.train import figures


def test_makes_folders_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    files.write_bytes(path, b"old and long")
    files.write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_is_readable_as_any_file_of_the_user(tmp_path: Path) -> None:
    files.write_bytes(tmp_path / "ours", b"")
    (tmp_path / "plain").write_bytes(b"")
    ours, plain = (stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ours", "plain"))
    assert ours == plain


def test_a_failed_write_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    files.write_bytes(path, b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="file: cannot be written: No space left on device"):
        files.write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_and_that_of_a_running_one_is_not(
    tmp_path: Path,
) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = tmp_path / f".file.{dead.pid}.partial"
    beside = tmp_path / f".other.{os.getppid()}.partial"
    foreign = tmp_path / ".other.partial"  # of no process at all
    for path in (left, beside, foreign):
        path.write_bytes(b"half")
    assert not files.is_being_written(left)
    assert files.is_being_written(beside)
    files.write_bytes(tmp_path / "file", b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [beside.name, "file"]


FULL = """
import resource, signal, sys
from pathlib import Path
from noisylab.core import files
from noisylab.core.errors import InputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    files.write_bytes("file", bytes(2000))
except InputError as error:
    print(error)
"""


def test_a_file_that_may_not_grow_is_said_and_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    command = [sys.executable, "-c", FULL]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert printed.stdout == "file: cannot be written: File too large\n"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"old"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KB, where this user may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_said_and_once_there_is_room_all_is_well(small_disk: Path) -> None:
    path = small_disk / "file"
    files.write_bytes(path, b"old")
    (small_disk / "ballast").write_bytes(bytes(40_000))
    with pytest.raises(InputError, match="file: cannot be written: No space left on device"):
        files.write_bytes(path, bytes(40_000))
    assert path.read_bytes() == b"old"
    assert sorted(one.name for one in small_disk.iterdir()) == ["ballast", "file"]
    (small_disk / "ballast").unlink()
    files.write_bytes(path, bytes(40_000))
    assert path.read_bytes() == bytes(40_000)


def test_a_disk_that_may_only_be_read_is_said(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(InputError, match="file: cannot be written: Read-only file system"):
        files.write_bytes(small_disk / "file", b"new")


def test_json_is_rounded_and_plain(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    values = {"loss": 0.123456789, "count": {"car": np.int64(3)}, "recall": np.float64(1 / 3)}
    files.write_json(path, values)
    assert json.loads(path.read_text()) == {"loss": 0.12346, "count": {"car": 3}, "recall": 0.33333}
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(path, {"loss": float("nan")})


def test_csv_quotes_what_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    files.write_csv(path, ("class", "share"), [("a,b", np.float64(2 / 3)), ("é", 1)])
    assert path.read_bytes() == 'class,share\n"a,b",0.66667\né,1\n'.encode()


def test_png_says_nothing_of_its_maker(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for name in ("a.png", "b.png"):
        figure = figures.loss_curves("title", ([2.0, 1.0], [2.5, 1.5]))
        files.write_png(tmp_path / name, figure)
    assert path.read_bytes() == (tmp_path / "b.png").read_bytes()
    assert path.read_bytes().startswith(b"\x89PNG")
    assert b"matplotlib" not in path.read_bytes().lower()


def test_sets_come_back(tmp_path: Path, train: ImageSet, dev: ImageSet) -> None:
    set_files.write_sets(tmp_path, {"train": train, "dev": dev, "test": dev.subset([])})
    back = set_files.read_sets(tmp_path)
    assert list(back) == ["train", "dev", "test"]
    assert (back["train"].images == train.images).all()
    assert (back["train"].labels == train.labels).all()
    assert back["dev"].true_labels is not None
    assert len(back["test"]) == 0
