"""The bundled photographs through the whole pipeline, and the commands that its users live in."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from noisylab.core.images import image_digest
from noisylab.data.set_files import read_set
from noisylab.review.store import dvc_reader

from .conftest import Clone, environment, make_clone

TRAIN_STAGES = ("train_augmented", "train_balanced", "train_baseline", "train_fixed")
CHECKS = ("check_params", "check_classes")
AFTER = ("relabel", "lr_sweep", "adversarial")


def read_json(clone: Clone, name: str) -> Any:
    return json.loads((clone.folder / name).read_text())


def test_the_shares_are_the_reports(clone: Clone) -> None:
    stats = read_json(clone, "metrics/stats.json")
    assert stats["dev"]["count"] == {"car": 551, "truck": 51, "cat": 23}
    assert stats["dev"]["percent"] == {"car": 88.16, "truck": 8.16, "cat": 3.68}
    counts = [sum(stats[split]["count"].values()) for split in ("train", "test")]
    assert counts == [1875, 300]  # a third and a tenth, see thin_out()


def test_the_baseline_calls_everything_a_car(clone: Clone) -> None:
    metrics = read_json(clone, "metrics/train_baseline/report.json")
    assert list(metrics) == ["train", "dev", "dev_true", "test"]
    assert metrics["dev"]["accuracy"] == 0.8816
    assert metrics["dev"]["recall"] == {"car": 1, "truck": 0, "cat": 0}


def test_nothing_is_done_twice(clone: Clone) -> None:
    printed = clone.run("dvc", "repro")
    assert "Running stage" not in printed
    assert "Data and pipelines are up to date." in printed


def test_a_second_clone_fetches_it_all(clone: Clone, tmp_path: Path) -> None:
    clone.run("dvc", "push", "--remote", add_remote(clone, tmp_path / "store"))
    clone.run("git", "clone", "--quiet", str(clone.folder), str(tmp_path / "second"))
    second = Clone(tmp_path / "second")
    second.run("dvc", "pull", "--remote", add_remote(second, tmp_path / "store"))
    assert "Data and pipelines are up to date." in second.run("dvc", "status")
    assert second.outputs() == clone.outputs()


def add_remote(clone: Clone, folder: Path) -> str:
    clone.run("dvc", "remote", "add", "--local", "--force", "store", str(folder))
    return "store"


def test_a_second_run_elsewhere_writes_the_same_bytes(
    clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder of another kind of name, by another user of other habits."""
    folder, home = tmp_path / "a clöne, elsewhere", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    (home / "matplotlibrc").write_text("font.size: 20\nsavefig.dpi: 50\n")
    surroundings = {"HOME": str(home), "MPLCONFIGDIR": str(home), "MPLBACKEND": "svg"}
    surroundings |= {"USER": "o'hara", "LOGNAME": "o'hara", "TZ": "Asia/Kathmandu", "LC_ALL": "C"}
    surroundings |= {"PYTHONHASHSEED": "4711", "OMP_NUM_THREADS": "3", "NOISYLAB_ENGINE": "local:1"}
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    mask = os.umask(0o077)
    other = make_clone(folder)
    other.run("dvc", "repro")
    os.umask(mask)
    ours, theirs = clone.outputs(), other.outputs()
    assert len(ours) > 12
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []


def test_labels_are_corrected_and_all_else_is_as_it_was(clone: Clone) -> None:
    metrics = read_json(clone, "metrics/relabel.json")
    n_corrected = 0
    for split in ("train", "dev"):
        given, fixed = (
            read_set(clone.folder / f"data/{name}_set.pickle") for name in (split, f"fixed_{split}")
        )
        assert (given.images == fixed.images).all()
        assert given.classes == fixed.classes
        assert (given.true_labels == fixed.true_labels).all()  # type: ignore[union-attr]
        is_corrected = given.labels != fixed.labels
        assert is_corrected.sum() == metrics[split]["corrected"]
        assert set(fixed.labels[is_corrected]) <= {2}  # cats, the suspects
        n_corrected += is_corrected.sum()
    assert metrics["corrected"]["car"]["cat"] <= n_corrected
    assert list(metrics["rules"]) == ["report", "best"]


