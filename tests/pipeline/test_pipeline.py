"""The whole pipeline on the bundled images, and the DVC commands that users run."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from noisylab.core.images import image_digest
from noisylab.data.set_files import read_set
from noisylab.review.store import dvc_reader

from .conftest import Clone, environment

TRAIN_STAGES = ("train_augmented", "train_balanced", "train_baseline", "train_fixed")
AFTER = ("relabel", "lr_sweep", "adversarial")


def read_json(clone: Clone, name: str) -> Any:
    return json.loads((clone.folder / name).read_text())


def restore(clone: Clone) -> None:
    """The state after the fixture's run."""
    clone.run("git", "checkout", "--quiet", ".")
    clone.run("dvc", "checkout")


def test_class_shares_match_the_lab_report(clone: Clone) -> None:
    stats = read_json(clone, "metrics/stats.json")
    assert stats["dev"]["count"] == {"car": 551, "truck": 51, "cat": 23}
    assert stats["dev"]["percent"] == {"car": 88.16, "truck": 8.16, "cat": 3.68}
    counts = [sum(stats[split]["count"].values()) for split in ("train", "test")]
    assert counts == [938, 300]  # a sixth and a tenth, see thin_out()


def test_the_baseline_predicts_car_for_every_image(clone: Clone) -> None:
    metrics = read_json(clone, "metrics/train_baseline/report.json")
    assert list(metrics) == ["precision", "train", "dev", "dev_true", "test"]
    assert metrics["dev"]["accuracy"] == 0.8816
    assert metrics["dev"]["recall"] == {"car": 1, "truck": 0, "cat": 0}


def test_a_second_repro_runs_nothing(clone: Clone) -> None:
    printed = clone.run("dvc", "repro")
    assert "Running stage" not in printed
    assert "Data and pipelines are up to date." in printed


def test_a_second_clone_fetches_all_outputs(clone: Clone, tmp_path: Path) -> None:
    clone.run("dvc", "push", "--remote", add_remote(clone, tmp_path / "store"))
    clone.run("git", "clone", "--quiet", str(clone.folder), str(tmp_path / "second"))
    second = Clone(tmp_path / "second")
    second.run("dvc", "pull", "--remote", add_remote(second, tmp_path / "store"))
    assert "Data and pipelines are up to date." in second.run("dvc", "status")
    assert second.outputs() == clone.outputs()


def add_remote(clone: Clone, folder: Path) -> str:
    clone.run("dvc", "remote", "add", "--local", "--force", "store", str(folder))
    return "store"


def test_relabel_changes_labels_and_nothing_else(clone: Clone) -> None:
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


def test_two_models_are_attacked(clone: Clone) -> None:
    metrics = read_json(clone, "metrics/adversarial.json")
    assert list(metrics)[2:] == ["split", "train_fixed", "final"]
    assert metrics["split"] == "test"
    assert metrics["source_class"] != metrics["target_class"]
    final = metrics["final"]
    assert final["steps"]["attacked"] > 0
    assert final["example"]["near"]["images"] > 0
    assert (clone.folder / "plots/adversarial/final/example.png").is_file()


def test_the_weights_of_all_runs_are_kept(clone: Clone) -> None:
    models = clone.folder / "models"
    assert {path.name for path in (models / "train_fixed").iterdir()} == {"report.pt", "best.pt"}
    kept = (models / "train_fixed/best.pt").read_bytes()
    assert kept == (models / "train_fixed.pt").read_bytes()


def test_the_report_names_the_commit_of_its_inputs(clone: Clone) -> None:
    page = (clone.folder / "report.html").read_text()
    first = clone.run("git", "log", "--reverse", "--format=%H").split()[0]
    assert f"{first}</code>." in page
    assert "report.html" not in clone.run("git", "ls-files")


def test_metrics_fit_a_terminal(clone: Clone) -> None:
    printed = clone.run("dvc", "metrics", "show")
    assert "balanced_accuracy" in printed
    assert "metrics/dev/train_baseline/report.json" in printed
    assert max(map(len, printed.splitlines())) <= 120


def test_changing_a_shared_setting_reruns_all_trainings(clone: Clone) -> None:
    changes = {
        **{"seed: 0": "seed: 1", "lr: 0.001": "lr: 0.002", "batch_size: 32": "batch_size: 16"},
        **{"optimizer: adam": "optimizer: sgd", "precision: auto": "precision: float32"},
        "device: auto": "device: cpu",
    }
    clone.edit("params.yaml", changes)
    changed = json.loads(clone.run("dvc", "status", "--json"))
    clone.edit("params.yaml", {new: old for old, new in changes.items()})
    for key in (change.partition(":")[0] for change in changes):
        # relabel trains with the settings of train_augmented, lr_sweep with those of train_fixed;
        # the attack has only the device in common.
        after = {"device": AFTER}
        rerun = [stage for stage in changed if f"'{key}': 'modified'" in str(changed[stage])]
        assert sorted(rerun) == sorted([*TRAIN_STAGES, *after.get(key, AFTER[:2])])
    assert {"check", "report"} < changed.keys()  # these depend on all of params.yaml


def test_changing_the_engine_retrains_nothing(clone: Clone) -> None:
    clone.edit("params.yaml", {"engine: local:1 ": "engine: dask:tcp://nowhere.invalid:1 "})
    changed = json.loads(clone.run("dvc", "status", "--json"))
    assert changed.keys() == {"check", "report"}  # these check and show the engine
    clone.run("git", "checkout", "--quiet", ".")


