import time
from pathlib import Path

import pytest
from dvc.repo import Repo  # type: ignore[import-untyped]

from noisylab import remote


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A DVC project whose default remote is an empty folder."""
    (tmp_path / "store").mkdir()
    Repo.init(tmp_path, no_scm=True).close()
    point_at(tmp_path, str(tmp_path / "store"))
    return tmp_path


def point_at(project: Path, address: str) -> None:
    core = "[core]\n    no_scm = true\n    remote = store\n"
    text = f"{core}['remote \"store\"']\n    url = {address}\n"
    (project / ".dvc" / "config").write_text(text)


def test_a_remote_that_answers_is_usable_before_the_first_push(project: Path) -> None:
    assert remote.unusable(project, seconds=300) is None
    point_at(project, str(project / "not_yet"))
    assert remote.unusable(project, seconds=300) is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [("nokind://x", "nokind"), ("http://127.0.0.1:9/x", "Connection refused")],
)
def test_the_reason_of_an_unusable_remote_is_one_line(
    project: Path, address: str, reason: str
) -> None:
    point_at(project, address)
    found = remote.unusable(project, seconds=300)
    assert found is not None
    assert reason in found
    assert "\n" not in found


def test_a_remote_that_does_not_answer_is_not_waited_for(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_ask", lambda project: time.sleep(5))
    assert remote.unusable(project, seconds=0.1) == "no answer in 0.1 s"


def test_the_program_prints_the_option_or_the_reason(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr("noisylab.remote.os._exit", lambda code: None)
    remote.main()
    assert capsys.readouterr() == ("--pull\n", "")
    point_at(project, "nokind://x")
    remote.main()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("the DVC remote cannot be used (")
    assert printed.err.endswith("): missing results are computed here\n")
