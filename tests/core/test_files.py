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


def test_a_write_makes_folders_and_replaces_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    files.write_bytes(path, b"old and long")
    files.write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_a_written_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
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


def test_temporary_files_of_killed_processes_are_removed_and_those_of_running_ones_kept(
    tmp_path: Path,
) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = tmp_path / f".file.{dead.pid}.partial"
    beside = tmp_path / f".other.{os.getppid()}.partial"
    foreign = tmp_path / ".movie.partial"  # of another program
    for path in (left, beside, foreign):
        path.write_bytes(b"half")
    thesis = tmp_path / ".thesis.partial"
    thesis.mkdir()
    link = tmp_path / f".link.{dead.pid}.partial"
    link.symlink_to(thesis)
    assert not files.is_being_written(left)
    assert files.is_being_written(beside)
    files.write_bytes(tmp_path / "file", b"whole")
    left_alone = [foreign.name, beside.name, thesis.name]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*left_alone, "file"]


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


def test_a_file_size_limit_is_reported_and_leaves_the_old_file_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    command = [sys.executable, "-c", FULL]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert printed.stdout == "file: cannot be written: File too large\n"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"old"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KB, if this user may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_reported_and_a_write_succeeds_once_there_is_room(small_disk: Path) -> None:
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


def test_a_read_only_disk_is_reported(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(InputError, match="file: cannot be written: Read-only file system"):
        files.write_bytes(small_disk / "file", b"new")


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (0.8816049, 0.8816),
        (1026.194999, 1026.195),
        (-2 / 3, -0.66667),
        (0.0123456789, 0.012346),
        (3e-6, 3e-06),
        (-1.23456789e-7, -1.2346e-07),
        (0.0, 0.0),
        (123456789, 123456789),
        (True, True),
        (None, None),
        (np.float64(1 / 3), 0.33333),
        (np.float32(0.0003), 0.0003),
        (np.int64(3), 3),
        (np.array([1 / 3, 2e-6]), [0.33333, 2e-06]),
        ((1 / 3, None), [0.33333, None]),
    ],
)
def test_json_numbers_have_five_decimals_or_significant_digits(
    tmp_path: Path, value: object, rounded: object
) -> None:
    path = tmp_path / "metrics.json"
    files.write_json(path, {"dev": {"é": value}})
    assert path.read_text(encoding="utf-8").startswith('{\n  "dev": {\n    "é": ')
    assert repr(json.loads(path.read_text())["dev"]["é"]) == repr(rounded)


def test_json_refuses_nan_and_infinity(tmp_path: Path) -> None:
    for value in (float("nan"), np.float64("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            files.write_json(tmp_path / "metrics.json", {"loss": value})
    assert list(tmp_path.iterdir()) == []


def test_csv_rounds_numbers_quotes_text_and_leaves_none_empty(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = [("a,b", np.float64(2 / 3), None), ("é", 1, 3e-6)]
    files.write_csv(path, ("class", "share", "rate"), rows)
    assert path.read_bytes() == 'class,share,rate\n"a,b",0.66667,\né,1,3e-06\n'.encode()


def test_png_bytes_are_reproducible_and_name_no_program(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for name in ("a.png", "b.png"):
        figure = figures.loss_curves("title", ([2.0, 1.0], [2.5, 1.5]))
        files.write_png(tmp_path / name, figure)
    assert path.read_bytes() == (tmp_path / "b.png").read_bytes()
    assert path.read_bytes().startswith(b"\x89PNG")
    assert b"matplotlib" not in path.read_bytes().lower()


def test_sets_are_read_as_they_were_written(tmp_path: Path, train: ImageSet, dev: ImageSet) -> None:
    set_files.write_sets(tmp_path, {"train": train, "dev": dev, "test": dev.subset([])})
    back = set_files.read_sets(tmp_path)
    assert list(back) == ["train", "dev", "test"]
    assert (back["train"].images == train.images).all()
    assert (back["train"].labels == train.labels).all()
    assert back["dev"].true_labels is not None
    assert len(back["test"]) == 0
