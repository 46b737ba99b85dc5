from dataclasses import replace

import numpy as np
import pytest

from noisylab.core.images import SIZE, ImageSet
from noisylab.review.places import Place, Row, find_places, row_at

CLASSES = ("car", "cat")


def make(pictures: str, labels: str, names: str = "") -> ImageSet:
    """A set with an image of one grey for each letter of `pictures`; labels by first letter: r, t.

    >>> make("ab", "rt").labels
    array([0, 1])
    """
    greys = np.array([ord(letter) for letter in pictures], np.uint8)
    images = np.broadcast_to(greys[:, None, None, None], (len(greys), SIZE, SIZE, 3)).copy()
    given = np.array(["rt".index(letter) for letter in labels], np.int64)
    return ImageSet(images, given, CLASSES, names=tuple(names.split()) or None)


def moved(
    before: dict[str, ImageSet], after: dict[str, ImageSet], *places: Place
) -> dict[Place, Place]:
    """Where decisions on the images at `places` went: now, by then."""
    rows = {place: row_at(before, *place, "keep") for place in places}
    found = find_places([*rows.values()], after)
    places_now = {row: place for place, row in found.items()}
    return {place: places_now[row] for place, row in rows.items() if row in places_now}


def test_an_image_is_found_wherever_it_is() -> None:
    before = {"train": make("abcd", "rrtt"), "dev": make("xy", "rt")}
    after = {"train": make("zdcxa", "rttrr"), "dev": make("by", "rt")}
    places = [("train", 0), ("train", 1), ("train", 3), ("dev", 0), ("dev", 1)]
    assert moved(before, after, *places) == {
        ("train", 0): ("train", 4),
        ("train", 1): ("dev", 0),
        ("train", 3): ("train", 1),
        ("dev", 0): ("train", 3),
        ("dev", 1): ("dev", 1),
    }


def test_an_image_that_is_gone_has_no_place() -> None:
    before = {"train": make("ab", "rt"), "dev": make("xy", "rt")}
    after = {"train": make("ac", "rt"), "dev": make("xy", "rt")}
    assert moved(before, after, ("train", 0), ("train", 1)) == {("train", 0): ("train", 0)}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_copies_with_one_label_are_told_apart_by_their_index(place: int) -> None:
    sets = {"train": make("aaa", "rrr"), "dev": make("a", "r")}
    assert moved(sets, sets, ("train", place)) == {("train", place): ("train", place)}


def test_copies_are_told_apart_by_their_label_after_a_photo_was_added() -> None:
    before = {"train": make("baca", "rrtt"), "dev": make("xy", "rt")}
    after = {"train": make("zbaca", "rrrtt"), "dev": make("xy", "rt")}
    assert moved(before, after, ("train", 3)) == {("train", 3): ("train", 4)}
    assert moved(before, after, ("train", 1)) == {("train", 1): ("train", 2)}


def test_a_copy_is_not_mistaken_for_another_at_its_index() -> None:
    before = {"train": make("bacda", "rrttt"), "dev": make("xy", "rt")}
    after = {"train": make("zyxbacda", "rrrrrttt"), "dev": make("xy", "rt")}  # one copy is now at 4
    assert moved(before, after, ("train", 4)) == {("train", 4): ("train", 7)}


def test_copies_are_told_apart_by_their_file_name_first() -> None:
    before = {"train": make("aab", "rrt", "p q r"), "dev": make("xy", "rt")}
    after = {"train": make("baa", "trr", "r q p"), "dev": make("xy", "rt")}
    assert moved(before, after, ("train", 0), ("train", 1)) == {
        ("train", 0): ("train", 2),
        ("train", 1): ("train", 1),
    }


def test_one_decision_does_not_count_for_two_copies() -> None:
    sets = {"train": make("aa", "rt"), "dev": make("a", "r")}
    assert len(find_places([row_at(sets, "dev", 0, "cat")], sets)) == 1
    fewer = {"train": make("b", "t"), "dev": make("a", "r")}
    rows = [row_at(sets, "train", 0, "cat"), row_at(sets, "dev", 0, "keep")]
    assert find_places(rows, fewer) == {("dev", 0): rows[1]}


def test_rows_of_older_tables_go_by_split_and_index() -> None:
    sets = {"train": make("aba", "rtt"), "dev": make("a", "r")}
    rows = [replace(row_at(sets, "train", 2, "cat"), given="", name="")]
    assert find_places(rows, sets) == {("train", 2): rows[0]}
    shifted = {**sets, "train": make("zzaba", "rrrtt")}
    assert find_places(rows, shifted).keys() <= {("train", 2), ("train", 4)}
    elsewhere = {"train": make("z", "r"), "dev": make("za", "rr")}
    assert find_places(rows, elsewhere) == {("dev", 1): rows[0]}


def test_a_row_is_written_as_tables_are_read() -> None:
    sets = {"train": replace(make("a", "r"), names=(" a.png ",)), "dev": make("b", "r")}
    digest = sets["train"].digests[0]
    assert row_at(sets, "train", 0, "cat") == Row("train", 0, digest, "cat", "car", "a.png")
