import re
from dataclasses import replace
from pathlib import Path

import pytest

from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet, image_digest
from noisylab.core.tables import CORRECTIONS
from noisylab.review.cases import Case, digit_keys, read_cases

from .conftest import N_FLAGGED, SUGGESTED

HEADER = ",".join(CORRECTIONS) + "\n"


def test_cases_come_in_the_order_of_review(data: Path, sets: dict[str, ImageSet]) -> None:
    cases = read_cases(data / "corrections.csv", sets)
    assert [(case.split, case.index, case.suggested) for case in cases] == SUGGESTED
    assert [case.flagged for case in cases] == [i < N_FLAGGED for i in range(len(cases))]
    image = sets["train"].images[3]
    digest = image_digest(image)
    assert cases[0] == Case("train", 3, digest, None, "car", "cat", 0.9, True, "certain")
    assert [case.tier for case in cases[2:]] == ["doubtful", "doubtful", "unflagged", "unflagged"]


def test_cases_have_the_names_of_their_files(data: Path, sets: dict[str, ImageSet]) -> None:
    names = tuple(f"{index}.png" for index in range(len(sets["train"])))
    cases = read_cases(
        data / "corrections.csv", {**sets, "train": replace(sets["train"], names=names)}
    )
    assert [case.name for case in cases[:3]] == ["3.png", "1.png", None]


def test_a_row_of_the_table_is_a_case(data: Path, sets: dict[str, ImageSet]) -> None:
    (data / "corrections.csv").write_text(f"{HEADER}train,2,cat,car,0.25,no,keep,rule\n")
    (case,) = read_cases(data / "corrections.csv", sets)
    assert (case.index, case.score, case.flagged) == (2, 0.25, False)


@pytest.mark.parametrize(
    "row",
    [
        "test,0,car,cat,0.5,yes,cat,rule",
        "train,-1,car,cat,0.5,yes,cat,rule",
        "train,90,car,cat,0.5,yes,cat,rule",
        "train,0,cat,car,0.5,yes,cat,rule",
        "train,0,car,dog,0.5,yes,cat,rule",
        "train,0,car,cat,1.5,yes,cat,rule",
        "train,0,car,cat,nan,yes,cat,rule",
        "train,0,car,cat,,yes,cat,rule",
        "train,0,car,cat,0.5,yes,dog,rule",
        "train,0,car,cat,0.5,yes,cat,nobody",
    ],
)
def test_a_table_of_other_sets_is_refused_with_its_line(
    data: Path, sets: dict[str, ImageSet], row: str
) -> None:
    path = data / "corrections.csv"
    path.write_text(f"{HEADER}{row}\n")
    message = f"{path}: line 2: does not match the sets beside it; run make repro"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        read_cases(path, sets)


def test_a_class_called_keep_is_refused(data: Path, train: ImageSet) -> None:
    sets = {"train": ImageSet(train.images, train.labels, ("car", "keep", "cat")), "dev": train}
    with pytest.raises(InputError, match="a class must not be named keep"):
        read_cases(data / "corrections.csv", sets)


def test_digits_follow_the_order_of_the_classes() -> None:
    assert digit_keys(("car", "truck", "cat"), ()) == {"1": "car", "2": "truck", "3": "cat"}
    assert digit_keys(tuple("abcdefghij"), ())["0"] == "j"
    assert digit_keys(("3", "0", "7"), ()) == {"3": "3", "0": "0", "7": "7"}
    assert digit_keys(("12", "0"), ()) == {"1": "12", "2": "0"}


def test_the_most_frequent_of_many_classes_have_digits() -> None:
    classes = tuple(f"class {number}" for number in range(30))
    case = Case("train", 0, "", None, "class 29", "class 17", 0.5, True, "certain")
    keys = digit_keys(classes, [case])
    assert len(keys) == 10
    assert (keys["1"], keys["9"], keys["0"]) == ("class 0", "class 17", "class 29")