def test_the_final_model_is_the_better_one(clone: Clone) -> None:
    best, final = (read_json(clone, f"metrics/lr_sweep/{name}.json") for name in ("best", "final"))
    assert list(final) == ["train", "dev", "dev_given", "dev_true", "test"]
    assert final["dev"]["balanced_accuracy"] >= best["dev"]["balanced_accuracy"]
    kept = read_json(clone, "metrics/lr_sweep.json")["final"]
    models = [clone.folder / "models" / f"{name}.pt" for name in (kept, "lr_sweep")]
    assert models[0].read_bytes() == models[1].read_bytes()


def test_the_final_model_is_attacked(clone: Clone) -> None:
    metrics = read_json(clone, "metrics/adversarial.json")
    assert list(metrics)[2:] == ["split", "example", "steps", "smallest", "confident"]
    assert metrics["split"] == "test"
    assert metrics["steps"]["attacked"] > 0
    assert metrics["steps"]["before"] == 0
    assert metrics["source_class"] != metrics["target_class"]
    assert (clone.folder / "plots/adversarial/example.png").is_file()


def test_the_report_is_of_the_commit_that_it_was_made_from(clone: Clone) -> None:
    page = (clone.folder / "report.html").read_text()
    first = clone.run("git", "log", "--reverse", "--format=%H").split()[0]
    assert f"{first}</code>." in page
    assert "report.html" not in clone.run("git", "ls-files")


def test_metrics_fit_a_terminal(clone: Clone) -> None:
    printed = clone.run("dvc", "metrics", "show")
    assert "balanced_accuracy" in printed
    assert "metrics/dev/train_baseline/report.json" in printed
    assert max(map(len, printed.splitlines())) <= 120


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed: 0", "seed: 1"),
        ("lr: 0.001", "lr: 0.002"),
        ("batch_size: 32", "batch_size: 16"),
        ("optimizer: adam", "optimizer: sgd"),
        ("threads: 1", "threads: 2"),
        ("device: auto", "device: cpu"),
    ],
)
def test_what_holds_for_all_runs_makes_them_anew(clone: Clone, key: str, value: str) -> None:
    clone.edit("params.yaml", {key: value})
    changed = json.loads(clone.run("dvc", "status", "--json"))
    clone.edit("params.yaml", {value: key})
    # Their trainings take all from train_augmented and from train_fixed, but rates and optimizers.
    after: tuple[str, ...] = AFTER[:1] if key.startswith(("lr", "optimizer")) else AFTER[:2]
    if key.startswith(("threads", "device")):
        after = AFTER
    assert sorted(changed) == sorted([*CHECKS, *TRAIN_STAGES, *after, "report"])