def test_an_added_rate_is_the_only_training(clone: Clone) -> None:
    trainings = clone.folder / "finished" / "lr_sweep"
    before = {path.name: path.stat().st_mtime_ns for path in trainings.iterdir()}
    clone.edit("params.yaml", {"  - 0.05\n": "  - 0.05\n  - 0.1\n"})
    printed = clone.run("dvc", "repro", "lr_sweep")
    assert re.findall(r"Running stage '(\w+)'", printed) == ["check", "lr_sweep"]
    assert ", trainings 5, " in printed
    after = {path.name: path.stat().st_mtime_ns for path in trainings.iterdir()}
    assert before.items() < after.items()
    assert len(after) == len(before) + 1
    restore(clone)


def test_a_change_in_the_attack_code_reruns_only_the_attack(clone: Clone) -> None:
    clone.edit(
        "src/noisylab/adversarial/steps.py", {"\n\n\ndef attack(": "\n\n\n# Why.\ndef attack("}
    )
    changed = json.loads(clone.run("dvc", "status", "--json"))
    clone.run("git", "checkout", "--quiet", ".")
    assert changed.keys() == {"adversarial"}  # and, if it writes other results, report


def test_compiled_python_files_rerun_nothing(clone: Clone) -> None:
    for package in ("core", "learning", "adversarial"):
        compiled = clone.folder / "src" / "noisylab" / package / "__pycache__"
        compiled.mkdir(exist_ok=True)
        (compiled / "added.cpython-399.pyc").write_bytes(b"x")
    assert json.loads(clone.run("dvc", "status", "--json")) == {}


def test_an_experiment_with_another_rate_changes_the_final_model(clone: Clone) -> None:
    # An exponent without a point, which YAML 1.1 does not read as a number.
    printed = clone.run("dvc", "exp", "run", "-S", "lr=3e-5", "lr_sweep")
    assert "lr: 3e-05 " in (clone.folder / "params.yaml").read_text()
    ran = {"check", "train_augmented", "relabel", "train_fixed", "lr_sweep"}
    assert {*re.findall(r"Running stage '(\w+)'", printed)} == ran
    assert "Stage 'prepare' didn't change, skipping" in printed
    difference = clone.run("dvc", "metrics", "diff")
    for model in ("train_augmented/best", "train_fixed/best", "lr_sweep/final"):
        assert re.search(rf"{model}\.json +loss +\d\.\d+ +\d\.\d+", difference)

    clone.run("dvc", "plots", "diff")
    page = (clone.folder / "dvc_plots" / "index.html").read_text()
    assert "workspace" in page
    assert "HEAD" in page


def test_an_invalid_value_exits_with_one_line_and_changes_nothing(clone: Clone) -> None:
    restore(clone)
    before = clone.outputs()
    printed = clone.run("dvc", "exp", "run", "-S", "lr=abc", fails=True)
    assert "params.yaml: lr must be a number > 0, got 'abc'\n" in printed
    assert "Traceback" not in printed
    assert clone.outputs() == before
    for old, new, message in (
        ("\nlr: ", "\nlearning: 1\nlr: ", "params.yaml: learning is unknown; known are seed, lr"),
        ("class: rarest ", "class: dog ", "params.yaml: relabel.suspect_class must be rarest, any"),
    ):
        clone.run("git", "checkout", "--quiet", "params.yaml")
        clone.edit("params.yaml", {old: new})
        assert clone.run("python", "stages/check.py", fails=True).startswith(message)
    clone.run("git", "checkout", "--quiet", "params.yaml")


def test_a_review_is_applied_wherever_its_image_is_and_one_without_image_waits(
    clone: Clone,
) -> None:
    restore(clone)
    dev = read_set(clone.folder / "data/dev_set.pickle")
    row = f"dev,3,{image_digest(dev.images[3])},truck"
    # A decision made while an experiment runs relabel counts from the next run on.
    command = ["dvc", "exp", "run", "-S", "relabel.sheet_images=11", "relabel"]
    experiment = subprocess.Popen(
        command, cwd=clone.folder, env=environment(), stdout=subprocess.PIPE, text=True
    )
    assert experiment.stdout
    assert any("Running stage 'relabel'" in line for line in experiment.stdout)
    (clone.folder / "data/review.csv").write_text(f"split,index,image,decision\n{row}\n")
    # DVC's lock file has the format that the review page expects.
    rwlock, read = clone.folder / ".dvc/tmp/rwlock", clone.folder / "data/decisions.csv"
    assert " exp run " in (dvc_reader(rwlock, read) or "")
    experiment.communicate()
    assert dvc_reader(rwlock, read) is None
    assert experiment.returncode == 0
    assert row in (clone.folder / "data/review.csv").read_text()
    clone.run("dvc", "repro", "relabel")
    assert read_set(clone.folder / "data/fixed_dev_set.pickle").labels[3] == 1
    rows = (clone.folder / "data/corrections.csv").read_text().splitlines()
    assert [row for row in rows if row.startswith("dev,3,") and ",truck,person," in row]

    before = clone.outputs()
    absent = f"train,7,{'0' * 32},keep"
    text = f"split,index,image,decision\n{row.replace('dev,3', 'train,4')}\n{absent}\n"
    (clone.folder / "data/review.csv").write_text(text)
    printed = clone.run("dvc", "repro", "relabel")
    message = (
        "data/review.csv: 1 decision about images that are in neither train nor dev: ['train 7']"
    )
    assert message in printed
    assert "Stage 'relabel' didn't change" in printed  # it reads the same decisions as before
    assert (clone.folder / "data/review.csv").read_text() == text
    assert (
        clone.outputs().items()
        >= {name: digest for name, digest in before.items() if name.startswith("data/")}.items()
    )
