"""Trainings here and on workers: run once, resumed, and equal bit for bit."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_set

from noisylab.config.settings import FitConfig
from noisylab.core.errors import InputError, WorkerDiedError
from noisylab.core.images import ImageSet
from noisylab.learning.kept import Kept, Trained, Training
from noisylab.learning.network import dump_weights
from noisylab.learning.precision import find_device, used_precision
from noisylab.learning.training import DivergedError, Epoch, fit, predict_probs
from noisylab.learning.training_state import EpochFile
from noisylab.many import trainer as trainer_module
from noisylab.many.progress import Reporter, Reports, Unwatched
from noisylab.many.trainer import Trainer, Trainings

CONFIG = FitConfig(epochs=4, lr=0.003, batch_size=16, optimizer="adam", device="cpu")


class Heard(Unwatched):
    """Notes what trainings report; interrupts the first after an epoch."""

    def __init__(self, stop_after: int = 0) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self._stop_after = stop_after

    def begin(self, trainings: Sequence[Training], n_images: Sequence[int]) -> None:
        self.heard.append(("begin", [training.name for training in trainings], [*n_images]))

    def resume(self, index: int, n_epochs: int) -> None:
        self.heard.append(("resume", index, n_epochs))

    def done(self, index: int, n_epochs: int, is_new: bool) -> None:
        self.heard.append(("done", index, n_epochs, is_new))

    def epoch(self, index: int, epoch: Epoch) -> None:
        self.heard.append(("epoch", index, epoch))
        if epoch.epoch == self._stop_after:
            raise KeyboardInterrupt

    def end(self) -> None:
        self.heard.append(("end",))


@pytest.fixture
def engine_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines run in this process: a worker takes seconds to start."""

    def here(
        fn: Callable[..., Any],
        jobs: Sequence[Any],
        engine: str,
        shared: Sequence[Any],
        look: Callable[[], None],
        *_: object,
    ) -> Iterator[tuple[int, Any, Exception | None]]:
        for index, job in enumerate(jobs):
            result, error = None, None
            try:
                result = fn(job, *shared)
            except Exception as raised:
                error = raised
            look()
            yield index, result, error

    monkeypatch.setattr(trainer_module, "map_trainings", here)


def results(trainings: Trainings) -> list[Trained]:
    return [trained for _, trained in sorted(trainings, key=lambda one: one[0])]