def test_another_engine_trains_nothing_anew(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    clone.edit("params.yaml", {"engine: local ": "engine: local:1 "})
    of_params = [*CHECKS, "report"]  # which check it and show it, and train nothing
    assert sorted(json.loads(clone.run("dvc", "status", "--json"))) == sorted(of_params)
    monkeypatch.setenv("NOISYLAB_ENGINE", "dask:tcp://nowhere.invalid:1")
    assert re.findall(r"Running stage '(\w+)'", clone.run("dvc", "repro")) == of_params
    clone.run("git", "checkout", "--quiet", ".")
    clone.run("dvc", "repro")


def test_a_rate_that_is_added_is_all_that_is_trained(clone: Clone) -> None:
    trainings = clone.folder / "finished" / "lr_sweep"
    before = {path.name: path.stat().st_mtime_ns for path in trainings.iterdir()}
    clone.edit("params.yaml", {"  - 0.05\n": "  - 0.05\n  - 0.1\n"})
    printed = clone.run("dvc", "repro")
    assert re.findall(r"Running stage '(\w+)'", printed) == [*CHECKS, "lr_sweep", "report"]
    assert "Of 5 learning rates" in printed
    after = {path.name: path.stat().st_mtime_ns for path in trainings.iterdir()}
    assert before.items() < after.items()
    assert len(after) == len(before) + 1
    clone.run("git", "checkout", "--quiet", ".")
    clone.run("dvc", "repro")


def test_an_experiment_reruns_the_training_alone(clone: Clone) -> None:
    printed = clone.run("dvc", "exp", "run", "-S", "lr=0.0003", "train_balanced")
    assert re.findall(r"Running stage '(\w+)'", printed) == [*CHECKS, "train_balanced"]
    assert "Stage 'prepare' didn't change, skipping" in printed
    difference = clone.run("dvc", "metrics", "diff")
    line = r"train_balanced/inverse_frequency\.json +loss +\d\.\d+ +\d\.\d+"
    assert re.search(line, difference)

    clone.run("dvc", "plots", "diff")
    page = (clone.folder / "dvc_plots" / "index.html").read_text()
    assert "workspace" in page
    assert "HEAD" in page


def test_a_number_with_an_exponent_is_one(clone: Clone) -> None:
    clone.run("dvc", "exp", "run", "-S", "lr=1e-5", "train_baseline")
    assert "lr: 1e-05" in (clone.folder / "params.yaml").read_text()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lr=abc", "params.yaml: lr must be a number > 0, got 'abc'\n"),
        ("+learning=1", "params.yaml: learning is unknown; known are seed, lr"),
        ("relabel.suspect_class=dog", "params.yaml: relabel.suspect_class must be rarest, any, or"),
    ],
)
def test_a_wrong_value_ends_with_one_line_and_harms_nothing(
    clone: Clone, override: str, message: str
) -> None:
    clone.run("git", "checkout", "--quiet", ".")
    clone.run("dvc", "checkout")
    before = clone.outputs()
    printed = clone.run("dvc", "exp", "run", "-S", override, fails=True)
    assert message in printed
    assert "Traceback" not in printed
    assert clone.outputs() == before


def test_a_review_is_heeded_and_a_stale_one_is_refused(clone: Clone) -> None:
    clone.run("git", "checkout", "--quiet", ".")
    clone.run("dvc", "checkout")
    dev = read_set(clone.folder / "data/dev_set.pickle")
    row = f"dev,3,{image_digest(dev.images[3])},truck"
    # In the midst of an experiment that reads decisions, which it heeds from the next run on.
    command = ["dvc", "exp", "run", "-S", "relabel.sheet_images=11", "relabel"]
    experiment = subprocess.Popen(
        command, cwd=clone.folder, env=environment(), stdout=subprocess.PIPE, text=True
    )
    assert experiment.stdout
    assert any("Running stage 'relabel'" in line for line in experiment.stdout)
    (clone.folder / "data/review.csv").write_text(f"split,index,image,decision\n{row}\n")
    # DVC's lock file is as the review page takes it to be.
    rwlock, read = clone.folder / ".dvc/tmp/rwlock", clone.folder / "data/decisions.csv"
    assert " exp run " in (dvc_reader(rwlock, read) or "")
    experiment.communicate()
    assert dvc_reader(rwlock, read) is None
    assert experiment.returncode == 0
    assert row in (clone.folder / "data/review.csv").read_text()
    clone.run("dvc", "repro", "relabel")
    assert read_set(clone.folder / "data/fixed_dev_set.pickle").labels[3] == 1
    rows = (clone.folder / "data/corrections.csv").read_text().splitlines()
    assert [row for row in rows if row.startswith("dev,3,") and row.endswith(",truck,review")]

    before = clone.outputs()
    (clone.folder / "data/review.csv").write_text(
        f"split,index,image,decision\n{row.replace('dev,3', 'dev,4')}\n"
    )
    printed = clone.run("dvc", "repro", "relabel", fails=True)
    assert "data/review.csv: line 2: image 4 of dev is not the one that was reviewed" in printed
    assert "Traceback" not in printed
    assert (
        clone.outputs().items()
        >= {name: digest for name, digest in before.items() if name.startswith("data/")}.items()
    )
