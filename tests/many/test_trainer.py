"""Trainings here and on workers: run once, resumed, and equal bit for bit."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from noisylab.config.settings import FitConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning.kept import Kept, Trained, Training, sets_fingerprint
from noisylab.learning.network import dump_weights
from noisylab.learning.training import DivergedError, Epoch, fit, predict_probs
from noisylab.learning.training_state import EpochFile
from noisylab.many import trainer as trainer_module
from noisylab.many.trainer import Trainer, Trainings

CONFIG = FitConfig(epochs=4, lr=0.003, batch_size=16, optimizer="adam", device="cpu")


class Heard:
    """Notes what a training reports; interrupts it after an epoch."""

    def __init__(self, name: str = "", epochs: int = 0, n_images: int = 0) -> None:
        self.made = (name, epochs, n_images)
        self.resumed = 0
        self.epochs: list[int] = []
        self.stop_after: int | None = None

    def resume(self, history: list[Epoch]) -> None:
        self.resumed = len(history)

    def step(self, n_images: int, loss: Tensor) -> None:
        pass

    def epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch.epoch)
        if epoch.epoch == self.stop_after:
            raise KeyboardInterrupt


def results(trainings: Trainings) -> list[Trained]:
    return [trained for _, trained in sorted(trainings, key=lambda one: one[0])]


def test_one_training_equals_fit(train: ImageSet, dev: ImageSet) -> None:
    heard = Heard()

    def show(*made: object) -> Heard:
        heard.made = made  # type: ignore[assignment]
        return heard

    trained = Trainer(show=show).train_one("plain", train, dev, Training(CONFIG, 5))
    fitted = fit(train, dev, CONFIG, torch.Generator().manual_seed(5))
    assert (trained.weights, trained.history) == (dump_weights(fitted.model), fitted.history)
    assert heard.made == ("plain", 4, 90)
    assert (heard.resumed, heard.epochs) == (0, [1, 2, 3, 4])


def test_a_finished_training_is_not_repeated(
    train: ImageSet, dev: ImageSet, tmp_path: Path
) -> None:
    config = replace(CONFIG, threads=2)
    first = Trainer(Kept(tmp_path)).train_one("a", train, dev, Training(config, 5))
    expected = predict_probs(first.revive(), train.images)
    torch.set_num_threads(1)
    heard = Heard()
    trainer = Trainer(Kept(tmp_path), show=lambda *made: heard)
    again = trainer.train_one("a", train, dev, Training(config, 5))
    assert (heard.resumed, heard.epochs) == (4, [])
    assert (again.weights, again.history) == (first.weights, first.history)
    assert predict_probs(again.revive(), train.images).tobytes() == expected.tobytes()
    assert len(list(tmp_path.iterdir())) == 1  # the state of the training is gone


def test_an_interrupted_training_resumes(
    train: ImageSet, dev: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = Trainer().train_one("a", train, dev, Training(CONFIG, 5))
    monkeypatch.setattr(Kept, "checkpoint", lambda self, key: EpochFile(tmp_path / "state", 0, 1e9))
    heard = Heard()
    heard.stop_after = 2
    trainer = Trainer(Kept(tmp_path), show=lambda *made: heard)
    with pytest.raises(KeyboardInterrupt):
        trainer.train_one("a", train, dev, Training(CONFIG, 5))
    heard.stop_after = None
    resumed = trainer.train_one("a", train, dev, Training(CONFIG, 5))
    assert (heard.resumed, heard.epochs) == (2, [1, 2, 3, 4])  # two of them before
    assert (resumed.weights, resumed.history) == (undisturbed.weights, undisturbed.history)


def test_workers_resume_interrupted_trainings(
    train: ImageSet, dev: ImageSet, tmp_path: Path
) -> None:
    training = Training(CONFIG, 5)
    state = tmp_path / f"{training.key(sets_fingerprint(train, dev))}.epoch"
    heard = Heard()
    heard.stop_after = 3
    with pytest.raises(KeyboardInterrupt):
        training.run(train, dev, heard, EpochFile(state, 0, 1e9))
    assert state.exists()
    kept = Kept(tmp_path)
    checkpoint = kept.checkpoint(state.stem)
    assert checkpoint is not None
    assert len((checkpoint.read() or {})["history"]) == 3
    (trained,) = results(Trainer(kept, "local:1").train(train, dev, [training]))
    undisturbed = Trainer().train_one("a", train, dev, training)
    assert (trained.weights, trained.history) == (undisturbed.weights, undisturbed.history)
    assert not state.exists()


def test_results_do_not_depend_on_the_engine_or_the_threads(train: ImageSet, dev: ImageSet) -> None:
    indices = np.arange(0, 90, 2)
    trainings = [
        Training(replace(CONFIG, threads=2), 1),
        Training(CONFIG, 2),
        Training(CONFIG, 1, indices),
    ]
    found = [results(Trainer(engine=f"local:{n}").train(train, dev, trainings)) for n in (1, 2)]
    here = [
        Trainer().train_one("", train, dev, replace(one, config=CONFIG)) for one in trainings[:2]
    ]
    here.append(Trainer().train_one("", train.subset(indices), dev, Training(CONFIG, 1)))
    for part in found:
        assert [one.weights for one in part] == [one.weights for one in here]
        assert [one.history for one in part] == [one.history for one in here]
        assert {one.config.threads for one in part} == {1}


def test_only_unfinished_trainings_run(
    train: ImageSet, dev: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []

    def here(fn: Callable[..., object], jobs: list[object], engine: str, shared: object) -> object:
        ran.append(len(jobs))
        return ((index, fn(job, train, dev), None) for index, job in enumerate(jobs))

    monkeypatch.setattr(trainer_module, "map_trainings", here)
    wanted = [Training(replace(CONFIG, epochs=1), seed) for seed in range(3)]
    first = results(Trainer(Kept(tmp_path)).train(train, dev, wanted[:1]))
    more = list(Trainer(Kept(tmp_path)).train(train, dev, wanted[::-1]))
    assert [index for index, _ in more] == [2, 0, 1]  # those kept come first
    assert more[0][1].weights == first[0].weights
    list(Trainer(Kept(tmp_path)).train(train, dev, wanted))
    assert ran == [1, 2]


def test_trainings_are_watched(train: ImageSet, dev: ImageSet) -> None:
    seen: list[tuple[int, int]] = []

    def watch(trainings: Trainings, n_trainings: int) -> Trainings:
        for index, trained in trainings:
            seen.append((index, n_trainings))
            yield index, trained

    wanted = [Training(replace(CONFIG, epochs=1), seed) for seed in range(2)]
    list(Trainer(engine="local:1", watch=watch).train(train, dev, wanted))
    assert seen == [(0, 2), (1, 2)]


@pytest.mark.parametrize("engine", ["here", "local:1"])
def test_divergence_is_a_result_and_kept(
    train: ImageSet, dev: ImageSet, tmp_path: Path, engine: str
) -> None:
    training = Training(replace(CONFIG, lr=1e30, optimizer="sgd"), 0)
    for _ in range(2):
        trainer = Trainer(Kept(tmp_path), engine)
        if engine == "here":
            trained = trainer.train_one("a", train, dev, training)
        else:
            (trained,) = results(trainer.train(train, dev, [training]))
        assert trained.weights is None
        with pytest.raises(DivergedError) as kept:
            trained.revive()
        with pytest.raises(DivergedError) as raised:
            fit(train, dev, training.config, torch.Generator().manual_seed(0))
        assert str(kept.value) == str(raised.value)
        assert len(list(tmp_path.iterdir())) == 1


def test_an_invalid_training_raises_and_keeps_nothing(
    train: ImageSet, dev: ImageSet, tmp_path: Path
) -> None:
    training = Training(replace(CONFIG, distillation=0.5), 0)
    for train_it in (
        lambda trainer: trainer.train_one("a", train, dev, training),
        lambda trainer: list(trainer.train(train, dev, [training])),
    ):
        with pytest.raises(InputError, match="distillation needs pred_probs"):
            train_it(Trainer(Kept(tmp_path), "local:1"))
    assert not list(tmp_path.iterdir())


def test_unused_trainings_are_removed(
    train: ImageSet, dev: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_used = Kept.keep_used
    monkeypatch.setattr(Kept, "keep_used", lambda self: keep_used(self, n_others=0))
    for seed in range(2):
        trainer = Trainer(Kept(tmp_path))
        trainer.train_one("a", train, dev, Training(replace(CONFIG, epochs=1), seed))
        trainer.keep_used()
    assert len(list(tmp_path.iterdir())) == 1