def test_workers_are_told_what_auto_means_here(
    train: ImageSet, dev: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[FitConfig] = []

    def answer(fn: Callable[..., Any], jobs: Sequence[Any], *_: Any, **__: Any) -> Any:
        for place, (training, *_) in enumerate(jobs):
            told.append(training.config)
            yield place, Trained(training.config, [], b""), None

    monkeypatch.setattr(trainer_module, "map_trainings", answer)
    config = replace(CONFIG, device="auto", precision="auto")
    trainings = [Training(config, seed) for seed in range(2)]
    got = results(Trainer(engine="dask:tcp://10.0.0.1:8786").train(train, dev, trainings))
    here = replace(CONFIG, device=find_device("auto").type, precision=used_precision(config))
    assert told == [here, here]
    assert [trained.config for trained in got] == [config, config]


def test_one_training_equals_fit_and_is_watched(train: ImageSet, dev: ImageSet) -> None:
    heard = Heard()
    (trained,) = results(Trainer(watch=heard).train(train, dev, [Training(CONFIG, 5, name="a")]))
    fitted = fit(train, dev, CONFIG, torch.Generator().manual_seed(5))
    assert (trained.weights, trained.history) == (dump_weights(fitted.model), fitted.history)
    epochs = [("epoch", 0, epoch) for epoch in trained.history]
    ends = [("done", 0, 4, True), ("end",)]
    assert heard.heard == [("begin", ["a"], [90]), *epochs, *ends]


def test_a_training_whose_reports_are_refused_ends(
    train: ImageSet, dev: ImageSet, tmp_path: Path
) -> None:
    reports = Reports(tmp_path / "reports")
    reporter = Reporter(reports.send, 3)
    reporter.resume([])
    reports.close()
    with pytest.raises(CancelledError, match="training 3 is no longer wanted"):
        Training(CONFIG, 0).run(train, dev, reporter)


def test_no_training_is_no_result() -> None:
    heard = Heard()
    assert results(Trainer(watch=heard).train(make_set(9, 0), make_set(9, 0), [])) == []
    assert heard.heard == []


def test_a_finished_training_is_not_repeated(
    train: ImageSet, dev: ImageSet, tmp_path: Path
) -> None:
    wanted = [Training(CONFIG, 5, name="a")]
    (first,) = results(Trainer(Kept(tmp_path)).train(train, dev, wanted))
    expected = predict_probs(first.revive(), train.images)
    heard = Heard()
    (again,) = results(Trainer(Kept(tmp_path), watch=heard).train(train, dev, wanted))
    assert heard.heard == [("begin", ["a"], [90]), ("done", 0, 4, False), ("end",)]
    assert (again.weights, again.history) == (first.weights, first.history)
    assert predict_probs(again.revive(), train.images).tobytes() == expected.tobytes()
    assert len(list(tmp_path.iterdir())) == 1  # the state of the training is gone


@pytest.mark.parametrize("engine", ["local", "local:2"])
def test_an_interrupted_training_resumes(
    train: ImageSet,
    dev: ImageSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    engine: str,
) -> None:
    (undisturbed,) = results(Trainer().train(train, dev, [Training(CONFIG, 5)]))
    # States after each epoch; by default they are kept every two seconds.
    monkeypatch.setattr(
        Kept, "checkpoint", lambda self, key: EpochFile(tmp_path / f"{key}.epoch", 0, 1e9)
    )
    with pytest.raises(KeyboardInterrupt):
        results(Trainer(Kept(tmp_path), watch=Heard(2)).train(train, dev, [Training(CONFIG, 5)]))
    heard = Heard()
    (resumed,) = results(
        Trainer(Kept(tmp_path), engine, heard).train(train, dev, [Training(CONFIG, 5)])
    )
    assert heard.heard[1] == ("resume", 0, 2)
    assert (resumed.weights, resumed.history) == (undisturbed.weights, undisturbed.history)
    assert len(list(tmp_path.iterdir())) == 1


def test_results_and_reports_do_not_depend_on_the_engine(train: ImageSet, dev: ImageSet) -> None:
    indices = np.arange(0, 90, 2)
    trainings = [
        Training(replace(CONFIG, precision="bfloat16"), 1, name="a"),
        Training(CONFIG, 2, name="b"),
        Training(CONFIG, 1, indices, "c"),
    ]
    here = [results(Trainer().train(train, dev, [one]))[0] for one in trainings[:2]]
    here += results(Trainer().train(train.subset(indices), dev, [Training(CONFIG, 1)]))
    for engine in ("local:1", "local:2"):
        heard = Heard()
        part = results(Trainer(engine=engine, watch=heard).train(train, dev, trainings))
        assert [one.weights for one in part] == [one.weights for one in here]
        assert [one.history for one in part] == [one.history for one in here]
        assert heard.heard[0] == ("begin", ["a", "b", "c"], [90, 90, 45])
        assert heard.heard[-1] == ("end",)
        for index, one in enumerate(part):
            epochs = [event[2] for event in heard.heard if event[:2] == ("epoch", index)]
            assert epochs == one.history


def test_the_longest_training_starts_first(
    train: ImageSet, dev: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def here(fn: object, jobs: Sequence[Any], *_: object, **__: object) -> object:
        asked.extend(job[0].config.epochs for job in jobs)
        return (job for job in jobs[:0])

    monkeypatch.setattr(trainer_module, "map_trainings", here)
    wanted = [Training(replace(CONFIG, epochs=epochs), 0) for epochs in (2, 9, 5)]
    wanted.append(Training(replace(CONFIG, epochs=10), 0, np.arange(9)))
    list(Trainer().train(train, dev, wanted))
    assert asked == [9, 5, 2, 10]


def test_only_unfinished_trainings_run(
    train: ImageSet, dev: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []

    def here(fn: Callable[..., object], jobs: list[object], *_: object, **__: object) -> object:
        ran.append(len(jobs))
        return ((index, fn(job, train, dev), None) for index, job in enumerate(jobs))

    monkeypatch.setattr(trainer_module, "map_trainings", here)
    wanted = [Training(replace(CONFIG, epochs=1), seed) for seed in range(3)]
    first = results(Trainer(Kept(tmp_path), "local:2").train(train, dev, wanted[:1]))
    more = list(Trainer(Kept(tmp_path), "local:2").train(train, dev, wanted[::-1]))
    assert [index for index, _ in more] == [2, 0, 1]  # those kept come first
    assert more[0][1].weights == first[0].weights
    list(Trainer(Kept(tmp_path), "local:2").train(train, dev, wanted))
    assert ran == [1, 2]


@pytest.mark.usefixtures("engine_here")
@pytest.mark.parametrize("engine", ["local:1", "local:2"])
def test_equal_trainings_run_once(train: ImageSet, dev: ImageSet, engine: str) -> None:
    heard = Heard()
    wanted = [Training(CONFIG, 5, name="a"), Training(CONFIG, 6), Training(CONFIG, 5, name="b")]
    first, other, again = results(Trainer(engine=engine, watch=heard).train(train, dev, wanted))
    assert first.weights == again.weights != other.weights
    assert {event[:2] for event in heard.heard if event[0] == "epoch"} == {
        ("epoch", 0),
        ("epoch", 1),
    }
    done = [event for event in heard.heard if event[0] == "done"]
    assert sorted(done) == [("done", 0, 4, True), ("done", 1, 4, True), ("done", 2, 4, False)]


def test_an_error_ends_the_other_trainings(
    train: ImageSet, dev: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []

    def fail(*_: object) -> Iterator[tuple[int, None, Exception]]:
        try:
            yield 1, None, WorkerDiedError("training 1", 3)
            yield 0, None, ValueError("asked for more")
        finally:
            closed.append(True)

    monkeypatch.setattr(trainer_module, "map_trainings", fail)
    wanted = [Training(replace(CONFIG, epochs=epochs), 0, name=f"of {epochs}") for epochs in (3, 7)]
    with pytest.raises(
        WorkerDiedError, match=r"^of 3 was given up: its worker died 3 times"
    ) as held:
        results(Trainer().train(train, dev, wanted))
    assert closed == [True]  # although the error still holds the frames that it passed
    del held


def test_trainings_on_a_cluster_are_watched_when_they_end(
    train: ImageSet, dev: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Steps(Heard):
        def step(self, index: int, n_images: int) -> None:
            self.heard.append(("step", index, n_images))

    def here(fn: Callable[..., object], jobs: list[object], *_: object) -> object:
        return ((index, fn(job, train, dev), None) for index, job in enumerate(jobs))

    monkeypatch.setattr(trainer_module, "map_trainings", here)
    heard = Steps()
    (trained,) = results(
        Trainer(engine="dask:tcp://10.0.0.1:8786", watch=heard).train(
            train, dev, [Training(CONFIG, 5, name="a")]
        )
    )
    last = ("epoch", 0, trained.history[-1])
    assert heard.heard[1:-1] == [("step", 0, 4 * 90), last, ("done", 0, 4, True)]


@pytest.mark.usefixtures("engine_here")
@pytest.mark.parametrize("engine", ["local", "local:2"])
def test_divergence_is_a_result_and_kept(
    train: ImageSet, dev: ImageSet, tmp_path: Path, engine: str
) -> None:
    training = Training(replace(CONFIG, lr=1e30, optimizer="sgd"), 0)
    for _ in range(2):
        trainer = Trainer(Kept(tmp_path), engine)
        (trained,) = results(trainer.train(train, dev, [training]))
        assert trained.weights is None
        with pytest.raises(DivergedError) as kept:
            trained.revive()
        with pytest.raises(DivergedError) as raised:
            fit(train, dev, training.config, torch.Generator().manual_seed(0))
        assert str(kept.value) == str(raised.value)
        assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.usefixtures("engine_here")
def test_an_invalid_training_raises_and_keeps_nothing(
    train: ImageSet, dev: ImageSet, tmp_path: Path
) -> None:
    training = Training(replace(CONFIG, distillation=0.5), 0, name="a")
    for engine in ("local", "local:2"):
        with pytest.raises(InputError, match=r"^a: distillation needs pred_probs"):
            list(Trainer(Kept(tmp_path), engine).train(train, dev, [training]))
    assert not list(tmp_path.iterdir())


def test_unused_trainings_are_removed(
    train: ImageSet, dev: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_used = Kept.keep_used
    monkeypatch.setattr(Kept, "keep_used", lambda self: keep_used(self, n_others=0))
    for seed in range(2):
        trainer = Trainer(Kept(tmp_path))
        list(trainer.train(train, dev, [Training(replace(CONFIG, epochs=1), seed)]))
        trainer.keep_used()
    assert len(list(tmp_path.iterdir())) == 1
