import fcntl
import json
from hashlib import md5
from pathlib import Path

import pytest
from dvc.schema import COMPILED_LOCKFILE_SCHEMA  # type: ignore[import-untyped]
from dvc.utils.serialize import load_yaml  # type: ignore[import-untyped]

from noisylab.repair import main, repair

CONTENT = b"a model"
DIGEST = md5(CONTENT).hexdigest()
LOCK = f"""schema: '2.0'
stages:
  train:
    cmd: python train.py
    deps:
    - path: train.py
      hash: md5
      md5: {"a" * 32}
      size: 100
    params:
      params.yaml:
        lr: 0.001
        rates:
        - 0.1
    outs:
    - path: model.pt
      hash: md5
      md5: {DIGEST}
      size: 7
    - path: plots
      hash: md5
      md5: {"b" * 32}.dir
      size: 1000
      nfiles: 2
  report:
    cmd: python report.py
    deps:
    - path: model.pt
      hash: md5
      md5: {DIGEST}
      size: 7
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one model, which is also in DVC's cache."""
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / ".dvc/tmp/rwlock").write_text("{}")
    (tmp_path / "dvc.lock").write_text(LOCK)
    (tmp_path / "model.pt").write_bytes(CONTENT)
    kept(tmp_path).parent.mkdir(parents=True)
    kept(tmp_path).write_bytes(CONTENT)
    return tmp_path


def kept(project: Path) -> Path:
    return project / ".dvc/cache/files/md5" / DIGEST[:2] / DIGEST[2:]


def files(project: Path) -> set[str]:
    names = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    return names - {".dvc/tmp/lock", ".dvc/tmp/rwlock.lock"}


def test_undamaged_files_are_left_alone(project: Path) -> None:
    before = files(project)
    assert repair(project) == []
    assert files(project) == before


def test_a_new_clone_has_nothing_to_repair(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    assert repair(tmp_path) == []


def test_in_another_folder_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"there is no folder \.dvc here"):
        main([])
    assert not any(tmp_path.iterdir())  # DVC would take a folder with .dvc for a project


def test_a_cut_dvc_lock_is_removed_if_dvc_would_refuse_it(project: Path) -> None:
    lock = project / "dvc.lock"
    removed = 0
    for end in range(len(LOCK)):
        lock.write_text(LOCK[:end])
        if repair(project):
            assert not lock.exists()
            removed += 1
        else:
            COMPILED_LOCKFILE_SCHEMA(load_yaml(lock))
    assert removed > 0.95 * len(LOCK)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"\xff\n", b"[]\n", b"stages:\n  train: 1\n", b"stages: {a: [}\n"]
)
def test_any_other_damaged_dvc_lock_is_removed(project: Path, content: bytes) -> None:
    (project / "dvc.lock").write_bytes(content)
    assert repair(project) == ["dvc.lock was damaged and is removed: every stage runs again"]
    assert not (project / "dvc.lock").exists()


def test_paths_may_look_like_other_values(project: Path) -> None:
    for name in ("no", "1e5", "2001-01-01", "null", "0x1f"):
        (project / "dvc.lock").write_text(LOCK.replace("path: model.pt", f"path: {name}"))
        assert repair(project) == []


@pytest.mark.parametrize("content", ["", "{", '{"write": {"a": {"pi', "\0\0"])
def test_a_cut_rwlock_is_removed(project: Path, content: str) -> None:
    (project / ".dvc/tmp/rwlock").write_text(content)
    assert repair(project) == [".dvc/tmp/rwlock was damaged and is removed"]
    assert not (project / ".dvc/tmp/rwlock").exists()


def test_a_damaged_copy_in_the_cache_is_removed_and_the_output_stays(project: Path) -> None:
    kept(project).write_bytes(b"a modeL")
    assert repair(project) == ["DVC's copy of model.pt was damaged and is removed"]
    assert not kept(project).exists()
    assert (project / "model.pt").read_bytes() == CONTENT


def test_an_output_copied_from_a_damaged_cache_is_removed_too(project: Path) -> None:
    for path in (kept(project), project / "model.pt"):
        path.write_bytes(b"a modeL")
    assert len(repair(project)) == 2
    assert not (project / "model.pt").exists()


def test_an_output_that_the_user_changed_is_left_alone(project: Path) -> None:
    (project / "model.pt").write_bytes(b"mine")
    assert repair(project) == []
    assert (project / "model.pt").read_bytes() == b"mine"


def test_nothing_is_removed_while_dvc_runs(project: Path) -> None:
    (project / "dvc.lock").write_text("{")
    with (project / ".dvc/tmp/lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert repair(project) == []
    assert (project / "dvc.lock").read_text() == "{"


def test_a_damaged_file_of_an_output_folder_is_removed_with_its_copy(project: Path) -> None:
    listing = json.dumps([{"md5": DIGEST, "relpath": "best.pt"}]).encode()
    digest = md5(listing).hexdigest()
    cached = project / ".dvc/cache/files/md5" / digest[:2] / f"{digest[2:]}.dir"
    cached.parent.mkdir(exist_ok=True)
    cached.write_bytes(listing)
    lock = LOCK.replace(f"{'b' * 32}.dir", f"{digest}.dir").replace(DIGEST, "c" * 32)
    (project / "dvc.lock").write_text(lock)
    (project / "plots").mkdir()
    out = project / "plots/best.pt"
    out.write_bytes(CONTENT)
    assert repair(project) == []
    for path in (kept(project), out):
        path.write_bytes(b"a modeL")
    assert repair(project) == [
        "DVC's copy of plots/best.pt was damaged and is removed",
        "plots/best.pt was damaged, too, and is removed: its stage runs again",
    ]
    assert not out.exists()
    assert cached.exists()


def test_outputs_of_equal_content_are_checked_each(project: Path) -> None:
    twin = LOCK.replace(
        "outs:\n    - path: model.pt",
        f"""outs:
    - path: first.pt
      hash: md5
      md5: {DIGEST}
      size: 7
    - path: model.pt""",
    )
    (project / "dvc.lock").write_text(twin)
    (project / "first.pt").write_bytes(CONTENT)
    for path in (kept(project), project / "model.pt"):
        path.write_bytes(b"a modeL")
    assert repair(project) == [
        "DVC's copy of first.pt was damaged and is removed",
        "model.pt was damaged, too, and is removed: its stage runs again",
    ]
    assert (project / "first.pt").exists()
