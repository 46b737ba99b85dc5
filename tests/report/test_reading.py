"""Facts follow the files; a missing or broken file is one line that names it."""

from pathlib import Path

import pytest
from made_run import MadeRun, make_run
from PIL import Image

from noisylab.core.errors import InputError
from noisylab.core.images import most_common, rarest
from noisylab.report.pictures import embed


def test_facts_are_those_of_the_files(tmp_path: Path) -> None:
    facts = make_run(tmp_path).facts()
    baseline, fixed = facts.steps["train_baseline"], facts.steps["train_fixed"]
    assert facts.data.classes == ["car", "truck", "cat"]
    assert (facts.data.common, facts.data.rare) == ("car", "cat")
    assert baseline.kept.scores["dev_given"].accuracy == 0.83333
    assert "dev_corrected" not in baseline.kept.scores
    assert set(fixed.kept.scores) == {
        "train", "dev_corrected", "dev_given", "dev_true", "test",
    }  # fmt: skip
    assert fixed.before is facts.steps["train_augmented"]
    assert facts.relabelled.pairs == [(19, "car", "cat")]
    assert facts.swept.best is not None
    assert facts.swept.best.rate == 0.001


def test_a_class_without_images_has_no_recall(tmp_path: Path) -> None:
    run = make_run(tmp_path, dev=(100, 12, 0)).facts().steps["train_baseline"].kept
    assert list(run.scores["dev_given"].recall) == ["car", "truck"]


@pytest.mark.parametrize("counts", [(60, 60, 60), (60, 60, 20), (60, 20, 20), (20, 60, 20)])
def test_ties_are_decided_as_in_the_pictures(tmp_path: Path, counts: tuple[int, ...]) -> None:
    data = make_run(tmp_path, train=counts).facts().data
    assert data.classes.index(data.rare) == rarest(counts)
    assert data.classes.index(data.common) == most_common(counts)
    assert data.rare != data.common
    assert data.is_even == (counts == (60, 60, 60))


def test_epsilons_are_those_of_the_table(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    table = tmp_path / "plots/adversarial/final/success.csv"
    table.write_text("epsilon,success,confident\n0.5,0.125,0.0\n2.25,0.75,0.5\n")
    assert [budget["epsilon"] for budget in run.facts().budgets["final"]] == [0.5, 2.25]
    said = run.said()["adversarial"]
    assert "Perturbed by at most 0.5 levels per pixel, 12.5% of them" in said
    assert "by at most 2.25 levels, 75.0%" in said


def test_rates_are_compared_exactly(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.change("lr_sweep.json", "best", "lr", value=3e-7)
    best = run.facts().swept.best
    assert best is not None
    assert best.rate == 3e-7
    run.change("lr_sweep.json", "best", "lr", value=0.0010001)
    with pytest.raises(InputError, match=r"lr_sweep\.json: has no \('adam', 0\.0010001\)"):
        run.facts()


@pytest.mark.parametrize(
    ("name", "key", "message"),
    [
        ("stats.json", "train", "has no 'train'"),
        ("relabel.json", "reviewed", "has no 'reviewed'"),
        ("lr_sweep.json", "final", "has no 'final'"),
    ],
)
def test_a_missing_figure_is_named(tmp_path: Path, name: str, key: str, message: str) -> None:
    run = make_run(tmp_path)
    run.remove(name, key)
    expect_one_line(run, name, message)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (tmp_path / "metrics/lr_sweep/final.json").unlink()
    expect_one_line(run, "lr_sweep/final.json", "cannot be read: No such file or directory")


@pytest.mark.parametrize("content", ["", "{", "[]", "[" * 10**5])
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    run = make_run(tmp_path)
    (tmp_path / "metrics/relabel.json").write_text(content)
    expect_one_line(run, "relabel.json", "is broken: ")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("train_fixed/best/confusion.csv", "\ncat,cat,7", "", "has no ('cat', 'cat')"),
        ("train_fixed/best/confusion.csv", ",7", ",x", "is broken: invalid literal for int()"),
        ("train_fixed/best/history.csv", "dev_loss", "loss", "has no 'dev_loss'"),
        ("lr_sweep/trainings.csv", "0.001", "", "is broken: could not convert string to float"),
    ],
)
def test_a_broken_table_is_named(
    tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    run = make_run(tmp_path)
    path = tmp_path / "plots" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    expect_one_line(run, name, message)


def expect_one_line(run: MadeRun, name: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        run.facts()
    assert f"{name}: {message}" in str(error.value)
    assert str(error.value).endswith("run `dvc repro`, which writes it again")
    assert "\n" not in str(error.value)


def test_a_picture_too_wide_for_webp_is_made_smaller(tmp_path: Path) -> None:
    Image.new("RGB", (17_000, 170)).save(tmp_path / "wide.png")
    picture = embed(tmp_path, "wide.png")
    assert picture.width == 16_383
    assert picture.height in (163, 164)
