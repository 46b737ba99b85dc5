"""A missing or broken file is one line that names it and the key."""

from pathlib import Path
from typing import Any

import pytest
from made_run import make_run

from noisylab.core.errors import InputError


def test_results_are_those_of_the_files(tmp_path: Path) -> None:
    results = make_run(tmp_path).results()
    assert results.data.classes == ["car", "truck", "cat"]
    assert (results.data.common, results.data.rare) == ("car", "cat")
    assert results.steps["train_baseline"].kept.scores["dev_given"].accuracy == 0.83333
    assert "dev_corrected" not in results.steps["train_baseline"].kept.scores
    assert set(results.steps["train_fixed"].kept.scores) == {
        "train", "dev_corrected", "dev_given", "dev_true", "test",
    }  # fmt: skip
    assert results.relabelled.pairs == [(19, "car", "cat")]
    assert results.swept.best is not None
    assert results.swept.best.rate == 0.001
    assert list(results.attacked.steps) == [4, 8, 16]


def test_a_class_without_images_has_no_recall(tmp_path: Path) -> None:
    results = make_run(tmp_path, dev=(100, 12, 0)).results()
    assert list(results.steps["train_baseline"].kept.scores["dev_given"].recall) == ["car", "truck"]


@pytest.mark.parametrize(
    ("name", "keys", "value", "message"),
    [
        ("stats.json", ("train",), None, "train is missing"),
        (
            "stats.json",
            ("dev", "count", "cat"),
            -1,
            "dev.count.cat must be an integer >= 0, got -1",
        ),
        ("stats.json", ("dev", "images"), 7, "dev.images must be the sum of the counts"),
        ("relabel.json", ("train", "flagged"), None, "train.flagged is missing"),
        ("relabel.json", ("reviewed",), True, "reviewed must be an integer >= 0, got True"),
        ("relabel.json", ("corrected",), {"dog": {"cat": 1}}, "corrected must be of the classes"),
        ("lr_sweep.json", ("final",), "other", "final must be train_fixed or lr_sweep"),
        ("lr_sweep.json", ("best", "lr"), 7, "best.lr must be a rate of"),
        ("lr_sweep/final.json", ("dev",), None, "dev is missing"),
        ("train_fixed/best.json", ("test", "macro_f1"), "x", "test.macro_f1 must be a number"),
        ("train_fixed/best.json", ("dev", "recall"), {"a": 1}, "dev.recall must be of the classes"),
        ("adversarial.json", ("target_class",), "dog", "target_class must be a class"),
        ("adversarial.json", ("steps", "before"), None, "steps.before is missing"),
        ("adversarial.json", ("example",), [], "example must be a section, got list of 0"),
    ],
)
def test_a_figure_that_cannot_be(
    tmp_path: Path, name: str, keys: tuple[str, ...], value: Any, message: str
) -> None:
    run = make_run(tmp_path)
    run.change(name, *keys, value=value)
    with pytest.raises(InputError) as error:
        run.results()
    assert f"{name}: {message}" in str(error.value)
    assert str(error.value).endswith("run `dvc repro`, which makes it anew")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "is not valid JSON"),
        ("[]", "the file must be a section, got list of 0"),
        ('{"final": NaN}', "best.lr is missing"),
        ("[" * 10**5, "is not valid JSON"),
    ],
)
def test_a_file_that_is_broken(tmp_path: Path, content: str | None, message: str) -> None:
    run = make_run(tmp_path)
    path = tmp_path / "metrics/lr_sweep.json"
    if content is None:
        path.unlink()
    else:
        path.write_text(
            content.replace("{", '{"best": {"optimizer": "adam"}, ') if "N" in content else content
        )
    with pytest.raises(InputError, match=r"lr_sweep\.json: ") as error:
        run.results()
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_number_that_is_none(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.change("adversarial.json", "steps", "before", value=float("nan"))
    with pytest.raises(InputError, match=r"steps\.before must be a finite number, got nan"):
        run.results()


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("train_fixed/best/confusion.csv", "\ncat,cat,7", "", "expected 9 rows, one a pair, got 8"),
        ("train_fixed/best/confusion.csv", ",7", ",x", "line 10: count must be a number, got 'x'"),
        ("train_fixed/best/history.csv", "dev_loss", "loss", "expected a column 'dev_loss'"),
        ("lr_sweep/trainings.csv", "adam,", "#", "expected 8 cells, got 7"),
    ],
)
def test_a_table_that_is_broken(
    tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    run = make_run(tmp_path)
    path = tmp_path / "plots" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError) as error:
        run.results()
    assert f"{path}: " in str(error.value)
    assert message in str(error.value)
