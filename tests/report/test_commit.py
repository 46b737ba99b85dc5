"""The page says what git knows of the inputs, and why where it knows nothing."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from made_run import COMMIT, make_run

from noisylab.report.commit import Commit, last_commit

PATHS = ("src", "params.yaml", "data")


def git(folder: Path, *command: str) -> str:
    names = ("-c", "user.name=a", "-c", "user.email=a@b")
    run = subprocess.run(
        ("git", *names, *command), cwd=folder, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "state")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with inputs, images and a commit of results after them."""
    made = tmp_path / "made"
    (made / "photos").mkdir(parents=True)
    git(made, "init", "--quiet")
    (made / "params.yaml").write_text("seed: 0\n")
    (made / "photos/a.png").write_text("image")
    (made / ".gitignore").write_text("/ignored\n")
    commit(made)
    (made / "metrics.json").write_text("{}")
    commit(made)
    return made


def test_the_commit_is_the_last_of_the_inputs(folder: Path) -> None:
    first = git(folder, "rev-parse", "HEAD~")
    assert last_commit(folder, PATHS, "photos") == Commit(first)
    (folder / "params.yaml").write_text("seed: 1\n")
    assert last_commit(folder, PATHS, "photos") == Commit(first, is_changed=True)


def test_images_belong_to_the_inputs(folder: Path) -> None:
    (folder / "photos/b.png").write_text("image")
    assert last_commit(folder, PATHS, "photos").is_changed
    added = commit(folder)
    assert last_commit(folder, PATHS, "photos") == Commit(added)


@pytest.mark.parametrize("images", ["new", "ignored", "../outside", "/"])
def test_images_that_git_does_not_track_are_in_no_commit(folder: Path, images: str) -> None:
    (folder / images).mkdir(exist_ok=True)
    found = last_commit(folder, PATHS, images)
    assert found == Commit(git(folder, "rev-parse", "HEAD~"), has_images=False)


@pytest.mark.parametrize("file", ["ignored.dvc", "ignored/photos.dvc"])
def test_images_that_dvc_tracks_are_those_of_its_file(folder: Path, file: str) -> None:
    (folder / "ignored/photos").mkdir(parents=True)
    (folder / file).write_text("outs:\n")
    git(folder, "add", "--force", file)
    added = commit(folder)
    assert last_commit(folder, PATHS, "ignored/photos") == Commit(added)


def test_a_shallow_clone_says_that_an_earlier_commit_may_be_meant(folder: Path) -> None:
    git(folder.parent, "clone", "--quiet", "--depth", "1", folder.as_uri(), "shallow")
    newest = git(folder, "rev-parse", "HEAD")
    assert last_commit(folder.parent / "shallow", PATHS, "photos") == Commit(newest, is_cut=True)
    git(folder.parent, "clone", "--quiet", "--depth", "2", folder.as_uri(), "deeper")
    oldest = git(folder, "rev-parse", "HEAD~")
    assert last_commit(folder.parent / "deeper", PATHS, "photos") == Commit(oldest, is_cut=True)
    assert last_commit(folder, PATHS, "photos") == Commit(oldest)


def test_git_says_itself_why_it_refuses(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "not a git repository" in last_commit(tmp_path, PATHS, "photos").problem
    assert last_commit(folder, ("none",), "none").problem == "no commit has these files"
    git(tmp_path, "init", "--quiet")
    assert "does not have any commits yet" in last_commit(tmp_path, PATHS, "photos").problem
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert "dubious ownership" in last_commit(folder, PATHS, "photos").problem
    monkeypatch.setenv("PATH", str(tmp_path))
    assert last_commit(folder, PATHS, "photos").problem.startswith("git cannot be run: No such")


def test_a_repository_that_the_environment_names_is_not_asked(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = last_commit(folder, PATHS, "photos")
    git(tmp_path, "init", "--quiet", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    assert last_commit(folder, PATHS, "photos") == expected


def test_the_page_tells_what_is_known(tmp_path: Path) -> None:
    run = make_run(tmp_path)

    def said(made: Commit) -> str:
        return run.html(made).split('id="made-title"')[1].split("<details>")[0]

    assert "data are those of commit" in said(COMMIT)
    assert COMMIT.id in said(COMMIT)
    assert "with uncommitted changes" in said(replace(COMMIT, is_changed=True))
    assert "or of an earlier one, which" in said(replace(COMMIT, is_cut=True))
    assert "are in no commit" in said(replace(COMMIT, has_images=False))
    assert "is unknown: not a git repo." in said(Commit("", problem="not a git repo"))
