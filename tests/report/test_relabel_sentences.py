"""Sentences on wrong labels follow the settings and the figures."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_run import MadeRun, make_run


def test_a_class_may_have_the_name_of_a_word(tmp_path: Path) -> None:
    run = make_run(tmp_path, classes=("car", "any", "rarest"))
    for name in ("any", "rarest"):
        relabel = replace(run.params.relabel, suspect_class=name)
        said = replace(run, params=replace(run.params, relabel=relabel)).said()["relabel"]
        assert f"The suspect class is {name}" in said
    run = make_run(tmp_path, classes=("0", "1", "2"))
    relabel = replace(run.params.relabel, suspect_class=2)  # as YAML reads it
    said = replace(run, params=replace(run.params, relabel=relabel)).said()["relabel"]
    assert "The suspect class is 2" in said


def test_labels_that_only_a_person_corrected_were_not_corrected_by_models(tmp_path: Path) -> None:
    run = make_run(tmp_path, truth=False)
    by_models = "The labels of dev were corrected by similar models"
    assert by_models in run.said()["train_fixed"]
    run.change("relabel.json", "dev", "flagged", value=0)
    assert by_models not in run.said()["train_fixed"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> MadeRun:
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.mark.parametrize("suspect", ["rarest", "any"])
@pytest.mark.parametrize(
    ("models", "second_opinion", "voters"),
    [
        (1, False, "1 model, averaged"),
        (4, False, "4 models, averaged"),
        (1, True, "a second opinion, a residual network that counts twice as much as it, predict"),
        (4, True, "that counts twice as much as all of them, predict"),
    ],
)
def test_the_voters_are_told(
    run: MadeRun, suspect: str, models: int, second_opinion: bool, voters: str
) -> None:
    relabel = replace(
        run.params.relabel, models=models, second_opinion=second_opinion, suspect_class=suspect
    )
    said = replace(run, params=replace(run.params, relabel=relabel)).said()["relabel"]
    assert voters in said
    assert (
        "as many as the fixed network and the second opinion agree on" in said
    ) == second_opinion
    if not second_opinion:
        verbs = ("decide", "prefer") if models > 1 else ("decides", "prefers")
        assert f" {verbs[0] if suspect == 'any' else verbs[1]} " in said
