"""Recognising the form of a source, and its summary."""

from pathlib import Path

import pytest

from noisylab.core.errors import InputError
from noisylab.data.sources import read_source

THREE_FORMS = r"labels\.csv with images\.png .* train/<class>/ .* train\.pickle and dev\.pickle"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"photos: expected a folder .* {THREE_FORMS}"):
        read_source(tmp_path / "photos")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").write_text("")
    with pytest.raises(InputError, match=r"photos: expected a folder of images, got none"):
        read_source(tmp_path / "photos")


def test_the_error_for_an_empty_folder_lists_the_three_forms(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"expected {THREE_FORMS}, found none"):
        read_source(tmp_path)


def test_two_forms_at_once_are_refused(bundle: Path) -> None:
    (bundle / "dev").mkdir()
    message = r"expected one source format, got both images\.png and dev; move one away"
    with pytest.raises(InputError, match=message):
        read_source(bundle)


def test_the_missing_half_of_a_form_is_named(class_folders: Path) -> None:
    (class_folders / "dev").rename(class_folders / "validation")
    with pytest.raises(InputError, match=r"dev: not found, although the source needs it"):
        read_source(class_folders)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 10_000, "a\nb", "a\0b", "\udcff"])
def test_a_path_that_cannot_be_a_folder_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(InputError, match=r"expected a|cannot be read") as caught:
        read_source(name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_the_summary_counts_each_class_and_names_an_empty_test(class_folders: Path) -> None:
    assert read_source(class_folders).summary() == [
        "train: 4 images: ant 2, zebra 2",
        "dev: 4 images: ant 2, zebra 2",
        "test: none",
    ]
