import json
import multiprocessing
import os
import subprocess
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, TimeoutError
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from noisylab.core import files
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.core.tables import CORRECTIONS
from noisylab.data import set_files
from noisylab.review import store as store_module
from noisylab.review.cases import Case
from noisylab.review.decisions import read_review
from noisylab.review.store import Decision, StaleError, Store

from .conftest import with_other_images


def about(case: Case, label: str | None, was: str | None = None) -> Decision:
    return Decision(case.split, case.index, case.image, case.given, was, label)


def test_a_decision_is_written_at_once(store: Store, sets: dict[str, ImageSet]) -> None:
    first, second, third = store.sheet().cases[:3]
    store.decide(about(second, "car"))
    store.decide(about(first, first.given))
    store.decide(about(third, "cat"))
    assert [line.split(",")[3] for line in store.review.read_text().splitlines()] == [
        "decision",
        "car",
        "keep",
        "cat",
    ]
    assert read_review(store.review, sets).decisions == {
        ("train", 1): 0,
        ("train", 3): 0,
        ("dev", 0): 2,
    }


def test_a_decision_can_be_replaced_and_undone(store: Store) -> None:
    before = store.review.read_bytes()
    case = store.sheet().cases[0]
    store.decide(about(case, "cat"))
    store.decide(about(case, "truck", was="cat"))
    assert store.decisions() == {("train", 3): "truck"}
    store.decide(about(case, None, was="truck"))
    assert store.review.read_bytes() == before


def test_decisions_from_another_page_are_kept(data: Path, store: Store) -> None:
    first, second = store.sheet().cases[:2]
    Store(data).decide(about(first, "cat"))
    store.decide(about(second, "car"))
    assert store.decisions() == {("train", 3): "cat", ("train", 1): "car"}
    before = store.review.read_bytes()
    with pytest.raises(
        StaleError, match="image 3 of train has been decided elsewhere in the meantime"
    ):
        store.decide(about(first, "truck"))
    with pytest.raises(StaleError, match="has been decided elsewhere"):
        store.decide(about(second, "truck", was="cat"))
    assert store.review.read_bytes() == before


def test_edits_of_the_file_are_kept(store: Store) -> None:
    first, second = store.sheet().cases[:2]
    with store.review.open("a") as file:
        file.write(f"{first.split},{first.index},{first.image},truck,,\n")
    store.decide(about(second, "cat"))
    assert store.decisions() == {("train", 3): "truck", ("train", 1): "cat"}


def test_a_decision_on_a_changed_image_is_refused(
    data: Path, store: Store, sets: dict[str, ImageSet]
) -> None:
    of_train, of_dev = store.sheet().cases[0], store.sheet().cases[2]
    set_files.write_sets(data, {"train": with_other_images(sets["train"])})
    before = store.review.read_bytes()
    with pytest.raises(StaleError, match="image 3 of train is no longer the one shown here"):
        store.decide(about(of_train, "cat"))
    assert store.review.read_bytes() == before
    store.decide(about(of_dev, "cat"))
    assert store.decisions() == {("dev", 0): "cat"}


def test_a_decision_on_a_changed_label_is_refused(
    data: Path, store: Store, sets: dict[str, ImageSet]
) -> None:
    case = store.sheet().cases[0]
    labels = sets["train"].labels.copy()
    labels[3] = 1
    set_files.write_sets(data, {"train": sets["train"].with_labels(labels)})
    row = ("train", 3, "truck", "cat", 0.9, "yes", "cat", "rule")
    files.write_csv(data / "corrections.csv", CORRECTIONS, [row])
    with pytest.raises(StaleError, match="is no longer the one shown"):
        store.decide(about(case, case.given))


@pytest.mark.parametrize(
    "changes",
    [{"index": 5}, {"split": "test"}, {"image": "0" * 32}, {"given": "truck"}, {"label": "dog"}],
)
def test_a_decision_on_anything_but_a_case_is_refused(
    store: Store, changes: dict[str, object]
) -> None:
    before = store.review.read_bytes()
    decision = replace(about(store.sheet().cases[0], "cat"), **changes)  # type: ignore[arg-type]
    with pytest.raises(StaleError):
        store.decide(decision)
    assert store.review.read_bytes() == before


def decide_all(data: Path, cases: list[Case]) -> None:
    store = Store(data)
    for case in cases:
        store.decide(about(case, "truck"))


