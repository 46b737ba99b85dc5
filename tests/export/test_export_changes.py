"""The changed labels: the rule's, unless a person decided otherwise."""

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import APPLIED, CORRECTIONS, HEADER, decide, files, rows

Export = Callable[..., list[str]]


def changes(project: Path, export: Export) -> list[tuple[str, ...]]:
    export("out", "--changes")
    assert files(project / "out") == ["changes.csv"]
    return [tuple(row.values()) for row in rows(project / "out/changes.csv")]


BY_RULE = [
    ("train/car/0.png", "car", "cat", "0.7", "rule"),
    ("train/car/1.png", "car", "cat", "0.9", "rule"),
]


def test_the_table_says_who_changed_what(photos: Path, project: Path, export: Export) -> None:
    by_person = ("train/cat/1.png", "cat", "car", "0.1", "person")
    assert changes(project, export) == [*BY_RULE, by_person]
    assert list(rows(project / "out/changes.csv")[0]) == ["file", "from", "to", "score", "by"]


def test_decisions_after_the_run_are_heeded(photos: Path, project: Path, export: Export) -> None:
    decide(project, {**APPLIED, ("train", 0): 0, ("dev", 3): 0})
    assert changes(project, export) == [
        BY_RULE[1],
        ("train/cat/1.png", "cat", "car", "0.1", "person"),
        ("dev/cat/3.png", "cat", "car", "", "person"),
    ]


def test_an_undone_decision_gives_way_to_the_rule(
    photos: Path, project: Path, export: Export
) -> None:
    decide(project, {})
    assert changes(project, export) == [
        *BY_RULE,
        ("dev/car/0.png", "car", "cat", "0.8", "rule"),
    ]


def test_a_persons_agreement_counts_as_the_persons(
    photos: Path, project: Path, export: Export
) -> None:
    decide(project, {("train", 1): 1, ("dev", 0): 0})
    assert changes(project, export) == [BY_RULE[0], (*BY_RULE[1][:4], "person")]


@pytest.mark.parametrize(
    "line",
    [
        "train,6,car,cat,0.9,yes,cat,rule",
        "train,-1,cat,car,0.9,yes,car,rule",
        "train,1,cat,car,0.9,yes,car,rule",
        "train,1,car,dog,0.9,yes,dog,rule",
        "trial,1,car,cat,0.9,yes,cat,rule",
        "train,one,car,cat,0.9,yes,cat,rule",
        "test,0,car,cat,0.9,yes,cat,rule",
        "train,1,car,cat,7,yes,cat,rule",
    ],
)
def test_a_table_of_other_sets_is_refused(
    photos: Path, project: Path, export: Export, line: str
) -> None:
    (project / "data/corrections.csv").write_text(f"{HEADER}{CORRECTIONS}{line}\n")
    assert export("out") == [
        "data/corrections.csv: line 7: does not match the sets beside it; run make repro"
    ]
    assert not (project / "out").exists()


def test_decisions_about_images_that_are_gone_are_told_and_do_not_count(
    photos: Path, project: Path, export: Export
) -> None:
    path = project / "data/review.csv"
    path.write_text(f"split,index,image,decision\ntrain,4,{'0' * 32},car\n")
    assert export("out", "--changes")[0].startswith(
        "data/review.csv: 1 decision about images that are in neither train nor dev: ['train 4']"
    )
    assert [row["by"] for row in rows(project / "out/changes.csv")] == ["rule"] * 3


@pytest.mark.parametrize("name", ["train_set.pickle", "corrections.csv"])
def test_before_the_first_run_the_missing_file_is_named(
    photos: Path, project: Path, export: Export, name: str
) -> None:
    (project / "data" / name).unlink()
    assert export("out") == [f"data/{name}: does not exist yet; run make repro first"]
    assert not (project / "out").exists()


def test_outside_of_a_project_the_parameters_are_missing(
    tmp_path: Path, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (said,) = export("out")
    assert said.startswith("params.yaml: cannot be read: No such file or directory")
