"""Hidden files and what file servers leave are not classified."""

from pathlib import Path

import pytest

from noisylab.predict.finding import find_files


@pytest.mark.parametrize(
    "name",
    ["@eaDir/a.png/SYNOPHOTO_THUMB_M.jpg", "__MACOSX/x.jpg", "deep/#recycle/x.png", ".git/x.png"],
)
def test_what_systems_leave_is_not_classified(tmp_path: Path, name: str) -> None:
    for path in (tmp_path / name, tmp_path / "a.png", tmp_path / "Thumbs.db"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = find_files([tmp_path])
    assert (found.files, found.skipped, found.errors) == ([tmp_path / "a.png"], [], [])
    assert find_files([tmp_path / name]).files == [tmp_path / name]  # as it was asked for