def many_cases(data: Path, train: ImageSet) -> list[Case]:
    rows = [
        ("train", index, train.classes[label], "cat", 0.5, "yes", "cat", "rule")
        for index, label in enumerate(train.labels)
    ]
    files.write_csv(data / "corrections.csv", CORRECTIONS, rows)
    return list(Store(data).sheet().cases)


@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_concurrent_writers_lose_no_decision(data: Path, train: ImageSet, kind: str) -> None:
    cases = many_cases(data, train)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(3, context) if kind == "processes" else ThreadPoolExecutor(3)
    with pool:
        for done in [pool.submit(decide_all, data, cases[start::3]) for start in range(3)]:
            done.result()
    assert Store(data).decisions() == {("train", index): "truck" for index in range(90)}
    assert sorted(path.name for path in data.iterdir()) == [
        ".review.csv.lock",
        "corrections.csv",
        "dev_set.pickle",
        "review.csv",
        "train_set.pickle",
    ]


def test_threads_share_one_store(data: Path, train: ImageSet) -> None:
    cases = many_cases(data, train)
    store = Store(data)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda case: store.decide(about(case, "cat")), cases))
    assert len(store.decisions()) == 90


def test_a_lock_that_is_never_released_is_reported(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_PATIENCE", 0.1)
    lock = store.review.with_name(".review.csv.lock")
    with FileLock(lock), pytest.raises(InputError) as error:
        store.decide(about(store.sheet().cases[0], "cat"))
    assert str(error.value) == f"{lock}: held by another program for 0.1 s; end that program"


def say_that_dvc_reads(store: Store, pid: int) -> Path:
    path = store.review.parent.parent / ".dvc" / "tmp" / "rwlock"
    path.parent.mkdir(parents=True, exist_ok=True)
    reader = {"pid": pid, "cmd": "dvc repro"}
    path.write_text(json.dumps({"write": {}, "read": {str(store.review): [reader]}}))
    return path


def test_a_decision_waits_until_dvc_has_recorded_the_file_it_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, before = store.sheet().cases[0], store.review.read_bytes()
    rwlock = say_that_dvc_reads(store, os.getpid())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(store.decide, about(case, "cat"))
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        assert store.review.read_bytes() == before
        rwlock.write_text('{"write": {}, "read": {}}')
        waiting.result(timeout=10)
    assert store.decisions() == {("train", 3): "cat"}

    say_that_dvc_reads(store, os.getpid())
    monkeypatch.setattr(store_module, "_PATIENCE_WITH_DVC", 0.1)
    with pytest.raises(InputError, match="still in use by dvc repro; nothing was written"):
        store.decide(about(store.sheet().cases[1], "cat"))


def test_a_half_written_dvc_lock_is_waited_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_PATIENCE_WITH_DVC", 0.1)
    path = say_that_dvc_reads(store, os.getpid())
    path.write_text(path.read_text()[:20])
    with pytest.raises(InputError, match="incomplete: repair it with noisylab repair"):
        store.decide(about(store.sheet().cases[0], "cat"))
    for harmless in ('{"read": []}', "{}", "[]"):
        path.write_text(harmless)
        assert store_module.dvc_reader(path, store.review) is None


def test_a_killed_dvc_is_not_waited_for(store: Store) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    say_that_dvc_reads(store, ended.pid)
    store.decide(about(store.sheet().cases[0], "cat"))
    assert store.decisions() == {("train", 3): "cat"}


@pytest.mark.parametrize("name", ["train_set.pickle", "dev_set.pickle", "corrections.csv"])
def test_a_missing_file_is_named(data: Path, store: Store, name: str) -> None:
    (data / name).unlink()
    with pytest.raises(InputError) as error:
        store.sheet()
    assert str(error.value) == f"{data / name}: does not exist yet; run make repro first"


def test_a_broken_review_is_reported_and_not_changed(store: Store) -> None:
    case = store.sheet().cases[0]
    store.review.write_text("split,index,image,decision\ntrain,3,abc,cat\n")
    before = store.review.read_bytes()
    with pytest.raises(
        InputError, match=r"review.csv: line 2: image must be 32 hexadecimal digits"
    ):
        store.decide(about(case, "cat"))
    assert store.review.read_bytes() == before
